/**
 * One training step as a pure function of tensors: state and feeds in, new state and fetches out. Everything that changes
 * from step to step is a feed, nothing is read back inside, and no number of this step is baked in: run as it stands it is
 * the eager step, and recorded once it is a graph.
 *
 * Shapes: B batch rows, S cells, T = P + S tokens, D hidden size.
 */
import * as tf from '@tensorflow/tfjs-core';
import type { Scalar, Tensor1D, Tensor2D, Tensor3D } from '@tensorflow/tfjs-core';
import type { TrainConfig } from '../../shared/config';
import type { Architecture, Constants, Latents, ModelSpec, Network, Weights } from '../model/architecture';
import { constant, freeTape, scoped } from '../model/autodiff';
import { decode, embed, type Decoded } from '../model/heads';
import { adamAtan2, type AdamScalars } from './adam-atan2';
import { emaUpdate } from './ema';
import { forward, resetLatents } from '../act/forward';
import { bceWithLogits, continueTarget, makeTargets, rowLosses, type RowLosses } from '../act/loss';

/** What a step is made of and does not change during a run. */
export interface Program {
  architecture: Architecture;
  spec: ModelSpec;
  constants: Constants;
  /** Names of the parameters that learn: none if the network is frozen. */
  trained: readonly string[];
  config: Pick<TrainConfig, 'global_batch_size' | 'beta1' | 'beta2' | 'ema' | 'ema_rate'>;
}

/** What lives on the device from step to step. */
export interface TrainState {
  weights: Weights;
  /** AdamATan2's moments by parameter name. */
  m: Weights;
  v: Weights;
  /** By parameter name; empty without EMA. */
  ema: Weights;
  latents: Latents;
}

/** What goes into the gradients of some rows. */
export interface PartFeeds {
  /** int32 [B, S] */
  tokens: Tensor2D;
  /** int32 [B, S], −100 without label */
  labels: Tensor2D;
  /** bool [B, 1, 1]: rows that start anew */
  reset: Tensor3D;
  /** bool [B]: rows for which this is the last step they may take */
  last: Tensor1D;
  /** [B, puzzle_emb_ndim]; null without puzzle embeddings */
  puzzleRows: Tensor2D | null;
}

export interface GradientResult {
  /** By parameter name, divided by the global batch size. */
  gradients: Weights;
  /** Of `puzzleRows`, [B, puzzle_emb_ndim]; null without puzzle embeddings. */
  puzzleGradient: Tensor2D | null;
  decoded: Decoded;
  losses: TrainingLosses;
  latents: Latents;
}

export interface TrainingLosses extends RowLosses {
  /** [B]: the continue head's loss; 0 where the architecture does not teach it. */
  proceed: Tensor1D;
}

/**
 * Loss = (Σ lm + ½ (Σ halt + Σ continue)) / global batch size, and its gradients. To be called inside a tidy; what it returns is kept
 * and must be disposed of or handed on by the caller.
 */
export function lossAndGradients(
  program: Program,
  state: Pick<TrainState, 'weights' | 'latents'>,
  feeds: PartFeeds,
): GradientResult {
  const { architecture, spec, constants, trained, config } = program;
  const { weights } = state;
  const net: Network = { spec, weights, constants };
  const started = resetLatents(program, weights, state.latents, feeds.reset);
  const warm = scoped(() => architecture.warmUp(net, embed(net, feeds.tokens, feeds.puzzleRows), started));
  const targets = makeTargets(feeds.labels, spec.vocab_size);
  // With a single ACT step there is nothing to go on to, and the reference teaches no q_continue either.
  const learnsContinue = architecture.halting(spec.arch).learnsContinue && spec.arch.halt_max_steps > 1;

  let outcome: Omit<GradientResult, 'gradients' | 'puzzleGradient'> | undefined;
  const loss = (...variables: tf.Tensor[]): Scalar => {
    const learning = Object.fromEntries(trained.map((name, i) => [name, variables[i]]));
    const live: Network = { ...net, weights: { ...weights, ...learning } };
    const puzzleRows = feeds.puzzleRows ? (variables[trained.length] as Tensor2D) : null;
    const latents = architecture.refine(live, embed(live, feeds.tokens, puzzleRows), warm);
    const decoded = decode(live, latents[architecture.output]);
    const proceed = learnsContinue
      ? bceWithLogits(
          decoded.q_continue_logits,
          // The weights as they are before this step's update; nothing of it is differentiated.
          constant(() =>
            continueTarget(forward(architecture, net, latents, feeds.tokens, feeds.puzzleRows), feeds.last),
          ),
        )
      : constant(() => tf.zerosLike(decoded.q_continue_logits));
    const losses = { ...rowLosses(decoded, targets, spec.arch.loss.loss_type), proceed };
    outcome = keepAll({ decoded, losses, latents });
    const halting = learnsContinue ? tf.add(tf.sum(losses.halt), tf.sum(proceed)) : tf.sum(losses.halt);
    const total = tf.add(tf.sum(losses.lm), tf.mul(halting, 0.5));
    return tf.div(total, config.global_batch_size) as Scalar;
  };
  const variables = trained.map((name) => weights[name]);
  if (feeds.puzzleRows) variables.push(feeds.puzzleRows);
  const { grads } = gradientsOf(loss, variables, () => tf.dispose(outcome as tf.TensorContainer));
  if (!outcome) throw new Error('the loss was not evaluated');
  return {
    gradients: Object.fromEntries(trained.map((name, i) => [name, grads[i]])),
    puzzleGradient: feeds.puzzleRows ? (grads[trained.length] as Tensor2D) : null,
    ...outcome,
  };
}

/** `tf.valueAndGrads`. @param undo called if it throws, when what the tape kept is freed, which tfjs leaves */
function gradientsOf(loss: () => Scalar, variables: tf.Tensor[], undo: () => void) {
  try {
    return tf.valueAndGrads(loss)(variables);
  } catch (error) {
    undo();
    freeTape();
    throw error;
  }
}

/** Takes tensors made inside the differentiated function out of its scope. */
function keepAll<T extends Record<string, object>>(groups: T): T {
  for (const group of Object.values(groups)) for (const tensor of Object.values(group)) tf.keep(tensor as tf.Tensor);
  return groups;
}

/** What the batch, or a part of its rows, comes to; gradients of parts add up to those of the batch. */
export interface PartResult extends Pick<GradientResult, 'gradients' | 'puzzleGradient' | 'latents'> {
  /** [rows, 6], see ROW_COLUMNS: all that halting and metrics need, in one read-back. */
  rows: Tensor2D;
}

/** Forward and backward for the rows of `feeds` and their latents. */
export function partStep(
  program: Program,
  state: Pick<TrainState, 'weights' | 'latents'>,
  feeds: PartFeeds,
): PartResult {
  const { decoded, losses, ...result } = lossAndGradients(program, state, feeds);
  const { q_halt_logits, q_continue_logits } = decoded;
  const rows = tf.stack([losses.lm, losses.halt, losses.correct, q_halt_logits, q_continue_logits, losses.proceed], 1);
  tf.dispose([losses as unknown as tf.TensorContainerObject, decoded as unknown as tf.TensorContainerObject]);
  return { ...result, rows: rows as Tensor2D };
}

/** What a step's one update changes. */
export type DenseState = Omit<TrainState, 'latents'>;

/** The optimizer and the average. Weights that do not learn are handed on as they are. @param gradients of the whole batch */
export function updated(program: Program, state: DenseState, gradients: Weights, scalars: AdamScalars): DenseState {
  const { trained, config } = program;
  const next: DenseState = { weights: { ...state.weights }, m: {}, v: {}, ema: {} };
  for (const name of trained) {
    const moments = { m: state.m[name], v: state.v[name] };
    const { p, m, v } = adamAtan2(state.weights[name], gradients[name], moments, scalars, [config.beta1, config.beta2]);
    next.weights[name] = p;
    next.m[name] = m;
    next.v[name] = v;
  }
  for (const name of Object.keys(state.ema)) {
    const average = state.ema[name];
    next.ema[name] =
      next.weights[name] === state.weights[name] ? average : emaUpdate(average, next.weights[name], config.ema_rate);
  }
  return next;
}
