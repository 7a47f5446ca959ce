/**
 * The network over one ACT step, without a gradient. Training, evaluation and traces all run this.
 *
 * Shapes: B batch rows, S cells, T = P + S tokens, D hidden size.
 */
import * as tf from '@tensorflow/tfjs-core';
import type { Tensor2D, Tensor3D } from '@tensorflow/tfjs-core';
import type { Architecture, Latents, ModelSpec, Network, Weights } from '../model/architecture';
import { decode, embed, type Decoded } from '../model/heads';

/** Columns of a row of results: of a training step, or of an ACT step of an evaluation. */
export const ROW_COLUMNS = ['lm_loss', 'q_halt_loss', 'correct', 'q_halt', 'q_continue', 'q_continue_loss'] as const;

export interface ForwardResult extends Decoded {
  latents: Latents;
}

/** Rows that start anew get the architecture's first vectors, the others keep their state. */
export function resetLatents(
  program: { architecture: Architecture; spec: ModelSpec },
  weights: Weights,
  latents: Latents,
  reset: Tensor3D,
): Latents {
  const entries = program.architecture.latents(program.spec).map(({ name, init }) => {
    const z = latents[name];
    const D = z.shape[2];
    return [name, tf.where(reset, tf.reshape(weights[init], [1, 1, D]), z) as Tensor3D];
  });
  return Object.fromEntries(entries) as Latents;
}

/** One ACT step without a gradient. */
export function forward(
  architecture: Architecture,
  net: Network,
  latents: Latents,
  tokens: Tensor2D,
  puzzleRows: Tensor2D | null,
): ForwardResult {
  const x = embed(net, tokens, puzzleRows);
  const refined = architecture.refine(net, x, architecture.warmUp(net, x, latents));
  return { latents: refined, ...decode(net, refined[architecture.output]) };
}
