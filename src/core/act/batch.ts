/** A batch through every ACT step without learning: what evaluation, pinned examples and traces are made from. */
import * as tf from '@tensorflow/tfjs-core';
import type { Tensor3D } from '@tensorflow/tfjs-core';
import type { Batch } from '../data/batch';
import type { Latents } from '../model/architecture';
import { totalLength } from '../model/architecture';
import { scoped } from '../model/autodiff';
import { resetLatents, ROW_COLUMNS } from './forward';
import {
  actOutputs,
  type ActFeeds,
  type ActOutput,
  type ActValues,
  type EmbeddingSource,
  type Evaluated,
  type Stepper,
} from './act-step';
import { evaluationGraph } from './recorded';

export type { EmbeddingSource, Evaluated } from './act-step';

/** One ACT step of a batch; B rows, S cells. */
export interface ActStep {
  /** [B, S]: the most probable token. */
  tokens: Int32Array;
  /** [B] */
  q_halt: Float32Array;
  /** [B, 6] as in training: losses and right cells. */
  rows: Float32Array;
  /** [B, S]: the loss's probability of the chosen token; asked for by `confidence`. */
  confidence?: Float32Array;
  /** [B, S, V]; asked for by `logits`. */
  logits?: Float32Array;
  /** [B]: RMS distance of the output latent to the step before; asked for by `confidence`. */
  change?: Float32Array;
}

/**
 * Runs `actSteps` ACT steps from the first vectors, as evaluation does: no row halts early.
 * @param detail what to read back besides tokens, halting and losses; only from the last step unless `every`
 */
export function evaluateBatch(
  model: Evaluated,
  puzzles: EmbeddingSource | null,
  batch: Batch,
  actSteps: number,
  detail: {
    logits?: boolean;
    confidence?: boolean;
    lastOnly?: boolean;
    /** Asked after each step that is read back, counted from 1: true ends the batch. */
    enough?: (step: ActStep, number: number) => boolean;
    /** [B, T, D], asked for before each step and added to the output latent. */
    noise?: () => Float32Array;
  } = {},
): ActStep[] {
  const wanted: ActOutput[] = ['tokens', 'rows'];
  if (detail.logits) wanted.push('logits');
  if (detail.confidence) wanted.push('confidence', 'change');
  const rows = puzzles?.gather(batch.puzzle_identifiers) ?? null;
  const stepper = evaluationGraph(model, batch.size)?.start(batch, rows) ?? new EagerStepper(model, batch, rows);
  const steps: ActStep[] = [];
  try {
    for (let t = 1; t <= actSteps; t++) {
      const read = detail.lastOnly && t < actSteps ? [] : wanted;
      const values = stepper.step(read, detail.noise?.());
      if (!read.length) continue;
      const step = actStep(values, batch.size);
      steps.push(step);
      if (detail.enough?.(step, t)) break;
    }
  } finally {
    stepper.dispose();
  }
  return steps;
}

/** Op by op. */
class EagerStepper implements Stepper {
  private readonly feeds: Omit<ActFeeds, 'noise'>;
  private latents: Latents;

  constructor(
    private readonly model: Evaluated,
    batch: Batch,
    rows: Float32Array | null,
  ) {
    const { seq_len } = model.net.spec;
    const B = batch.size;
    this.feeds = {
      tokens: tf.tensor2d(batch.inputs, [B, seq_len], 'int32'),
      labels: tf.tensor2d(batch.labels, [B, seq_len], 'int32'),
      puzzleRows: rows ? tf.tensor2d(rows, [B, rows.length / B]) : null,
    };
    this.latents = scoped(() => firstLatents(model, B));
  }

  step(read: readonly ActOutput[], noise?: Float32Array | null): ActValues {
    const { latents, outputs } = scoped(() => {
      const shape = this.latents[this.model.architecture.output].shape;
      const feeds = { ...this.feeds, noise: noise ? tf.tensor3d(noise, shape) : null };
      return actOutputs(this.model, this.latents, feeds, read);
    });
    tf.dispose(this.latents);
    this.latents = latents;
    const values = Object.entries(outputs).map(([name, tensor]) => [name, tensor.dataSync()] as const);
    tf.dispose(Object.values(outputs));
    return Object.fromEntries(values) as ActValues;
  }

  dispose(): void {
    const { tokens, labels, puzzleRows } = this.feeds;
    tf.dispose([this.latents, tokens, labels, ...(puzzleRows ? [puzzleRows] : [])]);
  }
}

/** Every row as it starts. */
export function firstLatents({ architecture, net }: Pick<Evaluated, 'architecture' | 'net'>, B: number): Latents {
  const z: [number, number, number] = [B, totalLength(net.spec), net.spec.arch.hidden_size];
  const blank = Object.fromEntries(architecture.latents(net.spec).map(({ name }) => [name, tf.zeros(z) as Tensor3D]));
  return resetLatents({ architecture, spec: net.spec }, net.weights, blank, tf.ones([B, 1, 1], 'bool'));
}

function actStep(values: ActValues, B: number): ActStep {
  const rows = values.rows as Float32Array;
  const q = ROW_COLUMNS.indexOf('q_halt');
  return {
    tokens: values.tokens as Int32Array,
    rows,
    q_halt: Float32Array.from({ length: B }, (_, b) => rows[b * ROW_COLUMNS.length + q]),
    confidence: values.confidence as Float32Array | undefined,
    logits: values.logits as Float32Array | undefined,
    change: values.change as Float32Array | undefined,
  };
}
