/**
 * What every architecture is made of, as the trainer, the evaluator and the checkpoints see it. A new architecture is one
 * file that fills in `Architecture` and one line in registry.ts.
 *
 * Shapes: B batch rows, S sequence length, P prefix tokens, T = P + S, D hidden size, V vocabulary.
 */
import type { Tensor, Tensor2D, Tensor3D } from '@tensorflow/tfjs-core';
import { prefixTokens, type ArchName } from '../../shared/architectures';
import type { ArchConfig } from '../../shared/config';
import type { Observer } from './observe';

/** The config's arch section with what only the dataset knows. */
export interface ModelSpec {
  arch: ArchConfig;
  /** S */
  seq_len: number;
  /** Columns of the canvas; absent, it is a square. Only positions in two dimensions ask. */
  columns?: number;
  /** V */
  vocab_size: number;
  /** Rows of the puzzle embedding; row 0 is the blank puzzle. */
  num_puzzle_identifiers: number;
}

export type Initializer = { kind: 'truncated_normal'; std: number } | { kind: 'constant'; value: number };

export interface ParameterSpec {
  /** The reference's state-dict name behind `model.inner.`, e.g. `L_level.layers.0.mlp.down_proj.weight`. */
  name: string;
  shape: readonly number[];
  init: Initializer;
  /** False for persistent buffers (H_init, L_init): saved, never updated, not averaged. */
  trained: boolean;
}

export type Weights = Record<string, Tensor>;

/** The recurrent state by name, each [B, T, D]. */
export type Latents = Record<string, Tensor3D>;

/** Tables that depend on the shapes alone: made once, kept for the life of the model. */
export interface Constants {
  /** Rotary tables [T, d] and the half turn [d, d], d = D / heads; absent without rotary positions. */
  rope?: { cos: Tensor2D; sin: Tensor2D; turn: Tensor2D };
}

/** What a forward pass reads. */
export interface Network {
  spec: ModelSpec;
  weights: Weights;
  constants: Constants;
  /** Watches the recursion from inside (observe.ts); absent, it costs nothing. */
  observer?: Observer;
}

/** How a row learns when to stop. Evaluation runs all halt_max_steps whatever this says, unless `inference` is set. */
export interface Halting {
  /** False: training too runs every row for all halt_max_steps. */
  adaptive: boolean;
  /** True: halt where q_halt > q_continue; false: where q_halt > 0. */
  comparesContinue: boolean;
  /** True: q_continue learns what one more step would be worth, from one more forward without a gradient. */
  learnsContinue: boolean;
  /** True: evaluation stops a row by the same comparison. */
  inference: boolean;
}

export interface Architecture {
  /** `arch.name` in the config. */
  name: ArchName;
  /** The dense parameters, in the reference's order. The puzzle embedding is not among them: it has its own optimizer. */
  parameters(spec: ModelSpec): ParameterSpec[];
  /** The recurrent state: each latent and the parameter [D] that it is reset to. */
  latents(spec: ModelSpec): readonly { name: string; init: string }[];
  /**
   * One ACT step is `refine(warmUp(z))`. `warmUp` holds the cycles without a gradient, `refine` those with one.
   * @param x the input embedding [B, T, D]
   */
  warmUp(net: Network, x: Tensor3D, z: Latents): Latents;
  refine(net: Network, x: Tensor3D, z: Latents): Latents;
  /** The latent that logits and halting are read from. */
  output: string;
  halting(arch: ArchConfig): Halting;
}

/** P, see `prefixTokens`. */
export const prefixLength = ({ arch }: ModelSpec): number => prefixTokens(arch);

/** T = P + S. */
export const totalLength = (spec: ModelSpec): number => prefixLength(spec) + spec.seq_len;

/** Trainable numbers, without the puzzle embedding and the buffers. */
export function countParameters(architecture: Architecture, spec: ModelSpec): number {
  return architecture
    .parameters(spec)
    .filter((p) => p.trained)
    .reduce((sum, p) => sum + p.shape.reduce((a, b) => a * b, 1), 0);
}
