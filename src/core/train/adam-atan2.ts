/**
 * AdamATan2 with decoupled weight decay (arXiv 2407.05872; the reference's `adam-atan2`): scale-free, no ε.
 * p *= 1 − lr·wd; m = lerp(m, g, 1−β1); v = lerp(v, g², 1−β2); p −= lr · atan2(m / (1−β1^t), sqrt(v) / sqrt(1−β2^t)).
 */
import * as tf from '@tensorflow/tfjs-core';

/** Per-step numbers, as tensors: a recorded step feeds them anew each time. */
export interface AdamScalars {
  lr: tf.Scalar;
  /** 1 − lr · weight_decay */
  decay: tf.Scalar;
  /** 1 / (1 − β1^t), t counted from 1 */
  correction1: tf.Scalar;
  /** 1 / sqrt(1 − β2^t) */
  correction2: tf.Scalar;
}

/** The four numbers of `AdamScalars` in its order. @param step counted from 1 */
export function adamNumbers(step: number, lr: number, weightDecay: number, beta1: number, beta2: number): number[] {
  return [lr, 1 - lr * weightDecay, 1 / (1 - beta1 ** step), 1 / Math.sqrt(1 - beta2 ** step)];
}

/** from + share · (to − from) */
export const lerp = (from: tf.Tensor, to: tf.Tensor, share: number): tf.Tensor =>
  tf.add(from, tf.mul(tf.sub(to, from), share));

export function adamAtan2(
  p: tf.Tensor,
  g: tf.Tensor,
  moments: { m: tf.Tensor; v: tf.Tensor },
  s: AdamScalars,
  betas: readonly [number, number],
): { p: tf.Tensor; m: tf.Tensor; v: tf.Tensor } {
  const m = lerp(moments.m, g, 1 - betas[0]);
  const v = lerp(moments.v, tf.square(g), 1 - betas[1]);
  const direction = tf.atan2(tf.mul(m, s.correction1), tf.mul(tf.sqrt(v), s.correction2));
  return { p: tf.sub(tf.mul(p, s.decay), tf.mul(direction, s.lr)), m, v };
}
