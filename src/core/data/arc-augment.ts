/**
 * Augmented puzzles: one of eight symmetries and a permutation of the colours 1…9 (black stays). Kept as their two
 * numbers, ten bytes each, and applied when written; with 1000 per task the grids themselves would need many gigabytes.
 * Order of draws and names: the reference's `build_arc_dataset.py`.
 */
import { createHash } from 'node:crypto';
import type { Task } from '../../shared/arc';
import { augmentedName, IDENTITY } from '../../shared/arc-augment';
import { dihedralWalk, flattenGrid, type Dihedral, type FlatGrid } from '../../shared/arc-grid';
import type { LegacyRandom } from './numpy-random';
import { printShape } from './pair-key';

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
const COLOURS = 10;

/** What the reference puts where a solution is missing. */
export const NO_SOLUTION = [[0]];

/** @param toTest whether the test pairs go to split test; otherwise they join the training ones, in the file's order */
export function arcPuzzle(task: Task, toTest: boolean): ArcPuzzle {
  const flat = (pairs: Task['test']): FlatPair[] =>
    pairs.map(({ input, output }) => ({ input: flattenGrid(input), output: flattenGrid(output ?? NO_SOLUTION) }));
  const [train, test] = [flat(task.train), flat(task.test)];
  if (toTest) return { name: task.name, train, test };
  return { name: task.name, train: task.test_first ? [...test, ...train] : [...train, ...test], test: [] };
}

/** The augmentations of one puzzle, packed; number 0 is the puzzle itself. */
export class Augmentations {
  length = 1;
  /** Symmetry of each. */
  private readonly symmetries: Uint8Array;
  /** Images of the colours 0…9 of each, one behind the other. */
  private readonly colours: Uint8Array;

  constructor(capacity: number) {
    this.symmetries = new Uint8Array(1 + capacity);
    this.colours = new Uint8Array(COLOURS * (1 + capacity));
    this.colours.set(IDENTITY.images);
  }

  push(t: Dihedral, images: Uint8Array): void {
    this.symmetries[this.length] = t;
    this.colours.set(images, COLOURS * this.length++);
  }

  symmetry(i: number): Dihedral {
    return this.symmetries[i] as Dihedral;
  }

  /** Images of the colours 0…9; a view, not a copy. */
  images(i: number): Uint8Array {
    return this.colours.subarray(COLOURS * i, COLOURS * (i + 1));
  }

  name(i: number, puzzle: string): string {
    return i === 0 ? puzzle : augmentedName(puzzle, { t: this.symmetry(i), images: this.images(i) });
  }

  /** A number that says symmetry and colours; −1 for the puzzle itself, whose name says neither. */
  code(i: number): number {
    if (i === 0) return -1;
    let code = this.symmetries[i];
    for (let c = 1; c < COLOURS; c++) code = code * 10 + this.colours[COLOURS * i + c];
    return code;
  }
}

/**
 * Up to `wanted` augmentations under which the puzzle differs from itself and from each other one, as sets of pairs.
 * Fewer if the puzzle has too few different images.
 */
export function drawAugmentations(puzzle: ArcPuzzle, wanted: number, random: LegacyRandom): Augmentations {
  const found = new Augmentations(wanted);
  if (wanted === 0) return found;
  const keyOf = augmentationKeys([...puzzle.train, ...puzzle.test]);
  const seen = new Set<number | string>([keyOf(0, IDENTITY.images)]);
  const images = new Uint8Array(COLOURS);
  for (let trial = 0; trial < TRIALS * wanted && found.length <= wanted; trial++) {
    const t = random.randint(0, 8) as Dihedral;
    for (let c = 1; c < COLOURS; c++) images[c] = c;
    random.shuffle(images, 1);
    const key = keyOf(t, images);
    if (seen.has(key)) continue;
    seen.add(key);
    found.push(t, images);
  }
  return found;
}

/**
 * Gives a key that is equal for two augmentations exactly where they make the same puzzle, as a multiset of pairs.
 *
 * Symmetries and colour permutations form a group that acts on puzzles, so two of them make the same puzzle exactly
 * where their quotient leaves the puzzle as it is. Most puzzles are left by the identity alone, as far as their own
 * colours go; then the symmetry and the images of those colours are the key, and no grid need be painted. Where that is
 * not certain, the painted pairs are compared by their hash, as in the reference.
 */
function augmentationKeys(pairs: readonly FlatPair[]): (t: Dihedral, images: Uint8Array) => number | string {
  if (isRigid(pairs)) {
    const present = [...presentColours(pairs)];
    return (t, images) => {
      let key: number = t;
      for (const colour of present) key = key * 10 + images[colour];
      return key;
    };
  }
  const scratch = Buffer.alloc(Math.max(...pairs.map((p) => 4 + p.input.cells.length + p.output.cells.length)));
  return (t, images) => fingerprint(pairs, t, images, scratch);
}

function presentColours(pairs: readonly FlatPair[]): Set<number> {
  const present = new Set<number>();
  for (const { input, output } of pairs) for (const { cells } of [input, output]) cells.forEach((c) => present.add(c));
  present.delete(0);
  return present;
}

/**
 * Certainly left as it is by the identity alone: its pairs differ even when colours are only told apart, so a colour
 * permutation would have to keep each of them, and with it every colour; and no symmetry turns their shapes into
 * themselves.
 */
function isRigid(pairs: readonly FlatPair[]): boolean {
  const shapes = (t: Dihedral): string[] =>
    pairs.map(({ input, output }) => printShape([input, output], t).toString('latin1')).sort();
  const own = shapes(0);
  if (new Set(own).size < own.length) return false;
  const joined = own.join('');
  for (let t = 1; t < 8; t++) if (shapes(t as Dihedral).join('') === joined) return false;
  return true;
}

/** Equal exactly where the augmented pairs are equal as a multiset (but for collisions of SHA-256). */
function fingerprint(pairs: readonly FlatPair[], t: Dihedral, images: Uint8Array, scratch: Buffer): string {
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
