/**
 * The building blocks. Hidden states are kept flat, [B·T, D], through a whole block: every dense layer is then one 2-D
 * matrix product. Where autodiff would record many small kernels the derivative is written out; test/core holds each of
 * them against finite differences.
 *
 * Shapes: B batch, T tokens (prefix included), D hidden size, h heads, d = floor(D / h), N = B·T.
 */
import * as tf from '@tensorflow/tfjs-core';
import type { Tensor2D, Tensor3D, Tensor4D } from '@tensorflow/tfjs-core';
import { headSize, mixesBySwiglu } from '../../shared/architectures';
import type { Constants, ModelSpec } from './architecture';
import { totalLength } from './architecture';
import { withGradient } from './autodiff';

/** x [N, in] · weightᵀ, with the weight stored [out, in] as in PyTorch → [N, out]. */
export const linear = (x: Tensor2D, weight: tf.Tensor): Tensor2D => tf.matMul(x, weight as Tensor2D, false, true);

/**
 * x / sqrt(mean(x²) + epsilon) over the last axis; no gain.
 * With r = 1 / sqrt(…) and y = x·r: dx = r · (dy − y · mean(dy · y)).
 */
export function rmsNorm(x: Tensor2D, epsilon: number): Tensor2D {
  const norm = withGradient<[Tensor2D], Tensor2D>(
    (x) => {
      const r = tf.rsqrt(tf.add(tf.mean(tf.square(x), -1, true), epsilon));
      const y = tf.mul(x, r) as Tensor2D;
      return { value: y, saved: [y, r] };
    },
    (dy, [y, r]) => [tf.mul(r, tf.sub(dy, tf.mul(y, tf.mean(tf.mul(dy, y), -1, true))))],
  );
  return norm(x);
}

/**
 * silu(gate) · up, each [N, I].
 * With σ = sigmoid(gate), s = gate·σ: dgate = dy · up · (σ + s·(1 − σ)), dup = dy · s.
 */
const gatedSilu = withGradient<[Tensor2D, Tensor2D], Tensor2D>(
  (gate, up) => {
    const sigma = tf.sigmoid(gate);
    const s = tf.mul(gate, sigma) as Tensor2D;
    return { value: tf.mul(s, up), saved: [up, sigma, s] };
  },
  (dy, [up, sigma, s]) => {
    const slope = tf.add(sigma, tf.sub(s, tf.mul(s, sigma)));
    return [tf.mul(tf.mul(dy, up), slope), tf.mul(dy, s)];
  },
);

/** down(silu(gate) · up), [gate | up] = gate_up(x); x [N, in] → [N, in]. */
export function swiglu(x: Tensor2D, gateUp: tf.Tensor, down: tf.Tensor): Tensor2D {
  // The weight is split, not the product: it is the smaller of the two whenever N > in.
  const [gate, up] = tf.split(gateUp, 2, 0);
  return linear(gatedSilu(linear(x, gate), linear(x, up)), down);
}

/**
 * Rotary positions: x · cos + turned(x) · sin with turned([x1 | x2]) = [−x2 | x1]; x [B, heads, T, d], tables [T, d].
 * `turned` is a product with a constant [d, d]: one kernel in place of split, negation and concatenation.
 * A rotation's transpose is the rotation back, and both halves share their angles: dx = dy · cos − turned(dy) · sin.
 */
export function rope(x: Tensor4D, { cos, sin, turn }: NonNullable<Constants['rope']>): Tensor4D {
  const turned = (y: Tensor4D) => tf.reshape(tf.matMul(tf.reshape(y, [-1, turn.shape[0]]) as Tensor2D, turn), y.shape);
  const rotate = withGradient<[Tensor4D], Tensor4D>(
    (x) => ({ value: tf.add(tf.mul(x, cos), tf.mul(turned(x), sin)), saved: [] }),
    (dy) => [tf.sub(tf.mul(dy, cos), tf.mul(turned(dy), sin))],
  );
  return rotate(x);
}

/**
 * Multi-head attention over all T tokens of each sequence, not causal, scale 1/√d.
 * @param x [B·T, D]
 * @param qkv [3·h·d, D], laid out [q heads | k heads | v heads]
 * @param out [D, h·d]
 * @param seen is shown where each token looks, [B, heads, T, T]; valid during the call only
 * @returns [B·T, D]
 */
export function attention(
  x: Tensor2D,
  qkv: tf.Tensor,
  out: tf.Tensor,
  spec: ModelSpec,
  constants: Constants,
  seen?: (weights: Tensor4D) => void,
): Tensor2D {
  const { num_heads: heads } = spec.arch;
  const T = totalLength(spec);
  const d = headSize(spec.arch);
  const B = x.shape[0] / T;
  const projected = tf.transpose(tf.reshape(linear(x, qkv), [B, T, 3 * heads, d]) as Tensor4D, [0, 2, 1, 3]);
  let q: Tensor4D, k: Tensor4D, v: Tensor4D;
  if (constants.rope) {
    // q and k turn by the same angles: one rotation for both.
    const [qk, values] = tf.split(projected, [2 * heads, heads], 1);
    [q, k] = tf.split(rope(qk as Tensor4D, constants.rope), 2, 1) as Tensor4D[];
    v = values as Tensor4D;
  } else {
    [q, k, v] = tf.split(projected, 3, 1);
  }
  // Scaling q costs T·d products, scaling the scores T·T.
  const scores = tf.softmax(tf.matMul(tf.mul(q, 1 / Math.sqrt(d)) as Tensor4D, k, false, true));
  seen?.(scores as Tensor4D);
  const mixed = tf.transpose(tf.matMul(scores as Tensor4D, v), [0, 2, 1, 3]);
  return linear(tf.reshape(mixed, [B * T, heads * d]) as Tensor2D, out);
}

/** [B·T, D] → [B·D, T] with T on the last axis, for the MLP over the sequence; and back with T and D swapped. */
export function swapSequence(x: Tensor2D, from: number, to: number): Tensor2D {
  const B = x.shape[0] / from;
  return tf.reshape(tf.transpose(tf.reshape(x, [B, from, to]), [0, 2, 1]), [B * to, from]) as Tensor2D;
}

/** Rotary tables [T, d] for positions 0 … T − 1, or nothing if the architecture uses none. */
export function makeConstants(spec: ModelSpec): Constants {
  const { pos_encodings, rope_theta } = spec.arch;
  if (pos_encodings !== 'rope' || mixesBySwiglu(spec.arch)) return {};
  const T = totalLength(spec);
  const d = headSize(spec.arch);
  const cos = new Float32Array(T * d);
  const sin = new Float32Array(T * d);
  for (let t = 0; t < T; t++) {
    for (let j = 0; j < d; j++) {
      // float32 at each stage, as PyTorch computes its tables.
      const frequency = Math.fround(1 / Math.fround(Math.pow(rope_theta, (2 * (j % (d / 2))) / d)));
      const angle = Math.fround(t * frequency);
      cos[t * d + j] = Math.cos(angle);
      sin[t * d + j] = Math.sin(angle);
    }
  }
  const turn = new Float32Array(d * d);
  for (let j = 0; j < d; j++) turn[((j + d / 2) % d) * d + j] = j < d / 2 ? -1 : 1;
  return { rope: { cos: tf.tensor2d(cos, [T, d]), sin: tf.tensor2d(sin, [T, d]), turn: tf.tensor2d(turn, [d, d]) } };
}

/** [B, T, D] → [B·T, D] */
export const flatten = (x: Tensor3D): Tensor2D => tf.reshape(x, [x.shape[0] * x.shape[1], x.shape[2]]) as Tensor2D;

/** [B·T, D] → [B, T, D] */
export const unflatten = (x: Tensor2D, shape: Tensor3D['shape']): Tensor3D => tf.reshape(x, shape) as Tensor3D;
