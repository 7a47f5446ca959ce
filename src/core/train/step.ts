/**
 * One training step behind an interface, so that the same program can run eagerly or as a recorded graph. An executor owns
 * the state on the device; batches and per-step numbers go in, per-row numbers come out.
 */
import * as tf from '@tensorflow/tfjs-core';
import type { Tensor2D, Tensor3D } from '@tensorflow/tfjs-core';
import { scoped } from '../model/autodiff';
import { ROW_COLUMNS, trainingStep, type Program, type StepFeeds, type TrainState } from './program';

/** What changes from step to step. B rows, S cells. */
export interface StepInput {
  /** [B, S] */
  tokens: Int32Array;
  /** [B, S], −100 without label */
  labels: Int32Array;
  /** [B], 1 where the row starts anew */
  reset: Uint8Array;
  /** [B], 1 where this step is the row's last: its number is halt_max_steps */
  last: Uint8Array;
  /** [B, puzzle_emb_ndim], or null without puzzle embeddings */
  puzzleRows: Float32Array | null;
  /** As `adamNumbers` gives them. */
  adam: readonly number[];
}

export interface StepOutput {
  /** [B, ROW_COLUMNS.length] */
  rows: Float32Array;
  /** [B, puzzle_emb_ndim], or null */
  puzzleGradient: Float32Array | null;
}

export interface StepExecutor {
  /** @throws whatever the backend throws; the state is then as before the step. */
  run(input: StepInput): StepOutput;
  /** The state as it stands between two steps; the tensors stay the executor's. */
  state(): TrainState;
  /** Replaces weights by name, and the average with them. */
  loadWeights(values: ReadonlyMap<string, Float32Array>): void;
  dispose(): void;
}

const FLOATS_PER_ROW = ROW_COLUMNS.length;

/** Runs the program op by op. */
export class EagerExecutor implements StepExecutor {
  constructor(
    private readonly program: Program,
    private current: TrainState,
  ) {}

  run(input: StepInput): StepOutput {
    const before = this.current;
    const result = scoped(() => {
      const step = trainingStep(this.program, before, feed(this.program, input));
      return keepState(step);
    });
    // The sync point of the step: halting needs q_halt on the host, the embedding table its gradient.
    const rows = result.rows.dataSync() as Float32Array;
    const puzzleGradient = result.puzzleGradient ? (result.puzzleGradient.dataSync() as Float32Array) : null;
    tf.dispose([result.rows, ...(result.puzzleGradient ? [result.puzzleGradient] : [])]);
    this.current = result.state;
    disposeReplaced(before, result.state);
    if (rows.length !== input.reset.length * FLOATS_PER_ROW) throw new Error('a step returned rows of another size');
    return { rows, puzzleGradient };
  }

  state(): TrainState {
    return this.current;
  }

  loadWeights(values: ReadonlyMap<string, Float32Array>): void {
    for (const group of [this.current.weights, this.current.ema]) {
      for (const name of Object.keys(group)) {
        const data = values.get(name);
        if (!data) continue;
        const old = group[name];
        group[name] = tf.tensor(data, old.shape, 'float32');
        old.dispose();
      }
    }
  }

  dispose(): void {
    for (const tensor of tensorsOf(this.current)) tensor.dispose();
  }
}

/** Uploads a step's input; the tensors die with the step's tidy. */
function feed({ spec }: Program, input: StepInput): StepFeeds {
  const B = input.reset.length;
  const shape: [number, number] = [B, spec.seq_len];
  const [lr, decay, correction1, correction2] = input.adam.map((n) => tf.scalar(n));
  return {
    tokens: tf.tensor2d(input.tokens, shape, 'int32'),
    labels: tf.tensor2d(input.labels, shape, 'int32'),
    reset: tf.tensor3d(input.reset, [B, 1, 1], 'bool') as Tensor3D,
    last: tf.tensor1d(input.last, 'bool'),
    puzzleRows: input.puzzleRows ? (tf.tensor2d(input.puzzleRows, [B, spec.arch.puzzle_emb_ndim]) as Tensor2D) : null,
    lr,
    decay,
    correction1,
    correction2,
  };
}

export function tensorsOf(state: TrainState): Set<tf.Tensor> {
  const groups = [state.weights, state.m, state.v, state.ema, state.latents];
  return new Set(groups.flatMap((group) => Object.values(group) as tf.Tensor[]));
}

/** Marks what outlives the step's tidy. */
function keepState<T extends { state: TrainState; rows: tf.Tensor; puzzleGradient: tf.Tensor | null }>(step: T): T {
  for (const tensor of tensorsOf(step.state)) tf.keep(tensor);
  tf.keep(step.rows);
  if (step.puzzleGradient) tf.keep(step.puzzleGradient);
  return step;
}

/** Frees what the new state does not share with the old one. */
function disposeReplaced(before: TrainState, after: TrainState): void {
  const live = tensorsOf(after);
  for (const tensor of tensorsOf(before)) if (!live.has(tensor)) tensor.dispose();
}
