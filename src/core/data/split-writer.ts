/** One split of a dataset on disk, in the reference's layout: five arrays and `dataset.json`. */
import { statfsSync } from 'node:fs';
import { basename, join } from 'node:path';
import { makeFolders } from '../lib/folders';
import type { DatasetMetadata, DatasetSidecar } from '../../shared/dataset';
import { StudioError } from '../../shared/errors';
import { BYTES, writeNpy } from './npy';
import { NpyWriter } from './npy-writer';
import { PythonFloat, pythonJson, pythonString } from './python-json';
import { writeDurable, writeDurableSlowly } from '../lib/whole-folder';

export const SIDECAR_FILE = 'studio.json';

/** Everything that must be known before the first example is written. */
export interface SplitShape {
  examples: number;
  puzzles: number;
  groups: number;
  seqLen: number;
  vocabSize: number;
  numPuzzleIdentifiers: number;
  /** Tokens as int64, as the reference's Sudoku builder writes augmented boards; bytes otherwise. */
  wide?: boolean;
  /** The reference's Sudoku and maze builders call the number of groups `total_puzzles`; the true one otherwise. */
  totalPuzzles?: number;
}

const megabytes = (bytes: number): string =>
  bytes < 1e9 ? `${(bytes / 1e6).toFixed(1)} MB` : `${(bytes / 1e9).toFixed(1)} GB`;

/**
 * Half an hour of writing should not end in a full disk that could have been seen before.
 * @throws StudioError `disk_full`
 */
function refuseSmallDisk(folder: string, { examples, puzzles, seqLen, wide }: SplitShape): void {
  const { bavail, bsize } = statfsSync(folder);
  const needed = 2 * examples * seqLen * (wide ? 8 : 1) + 8 * puzzles;
  if (needed <= bavail * bsize) return;
  throw new StudioError(
    'disk_full',
    `The ${basename(folder)} split needs ${megabytes(needed)}, and ${megabytes(bavail * bsize)} is free on its disk: free some space, or build with fewer augmentations, fewer puzzles or a smaller canvas.`,
  );
}

/** Puzzles come in order, each with its examples; groups close over the puzzles since the last one. */
export class SplitWriter {
  /** The files of inputs and labels: after {@link begin}, an example's tokens go to `array[start …]` of both. */
  readonly inputs: NpyWriter;
  readonly labels: NpyWriter;
  private readonly identifiers: Int32Array;
  private readonly puzzleIndices: Int32Array;
  private readonly groupIndices: Int32Array;
  private readonly exampleBytes: number;
  private examples = 0;
  private puzzles = 0;
  private groups = 0;

  constructor(
    private readonly folder: string,
    private readonly shape: SplitShape,
  ) {
    makeFolders(folder);
    refuseSmallDisk(folder, shape);
    const type = shape.wide ? '<i8' : '|u1';
    this.exampleBytes = shape.seqLen * BYTES[type];
    this.inputs = new NpyWriter(join(folder, 'all__inputs.npy'), type, [shape.examples, shape.seqLen]);
    this.labels = new NpyWriter(join(folder, 'all__labels.npy'), type, [shape.examples, shape.seqLen]);
    this.identifiers = new Int32Array(shape.puzzles);
    this.puzzleIndices = new Int32Array(shape.puzzles + 1);
    this.groupIndices = new Int32Array(shape.groups + 1);
  }

  /** Null if there is room for an example, else a promise to wait for before {@link begin}. */
  ready(): Promise<unknown> | null {
    const [inputs, labels] = [this.inputs.ready(this.exampleBytes), this.labels.ready(this.exampleBytes)];
    return inputs || labels ? Promise.all([inputs, labels]) : null;
  }

  /** Begins an example: seq_len zeroed tokens in `inputs` and in `labels`, to be filled in before the next call. */
  begin(): void {
    this.inputs.reserve(this.exampleBytes);
    this.labels.reserve(this.exampleBytes);
    this.examples++;
  }

  /** A whole example, token by token. @param input, label [seq_len] */
  async example(input: ArrayLike<number>, label: ArrayLike<number>): Promise<void> {
    const wait = this.ready();
    if (wait) await wait;
    this.begin();
    const step = this.shape.wide ? 8 : 1; // little-endian: the low byte comes first
    for (let s = 0; s < this.shape.seqLen; s++) {
      this.inputs.array[this.inputs.start + s * step] = input[s];
      this.labels.array[this.labels.start + s * step] = label[s];
    }
  }

  endPuzzle(identifier: number): void {
    this.identifiers[this.puzzles++] = identifier;
    this.puzzleIndices[this.puzzles] = this.examples;
  }

  endGroup(): void {
    this.groupIndices[++this.groups] = this.puzzles;
  }

  async finish(): Promise<void> {
    const { shape, folder } = this;
    await Promise.all([this.inputs.finish(), this.labels.finish()]);
    writeNpy(join(folder, 'all__puzzle_identifiers.npy'), '<i4', [shape.puzzles], this.identifiers);
    writeNpy(join(folder, 'all__puzzle_indices.npy'), '<i4', [shape.puzzles + 1], this.puzzleIndices);
    writeNpy(join(folder, 'all__group_indices.npy'), '<i4', [shape.groups + 1], this.groupIndices);
    const metadata: Omit<DatasetMetadata, 'mean_puzzle_examples'> & { mean_puzzle_examples: PythonFloat } = {
      pad_id: 0,
      ignore_label_id: 0,
      blank_identifier_id: 0,
      vocab_size: shape.vocabSize,
      seq_len: shape.seqLen,
      num_puzzle_identifiers: shape.numPuzzleIdentifiers,
      total_groups: shape.groups,
      mean_puzzle_examples: new PythonFloat(shape.examples / shape.puzzles),
      total_puzzles: shape.totalPuzzles ?? shape.puzzles,
      sets: ['all'],
    };
    writeDurable(join(folder, 'dataset.json'), [pythonJson(metadata)]);
  }

  /** Closes what is open after a failure. */
  async abandon(): Promise<void> {
    await Promise.all([this.inputs.abandon(), this.labels.abandon()]);
  }
}

export const BLANK_NAME = '<blank>';

/** `identifiers.json`: the names by id, `<blank>` first. */
export async function writeIdentifiers(
  folder: string,
  names: Iterable<string>,
  breathe?: () => Promise<void>,
): Promise<void> {
  await writeDurableSlowly(
    join(folder, 'identifiers.json'),
    (function* () {
      yield `[${pythonString(BLANK_NAME)}`;
      for (const name of names) yield `, ${pythonString(name)}`;
      yield ']';
    })(),
    breathe,
  );
}

export function writeSidecar(folder: string, sidecar: DatasetSidecar): void {
  writeDurable(join(folder, SIDECAR_FILE), [`${JSON.stringify(sidecar, null, 1)}\n`]);
}
