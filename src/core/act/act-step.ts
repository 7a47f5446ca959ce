/** One ACT step without learning as a function of tensors: the same code runs eagerly and as a recorded graph. */
import * as tf from '@tensorflow/tfjs-core';
import type { Tensor2D, Tensor3D } from '@tensorflow/tfjs-core';
import type { Architecture, Latents, Network } from '../model/architecture';
import { confidenceOf, makeTargets, rowLosses } from './loss';
import { forward } from './forward';

export interface Evaluated {
  architecture: Architecture;
  net: Network;
  /** As a recorded graph by default, where the backend can. */
  execution?: 'eager' | 'recorded';
}

/** Where a batch's puzzle embeddings come from. */
export interface EmbeddingSource {
  readonly width: number;
  /** @param ids [B] @returns [B, width] */
  gather(ids: Int32Array): Float32Array;
}

/** What can be read back of an ACT step. */
export type ActOutput = 'tokens' | 'rows' | 'logits' | 'confidence' | 'change';

/** A batch on its way through ACT steps. */
export interface Stepper {
  /** One more step. @param noise [B, T, D] is added to the output latent first @returns what was asked for */
  step(read: readonly ActOutput[], noise?: Float32Array | null): ActValues;
  dispose(): void;
}

export type ActValues = Partial<Record<ActOutput, Float32Array | Int32Array | Uint8Array>>;

export interface ActFeeds {
  tokens: Tensor2D;
  labels: Tensor2D;
  puzzleRows: Tensor2D | null;
  /** [B, T, D]: added to the output latent before the step. */
  noise?: Tensor3D | null;
}

/** What a step can be asked for, as tensors; computed only for those in `read`. */
export function actOutputs(
  { architecture, net }: Evaluated,
  latents: Latents,
  feeds: ActFeeds,
  read: readonly ActOutput[],
): { latents: Latents; outputs: Partial<Record<ActOutput, tf.Tensor>> } {
  const { output } = architecture;
  const before = feeds.noise ? { ...latents, [output]: tf.add(latents[output], feeds.noise) as Tensor3D } : latents;
  const out = forward(architecture, net, before, feeds.tokens, feeds.puzzleRows);
  const outputs: Partial<Record<ActOutput, tf.Tensor>> = {};
  const wants = (name: ActOutput) => read.includes(name);
  if (wants('tokens')) outputs.tokens = tf.argMax(out.logits, -1);
  if (wants('rows')) {
    const { loss } = net.spec.arch;
    const losses = rowLosses(out, makeTargets(feeds.labels, net.spec.vocab_size), loss.loss_type);
    // Nothing learns here, so that q_continue has no target and no loss.
    const none = tf.zerosLike(out.q_halt_logits);
    const columns = [losses.lm, losses.halt, losses.correct, out.q_halt_logits, out.q_continue_logits, none];
    outputs.rows = tf.stack(columns, 1);
  }
  if (wants('logits')) outputs.logits = out.logits;
  if (wants('confidence')) outputs.confidence = confidenceOf(out.logits, net.spec.arch.loss.loss_type);
  if (wants('change')) {
    const moved = tf.sub(out.latents[output], before[output]);
    outputs.change = tf.sqrt(tf.mean(tf.square(moved), [1, 2]));
  }
  return { latents: out.latents, outputs };
}
