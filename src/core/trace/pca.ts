/**
 * Principal components of a few points in many dimensions, or many points in few: the smaller of XXᵀ and XᵀX is made by
 * TensorFlow, and its leading eigenvectors are found here.
 */
import * as tf from '@tensorflow/tfjs-core';
import type { Tensor2D } from '@tensorflow/tfjs-core';
import { scoped } from '../model/autodiff';

export interface Projection {
  /** [N, 2] row by row: the points on the two axes of largest variance, around their mean. */
  points: Float32Array;
  /** Share of the variance on each axis; 0 where the points do not differ. */
  explained: [number, number];
}

const ITERATIONS = 2000;
/** One eigenvector more than is wanted keeps the second from settling slowly. */
const BLOCK = 4;

/**
 * Axes have a direction: the first of the fitted points lies left of the last one, and the one farthest from the first
 * axis above it.
 * @param x [N, K]
 * @param from axes are fitted to the rows from this one on; those before are projected along with them
 */
export function project(x: Tensor2D, from = 0): Projection {
  const [N, K] = x.shape;
  const fitted = N - from;
  const wide = fitted <= K;
  const { products, centred } = scoped(() => {
    const own = tf.slice(x, [from, 0], [fitted, K]);
    const centred = tf.sub(x, tf.mean(own, 0, true)) as Tensor2D;
    const part = tf.slice(centred, [from, 0], [fitted, K]) as Tensor2D;
    return { centred, products: wide ? tf.matMul(centred, part, false, true) : tf.matMul(part, part, true, false) };
  });
  // Row i of `products` holds point i's products with the fitted ones; the square part of it is XXᵀ.
  const all = Float64Array.from(products.dataSync());
  const M = Math.min(fitted, K);
  const symmetric = wide ? all.subarray(from * M) : all;
  let trace = 0;
  for (let i = 0; i < M; i++) trace += symmetric[i * M + i];
  const vectors = leadingVectors(symmetric, M, 2);
  const points = new Float32Array(2 * N);
  vectors.forEach(({ vector, value }, axis) => {
    const along = wide ? alongCombination(all, vector, value) : alongDirection(centred, vector);
    for (let i = 0; i < N; i++) points[2 * i + axis] = along[i];
  });
  tf.dispose([products, centred]);
  orient(points, from);
  const share = (i: number): number => (trace > 0 ? Math.min(1, Math.max(0, (vectors[i]?.value ?? 0) / trace)) : 0);
  return { points, explained: [share(0), share(1)] };
}

/** The axis is Xᵀu / √λ, so that a point's place on it is its products with the fitted points, times u / √λ. */
function alongCombination(products: Float64Array, u: Float64Array, value: number): Float64Array {
  const M = u.length;
  const along = new Float64Array(products.length / M);
  if (!(value > 0)) return along;
  for (let i = 0; i < along.length; i++) along[i] = dot(products.subarray(i * M, (i + 1) * M), u) / Math.sqrt(value);
  return along;
}

function alongDirection(x: Tensor2D, direction: Float64Array): Float64Array {
  const product = scoped(() => tf.matMul(x, tf.tensor2d(Float32Array.from(direction), [direction.length, 1])));
  const along = Float64Array.from(product.dataSync());
  product.dispose();
  return along;
}

/** Largest eigenvalues of a symmetric positive [M, M] matrix by orthogonal iteration; at most M of them. */
export function leadingVectors(
  matrix: Float64Array,
  M: number,
  wanted: number,
): { value: number; vector: Float64Array }[] {
  const block = Math.min(M, Math.max(BLOCK, wanted));
  // Any start that is not orthogonal to the answer will do; the same one every time gives the same picture.
  let seed = 1;
  const random = (): number => (seed = (seed * 16807) % 2147483647) / 2147483647 - 0.5;
  const vectors: Float64Array[] = Array.from({ length: block }, () => Float64Array.from({ length: M }, random));
  orthonormalise(vectors);
  for (let n = 0; n < ITERATIONS; n++) {
    const next = vectors.map((v) => multiply(matrix, M, v));
    orthonormalise(next);
    let moved = 0;
    for (let i = 0; i < Math.min(wanted, block); i++) {
      // A vector that became zero belongs to no variance, and stays so.
      if (dot(next[i], next[i]) > 0) moved = Math.max(moved, 1 - Math.abs(dot(next[i], vectors[i])));
    }
    next.forEach((v, i) => (vectors[i] = v));
    if (moved < 1e-12) break;
  }
  return vectors.slice(0, wanted).map((vector) => ({ vector, value: dot(vector, multiply(matrix, M, vector)) }));
}

function multiply(matrix: Float64Array, M: number, v: Float64Array): Float64Array {
  const out = new Float64Array(M);
  for (let i = 0; i < M; i++) {
    let sum = 0;
    for (let j = 0, at = i * M; j < M; j++) sum += matrix[at + j] * v[j];
    out[i] = sum;
  }
  return out;
}

function dot(a: Float64Array, b: Float64Array): number {
  let sum = 0;
  for (let i = 0; i < a.length; i++) sum += a[i] * b[i];
  return sum;
}

/** Gram and Schmidt, in place; a vector that the others span becomes zero. */
function orthonormalise(vectors: Float64Array[]): void {
  vectors.forEach((v, i) => {
    const before = Math.sqrt(dot(v, v));
    for (let k = 0; k < i; k++) {
      const share = dot(v, vectors[k]);
      for (let j = 0; j < v.length; j++) v[j] -= share * vectors[k][j];
    }
    const length = Math.sqrt(dot(v, v));
    const scale = length > 1e-12 * Math.max(before, 1e-300) && length > 1e-300 ? 1 / length : 0;
    for (let j = 0; j < v.length; j++) v[j] *= scale;
  });
}

function orient(points: Float32Array, from: number): void {
  const N = points.length / 2;
  if (N <= from) return;
  const flip = (axis: 0 | 1): void => {
    for (let i = 0; i < N; i++) points[2 * i + axis] = -points[2 * i + axis];
  };
  if (points[2 * (N - 1)] < points[2 * from]) flip(0);
  let far = from;
  for (let i = from; i < N; i++) if (Math.abs(points[2 * i + 1]) > Math.abs(points[2 * far + 1])) far = i;
  if (points[2 * far + 1] < 0) flip(1);
}
