/**
 * The second half of the ARC builder: puzzles, their augmentations and the draws of their places become canvases on
 * disk. Millions of them: grids are turned once per group and symmetry, colours go through a table, nothing is copied.
 */
import { join } from 'node:path';
import { ARC_VOCAB, COLOUR_TOKEN, EOS_TOKEN } from '../../shared/arc-canvas';
import { transformGrid, type Dihedral, type FlatGrid } from '../../shared/arc-grid';
import type { ArcPuzzle, Augmentations, FlatPair } from './arc-augment';
import type { LegacyRandom } from './numpy-random';
import { SplitWriter } from './split-writer';
import type { Breather } from '../lib/work';

/** A task and its augmentations: the puzzles of one group. */
export interface ArcGroup {
  puzzle: ArcPuzzle;
  augmentations: Augmentations;
  /** Embedding row of each. */
  identifiers: Int32Array;
}

export async function writeArcSplits(
  folder: string,
  canvas: number,
  groups: readonly ArcGroup[],
  numPuzzleIdentifiers: number,
  random: LegacyRandom,
  breather: Breather,
): Promise<void> {
  const splits = [
    { name: 'train', groups, pairs: (p: ArcPuzzle) => p.train, move: true },
    {
      name: 'test',
      groups: groups.filter(({ puzzle }) => puzzle.test.length > 0),
      pairs: (p: ArcPuzzle) => p.test,
      move: false,
    },
  ].filter((split) => split.groups.length > 0);
  const count = (f: (group: ArcGroup) => number, of: readonly ArcGroup[]): number =>
    of.reduce((sum, g) => sum + f(g), 0);
  const total = splits.reduce((sum, split) => sum + count((g) => g.augmentations.length, split.groups), 0);
  let done = 0;
  for (const split of splits) {
    const writer = new SplitWriter(join(folder, split.name), {
      examples: count((g) => g.augmentations.length * split.pairs(g.puzzle).length, split.groups),
      puzzles: count((g) => g.augmentations.length, split.groups),
      groups: split.groups.length,
      seqLen: canvas ** 2,
      vocabSize: ARC_VOCAB,
      numPuzzleIdentifiers,
    });
    try {
      for (const { puzzle, augmentations, identifiers } of split.groups) {
        const painter = new GroupPainter(writer, split.pairs(puzzle), canvas, split.move, random);
        for (let i = 0; i < augmentations.length; i++) {
          const wait = painter.paint(augmentations.symmetry(i), augmentations.images(i));
          if (wait) await wait;
          writer.endPuzzle(identifiers[i]);
          done++;
          // A clock reading per puzzle would be a tenth of the work.
          if ((done & 31) === 0) await breather.breathe(done, total, 'puzzles written');
        }
        writer.endGroup();
      }
      await breather.breathe(done, total, 'puzzles written');
      await writer.finish();
    } catch (error) {
      await writer.abandon();
      throw error;
    }
  }
}

/** Writes the puzzles of one group. */
class GroupPainter {
  /** For each symmetry that has been met: the pairs turned by it. */
  private readonly turned: (FlatPair[] | undefined)[] = new Array<undefined>(8).fill(undefined);
  /** Token of each colour. */
  private readonly tokens = new Uint8Array(16);

  constructor(
    private readonly writer: SplitWriter,
    private readonly pairs: readonly FlatPair[],
    private readonly canvas: number,
    private readonly move: boolean,
    private readonly random: LegacyRandom,
  ) {}

  /**
   * One puzzle: one example stays in the corner; in split train each other one is moved by its own two draws.
   * @returns a promise where the disk has to be waited for
   */
  paint(t: Dihedral, images: Uint8Array): Promise<void> | null {
    const pairs = (this.turned[t] ??= this.pairs.map(({ input, output }) => ({
      input: transformGrid(input, t),
      output: transformGrid(output, t),
    })));
    for (let c = 0; c < images.length; c++) this.tokens[c] = images[c] + COLOUR_TOKEN;
    return this.examples(pairs, 0, this.random.randint(0, pairs.length));
  }

  private examples(pairs: readonly FlatPair[], first: number, unmoved: number): Promise<void> | null {
    const { writer, canvas, random } = this;
    for (let i = first; i < pairs.length; i++) {
      const wait = writer.ready();
      // The rest follows when there is room; draws keep their order, for nothing else draws meanwhile.
      if (wait) return wait.then(() => this.examples(pairs, i, unmoved) ?? undefined);
      writer.begin();
      const { input, output } = pairs[i];
      let row = 0;
      let column = 0;
      if (this.move && i !== unmoved) {
        row = random.randint(0, canvas - Math.max(input.rows, output.rows) + 1);
        column = random.randint(0, canvas - Math.max(input.columns, output.columns) + 1);
      }
      paintTokens(writer.inputs.array, writer.inputs.start, canvas, input, this.tokens, row, column);
      paintTokens(writer.labels.array, writer.labels.start, canvas, output, this.tokens, row, column);
    }
    return null;
  }
}

/** As `paintCanvas`, for a grid that is turned already and colours that are tokens already. */
function paintTokens(
  out: Uint8Array,
  start: number,
  side: number,
  { rows, columns, cells }: FlatGrid,
  tokens: Uint8Array,
  row: number,
  column: number,
): void {
  let from = 0;
  let at = start + row * side + column;
  const gap = side - columns;
  const mark = column + columns < side;
  for (let r = 0; r < rows; r++) {
    for (const end = from + columns; from < end;) out[at++] = tokens[cells[from++]];
    if (mark) out[at] = EOS_TOKEN;
    at += gap;
  }
  if (row + rows < side) for (const end = at + columns; at < end;) out[at++] = EOS_TOKEN;
}
