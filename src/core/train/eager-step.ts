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

interface PartResult {
  gradients: Weights;
  latents: Latents;
  rows: Float32Array;
  pull: Float32Array | null;
}

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
    let after: TrainState | null = null;
    try {
      after = this.nextState(input, parts);
      const rows = joined(parts.map((p) => p.rows));
      if (rows.length !== input.reset.length * ROW_COLUMNS.length)
        throw new Error('a step returned rows of another size');
      if (this.puzzles && puzzleRows) {
        this.puzzles.update(input.identifiers, joined(parts.flatMap(({ pull }) => pull ?? [])), input.sparse);
      }
      this.current = after;
      return { rows };
    } finally {
      const live = tensorsOf(this.current);
      const all = [...tensorsOf(before), ...(after ? tensorsOf(after) : []), ...parts.flatMap(tensorsOfPart)];
      for (const tensor of new Set(all)) if (!live.has(tensor)) tensor.dispose();
    }
  }

  /** Its tensors are kept; some are those of the state before and of the parts. */
  private nextState(input: StepInput, parts: readonly PartResult[]): TrainState {
    const before = this.current;
    return scoped(() => {
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
  }

  /** All parts, or none: what a part left is freed if a later one fails. */
  private runParts(input: StepInput, puzzleRows: Float32Array | null): PartResult[] {
    const done: PartResult[] = [];
    try {
      for (const part of partsOf(input.reset.length, this.part)) done.push(this.runPart(input, part, puzzleRows));
      return done;
    } catch (error) {
      tf.dispose(done.flatMap(tensorsOfPart));
      throw error;
    }
  }

  /** Gradients and latents stay; what comes to the host is read here: the sync point of the step. */
  private runPart(input: StepInput, part: Part, puzzleRows: Float32Array | null): PartResult {
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
    try {
      return {
        gradients: result.gradients,
        latents: result.latents,
        // Halting needs q_halt on the host, the embedding table its gradient.
        rows: result.rows.dataSync() as Float32Array,
        pull: (result.puzzleGradient?.dataSync() as Float32Array | undefined) ?? null,
      };
    } catch (error) {
      tf.dispose(tensorsOfPart(result));
      throw error;
    } finally {
      tf.dispose([result.rows, ...(result.puzzleGradient ? [result.puzzleGradient] : [])]);
    }
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

function tensorsOfPart({ gradients, latents }: Pick<PartResult, 'gradients' | 'latents'>): tf.Tensor[] {
  return [...Object.values(gradients), ...Object.values(latents)] as tf.Tensor[];
}

function tensorsOf(state: TrainState): Set<tf.Tensor> {
  return new Set(STATE_GROUPS.flatMap((group) => Object.values(state[group]) as tf.Tensor[]));
}
