/** A checkpoint's model for evaluation, and where the embedding rows of a dataset's puzzles are in it. */
import * as tf from '@tensorflow/tfjs-core';
import { existsSync } from 'node:fs';
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { StudioError } from '../../shared/errors';
import { EMBEDDING, openCheckpoint, readWeights, specOf, type OpenCheckpoint } from '../checkpoint/studio';
import type { DatasetStore, SplitName } from '../data/store';
import { makeConstants } from '../model/layers';
import { architectureOf } from '../model/registry';
import { PuzzleEmbedding } from '../train/sign-sgd';
import type { Evaluated } from './batch';

/** Embedding rows read in one piece when their mean is taken. */
const MEAN_PIECE = 4096;

export interface OpenModel {
  checkpoint: OpenCheckpoint;
  model: Evaluated;
  dispose(): Promise<void>;
}

/** @throws StudioError if the file is no checkpoint */
export async function openModel(path: string, which: 'ema' | 'raw'): Promise<OpenModel> {
  const checkpoint = await openCheckpoint(path);
  const owned: tf.Tensor[] = [];
  const dispose = async (): Promise<void> => {
    tf.dispose(owned);
    await checkpoint.file.close();
  };
  try {
    const spec = specOf(checkpoint.meta);
    const weights = await readWeights(checkpoint, which, (values, shape) => {
      const tensor = tf.tensor(values, [...shape], 'float32');
      owned.push(tensor);
      return tensor;
    });
    const constants = makeConstants(spec);
    if (constants.rope) owned.push(...Object.values(constants.rope));
    const architecture = architectureOf(checkpoint.meta.config.arch.name);
    return { checkpoint, model: { architecture, net: { spec, weights, constants } }, dispose };
  } catch (error) {
    await dispose();
    throw error;
  }
}

/** @throws StudioError `bad_input` with both values where canvas or vocabulary differ */
export function refuseMisfit({ meta }: OpenCheckpoint, store: DatasetStore, name: SplitName): void {
  const { metadata } = store.split(name);
  for (const [key, what] of [
    ['seq_len', 'cells'],
    ['vocab_size', 'tokens'],
  ] as const) {
    if (metadata[key] === meta[key]) continue;
    throw new StudioError(
      'bad_input',
      `${store.path} has ${metadata[key]} ${what} (${key}), the checkpoint was trained on ${meta[key]}: evaluate it on a dataset of its own kind and canvas.`,
    );
  }
}

/**
 * Which row of the checkpoint's embedding belongs to a puzzle of the dataset: the one of the same name, whatever its
 * number. Puzzles that the checkpoint never saw get the mean of all rows, as a new puzzle starts from.
 */
export class EmbeddingRows {
  private mean: Float32Array | null = null;

  private constructor(
    private readonly checkpoint: OpenCheckpoint,
    /** The checkpoint's row by the dataset's identifier; −1 for the mean. Null where numbers are equal. */
    private readonly rows: Int32Array | null,
    /** Puzzles of the split without a row of their own. */
    readonly unknown: number,
  ) {}

  /** Null for a model without puzzle embeddings. @throws StudioError `bad_input` if it knows none of the puzzles */
  static async match(checkpoint: OpenCheckpoint, store: DatasetStore, name: SplitName): Promise<EmbeddingRows | null> {
    const { meta, file } = checkpoint;
    if (!meta.config.arch.puzzle_emb_ndim) return null;
    const split = store.split(name);
    const known = meta.num_puzzle_identifiers;
    const own = new Set(split.puzzleIdentifiers);
    own.delete(split.metadata.blank_identifier_id);
    const saved = file.has('identifiers') ? Buffer.from((await file.read('identifiers')).data as Uint8Array) : null;
    const listed = join(store.path, 'identifiers.json');
    const same = saved?.length && existsSync(listed) ? saved.equals(await readFile(listed)) : false;
    const table = store.identifiers();
    if (same || !saved?.length || !table) {
      // Without names on one side numbers are all there is.
      const rows = split.metadata.num_puzzle_identifiers;
      if (rows <= known || own.size === 0) return new EmbeddingRows(checkpoint, null, 0);
      throw new StudioError(
        'bad_input',
        `${store.path} has ${rows} puzzle identifiers, the checkpoint ${known}, and without names they cannot be matched: evaluate it on the dataset that it was trained with.`,
      );
    }
    const byName = new Map((JSON.parse(saved.toString('utf8')) as string[]).map((title, row) => [title, row]));
    const rows = new Int32Array(split.metadata.num_puzzle_identifiers).fill(-1);
    rows[split.metadata.blank_identifier_id] = 0;
    let unknown = 0;
    for (const id of own) {
      rows[id] = (id < table.length ? byName.get(table.name(id)) : undefined) ?? -1;
      if (rows[id] < 0) unknown++;
    }
    if (own.size > 0 && unknown === own.size) {
      throw new StudioError(
        'bad_input',
        `The checkpoint has an embedding for none of the ${own.size} puzzles of ${store.path}: evaluate it on the dataset that it was trained with, or solve new tasks by test-time training.`,
      );
    }
    return new EmbeddingRows(checkpoint, rows, unknown);
  }

  /** The rows of a batch as an embedding of its own, in the batch's order. @param identifiers the dataset's, [B] */
  async gather(identifiers: Int32Array): Promise<PuzzleEmbedding> {
    const width = this.checkpoint.meta.config.arch.puzzle_emb_ndim;
    const weights = new Float32Array(identifiers.length * width);
    for (let b = 0; b < identifiers.length; b++) {
      const row = this.rows ? this.rows[identifiers[b]] : identifiers[b];
      const values = row < 0 ? await this.meanRow() : await this.checkpoint.file.row(EMBEDDING, row);
      weights.set(values, b * width);
    }
    return new PuzzleEmbedding(identifiers.length, width, weights);
  }

  private async meanRow(): Promise<Float32Array> {
    if (this.mean) return this.mean;
    const { meta, file } = this.checkpoint;
    const width = meta.config.arch.puzzle_emb_ndim;
    const sums = new Float64Array(width);
    const total = meta.num_puzzle_identifiers;
    for (let at = 0; at < total; at += MEAN_PIECE) {
      const piece = (await file.rows(EMBEDDING, at, Math.min(MEAN_PIECE, total - at))) as Float32Array;
      for (let i = 0; i < piece.length; i++) sums[i % width] += piece[i];
    }
    return (this.mean = Float32Array.from(sums, (sum) => sum / total));
  }
}
