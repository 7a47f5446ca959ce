/** One split of a dataset on disk, in the reference's layout: five arrays and `dataset.json`. */
import { mkdirSync } from 'node:fs';
import { join } from 'node:path';
import type { DatasetMetadata, DatasetSidecar } from '../../shared/dataset';
import { NpyWriter, writeNpy } from './npy';
import { PythonFloat, pythonJson, pythonString } from './python-json';
import { writeDurable } from './whole-folder';

export const SIDECAR_FILE = 'studio.json';

/** Everything that must be known before the first example is written. */
export interface SplitShape {
  examples: number;
  puzzles: number;
  groups: number;
  seqLen: number;
  vocabSize: number;
  numPuzzleIdentifiers: number;
  /** The reference's ARC builder divides (`1.0`), its Sudoku builder writes the number 1. */
  meanIsFloat: boolean;
}

/** Puzzles come in order, each with its examples; groups close over the puzzles since the last one. */
export class SplitWriter {
  private readonly inputs: NpyWriter;
  private readonly labels: NpyWriter;
  private readonly identifiers: Int32Array;
  private readonly puzzleIndices: Int32Array;
  private readonly groupIndices: Int32Array;
  private examples = 0;
  private puzzles = 0;
  private groups = 0;

  constructor(
    private readonly folder: string,
    private readonly shape: SplitShape,
  ) {
    mkdirSync(folder, { recursive: true });
    this.inputs = new NpyWriter(join(folder, 'all__inputs.npy'), '|u1', [shape.examples, shape.seqLen]);
    this.labels = new NpyWriter(join(folder, 'all__labels.npy'), '|u1', [shape.examples, shape.seqLen]);
    this.identifiers = new Int32Array(shape.puzzles);
    this.puzzleIndices = new Int32Array(shape.puzzles + 1);
    this.groupIndices = new Int32Array(shape.groups + 1);
  }

  /** `paint` receives two zeroed stretches of seq_len tokens, for the input and for the label. */
  example(paint: (input: Uint8Array, inputStart: number, label: Uint8Array, labelStart: number) => void): void {
    const input = this.inputs.reserve(this.shape.seqLen);
    const label = this.labels.reserve(this.shape.seqLen);
    paint(input.array, input.start, label.array, label.start);
    this.examples++;
  }

  endPuzzle(identifier: number): void {
    this.identifiers[this.puzzles++] = identifier;
    this.puzzleIndices[this.puzzles] = this.examples;
  }

  endGroup(): void {
    this.groupIndices[++this.groups] = this.puzzles;
  }

  finish(): void {
    const { shape, folder } = this;
    this.inputs.finish();
    this.labels.finish();
    writeNpy(join(folder, 'all__puzzle_identifiers.npy'), '<i4', [shape.puzzles], this.identifiers);
    writeNpy(join(folder, 'all__puzzle_indices.npy'), '<i4', [shape.puzzles + 1], this.puzzleIndices);
    writeNpy(join(folder, 'all__group_indices.npy'), '<i4', [shape.groups + 1], this.groupIndices);
    const mean = shape.examples / shape.puzzles;
    const metadata: Omit<DatasetMetadata, 'mean_puzzle_examples'> & { mean_puzzle_examples: number | PythonFloat } = {
      pad_id: 0,
      ignore_label_id: 0,
      blank_identifier_id: 0,
      vocab_size: shape.vocabSize,
      seq_len: shape.seqLen,
      num_puzzle_identifiers: shape.numPuzzleIdentifiers,
      total_groups: shape.groups,
      mean_puzzle_examples: shape.meanIsFloat ? new PythonFloat(mean) : mean,
      total_puzzles: shape.puzzles,
      sets: ['all'],
    };
    writeDurable(join(folder, 'dataset.json'), [pythonJson(metadata)]);
  }

  /** Closes what is open after a failure. */
  abandon(): void {
    this.inputs.abandon();
    this.labels.abandon();
  }
}

export const BLANK_NAME = '<blank>';

/** `identifiers.json`: the names by id, `<blank>` first. */
export function writeIdentifiers(folder: string, names: Iterable<string>): void {
  writeDurable(
    join(folder, 'identifiers.json'),
    (function* () {
      yield `[${pythonString(BLANK_NAME)}`;
      for (const name of names) yield `, ${pythonString(name)}`;
      yield ']';
    })(),
  );
}

export function writeSidecar(folder: string, sidecar: DatasetSidecar): void {
  writeDurable(join(folder, SIDECAR_FILE), [`${JSON.stringify(sidecar, null, 1)}\n`]);
}
