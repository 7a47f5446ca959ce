/** The derivatives that are written by hand, against differences of the function itself. */
import * as tf from '@tensorflow/tfjs-core';
import { beforeAll, describe, expect, it } from 'vitest';
import { loadBackend } from '../../src/core/backend/load';
import type { ModelSpec } from '../../src/core/model/architecture';
import { attend, attention, makeConstants, rmsNorm, rope, swiglu } from '../../src/core/model/layers';
import {
  bceWithLogits,
  continueTarget,
  makeTargets,
  softmaxCrossEntropy,
  stablemaxCrossEntropy,
  type CrossEntropy,
} from '../../src/core/act/loss';
import { Random } from '../../src/core/lib/random';
import type { ArchConfig } from '../../src/shared/config';
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
  // Three heads of five tokens: all at once, two and one, one after another; weights kept and computed again.
  it.each([
    { part: 1e6, keep: 1e6 },
    { part: 1e6, keep: 0 },
    { part: 200, keep: 0 },
    { part: 200, keep: 1e6 },
    { part: 100, keep: 0 },
  ])('attention with $part bytes of weights at once and $keep kept', (budget) => {
    const all = [0, 1, 2].map(() => noise([3, 5, 4], 2) as tf.Tensor3D);
    const at = (i: number, x: tf.Tensor) => all.map((t, j) => (i === j ? (x as tf.Tensor3D) : t));
    for (const i of [0, 1, 2]) {
      const f = (x: tf.Tensor) => attend(...(at(i, x) as [tf.Tensor3D, tf.Tensor3D, tf.Tensor3D]), budget);
      expect(gradientError(f, [3, 5, 4], 2), `argument ${i}`).toBeLessThan(1e-2);
    }
    const [whole, parts] = [{ part: 1e6, keep: 1e6 }, budget].map((b) => attend(all[0], all[1], all[2], b).dataSync());
    parts.forEach((value, i) => expect(value).toBeCloseTo(whole[i], 6));
  });

  it('rmsNorm', () => expect(gradientError((x) => rmsNorm(x as tf.Tensor2D, 1e-5), [3, 8])).toBeLessThan(5e-3));

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

  it('rope2d, on a canvas that is no square', () => {
    const model = { ...spec({ pos_encodings: 'rope2d' }), columns: 8 };
    const tables = makeConstants(model).rope;
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

  it.each([
    ['stablemax', stablemaxCrossEntropy, 4],
    ['softmax', softmaxCrossEntropy, 2],
  ] as const)('%s cross-entropy on both sides of 0, with cells that have no label', (_, crossEntropy, scale) => {
    const targets = makeTargets(tf.tensor2d([1, 4, -100, 0, -100, 2], [2, 3], 'int32'), 5);
    const loss = (x: tf.Tensor) => crossEntropy(x as tf.Tensor3D, targets.oneHot, targets.weight);
    expect(gradientError(loss, [2, 3, 5], scale)).toBeLessThan(5e-3);
  });

  it('binary cross-entropy, for targets that are shares too', () => {
    const target = tf.tensor1d([0, 1, 0.3, 0.9]);
    expect(gradientError((x) => bceWithLogits(x as tf.Tensor1D, target), [4], 3)).toBeLessThan(5e-3);
  });

  it('attention whose heads do not divide the width', () => {
    // floor(32 / 3) = 10: three heads of ten numbers
    const model = spec({ num_heads: 3 });
    const constants = makeConstants(model);
    const [qkv, out] = [noise([90, 32], 0.3), noise([32, 30], 0.3)];
    expect(gradientError((x) => attention(x as tf.Tensor2D, qkv, out, model, constants), [17, 32])).toBeLessThan(2e-2);
  });
});

describe('cross-entropy has its definition’s values', () => {
  const values = (crossEntropy: CrossEntropy, logits: number[], label: number) => {
    const targets = makeTargets(tf.tensor2d([label, -100], [1, 2], 'int32'), 3);
    const x = tf.tensor3d([[logits, [50, -50, 0]]]);
    const loss = (at: tf.Tensor) => tf.sum(crossEntropy(at as tf.Tensor3D, targets.oneHot, targets.weight));
    return {
      loss: crossEntropy(x, targets.oneHot, targets.weight).dataSync()[0],
      gradient: tf.grad(loss)(x).dataSync().slice(0, 3),
    };
  };

  it('stablemax', () => {
    // s = 3, 1/2, 1: p of the first = 3 / 4.5
    expect(values(stablemaxCrossEntropy, [2, -1, 0], 0).loss).toBeCloseTo(Math.log(4.5 / 3), 6);
  });

  it('stablemax of an answer that is nearly sure, as float64 has it', () => {
    // s = 1e6 + 1, 1e-3, 1/2: −log p = log(1 + 0.501 / (1e6 + 1)) = 5.01e-7, which float32 logarithms of sums would call 0
    const { loss, gradient } = values(stablemaxCrossEntropy, [1e6, -999, -1], 0);
    expect(loss / (0.501 / 1_000_001)).toBeCloseTo(1, 5);
    // −s'_y · rest / (s_y · Σ s) with s'_y = 1
    expect(gradient[0] / (-0.501 / (1_000_001 * 1_000_001.501))).toBeCloseTo(1, 5);
  });

  it('softmax, also where logits are far apart', () => {
    const [a, b, c] = [Math.exp(2), Math.exp(-1), Math.exp(0)];
    const { loss, gradient } = values(softmaxCrossEntropy, [2, -1, 0], 1);
    expect(loss).toBeCloseTo(Math.log((a + b + c) / b), 5);
    expect(gradient[1]).toBeCloseTo(b / (a + b + c) - 1, 6);
    expect(values(softmaxCrossEntropy, [200, -200, 0], 1).loss).toBeCloseTo(400, 3);
  });

  it('binary, where it must neither overflow nor cancel', () => {
    // log(1 + e^−20) = 2.0611536e-9; for a wrong answer 20 more
    const losses = bceWithLogits(tf.tensor1d([20, -20, -100, 0.5]), tf.tensor1d([1, 1, 0, 0.25])).dataSync();
    expect(losses[0] / 2.0611536e-9).toBeCloseTo(1, 5);
    expect(losses[1]).toBeCloseTo(20, 5);
    expect(losses[2]).toBe(0);
    expect(losses[3]).toBeCloseTo(Math.log(1 + Math.exp(0.5)) - 0.125, 6);
  });

  it('the continue head’s target: the better of both next values, q_halt alone at the last step', () => {
    const next = { q_halt_logits: tf.tensor1d([0, 0, 2]), q_continue_logits: tf.tensor1d([1, 1, -1]) };
    const target = continueTarget(next, tf.tensor1d([0, 1, 0], 'bool')).dataSync();
    [1 / (1 + Math.exp(-1)), 0.5, 1 / (1 + Math.exp(-2))].forEach((p, i) => expect(target[i]).toBeCloseTo(p, 6));
  });
});

function spec(arch: Partial<ArchConfig> = {}): ModelSpec {
  return { arch: { ...tinyConfig().arch, ...arch }, seq_len: 16, vocab_size: 12, num_puzzle_identifiers: 3 };
}
