/** The order in which a recorded graph computes things that do not depend on each other; eager execution has its own. */
import type * as tf from '@tensorflow/tfjs-core';

type Hook = (x: tf.Tensor, done: tf.Tensor) => tf.Tensor;

let hook: Hook | null = null;

/** Set while a function is traced. @returns what was set before */
export function setOrderingHook(next: Hook | null): Hook | null {
  const before = hook;
  hook = next;
  return before;
}

/**
 * `x`, but in a recorded graph not before `done` has been computed. What is computed from the result is another node than the
 * same computed from `x`: so a backward pass can compute something anew instead of keeping it, and parts of a large
 * computation come one after another instead of all at once in memory.
 */
export const computedAfter = <T extends tf.Tensor>(x: T, done: tf.Tensor): T => (hook ? (hook(x, done) as T) : x);
