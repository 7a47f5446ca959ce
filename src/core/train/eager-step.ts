/** A training step op by op, with its state in tfjs tensors and the puzzle embeddings on the host. */
import * as tf from '@tensorflow/tfjs-core';
import type { Tensor2D, Tensor3D } from '@tensorflow/tfjs-core';
import type { Weights } from '../model/architecture';
import { scoped } from '../model/autodiff';
import { trainingStep, type Program, type StepFeeds, type TrainState } from './program';
import { ROW_COLUMNS } from '../act/forward';
import type { PuzzleEmbedding } from './sign-sgd';
import {
  STATE_GROUPS,
  type StateGroup,
  type StateValues,
  type StepExecutor,
  type StepInput,
  type StepOutput,
} from './step';

export class EagerExecutor implements StepExecutor {
  readonly execution = 'eager';

  /** @param current becomes the executor's */
  constructor(
    private readonly program: Program,
    private current: TrainState,
    readonly puzzles: PuzzleEmbedding | null,
  ) {}

  run(input: StepInput): StepOutput {
    const before = this.current;
    const puzzleRows = this.puzzles?.gather(input.identifiers) ?? null;
    const result = scoped(() => {
      const step = trainingStep(this.program, before, feed(this.program, input, puzzleRows));
      return keepState(step);
    });
    // The sync point of the step: halting needs q_halt on the host, the embedding table its gradient.
    const rows = result.rows.dataSync() as Float32Array;
    if (this.puzzles && result.puzzleGradient) {
      this.puzzles.update(input.identifiers, result.puzzleGradient.dataSync() as Float32Array, input.sparse);
    }
    tf.dispose([result.rows, ...(result.puzzleGradient ? [result.puzzleGradient] : [])]);
    this.current = result.state;
    disposeReplaced(before, result.state);
    if (rows.length !== input.reset.length * ROW_COLUMNS.length)
      throw new Error('a step returned rows of another size');
    return { rows };
  }

  /** The state as it stands between two steps; the tensors stay the executor's. */
  state(): TrainState {
    return this.current;
  }

  evaluated(which: 'ema' | 'raw'): Weights {
    const { weights, ema } = this.current;
    return which === 'ema' ? { ...weights, ...ema } : weights;
  }

  async read<G extends StateGroup>(groups: readonly G[]): Promise<Pick<StateValues, G>> {
    const read: Partial<StateValues> = {};
    for (const group of groups) {
      const values = new Map<string, Float32Array>();
      for (const [name, tensor] of Object.entries(this.current[group])) {
        values.set(name, (await tensor.data()) as Float32Array);
      }
      read[group] = values;
    }
    return read as Pick<StateValues, G>;
  }

  write(values: Partial<StateValues>): void {
    for (const group of STATE_GROUPS) {
      const tensors: Record<string, tf.Tensor> = this.current[group];
      for (const [name, data] of values[group] ?? []) {
        const old = tensors[name];
        tensors[name] = tf.tensor(data, old.shape, 'float32');
        old.dispose();
      }
    }
  }

  dispose(): void {
    for (const tensor of tensorsOf(this.current)) tensor.dispose();
  }
}

/** Uploads a step's input; the tensors die with the step's tidy. */
function feed({ spec }: Program, input: StepInput, puzzleRows: Float32Array | null): StepFeeds {
  const B = input.reset.length;
  const shape: [number, number] = [B, spec.seq_len];
  const [lr, decay, correction1, correction2] = input.adam.map((n) => tf.scalar(n));
  return {
    tokens: tf.tensor2d(input.tokens, shape, 'int32'),
    labels: tf.tensor2d(input.labels, shape, 'int32'),
    reset: tf.tensor3d(input.reset, [B, 1, 1], 'bool') as Tensor3D,
    last: tf.tensor1d(input.last, 'bool'),
    puzzleRows: puzzleRows ? (tf.tensor2d(puzzleRows, [B, spec.arch.puzzle_emb_ndim]) as Tensor2D) : null,
    lr,
    decay,
    correction1,
    correction2,
  };
}

function tensorsOf(state: TrainState): Set<tf.Tensor> {
  return new Set(STATE_GROUPS.flatMap((group) => Object.values(state[group]) as tf.Tensor[]));
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
