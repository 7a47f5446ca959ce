/** One example through a checkpoint's model, ACT step by ACT step, written as a trace (shared/trace.ts). */
import * as tf from '@tensorflow/tfjs-core';
import type { TraceMeta } from '../../shared/trace';
import type { ExampleRef } from '../../shared/dataset';
import { StudioError } from '../../shared/errors';
import { writeSafetensors, type WrittenFile } from '../checkpoint/atomic';
import { EMBEDDING, openCheckpoint, readWeights, specOf, type OpenCheckpoint } from '../checkpoint/studio';
import type { NamedTensor } from '../checkpoint/safetensors';
import { IGNORE_LABEL, type Batch } from '../data/batch';
import { DatasetStore } from '../data/store';
import { makeConstants } from '../model/layers';
import { architectureOf } from '../model/registry';
import { PuzzleEmbedding } from '../train/sign-sgd';
import { wantsToHalt } from './answer';
import { evaluateBatch, type ActStep } from './batch';

export interface TraceRequest {
  checkpoint: string;
  data_path: string;
  example: ExampleRef;
  weights: 'ema' | 'raw';
  /** null takes the config's halt_max_steps. */
  act_steps: number | null;
  run: string;
  run_name: string;
  out: string;
}

/** @throws StudioError if checkpoint and dataset do not fit; file system errors */
export async function writeTrace(request: TraceRequest): Promise<{ file: WrittenFile; meta: TraceMeta }> {
  const store = DatasetStore.open(request.data_path);
  const open = await openCheckpoint(request.checkpoint);
  const owned: tf.Tensor[] = [];
  try {
    const { meta: saved, file } = open;
    const { example } = request;
    const { input, label } = store.read(example);
    const split = store.split(example.split);
    const fits = input.length === saved.seq_len && split.metadata.vocab_size === saved.vocab_size;
    if (!fits) {
      const [theirs, ours] = [split.metadata, saved].map((m) => `${m.seq_len} cells of ${m.vocab_size} tokens`);
      throw new StudioError(
        'bad_input',
        `${request.data_path} has ${theirs}, the checkpoint was trained on ${ours}: choose a dataset of the run.`,
      );
    }
    const batch = singleBatch(input, label, split.metadata.ignore_label_id);

    const width = saved.config.arch.puzzle_emb_ndim;
    const embedding = width
      ? new PuzzleEmbedding(1, width, await file.row(EMBEDDING, await embeddingRow(open, store, example)))
      : null;
    const weights = await readWeights(open, request.weights, (values, shape) => {
      const tensor = tf.tensor(values, [...shape], 'float32');
      owned.push(tensor);
      return tensor;
    });
    const spec = specOf(saved);
    const constants = makeConstants(spec);
    if (constants.rope) owned.push(...Object.values(constants.rope));
    const architecture = architectureOf(saved.config.arch.name);
    const actSteps = request.act_steps ?? saved.config.arch.halt_max_steps;
    const model = { architecture, net: { spec, weights, constants } };
    const steps = evaluateBatch(model, embedding, batch, actSteps, { confidence: true });

    const labelled = batch.labels.some((l) => l !== IGNORE_LABEL);
    const last = steps[steps.length - 1].tokens;
    const halts = steps.findIndex((step) => wantsToHalt(model, step)[0]);
    const meta: TraceMeta = {
      schema: 1,
      kind: store.kind,
      rows: store.rows,
      columns: store.columns,
      act_steps: actSteps,
      puzzle: store.puzzleName(example),
      split: example.split,
      index: example.index,
      run: request.run,
      run_name: request.run_name,
      checkpoint_step: saved.step,
      weights: request.weights,
      halts_at: halts < 0 ? null : halts + 1,
      solved: labelled ? batch.labels.every((l, s) => l === IGNORE_LABEL || l === last[s]) : null,
    };
    const target = labelled ? label : null;
    const tensors = traceTensors(input, target, steps);
    return { file: await writeSafetensors(request.out, tensors, { trace: JSON.stringify(meta) }), meta };
  } finally {
    tf.dispose(owned);
    await open.file.close();
    store.close();
  }
}

/**
 * The embedding row of an example's puzzle. Rows belong to names: a run on several datasets numbers them anew.
 * @throws StudioError `not_found` if the run never saw the puzzle
 */
async function embeddingRow({ meta, file }: OpenCheckpoint, store: DatasetStore, example: ExampleRef): Promise<number> {
  const split = store.split(example.split);
  const own = split.puzzleIdentifiers[split.puzzleOf(example.index)];
  const table = store.identifiers();
  const bytes = file.has('identifiers') ? (await file.read('identifiers')).data : new Uint8Array(0);
  if (own === split.metadata.blank_identifier_id || !table || bytes.length === 0) {
    if (own < meta.num_puzzle_identifiers) return own;
  } else {
    const names = JSON.parse(Buffer.from(bytes as Uint8Array).toString('utf8')) as string[];
    const name = table.name(own);
    const row = names[own] === name ? own : names.indexOf(name);
    if (row >= 0) return row;
  }
  const puzzle = store.puzzleName(example);
  throw new StudioError(
    'not_found',
    `The run has no embedding for ${puzzle} of ${store.path}: choose a puzzle that it was trained on, or train with that dataset.`,
  );
}

/** The batch's identifier is 0: the embedding handed on has only this puzzle's row. */
function singleBatch(input: Uint8Array, label: Uint8Array, ignore: number | null): Batch {
  return {
    size: 1,
    filled: 1,
    inputs: Int32Array.from(input),
    labels: Int32Array.from(label, (l) => (l === ignore ? IGNORE_LABEL : l)),
    puzzle_identifiers: new Int32Array(1),
  };
}

/** The file's tensors as shared/trace.ts describes them. */
function traceTensors(input: Uint8Array, target: Uint8Array | null, steps: ActStep[]): Map<string, NamedTensor> {
  const [T, S] = [steps.length, input.length];
  const tokens = new Uint8Array(T * S);
  const confidence = new Float32Array(T * S);
  steps.forEach((step, t) => {
    tokens.set(step.tokens, t * S);
    confidence.set(step.confidence as Float32Array, t * S);
  });
  const scalars = (of: (step: ActStep) => Float32Array) => Float32Array.from(steps, (step) => of(step)[0]);
  return new Map<string, NamedTensor>([
    ['confidence', { shape: [T, S], data: confidence }],
    ['q_halt', { shape: [T], data: scalars((step) => step.q_halt) }],
    ['z_H_change', { shape: [T], data: scalars((step) => step.change as Float32Array) }],
    ['input', { shape: [S], data: input }],
    ...(target ? ([['target', { shape: [S], data: target }]] as [string, NamedTensor][]) : []),
    ['tokens', { shape: [T, S], data: tokens }],
  ]);
}
