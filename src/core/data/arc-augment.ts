/**
 * Augmented puzzles: one of eight symmetries and a permutation of the colours 1…9 (black stays). Kept as their two
 * numbers and applied when written; with 1000 per task the grids themselves would need many gigabytes.
 * Order of draws and names: the reference's `build_arc_dataset.py`.
 */
import { createHash } from 'node:crypto';
import type { Task } from '../../shared/arc';
import { IDENTITY, type Augmentation } from '../../shared/arc-augment';
import { dihedralWalk, flattenGrid, type Dihedral, type FlatGrid } from '../../shared/arc-grid';
import type { LegacyRandom } from './numpy-random';

export interface FlatPair {
  input: FlatGrid;
  output: FlatGrid;
}

/** A task as the builder sees it: its pairs by the split that they go to. */
export interface ArcPuzzle {
  name: string;
  train: FlatPair[];
  test: FlatPair[];
}

/** Trials per wanted augmentation before the search is given up. */
const TRIALS = 5;

/** @param toTest whether the test pairs go to split test; otherwise they join the training ones, in the file's order */
export function arcPuzzle(task: Task, toTest: boolean): ArcPuzzle {
  const flat = (pairs: Task['test']): FlatPair[] =>
    pairs.map(({ input, output }) => ({ input: flattenGrid(input), output: flattenGrid(output as number[][]) }));
  const [train, test] = [flat(task.train), flat(task.test)];
  if (toTest) return { name: task.name, train, test };
  return { name: task.name, train: task.test_first ? [...test, ...train] : [...train, ...test], test: [] };
}

/**
 * Up to `wanted` augmentations under which the puzzle differs from itself and from each other one, as sets of pairs.
 * Fewer if the puzzle has too few different images.
 */
export function drawAugmentations(puzzle: ArcPuzzle, wanted: number, random: LegacyRandom): Augmentation[] {
  const found: Augmentation[] = [];
  if (wanted === 0) return found;
  const pairs = [...puzzle.train, ...puzzle.test];
  const scratch = Buffer.alloc(Math.max(...pairs.map((p) => 4 + p.input.cells.length + p.output.cells.length)));
  const seen = new Set([fingerprint(pairs, IDENTITY, scratch)]);
  for (let trial = 0; trial < TRIALS * wanted && found.length < wanted; trial++) {
    const t = random.randint(0, 8) as Dihedral;
    const augmentation = { t, images: Uint8Array.from([0, ...random.permutation(1, 10)]) };
    const print = fingerprint(pairs, augmentation, scratch);
    if (seen.has(print)) continue;
    seen.add(print);
    found.push(augmentation);
  }
  return found;
}

/** Equal exactly where the augmented pairs are equal as a multiset (but for collisions of SHA-256). */
function fingerprint(pairs: readonly FlatPair[], { t, images }: Augmentation, scratch: Buffer): string {
  const texts = pairs.map(({ input, output }) => {
    const end = printGrid(output, t, images, scratch, printGrid(input, t, images, scratch, 0));
    return scratch.toString('latin1', 0, end);
  });
  return createHash('sha256').update(texts.sort().join(''), 'latin1').digest('base64');
}

/** Rows, columns, cells; so a text says where each grid ends. @returns where the next may begin */
function printGrid(grid: FlatGrid, t: Dihedral, images: Uint8Array, out: Buffer, start: number): number {
  const walk = dihedralWalk(grid.rows, grid.columns, t);
  const { cells } = grid;
  let at = start;
  out[at++] = walk.rows;
  out[at++] = walk.columns;
  for (let r = 0; r < walk.rows; r++) {
    let from = walk.offset + r * walk.down;
    for (let c = 0; c < walk.columns; c++, from += walk.right) out[at++] = images[cells[from]];
  }
  return at;
}
