/** Generated mazes → a dataset in the reference's layout: every maze is a group of its own with the blank identifier. */
import { createHash } from 'node:crypto';
import { join } from 'node:path';
import type { DatasetSidecar, MazeRecipe } from '../../shared/dataset';
import { transformGrid, type Dihedral } from '../../shared/arc-grid';
import { StudioError } from '../../shared/errors';
import { Random } from '../lib/random';
import { MAZE_CSV } from './csv-builder';
import { MazeGenerator, type Maze } from './maze-generator';
import { SplitWriter, writeIdentifiers, writeSidecar } from './split-writer';
import { makeWholeFolder } from '../lib/whole-folder';
import { Breather, type WorkOptions } from '../lib/work';

/** Mazes in a row without a path that is long enough, before it is called out of reach. */
const MAX_ATTEMPTS = 3000;
/** Mazes in a row that were known already, before the supply is called exhausted. */
const MAX_REPEATS = 5000;

/** @throws StudioError `bad_input` for a path that no maze of this size can have */
export function checkMazeRecipe({ rows, columns, min_path }: MazeRecipe): void {
  // A passage needs walls beside it: about two cells in three can lie on one path; the rest is found out by trying.
  const most = Math.ceil((rows * columns * 2) / 3);
  if (min_path <= most) return;
  throw new StudioError(
    'bad_input',
    `min_path is ${min_path}, and a ${rows}×${columns} maze has no shortest path of more than about ${most} steps: ask for a shorter one.`,
  );
}

/**
 * Builds the folder `out` (it appears when complete); the same recipe gives the same bytes. All mazes are different,
 * and no test maze has the walls of a training maze, in whichever of its eight orientations.
 *
 * @throws StudioError `bad_input` if there are not that many, `conflict` if `out` is taken, `cancelled`
 */
export async function buildMaze(recipe: MazeRecipe, out: string, options: WorkOptions = {}): Promise<DatasetSidecar> {
  checkMazeRecipe(recipe);
  const { rows, columns } = recipe;
  return makeWholeFolder(out, async (folder) => {
    const breather = new Breather(options, 'Building the dataset');
    const source = new MazeSource(recipe);
    const total = recipe.train + recipe.test;
    let done = 0;
    for (const name of ['train', 'test'] as const) {
      const count = recipe[name];
      const writer = new SplitWriter(join(folder, name), {
        examples: count,
        puzzles: count,
        groups: count,
        seqLen: rows * columns,
        vocabSize: MAZE_CSV.vocabSize,
        numPuzzleIdentifiers: 1,
      });
      try {
        for (let i = 0; i < count; i++) {
          const { puzzle, solution } = await source.next(name, () => breather.breathe(done, total, 'mazes generated'));
          await writer.example(puzzle, solution);
          writer.endPuzzle(0);
          writer.endGroup();
          await breather.breathe(++done, total, 'mazes generated');
        }
        await writer.finish();
      } catch (error) {
        await writer.abandon();
        throw error;
      }
    }
    await writeIdentifiers(folder, []);
    const sidecar: DatasetSidecar = { schema: 1, kind: 'maze', rows, columns, recipe, shortfalls: [], left_out: [] };
    writeSidecar(folder, sidecar);
    return sidecar;
  });
}

class MazeSource {
  private readonly generator: MazeGenerator;
  private readonly mazes = new Set<string>();
  /** Walls of the training mazes, in the orientation that comes first. */
  private readonly trained = new Set<string>();

  constructor(private readonly recipe: MazeRecipe) {
    const { rows, columns, seed } = recipe;
    this.generator = new MazeGenerator(rows, columns, new Random(seed, `maze ${rows} ${columns}`));
  }

  async next(split: 'train' | 'test', breathe: () => Promise<void>): Promise<Maze> {
    const { rows, columns, min_path } = this.recipe;
    let attempts = 0;
    for (let repeats = 0; repeats < MAX_REPEATS;) {
      await breathe();
      const maze = this.generator.attempt(min_path);
      if (!maze) {
        if (++attempts === MAX_ATTEMPTS) {
          throw new StudioError(
            'bad_input',
            `No ${rows}×${columns} maze with a shortest path of ${min_path} steps or more was found in ${MAX_ATTEMPTS} attempts: ask for a shorter path.`,
          );
        }
        continue;
      }
      const whole = digest(maze.puzzle);
      const walls = wallKey(maze.puzzle, rows, columns);
      if (this.mazes.has(whole) || (split === 'test' && this.trained.has(walls))) {
        repeats++;
        continue;
      }
      this.mazes.add(whole);
      if (split === 'train') this.trained.add(walls);
      return maze;
    }
    throw new StudioError(
      'bad_input',
      `After ${this.mazes.size} mazes no further ${rows}×${columns} maze could be found that differs from them: ask for fewer, or for larger mazes.`,
    );
  }
}

const digest = (bytes: Uint8Array): string => createHash('sha256').update(bytes).digest('base64').slice(0, 22);

/** Equal for mazes whose walls are equal after a rotation or a reflection. */
function wallKey(puzzle: Uint8Array, rows: number, columns: number): string {
  const walls = puzzle.map((token) => (token === 1 ? 1 : 0));
  let best: Uint8Array | null = null;
  for (let t = 0; t < 8; t++) {
    const { rows: height, cells } = transformGrid({ rows, columns, cells: walls }, t as Dihedral);
    const printed = Uint8Array.of(height, ...cells);
    if (!best || Buffer.compare(printed, best) < 0) best = printed;
  }
  return digest(best as Uint8Array);
}
