/**
 * The building blocks. Hidden states are kept flat, [B·T, D], through a whole block: every dense layer is then one 2-D
 * matrix product. Where autodiff would record many small kernels the derivative is written out; test/core holds each of
 * them against finite differences.
 *
 * Shapes: B batch, T tokens (prefix included), D hidden size, h heads, d = floor(D / h), N = B·T.
 */
import * as tf from '@tensorflow/tfjs-core';
import type { Tensor2D, Tensor3D, Tensor4D } from '@tensorflow/tfjs-core';
import { headSize } from '../../shared/architectures';
import { attentionBudget, type AttentionBudget } from '../backend/device';
import { computedAfter } from '../backend/ordering';
import { lowPrecision } from '../backend/precision';
import type { Constants, ModelSpec } from './architecture';
import { totalLength } from './architecture';
import { withGradient } from './autodiff';
import { rotaryAngles } from './positions';

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

/** `linear` inside a block: in bfloat16 where the graph is recorded so, its derivative too. */
function blockLinear(x: Tensor2D, weight: tf.Tensor): Tensor2D {
  const product = withGradient<[Tensor2D, Tensor2D], Tensor2D>(
    (x, w) => ({ value: lowPrecision(() => tf.matMul(x, w, false, true)), saved: [x, w] }),
    (dy, [x, w]) => lowPrecision(() => [tf.matMul(dy, w as Tensor2D), tf.matMul(dy, x as Tensor2D, true, false)]),
  );
  return product(x, weight as Tensor2D);
}

/** Bytes of one tensor from which on the backward pass computes it anew instead of keeping it. */
const KEEP_BYTES = 2 ** 22;

/**
 * down(silu(gate) · up), [gate | up] = gate_up(x); x [N, in] → [N, in].
 * With σ = sigmoid(gate), s = gate·σ, h = s·up and dh = dy · down: dgate = dh · up · (σ + s·(1 − σ)), dup = dh · s. Of the
 * [N, I] tensors only gate and up are kept where they are large.
 */
export function swiglu(x: Tensor2D, gateUp: tf.Tensor, down: tf.Tensor): Tensor2D {
  const inside = (gate: tf.Tensor, up: tf.Tensor) => {
    const sigma = tf.sigmoid(gate);
    const s = tf.mul(gate, sigma);
    return { sigma, s, h: tf.mul(s, up) };
  };
  const run = withGradient<[Tensor2D, Tensor2D, Tensor2D], Tensor2D>(
    (x, gateUp, down) =>
      lowPrecision(() => {
        // The weight is split, not the product: it is the smaller of the two whenever N > in.
        const [wGate, wUp] = tf.split(gateUp, 2, 0);
        const gate = tf.matMul(x, wGate, false, true);
        const up = tf.matMul(x, wUp, false, true);
        const value = tf.matMul(inside(gate, up).h as Tensor2D, down, false, true) as Tensor2D;
        return { value, saved: [x, wGate, wUp, down, gate, up] };
      }),
    (dy, [x, wGate, wUp, down, gate, up]) =>
      lowPrecision(() => {
        const again = gate.size * 4 > KEEP_BYTES ? computedAfter(gate, dy) : gate;
        const { sigma, s, h } = inside(again, up);
        const dh = tf.matMul(dy, down as Tensor2D);
        const slope = tf.add(sigma, tf.sub(s, tf.mul(s, sigma)));
        const dGate = tf.mul(tf.mul(dh, up), slope) as Tensor2D;
        const dUp = tf.mul(dh, s) as Tensor2D;
        const dx = tf.add(tf.matMul(dGate, wGate as Tensor2D), tf.matMul(dUp, wUp as Tensor2D));
        const dWeight = tf.concat([dGate, dUp].map((d) => tf.matMul(d, x as Tensor2D, true, false)) as Tensor2D[], 0);
        return [dx, dWeight, tf.matMul(dy, h as Tensor2D, true, false)];
      }),
  );
  return run(x, gateUp as Tensor2D, down as Tensor2D);
}

/**
 * Rotary positions: x · cos + turned(x) · sin with turned([x1 | x2]) = [−x2 | x1]; x [B, heads, T, d], tables [T, d].
 * `turned` is a product with a constant [d, d]: one kernel in place of split, negation and concatenation.
 * A rotation's transpose is the rotation back, and both halves share their angles: dx = dy · cos − turned(dy) · sin.
 */
export function rope(x: Tensor4D, { cos, sin, turn }: NonNullable<Constants['rope']>): Tensor4D {
  const turned = (y: Tensor4D) => tf.reshape(tf.matMul(tf.reshape(y, [-1, turn.shape[0]]) as Tensor2D, turn), y.shape);
  const rotate = withGradient<[Tensor4D], Tensor4D>(
    (x) => ({ value: lowPrecision(() => tf.add(tf.mul(x, cos), tf.mul(turned(x), sin))), saved: [] }),
    (dy) => [lowPrecision(() => tf.sub(tf.mul(dy, cos), tf.mul(turned(dy), sin)))],
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
  const projected = tf.transpose(tf.reshape(blockLinear(x, qkv), [B, T, 3 * heads, d]) as Tensor4D, [0, 2, 1, 3]);
  let q: Tensor4D, k: Tensor4D, v: Tensor4D;
  if (constants.rope) {
    // q and k turn by the same angles: one rotation for both.
    const [qk, values] = tf.split(projected, [2 * heads, heads], 1);
    [q, k] = tf.split(rope(qk as Tensor4D, constants.rope), 2, 1) as Tensor4D[];
    v = values as Tensor4D;
  } else {
    [q, k, v] = tf.split(projected, 3, 1);
  }
  seen?.(tf.reshape(weightsOf(flat3(q), flat3(k)), [B, heads, T, T]) as Tensor4D);
  const looked = tf.reshape(attend(flat3(q), flat3(k), flat3(v)), [B, heads, T, d]) as Tensor4D;
  return blockLinear(tf.reshape(tf.transpose(looked, [0, 2, 1, 3]), [B * T, heads * d]) as Tensor2D, out);
}

const flat3 = (x: Tensor4D): Tensor3D => tf.reshape(x, [-1, x.shape[2], x.shape[3]]) as Tensor3D;

/**
 * softmax(q · kᵀ / √d); q and k [n, T, d] → [n, T, T]. Scaling q costs T·d products, scaling the scores T·T. TensorFlow's
 * softmax of bfloat16 computes in float32 inside: what it rounds is what goes into a product in bfloat16 anyway.
 */
function weightsOf(q: Tensor3D, k: Tensor3D): Tensor3D {
  return lowPrecision(() => {
    const scores = tf.matMul(tf.mul(q, 1 / Math.sqrt(q.shape[2])) as Tensor3D, k, false, true);
    return tf.softmax(scores) as Tensor3D;
  });
}

/**
 * Attention of each of n = B·heads, [n, T, d] → [n, T, d]. Where all [T, T] weights together are over the budget, some heads
 * at a time are computed, one part after another: the weights are never all in memory. Where they are too large to keep they
 * are computed once more in the backward pass.
 * @param budget at least one head is computed at once
 * With P the weights and o the outcome: dv = Pᵀ·dy, dS = P · (dy·vᵀ − Σ dy·o), dq = dS·k / √d, dk = dSᵀ·q / √d.
 */
export function attend(q: Tensor3D, k: Tensor3D, v: Tensor3D, budget: AttentionBudget = attentionBudget()): Tensor3D {
  const [n, T, d] = q.shape;
  const scale = 1 / Math.sqrt(d);
  const each = Math.max(1, Math.floor(budget.part / (T * T * 4)));
  const keep = n * T * T * 4 <= budget.keep;
  const parts = Array.from({ length: Math.ceil(n / each) }, (_, i) => ({
    at: i * each,
    size: Math.min(each, n - i * each),
  }));
  const part = (x: tf.Tensor, { at, size }: { at: number; size: number }): Tensor3D =>
    size === n ? (x as Tensor3D) : (tf.slice(x, [at, 0, 0], [size, T, d]) as Tensor3D);
  const join = (xs: Tensor3D[]): Tensor3D => (xs.length === 1 ? xs[0] : tf.concat(xs, 0));
  const run = withGradient<[Tensor3D, Tensor3D, Tensor3D], Tensor3D>(
    (q, k, v) => {
      const weights: Tensor3D[] = [];
      const out: Tensor3D[] = [];
      for (const p of parts) {
        const first = out.length ? computedAfter(part(q, p), out[out.length - 1]) : part(q, p);
        const P = weightsOf(first, part(k, p));
        if (keep) weights.push(P);
        out.push(lowPrecision(() => tf.matMul(P, part(v, p))));
      }
      const value = join(out);
      return { value, saved: [q, k, v, value, ...weights] };
    },
    (dy, [q, k, v, value, ...weights]) => {
      const [dq, dk, dv]: Tensor3D[][] = [[], [], []];
      parts.forEach((p, i) => {
        const [qp, kp, vp, dyp] = [q, k, v, dy].map((x) => part(x, p));
        const P = keep ? (weights[i] as Tensor3D) : weightsOf(computedAfter(qp, dq[dq.length - 1] ?? dyp), kp);
        const drift = tf.sum(tf.mul(dyp, part(value, p)), -1, true);
        const dS = tf.mul(
          P,
          tf.sub(
            lowPrecision(() => tf.matMul(dyp, vp, false, true)),
            drift,
          ),
        ) as Tensor3D;
        lowPrecision(() => {
          dv.push(tf.matMul(P, dyp, true, false));
          dk.push(tf.matMul(dS, tf.mul(qp, scale) as Tensor3D, true, false));
          dq.push(tf.mul(tf.matMul(dS, kp), scale) as Tensor3D);
        });
      });
      return [join(dq), join(dk), join(dv)];
    },
  );
  return run(q, k, v);
}

/** [B·T, D] → [B·D, T] with T on the last axis, for the MLP over the sequence; and back with T and D swapped. */
export function swapSequence(x: Tensor2D, from: number, to: number): Tensor2D {
  const B = x.shape[0] / from;
  return tf.reshape(tf.transpose(tf.reshape(x, [B, from, to]), [0, 2, 1]), [B * to, from]) as Tensor2D;
}

/** Rotary tables [T, d], see positions.ts, or nothing if the architecture uses none. */
export function makeConstants(spec: ModelSpec): Constants {
  const angles = rotaryAngles(spec);
  if (!angles) return {};
  const T = totalLength(spec);
  const d = headSize(spec.arch);
  // Both halves of a head share their angles.
  const at = (i: number): number => angles[Math.floor(i / d) * (d / 2) + (i % (d / 2))];
  const cos = Float32Array.from({ length: T * d }, (_, i) => Math.cos(at(i)));
  const sin = Float32Array.from({ length: T * d }, (_, i) => Math.sin(at(i)));
  const turn = new Float32Array(d * d);
  for (let j = 0; j < d; j++) turn[((j + d / 2) % d) * d + j] = j < d / 2 ? -1 : 1;
  return { rope: { cos: tf.tensor2d(cos, [T, d]), sin: tf.tensor2d(sin, [T, d]), turn: tf.tensor2d(turn, [d, d]) } };
}

/** [B, T, D] → [B·T, D] */
export const flatten = (x: Tensor3D): Tensor2D => tf.reshape(x, [x.shape[0] * x.shape[1], x.shape[2]]) as Tensor2D;

/** [B·T, D] → [B, T, D] */
export const unflatten = (x: Tensor2D, shape: Tensor3D['shape']): Tensor3D => tf.reshape(x, shape) as Tensor3D;
