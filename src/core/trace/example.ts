/** A dataset's example, and views of it, with the checkpoint that is to look at them. */
import type { ExampleRef } from '../../shared/dataset';
import { StudioError } from '../../shared/errors';
import { learnedMeanRow } from '../checkpoint/import/embedding-rows';
import { EMBEDDING, type OpenCheckpoint } from '../checkpoint/native/checkpoint';
import { IGNORE_LABEL, type Batch } from '../data/batch';
import { DatasetStore } from '../data/store';
import { PuzzleEmbedding } from '../train/sign-sgd';
import type { Evaluated } from '../act/batch';
import { openModel, type OpenModel } from '../evaluate/model';
import { embeddingRows } from './example-rows';
import { siblingViews } from './views';

export interface ExampleRequest {
  checkpoint: string;
  data_path: string;
  example: ExampleRef;
  weights: 'ema' | 'raw';
  /** How many other views of the same puzzle to take along, at most. */
  views: number;
  /** What a puzzle gets that the checkpoint never saw: it is refused, unless the mean of all embedding rows is to do. */
  new_puzzle?: 'mean';
}

/** Row 0 is the example, the others its views. */
export interface OpenExample {
  checkpoint: OpenCheckpoint;
  store: DatasetStore;
  model: Evaluated;
  puzzles: PuzzleEmbedding | null;
  batch: Batch;
  refs: ExampleRef[];
  /** [S] each, as the dataset has them. */
  inputs: Uint8Array[];
  labels: Uint8Array[];
}

/**
 * Opens all of it, and closes it when `use` is done.
 * @throws StudioError if checkpoint and dataset do not fit; file system errors
 */
export async function withExample<T>(request: ExampleRequest, use: (open: OpenExample) => Promise<T>): Promise<T> {
  const store = DatasetStore.open(request.data_path);
  let opened: OpenModel | null = null;
  try {
    opened = await openModel(request.checkpoint, request.weights);
    const { checkpoint, model } = opened;
    const { meta: saved, file } = checkpoint;
    const { example } = request;
    const split = store.split(example.split);
    const first = store.read(example);
    if (first.input.length !== saved.seq_len || split.metadata.vocab_size !== saved.vocab_size) {
      const [theirs, ours] = [split.metadata, saved].map((m) => `${m.seq_len} cells of ${m.vocab_size} tokens`);
      throw new StudioError(
        'bad_input',
        `${request.data_path} has ${theirs}, the checkpoint was trained on ${ours}: choose a dataset of the run.`,
      );
    }
    const refs = [example, ...(request.views > 0 ? siblingViews(store, example, request.views) : [])];
    const read = refs.map((ref) => store.read(ref));
    const rows = await embeddingRows(request.checkpoint, checkpoint, store, refs, request.new_puzzle === 'mean');
    const width = saved.config.arch.puzzle_emb_ndim;
    let puzzles: PuzzleEmbedding | null = null;
    if (width) {
      const table = new Float32Array(rows.length * width);
      const mean = rows.includes(null) ? learnedMeanRow(file.table(EMBEDDING)) : null;
      for (const [b, row] of rows.entries()) {
        table.set(
          row === null ? (mean as Float32Array) : ((await file.row(EMBEDDING, row)) as Float32Array),
          b * width,
        );
      }
      puzzles = new PuzzleEmbedding(rows.length, width, table);
    }
    const inputs = read.map((r) => r.input);
    const labels = read.map((r) => r.label);
    return await use({
      checkpoint,
      store,
      model,
      puzzles,
      batch: batchOf(inputs, labels, split.metadata.ignore_label_id),
      refs,
      inputs,
      labels,
    });
  } finally {
    await opened?.dispose();
    store.close();
  }
}

/** Each row's identifier is its own number: the embedding handed on has only these rows. */
function batchOf(inputs: Uint8Array[], labels: Uint8Array[], ignore: number | null): Batch {
  const B = inputs.length;
  const join = (arrays: Uint8Array[], of: (token: number) => number) =>
    Int32Array.from(arrays.flatMap((array) => Array.from(array, of)));
  return {
    size: B,
    filled: B,
    inputs: join(inputs, (token) => token),
    labels: join(labels, (token) => (token === ignore ? IGNORE_LABEL : token)),
    puzzle_identifiers: Int32Array.from({ length: B }, (_, b) => b),
  };
}
