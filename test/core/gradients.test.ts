/** The derivatives that are written by hand, against differences of the function itself. */
import * as tf from '@tensorflow/tfjs-core';
import { beforeAll, describe, expect, it } from 'vitest';
import { loadBackend } from '../../src/core/backend/load';
import type { ModelSpec } from '../../src/core/model/architecture';
import { attention, makeConstants, rmsNorm, rope, swiglu } from '../../src/core/model/layers';
import { bceWithLogits, makeTargets, stablemaxCrossEntropy } from '../../src/core/train/loss';
import { Random } from '../../src/core/train/random';
import { tinyConfig } from './fixture';

beforeAll(async () => {
  await loadBackend();
});

const random = new Random(7, 'gradients');
const noise = (shape: number[], scale = 1): tf.Tensor =>
  tf.tensor(
    Float32Array.from({ length: shape.reduce((a, b) => a * b, 1) }, () => (random.uniform() * 2 - 1) * scale),
    shape,
  );

/**
 * Largest error of autodiff's gradient of Σ f(x)·w, w fixed noise, against central differences, relative to the largest
 * gradient. In float32 a step of 1e-2 leaves an error of about 1e-3.
 */
function gradientError(f: (x: tf.Tensor) => tf.Tensor, shape: number[], scale = 1): number {
  return tf.tidy(() => {
    const x = noise(shape, scale);
    const w = noise(f(x).shape);
    const value = (at: tf.Tensor) => tf.sum(tf.mul(f(at), w)) as tf.Scalar;
    const analytic = tf.grad(value)(x).dataSync();
    const values = x.dataSync();
    let worst = 0;
    let largest = 0;
    const h = 1e-2;
    for (let i = 0; i < values.length; i++) {
      const shifted = (by: number) => {
        const copy = values.slice();
        copy[i] += by;
        return tf.tidy(() => value(tf.tensor(copy, shape)).dataSync()[0]);
      };
      const numeric = (shifted(h) - shifted(-h)) / (2 * h);
      worst = Math.max(worst, Math.abs(numeric - analytic[i]));
      largest = Math.max(largest, Math.abs(analytic[i]));
    }
    return worst / largest;
  });
}

describe('derivatives against differences', () => {
  it('rmsNorm', () => expect(gradientError((x) => rmsNorm(x as tf.Tensor2D), [3, 8])).toBeLessThan(5e-3));

  it('swiglu', () => {
    const up = noise([12, 4], 0.5);
    const down = noise([4, 6], 0.5);
    expect(gradientError((x) => swiglu(x as tf.Tensor2D, up, down), [5, 4])).toBeLessThan(5e-3);
  });

  it('rope', () => {
    const tables = makeConstants(spec()).rope;
    if (!tables) throw new Error('no tables');
    expect(gradientError((x) => rope(x as tf.Tensor4D, tables), [1, 2, 17, 16])).toBeLessThan(5e-3);
  });

  it('attention, through q, k and v', () => {
    const qkv = noise([96, 32], 0.3);
    const out = noise([32, 32], 0.3);
    const model = spec();
    const constants = makeConstants(model);
    expect(gradientError((x) => attention(x as tf.Tensor2D, qkv, out, model, constants), [17, 32])).toBeLessThan(2e-2);
  });

  it('stablemax cross-entropy on both sides of 0, with cells that have no label', () => {
    const targets = makeTargets(tf.tensor2d([1, 4, -100, 0, -100, 2], [2, 3], 'int32'), 5);
    const loss = (x: tf.Tensor) => stablemaxCrossEntropy(x as tf.Tensor3D, targets.oneHot, targets.weight);
    expect(gradientError(loss, [2, 3, 5], 4)).toBeLessThan(5e-3);
  });

  it('binary cross-entropy', () => {
    const target = tf.tensor1d([0, 1, 1, 0]);
    expect(gradientError((x) => bceWithLogits(x as tf.Tensor1D, target), [4], 3)).toBeLessThan(5e-3);
  });
});

it('stablemax cross-entropy has its definition’s values', () => {
  const logits = [2, -1, 0];
  // s = 3, 1/2, 1: p of the first = 3 / 4.5
  const targets = makeTargets(tf.tensor2d([0, -100], [1, 2], 'int32'), 3);
  const loss = stablemaxCrossEntropy(tf.tensor3d([[logits, [50, -50, 0]]]), targets.oneHot, targets.weight);
  expect(loss.dataSync()[0]).toBeCloseTo(Math.log(4.5 / 3), 6);
});

function spec(): ModelSpec {
  return { arch: tinyConfig().arch, seq_len: 16, vocab_size: 12, num_puzzle_identifiers: 3 };
}
