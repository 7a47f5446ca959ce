/**
 * A checkpoint's model for evaluation, and where the embedding rows of a dataset's puzzles are in it. Any checkpoint that
 * can be read is taken: a run's own, and the reference's step_N with its all_config.yaml.
 */
import * as tf from '@tensorflow/tfjs-core';
import { statSync } from 'node:fs';
import { resolve } from 'node:path';
import { StudioError } from '../../shared/errors';
import { MEAN, meanRow, planRows, type RowPlan } from '../checkpoint/import/embedding-rows';
import { refuseMisfit } from '../checkpoint/import/fit';
import { openModelSource, type ModelSource } from '../checkpoint/import/model-source';
import { notFinite } from '../checkpoint/formats/not-finite';
import { openCheckpoint } from '../checkpoint/native/checkpoint';
import type { TableRows } from '../checkpoint/formats/tensor-file';
import type { DatasetStore, SplitName } from '../data/store';
import type { ModelSpec } from '../model/architecture';
import { makeConstants } from '../model/layers';
import { architectureOf } from '../model/registry';
import { PuzzleEmbedding } from '../train/sign-sgd';
import type { Evaluated } from '../act/batch';

export interface AnyModel {
  source: ModelSource;
  model: Evaluated;
  /** Tells this checkpoint from others: the hash of its data, or else its path, size and date. */
  identity: string;
  /** Sentences that one should know. */
  notes: string[];
  dispose(): void;
}

/**
 * @param name the split that is to be evaluated
 * @throws StudioError `bad_input` with both values where model, canvas or vocabulary do not fit the data
 */
export async function openAnyModel(
  path: string,
  weights: 'ema' | 'raw',
  store: DatasetStore,
  name: SplitName,
): Promise<AnyModel> {
  const source = openModelSource(path, { weights });
  const owned: tf.Tensor[] = [];
  const dispose = (): void => {
    tf.dispose(owned);
    source.close();
  };
  try {
    const spec = specFor(source, store, name);
    const architecture = architectureOf(spec.arch.name);
    const notes = [...(source.config?.notes ?? [])];
    if (!source.meta && weights === 'raw') notes.push(`${path} holds one set of weights: those are evaluated.`);
    const tensors: Record<string, tf.Tensor> = {};
    for (const { name: parameter, shape } of architecture.parameters(spec)) {
      const values = source.float32(parameter);
      const odd = notFinite(values);
      if (odd) notes.push(`${parameter} has ${odd} numbers that are NaN or infinite: the predictions mean nothing.`);
      tensors[parameter] = tf.tensor(values, [...shape], 'float32');
      owned.push(tensors[parameter]);
    }
    const constants = makeConstants(spec);
    if (constants.rope) owned.push(...Object.values(constants.rope));
    const model = { architecture, net: { spec, weights: tensors, constants } };
    return { source, model, identity: await identityOf(source), notes, dispose };
  } catch (error) {
    dispose();
    throw error;
  }
}

/** The model as its config says it, on the dataset's canvas. */
function specFor(source: ModelSource, store: DatasetStore, name: SplitName): ModelSpec {
  const { metadata } = store.split(name);
  if (!source.config) {
    throw new StudioError(
      'bad_input',
      `No all_config.yaml lies next to ${source.path}, and its weights do not show how often its levels run: put it there, or import the checkpoint with trm import-checkpoint.`,
    );
  }
  for (const [key, what] of [
    ['seq_len', 'cells'],
    ['vocab_size', 'tokens'],
  ] as const) {
    if (!source.meta || metadata[key] === source.meta[key]) continue;
    throw new StudioError(
      'bad_input',
      `${store.path} has ${metadata[key]} ${what} (${key}), the checkpoint was trained on ${source.meta[key]}: evaluate it on a dataset of its own kind and canvas.`,
    );
  }
  const spec: ModelSpec = {
    arch: source.config.config.arch,
    seq_len: metadata.seq_len,
    columns: store.columns,
    vocab_size: metadata.vocab_size,
    num_puzzle_identifiers: source.table()?.rows ?? 1,
  };
  refuseMisfit(source, spec, `${source.config.from} with the data ${store.path}`);
  return spec;
}

async function identityOf({ path, meta }: ModelSource): Promise<string> {
  if (meta) {
    const { file } = await openCheckpoint(path);
    const hash = file.header.metadata.data_sha256;
    file.close();
    if (hash) return hash;
  }
  const { size, mtimeMs } = statSync(path);
  return `${resolve(path)}, ${size} bytes, ${new Date(mtimeMs).toISOString()}`;
}

/**
 * Which row of the checkpoint's embedding belongs to a puzzle of the dataset: the one of the same name, whatever its
 * number. Puzzles that the checkpoint never saw get the mean of all rows, as a new puzzle starts from.
 */
export class EmbeddingRows {
  private mean: Float32Array | null = null;

  private constructor(
    private readonly table: TableRows,
    private readonly plan: RowPlan,
    readonly notes: readonly string[],
  ) {}

  /** Null for a model without puzzle embeddings. @throws StudioError `bad_input` if it knows none of the puzzles */
  static match(source: ModelSource, store: DatasetStore, name: SplitName): EmbeddingRows | null {
    const table = source.table();
    if (!table) return null;
    const split = store.split(name);
    const { num_puzzle_identifiers: rows, blank_identifier_id: blank } = split.metadata;
    const plan = planRows({
      source: { rows: table.rows, names: source.names?.table ?? null },
      target: { rows, names: store.identifiers(), blank },
    });
    const own = new Set(split.puzzleIdentifiers);
    own.delete(blank);
    const unknown = [...own].filter((id) => plan.rows?.[id] === MEAN).length;
    if (own.size > 0 && unknown === own.size) {
      throw new StudioError(
        'bad_input',
        plan.rule === 'mean'
          ? `${store.path} has ${rows} puzzle identifiers, the checkpoint ${table.rows}, and without an identifiers.json on both sides they cannot be matched: put it beside ${source.path}.`
          : `The checkpoint has an embedding for none of the ${own.size} puzzles of ${store.path}: evaluate it on the dataset that it was trained with, or solve new tasks by test-time training.`,
      );
    }
    const notes: string[] = [];
    if (plan.rule === 'numbers' && own.size > 0) notes.push(plan.sentence);
    if (unknown > 0) {
      notes.push(
        `The checkpoint has no embedding for ${unknown} of the ${own.size} puzzles: they are evaluated with the mean of all.`,
      );
    }
    return new EmbeddingRows(table, plan, notes);
  }

  /** The rows of a batch as an embedding of its own, in the batch's order. @param identifiers the dataset's, [B] */
  gather(identifiers: Int32Array): PuzzleEmbedding {
    const { table, plan } = this;
    const weights = new Float32Array(identifiers.length * table.width);
    for (let b = 0; b < identifiers.length; b++) {
      const row = plan.rows ? plan.rows[identifiers[b]] : identifiers[b];
      weights.set(row === MEAN ? (this.mean ??= meanRow(table)) : table.read(row, 1), b * table.width);
    }
    return new PuzzleEmbedding(identifiers.length, table.width, weights);
  }
}
