/**
 * One ARC task under several augmentations as a dataset folder in the reference's layout: split train holds the
 * demonstrations, split test the test inputs, view by view, every grid at the top left of its canvas. Whatever works on
 * datasets (playback, attention, evaluation) works on a task in this way.
 */
import { join } from 'node:path';
import { makeFolders } from '../lib/folders';
import type { Task } from '../../shared/arc';
import type { Augmentation } from '../../shared/arc-augment';
import { ARC_VOCAB, PAD_TOKEN, paintCanvas } from '../../shared/arc-canvas';
import { flattenGrid, type FlatGrid } from '../../shared/arc-grid';
import { SplitWriter, writeIdentifiers, writeSidecar } from './split-writer';

/** A puzzle of the dataset: its identifier is its place in the list, from 1. */
export interface TaskView {
  /** As in identifiers.json: `task|||tK|||0…`. */
  name: string;
  augmentation: Augmentation;
}

interface Pair {
  input: FlatGrid;
  /** Null where it is not known: its label is PAD throughout, which means none. */
  output: FlatGrid | null;
}

/**
 * Writes into `folder`, which is made. An answer that does not fit the canvas is left out as if it were not known.
 * @param canvas side of the square canvas; every input and every demonstration must fit
 */
export async function writeTaskDataset(
  folder: string,
  task: Task,
  views: readonly TaskView[],
  canvas: number,
): Promise<void> {
  makeFolders(folder);
  const flat = ({ input, output }: Task['test'][number]): Pair => ({
    input: flattenGrid(input),
    output: output ? flattenGrid(output) : null,
  });
  await writeSplit(join(folder, 'train'), task.train.map(flat), views, canvas);
  await writeSplit(join(folder, 'test'), task.test.map(flat), views, canvas);
  await writeIdentifiers(
    folder,
    views.map(({ name }) => name),
  );
  writeSidecar(folder, {
    schema: 1,
    kind: 'arc',
    rows: canvas,
    columns: canvas,
    recipe: null,
    shortfalls: [],
    left_out: [],
  });
}

async function writeSplit(
  folder: string,
  pairs: readonly Pair[],
  views: readonly TaskView[],
  canvas: number,
): Promise<void> {
  const writer = new SplitWriter(folder, {
    examples: views.length * pairs.length,
    puzzles: views.length,
    groups: 1,
    seqLen: canvas ** 2,
    vocabSize: ARC_VOCAB,
    numPuzzleIdentifiers: views.length + 1,
  });
  try {
    for (const [v, { augmentation }] of views.entries()) {
      for (const { input, output } of pairs) {
        const fits = output !== null && Math.max(output.rows, output.columns) <= canvas;
        await writer.example(
          painted(input, augmentation, canvas),
          fits ? painted(output, augmentation, canvas) : new Uint8Array(canvas ** 2).fill(PAD_TOKEN),
        );
      }
      writer.endPuzzle(v + 1);
    }
    writer.endGroup();
    await writer.finish();
  } catch (error) {
    await writer.abandon();
    throw error;
  }
}

function painted(grid: FlatGrid, { t, images }: Augmentation, canvas: number): Uint8Array {
  const out = new Uint8Array(canvas ** 2);
  paintCanvas(out, 0, canvas, grid, t, images, 0, 0);
  return out;
}
