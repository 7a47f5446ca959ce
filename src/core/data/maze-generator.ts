/**
 * Mazes with one shortest path from start to goal. Passages are carved cell by cell through solid wall, so that they
 * form a tree at any size; then some walls that part two passages are opened, so that there are detours and "shortest"
 * means something; last, start and goal are drawn among the pairs that only one shortest path joins.
 */
import type { Random } from '../lib/random';

/** Row-major tokens: 1 wall, 2 free, 3 start, 4 goal, 5 path (as in the reference's charset "# SGo"). */
export interface Maze {
  puzzle: Uint8Array;
  solution: Uint8Array;
  /** Steps from start to goal. */
  steps: number;
}

const [WALL, FREE, START, GOAL, PATH] = [1, 2, 3, 4, 5];
/** Share of the walls between two passages that are opened. */
const DETOURS = 0.06;
/** Starts that are tried in one maze. */
const STARTS = 4;

export class MazeGenerator {
  private readonly size: number;
  /** The neighbours of each cell: up to four, ended by −1. */
  private readonly neighbours: Int32Array;
  private readonly distance: Int32Array;
  /** Shortest paths from the start, counted to 2. */
  private readonly paths: Uint8Array;
  private readonly queue: Int32Array;

  constructor(
    readonly rows: number,
    readonly columns: number,
    private readonly random: Random,
  ) {
    this.size = rows * columns;
    this.neighbours = new Int32Array(5 * this.size).fill(-1);
    for (let i = 0; i < this.size; i++) {
      const [r, c] = [Math.floor(i / columns), i % columns];
      const around = [r > 0 && i - columns, r + 1 < rows && i + columns, c > 0 && i - 1, c + 1 < columns && i + 1];
      this.neighbours.set(
        around.filter((next) => next !== false),
        5 * i,
      );
    }
    this.distance = new Int32Array(this.size);
    this.paths = new Uint8Array(this.size);
    this.queue = new Int32Array(this.size);
  }

  /** A maze whose shortest path has at least `minPath` steps, or null if this one has none. */
  attempt(minPath: number): Maze | null {
    const puzzle = this.carve();
    for (let n = 0; n < STARTS; n++) {
      const start = this.pick((i) => puzzle[i] === FREE);
      if (start < 0) return null;
      this.measure(puzzle, start);
      const goal = this.pick((i) => this.distance[i] >= minPath && this.paths[i] === 1);
      if (goal < 0) continue;
      const steps = this.distance[goal];
      const solution = this.trace(puzzle, goal);
      for (const board of [puzzle, solution]) {
        board[start] = START;
        board[goal] = GOAL;
      }
      return { puzzle, solution, steps };
    }
    return null;
  }

  /** Depth first: a cell is opened if only the cell that it is reached from is open beside it. */
  private carve(): Uint8Array {
    const { random, neighbours } = this;
    const cells = new Uint8Array(this.size).fill(WALL);
    const open = (i: number): number => {
      let n = 0;
      for (let k = 5 * i; neighbours[k] >= 0; k++) if (cells[neighbours[k]] === FREE) n++;
      return n;
    };
    const stack = [random.integer(0, this.size - 1)];
    cells[stack[0]] = FREE;
    const choices: number[] = [];
    while (stack.length > 0) {
      const here = stack[stack.length - 1];
      choices.length = 0;
      for (let k = 5 * here; neighbours[k] >= 0; k++) {
        const next = neighbours[k];
        if (cells[next] === WALL && open(next) === 1) choices.push(next);
      }
      if (choices.length === 0) {
        stack.pop();
        continue;
      }
      const next = choices[random.integer(0, choices.length - 1)];
      cells[next] = FREE;
      stack.push(next);
    }
    for (let i = 0; i < this.size; i++) {
      if (cells[i] === WALL && open(i) === 2 && random.uniform() < DETOURS) cells[i] = FREE;
    }
    return cells;
  }

  /** A cell drawn evenly from those that fit; −1 if none does. */
  private pick(fits: (cell: number) => boolean): number {
    let chosen = -1;
    let n = 0;
    for (let i = 0; i < this.size; i++) if (fits(i) && this.random.integer(0, n++) === 0) chosen = i;
    return chosen;
  }

  /** Breadth first from `start`: distances (−1: not reached) and numbers of shortest paths. */
  private measure(cells: Uint8Array, start: number): void {
    const { distance, paths, queue, neighbours } = this;
    distance.fill(-1);
    paths.fill(0);
    distance[start] = 0;
    paths[start] = 1;
    queue[0] = start;
    for (let head = 0, tail = 1; head < tail; head++) {
      const here = queue[head];
      for (let k = 5 * here; neighbours[k] >= 0; k++) {
        const next = neighbours[k];
        if (cells[next] === WALL) continue;
        if (distance[next] < 0) {
          distance[next] = distance[here] + 1;
          queue[tail++] = next;
        }
        if (distance[next] === distance[here] + 1) paths[next] = Math.min(2, paths[next] + paths[here]);
      }
    }
  }

  /** The maze with the one shortest path to `goal` drawn in. */
  private trace(cells: Uint8Array, goal: number): Uint8Array {
    const { distance, neighbours } = this;
    const solution = cells.slice();
    for (let here = goal; distance[here] > 0;) {
      let k = 5 * here;
      while (cells[neighbours[k]] === WALL || distance[neighbours[k]] !== distance[here] - 1) k++;
      here = neighbours[k];
      solution[here] = PATH;
    }
    return solution;
  }
}

/** Length of the shortest path from start to goal and how many there are (counted to 2); −1 and 0 if there is none. */
export function shortestPaths(rows: number, columns: number, tokens: Uint8Array): { steps: number; paths: number } {
  const steps = new Int32Array(tokens.length).fill(-1);
  const paths = new Uint8Array(tokens.length);
  const [start, goal] = [tokens.indexOf(START), tokens.indexOf(GOAL)];
  if (start < 0 || goal < 0) return { steps: -1, paths: 0 };
  steps[start] = 0;
  paths[start] = 1;
  const queue = [start];
  for (const here of queue) {
    const [r, c] = [Math.floor(here / columns), here % columns];
    const around = [r > 0 && here - columns, r + 1 < rows && here + columns, c > 0 && here - 1, c + 1 < columns && here + 1]; // prettier-ignore
    for (const next of around) {
      if (next === false || tokens[next] === WALL) continue;
      if (steps[next] < 0) {
        steps[next] = steps[here] + 1;
        queue.push(next);
      }
      if (steps[next] === steps[here] + 1) paths[next] = Math.min(2, paths[next] + paths[here]);
    }
  }
  return { steps: steps[goal], paths: paths[goal] };
}
