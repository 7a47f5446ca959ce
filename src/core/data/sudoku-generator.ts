/**
 * Sudoku puzzles with exactly one solution, on 4×4 (boxes 2×2), 6×6 (boxes of 2 rows and 3 columns) and 9×9 boards.
 * A full board is filled at random, then cells are blanked in random order, each one only if the solution stays unique.
 */
import type { Random } from '../lib/random';

export type SudokuSize = 4 | 6 | 9;

/** Row-major digits 1…size; 0 is blank. */
export interface Sudoku {
  puzzle: Uint8Array;
  solution: Uint8Array;
}

interface Board {
  size: number;
  cells: number;
  row: Uint8Array;
  column: Uint8Array;
  box: Uint8Array;
}

const BOX: Record<SudokuSize, { rows: number; columns: number }> = {
  4: { rows: 2, columns: 2 },
  6: { rows: 2, columns: 3 },
  9: { rows: 3, columns: 3 },
};

/**
 * The most blanks that are offered: about the last number at which blanking at random still succeeds often enough
 * (1 of 1.5, 220 and 4 attempts). Fewer than 4, 8 and 17 clues never determine a board.
 */
export const MAX_BLANKS: Record<SudokuSize, number> = { 4: 12, 6: 28, 9: 58 };

function board(size: SudokuSize): Board {
  const { rows, columns } = BOX[size];
  const cells = size * size;
  const of = (f: (r: number, c: number) => number): Uint8Array =>
    Uint8Array.from({ length: cells }, (_, i) => f(Math.floor(i / size), i % size));
  return {
    size,
    cells,
    row: of((r) => r),
    column: of((_, c) => c),
    box: of((r, c) => Math.floor(r / rows) * (size / columns) + Math.floor(c / columns)),
  };
}

/** Bits set in a mask of up to 9 digits. */
const POPCOUNT = Uint8Array.from({ length: 512 }, (_, m) => {
  let n = 0;
  for (let bits = m; bits; bits &= bits - 1) n++;
  return n;
});

/** Backtracking on the cell with the fewest candidates; digits are bits 0 … size − 1. */
class Solver {
  private readonly rows: Uint16Array;
  private readonly columns: Uint16Array;
  private readonly boxes: Uint16Array;
  private readonly all: number;

  constructor(private readonly board: Board) {
    this.rows = new Uint16Array(board.size);
    this.columns = new Uint16Array(board.size);
    this.boxes = new Uint16Array(board.size);
    this.all = (1 << board.size) - 1;
  }

  /** How many solutions a board has, counted up to `limit`; `grid` is left as it was. */
  count(grid: Uint8Array, limit: number): number {
    return this.start(grid) ? this.search(grid, limit, null) : 0;
  }

  /** Fills the blanks of `grid` with a solution chosen at random. @returns whether there is one */
  fill(grid: Uint8Array, random: Random): boolean {
    return this.start(grid) && this.search(grid, 1, random) === 1;
  }

  /** Takes down the digits that are given; false if two of them clash. */
  private start(grid: Uint8Array): boolean {
    const { board, rows, columns, boxes } = this;
    rows.fill(0);
    columns.fill(0);
    boxes.fill(0);
    for (let i = 0; i < board.cells; i++) {
      if (grid[i] === 0) continue;
      const bit = 1 << (grid[i] - 1);
      if ((rows[board.row[i]] | columns[board.column[i]] | boxes[board.box[i]]) & bit) return false;
      this.toggle(i, bit);
    }
    return true;
  }

  private toggle(i: number, bit: number): void {
    const { board, rows, columns, boxes } = this;
    rows[board.row[i]] ^= bit;
    columns[board.column[i]] ^= bit;
    boxes[board.box[i]] ^= bit;
  }

  /** Counts solutions; with `random`, tries digits in random order and leaves the first solution in the grid. */
  private search(grid: Uint8Array, limit: number, random: Random | null): number {
    const { board, rows, columns, boxes, all } = this;
    let cell = -1;
    let candidates = 0;
    let fewest = 10;
    for (let i = 0; i < board.cells; i++) {
      if (grid[i] !== 0) continue;
      const free = all & ~(rows[board.row[i]] | columns[board.column[i]] | boxes[board.box[i]]);
      const n = POPCOUNT[free];
      if (n < fewest) {
        [cell, candidates, fewest] = [i, free, n];
        if (n <= 1) break;
      }
    }
    if (cell < 0) return 1;
    let found = 0;
    while (candidates !== 0) {
      const bit = random ? nthBit(candidates, random.integer(0, POPCOUNT[candidates] - 1)) : candidates & -candidates;
      candidates ^= bit;
      this.toggle(cell, bit);
      grid[cell] = 32 - Math.clz32(bit);
      found += this.search(grid, limit - found, random);
      if (random && found > 0) return found;
      grid[cell] = 0;
      this.toggle(cell, bit);
      if (found >= limit) return found;
    }
    return found;
  }
}

function nthBit(mask: number, n: number): number {
  let bits = mask;
  for (let i = 0; i < n; i++) bits &= bits - 1;
  return bits & -bits;
}

/** The number of solutions of a board (digits 1…size, 0 blank), counted up to `limit` ≥ 2. */
export function countSolutions(size: SudokuSize, puzzle: Uint8Array, limit = 2): number {
  return new Solver(board(size)).count(puzzle.slice(), Math.max(2, limit));
}

export class SudokuGenerator {
  private readonly board: Board;
  private readonly solver: Solver;

  constructor(
    readonly size: SudokuSize,
    private readonly random: Random,
  ) {
    this.board = board(size);
    this.solver = new Solver(this.board);
  }

  /** A full board. Every board can come up; on 6×6 and 9×9 some are a little likelier than others. */
  solution(): Uint8Array {
    const grid = new Uint8Array(this.board.cells);
    this.solver.fill(grid, this.random);
    return grid;
  }

  /** A puzzle with exactly `blanks` blanks, or null if this attempt's order of blanking gets stuck before. */
  attempt(blanks: number): Sudoku | null {
    const solution = this.solution();
    const puzzle = solution.slice();
    const order = Uint8Array.from({ length: puzzle.length }, (_, i) => i);
    let left = blanks;
    for (let i = order.length - 1; i >= 0 && left > 0; i--) {
      const j = this.random.integer(0, i);
      const cell = order[j];
      order[j] = order[i];
      const digit = puzzle[cell];
      puzzle[cell] = 0;
      if (this.solver.count(puzzle, 2) === 1) left--;
      else puzzle[cell] = digit;
      if (left > i) return null; // more to blank than cells that remain
    }
    return left === 0 ? { puzzle, solution } : null;
  }
}
