/** A batch through every ACT step without learning: what evaluation, pinned examples and traces are made from. */
import * as tf from '@tensorflow/tfjs-core';
import type { Tensor2D, Tensor3D } from '@tensorflow/tfjs-core';
import type { Batch } from '../data/batch';
import type { Architecture, Latents, Network } from '../model/architecture';
import { totalLength } from '../model/architecture';
import { scoped } from '../model/autodiff';
import { confidenceOf, makeTargets, rowLosses } from '../train/loss';
import { forward, resetLatents, ROW_COLUMNS } from '../train/program';
import type { PuzzleEmbedding } from '../train/sign-sgd';

export interface Evaluated {
  architecture: Architecture;
  net: Network;
}

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
  { architecture, net }: Evaluated,
  puzzles: PuzzleEmbedding | null,
  batch: Batch,
  actSteps: number,
  detail: {
    logits?: boolean;
    confidence?: boolean;
    lastOnly?: boolean;
    /** Asked after each step that is read back, counted from 1: true ends the batch. */
    enough?: (step: ActStep, number: number) => boolean;
  } = {},
): ActStep[] {
  const { spec } = net;
  const B = batch.size;
  const tokens = tf.tensor2d(batch.inputs, [B, spec.seq_len], 'int32');
  const labels = tf.tensor2d(batch.labels, [B, spec.seq_len], 'int32');
  const puzzleRows: Tensor2D | null = puzzles
    ? tf.tensor2d(puzzles.gather(batch.puzzle_identifiers), [B, puzzles.width])
    : null;
  let latents = scoped(() => firstLatents(architecture, net, B));
  const steps: ActStep[] = [];
  try {
    for (let t = 1; t <= actSteps; t++) {
      const { next, read } = scoped(() => {
        const out = forward(architecture, net, latents, tokens, puzzleRows);
        if (detail.lastOnly && t < actSteps) return { next: out.latents, read: null };
        const losses = rowLosses(out, makeTargets(labels, spec.vocab_size), spec.arch.loss.loss_type);
        const { q_halt_logits, q_continue_logits } = out;
        // Nothing learns here, so that q_continue has no target and no loss.
        const none = tf.zerosLike(q_halt_logits);
        const columns = [losses.lm, losses.halt, losses.correct, q_halt_logits, q_continue_logits, none];
        const read: { [name: string]: tf.Tensor } = {
          tokens: tf.argMax(out.logits, -1),
          rows: tf.stack(columns, 1),
        };
        if (detail.logits) read.logits = out.logits;
        if (detail.confidence) {
          read.confidence = confidenceOf(out.logits, spec.arch.loss.loss_type);
          const moved = tf.sub(out.latents[architecture.output], latents[architecture.output]);
          read.change = tf.sqrt(tf.mean(tf.square(moved), [1, 2]));
        }
        return { next: out.latents, read };
      });
      tf.dispose(latents);
      latents = next;
      if (!read) continue;
      const step = readStep(read, B);
      steps.push(step);
      if (detail.enough?.(step, t)) break;
    }
  } finally {
    tf.dispose([latents, tokens, labels, ...(puzzleRows ? [puzzleRows] : [])]);
  }
  return steps;
}

/** Every row as it starts. */
export function firstLatents(architecture: Architecture, net: Network, B: number): Latents {
  const z: [number, number, number] = [B, totalLength(net.spec), net.spec.arch.hidden_size];
  const blank = Object.fromEntries(architecture.latents(net.spec).map(({ name }) => [name, tf.zeros(z) as Tensor3D]));
  return resetLatents({ architecture, spec: net.spec }, net.weights, blank, tf.ones([B, 1, 1], 'bool'));
}

/** Sync point: reads an ACT step back and frees it. */
function readStep(read: { [name: string]: tf.Tensor }, B: number): ActStep {
  const floats = (name: string) => (name in read ? (read[name].dataSync() as Float32Array) : undefined);
  const rows = floats('rows') as Float32Array;
  const q = ROW_COLUMNS.indexOf('q_halt');
  const step: ActStep = {
    tokens: read.tokens.dataSync() as Int32Array,
    rows,
    q_halt: Float32Array.from({ length: B }, (_, b) => rows[b * ROW_COLUMNS.length + q]),
    confidence: floats('confidence'),
    logits: floats('logits'),
    change: floats('change'),
  };
  tf.dispose(Object.values(read));
  return step;
}
