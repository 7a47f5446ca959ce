/** Logits as what playback shows of them: the chosen token, how sure it is, and how undecided the model is. */
import * as tf from '@tensorflow/tfjs-core';
import type { Tensor2D, Tensor3D } from '@tensorflow/tfjs-core';
import type { Network } from '../model/architecture';
import { tokenProbabilities } from '../act/loss';

/** [S] each. */
export interface Grids {
  tokens: Uint8Array;
  confidence: Float32Array;
  /** Nats. */
  entropy: Float32Array;
}

/**
 * One tensor for tokens, confidence and entropy, so that a step costs one read-back.
 * @param logits [B, S, V]
 * @returns `packed` [3, B · S], `probabilities` [B, S, V]
 */
export function readGrids(logits: Tensor3D, { spec }: Network): { packed: Tensor2D; probabilities: Tensor3D } {
  const p = tokenProbabilities(logits, spec.arch.loss.loss_type);
  // softmax may round a probability to 0, and 0 · ln 0 is 0 here.
  const entropy = tf.neg(tf.sum(tf.mul(p, tf.log(tf.maximum(p, 1e-30))), -1));
  const packed = tf.stack([tf.cast(tf.argMax(logits, -1), 'float32'), tf.max(p, -1), entropy]);
  return { packed: tf.reshape(packed, [3, -1]) as Tensor2D, probabilities: p };
}
