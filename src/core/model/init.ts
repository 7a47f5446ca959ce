/** First weights: the reference's JAX-style truncated normal, drawn in JavaScript so that a seed fixes them anywhere. */
import { Random } from '../lib/random';
import type { Architecture, Initializer, ModelSpec } from './architecture';

/** erf(√2): the normal's mass within ±2 standard deviations. */
const ERF_SQRT2 = 0.9544997361036416;
/** Standard deviation of a standard normal cut at ±2: sqrt(1 − 4·φ(2) / erf(√2)). */
const CUT_STD = Math.sqrt(1 - (4 * Math.exp(-2)) / Math.sqrt(2 * Math.PI) / ERF_SQRT2);

/**
 * Inverse error function for |x| ≤ 0.9966, relative error about 1e-7 (M. Giles, "Approximating the erfinv function",
 * GPU Computing Gems, central branch). A normal cut at ±2 never needs the tails.
 */
export function erfinv(x: number): number {
  const w = -Math.log((1 - x) * (1 + x)) - 2.5;
  let p = 2.81022636e-8;
  for (const c of [
    3.43273939e-7, -3.5233877e-6, -4.39150654e-6, 2.1858087e-4, -1.25372503e-3, -4.17768164e-3, 0.246640727, 1.50140941,
  ]) {
    p = c + p * w;
  }
  return p * x;
}

/** A sample with mean 0 and standard deviation `std` after the cut at ±2 of the corrected deviation. */
export function truncatedNormal(random: Random, std: number): number {
  const corrected = std / CUT_STD;
  const u = (2 * random.uniform() - 1) * ERF_SQRT2;
  return Math.max(-2, Math.min(2, Math.SQRT2 * erfinv(u))) * corrected;
}

function fill(init: Initializer, size: number, random: Random): Float32Array {
  const values = new Float32Array(size);
  if (init.kind === 'constant') return values.fill(init.value);
  for (let i = 0; i < size; i++) values[i] = truncatedNormal(random, init.std);
  return values;
}

/** Every parameter's first values by name. Each has its own stream of the seed: adding one does not move the others. */
export function initialWeights(architecture: Architecture, spec: ModelSpec, seed: number): Map<string, Float32Array> {
  return new Map(
    architecture.parameters(spec).map(({ name, shape, init }) => {
      const size = shape.reduce((a, b) => a * b, 1);
      return [name, fill(init, size, new Random(seed, `init:${name}`))];
    }),
  );
}
