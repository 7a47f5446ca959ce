/** How fast this device multiplies and moves numbers, and how long a step takes by that. */
import * as tf from '@tensorflow/tfjs-core';
import { currentDevice } from '../backend/device';
import { record } from '../backend/record/record';
import type { Work } from '../backend/record/cost';
import { matmulPeak } from './measure';

export interface Speed {
  /** FLOP/s of large matrix products in the step's precision. */
  flops: number;
  /** Bytes/s that elementwise kernels read and write. */
  bytes: number;
}

const PASSES = 8;
const REPEATS = 5;

/** Read and written per second by kernels that do nothing else, on tensors too large for a CPU's caches. */
export function memoryBandwidth(): number {
  const elements = currentDevice().kind === 'gpu' ? 2 ** 28 : 2 ** 24;
  const passes = record(
    (_inputs, state) => {
      let x = state.x;
      for (let i = 0; i < PASSES; i++) x = tf.add(tf.neg(x), state.y);
      return { outputs: { corner: tf.slice(x, [0], [1]) } };
    },
    {},
    {
      variables: {
        x: { dtype: 'float32', shape: [elements], values: null },
        y: { dtype: 'float32', shape: [elements], values: null },
      },
    },
  );
  const times = Array.from({ length: REPEATS }, () => {
    const begin = performance.now();
    passes.run({});
    return (performance.now() - begin) / 1000;
  });
  passes.dispose();
  // Negation reads and writes one tensor, addition reads two and writes one.
  return (PASSES * 5 * 4 * elements) / Math.min(...times.slice(1));
}

export const measureSpeed = (bfloat16: boolean): Speed => ({
  flops: matmulPeak(bfloat16),
  bytes: memoryBandwidth(),
});

/**
 * Seconds of a step: products at the peak, and all that its kernels read and write at the bandwidth. Kernels that find their
 * inputs in a cache are faster than that, and small products slower.
 */
export const stepSeconds = ({ flops, bytes }: Work, speed: Speed): number => flops / speed.flops + bytes / speed.bytes;
