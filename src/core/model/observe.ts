/**
 * Watching the recursion from inside: each latent as it is written, and where the attention of each block looks. Playback
 * is made with it. A network without an observer runs the same operations as if this file did not exist.
 */
import type { Tensor2D, Tensor4D } from '@tensorflow/tfjs-core';

/** Which part of the recursion writes: L refines inside a cycle, H ends the cycle. */
export type Level = 'H' | 'L';

/** Tensors are the architecture's own and may die after the call: keep what is made of them, not themselves. */
export interface Observer {
  /** A latent has been written. @param z [B·T, D] */
  update(level: Level, latent: string, z: Tensor2D): void;
  /** Told before the update that it belongs to, block by block. @param weights [B, heads, T, T], rows sum to 1 */
  attention?(layer: number, weights: Tensor4D): void;
}

/** Tells the observer, if there is one, and hands the latent on. */
export function observed(net: { observer?: Observer }, level: Level, latent: string, z: Tensor2D): Tensor2D {
  net.observer?.update(level, latent, z);
  return z;
}
