/** Exponential moving average of the trained weights, always float32: in bfloat16 it would stand still. */
import * as tf from '@tensorflow/tfjs-core';

/** (1 − rate) · weight + rate · average, the reference's order of operations. */
export const emaUpdate = (average: tf.Tensor, weight: tf.Tensor, rate: number): tf.Tensor =>
  tf.add(tf.mul(weight, 1 - rate), tf.mul(average, rate));
