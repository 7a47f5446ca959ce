/** A training step op by op, with its state in tfjs tensors and the puzzle embeddings on the host. */
import * as tf from '@tensorflow/tfjs-core';
import type { Tensor2D, Tensor3D } from '@tensorflow/tfjs-core';
import type { Latents, Weights } from '../model/architecture';
import { scoped } from '../model/autodiff';
import { joined, partsOf, rowsOf, type Part } from './parts';
import { partStep, updated, type PartFeeds, type Program, type TrainState } from './program';
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

  /**
   * @param current becomes the executor's
   * @param part rows computed at once
   */
  constructor(
    private readonly program: Program,
    private current: TrainState,
    readonly puzzles: PuzzleEmbedding | null,
    private readonly part: number = program.config.global_batch_size,
  ) {}

  run(input: StepInput): StepOutput {
    const before = this.current;
    const puzzleRows = this.puzzles?.gather(input.identifiers) ?? null;
    const parts = this.runParts(input, puzzleRows);
    const after = scoped(() => {
      const gradients = summed(parts.map(({ gradients }) => gradients));
      const [lr, decay, correction1, correction2] = input.adam.map((n) => tf.scalar(n));
      const dense = updated(this.program, before, gradients, { lr, decay, correction1, correction2 });
      const names = Object.keys(before.latents);
      const latents = Object.fromEntries(
        names.map((name) => [
          name,
          parts.length === 1
            ? parts[0].latents[name]
            : tf.concat(
                parts.map((p) => p.latents[name]),
                0,
              ),
        ]),
      ) as Latents;
      const next: TrainState = { ...dense, latents };
      for (const tensor of tensorsOf(next)) tf.keep(tensor);
      return next;
    });
    if (this.puzzles && puzzleRows) {
      this.puzzles.update(input.identifiers, joined(parts.flatMap(({ pull }) => pull ?? [])), input.sparse);
    }
    for (const { gradients, latents } of parts) {
      tf.dispose(Object.values(gradients));
      for (const [name, z] of Object.entries(latents)) if (z !== after.latents[name]) z.dispose();
    }
    this.current = after;
    disposeReplaced(before, after);
    const rows = joined(parts.map((p) => p.rows));
    if (rows.length !== input.reset.length * ROW_COLUMNS.length)
      throw new Error('a step returned rows of another size');
    return { rows };
  }

  /** All parts, or none: what a part left is freed if a later one fails. */
  private runParts(input: StepInput, puzzleRows: Float32Array | null) {
    const done: ReturnType<EagerExecutor['runPart']>[] = [];
    try {
      for (const part of partsOf(input.reset.length, this.part)) done.push(this.runPart(input, part, puzzleRows));
      return done;
    } catch (error) {
      for (const { gradients, latents } of done) tf.dispose([...Object.values(gradients), ...Object.values(latents)]);
      throw error;
    }
  }

  /** Gradients and latents stay; what comes to the host is read here: the sync point of the step. */
  private runPart(input: StepInput, part: Part, puzzleRows: Float32Array | null) {
    const { weights, latents } = this.current;
    const { puzzle_emb_ndim: width } = this.program.spec.arch;
    const rows = puzzleRows?.subarray(part.at * width, (part.at + part.size) * width) ?? null;
    const whole = part.size === input.reset.length;
    const result = scoped(() => {
      const some = Object.fromEntries(
        Object.entries(latents).map(([name, z]) => [
          name,
          whole ? z : tf.slice(z, [part.at, 0, 0], [part.size, -1, -1]),
        ]),
      ) as Latents;
      const made = partStep(this.program, { weights, latents: some }, feed(this.program, rowsOf(input, part), rows));
      const kept = [...Object.values(made.gradients), ...Object.values(made.latents), made.rows, made.puzzleGradient];
      for (const tensor of kept) if (tensor) tf.keep(tensor as tf.Tensor);
      return made;
    });
    const host = {
      // Halting needs q_halt on the host, the embedding table its gradient.
      rows: result.rows.dataSync() as Float32Array,
      pull: (result.puzzleGradient?.dataSync() as Float32Array | undefined) ?? null,
    };
    tf.dispose([result.rows, ...(result.puzzleGradient ? [result.puzzleGradient] : [])]);
    return { gradients: result.gradients, latents: result.latents, ...host };
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
function feed({ spec }: Program, input: StepInput, puzzleRows: Float32Array | null): PartFeeds {
  const B = input.reset.length;
  const shape: [number, number] = [B, spec.seq_len];
  return {
    tokens: tf.tensor2d(input.tokens, shape, 'int32'),
    labels: tf.tensor2d(input.labels, shape, 'int32'),
    reset: tf.tensor3d(input.reset, [B, 1, 1], 'bool') as Tensor3D,
    last: tf.tensor1d(input.last, 'bool'),
    puzzleRows: puzzleRows ? (tf.tensor2d(puzzleRows, [B, spec.arch.puzzle_emb_ndim]) as Tensor2D) : null,
  };
}

/** Name by name the sum of the parts' gradients. */
function summed(parts: readonly Weights[]): Weights {
  const [first, ...rest] = parts;
  return Object.fromEntries(
    Object.entries(first).map(([name, g]) => [name, rest.reduce<tf.Tensor>((sum, more) => tf.add(sum, more[name]), g)]),
  );
}

function tensorsOf(state: TrainState): Set<tf.Tensor> {
  return new Set(STATE_GROUPS.flatMap((group) => Object.values(state[group]) as tf.Tensor[]));
}

/** Frees what the new state does not share with the old one. */
function disposeReplaced(before: TrainState, after: TrainState): void {
  const live = tensorsOf(after);
  for (const tensor of tensorsOf(before)) if (!live.has(tensor)) tensor.dispose();
}
