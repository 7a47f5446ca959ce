/**
 * A training step as one TensorFlow graph. Weights, moments, averages, latents and the puzzle embeddings live in the graph's
 * variables: per step the batch and ten numbers go in, a few numbers per row come out.
 */
import * as tf from '@tensorflow/tfjs-core';
import type { Tensor1D, Tensor2D, Tensor3D } from '@tensorflow/tfjs-core';
import { record, type CompiledFn, type HostTensor, type Recordable, type StateSpec } from '../backend/record/record';
import type { Latents, Weights } from '../model/architecture';
import { trainingStep, type Program, type TrainState } from './program';
import { checkIdentifiers, type PuzzleRows } from './sign-sgd';
import {
  STATE_GROUPS,
  type StateGroup,
  type StateValues,
  type StepExecutor,
  type StepInput,
  type StepOutput,
} from './step';

const TABLE = 'puzzles';

/** A group's shapes by parameter name. */
export type StateShapes = Record<StateGroup, ReadonlyMap<string, readonly number[]>>;

export class RecordedExecutor implements StepExecutor {
  readonly execution = 'recorded';
  readonly puzzles: RecordedRows | null;
  private readonly compiled: CompiledFn;
  private readonly shapes: StateShapes;
  private lent: Weights = {};

  /**
   * @param values missing ones start as zeros
   * @param rows of the puzzle embedding; 0 without. Its numbers start as zeros.
   * @throws if the step cannot be recorded, or TensorFlow does not take the graph
   */
  constructor(
    private readonly program: Program,
    shapes: StateShapes,
    values: StateValues,
    rows: number,
    bfloat16: boolean,
  ) {
    this.shapes = shapes;
    const width = program.spec.arch.puzzle_emb_ndim;
    const variables: StateSpec['variables'] = {};
    for (const group of STATE_GROUPS) {
      for (const [name, shape] of shapes[group]) {
        variables[key(group, name)] = { dtype: 'float32', shape, values: values[group].get(name) ?? null };
      }
    }
    const tables: StateSpec['tables'] = rows ? { [TABLE]: { rows, width } } : {};
    const B = program.config.global_batch_size;
    const inputs = feeds(program, {
      tokens: new Int32Array(B * program.spec.seq_len),
      labels: new Int32Array(B * program.spec.seq_len),
      reset: new Uint8Array(B),
      last: new Uint8Array(B),
      identifiers: new Int32Array(B),
      adam: [0, 0, 0, 0],
      sparse: [0, 0],
    });
    this.compiled = record(recordableStep(program), inputs, { variables, tables }, { bfloat16 });
    this.puzzles = rows ? new RecordedRows(this.compiled, rows, width) : null;
  }

  run(input: StepInput): StepOutput {
    if (this.puzzles) checkIdentifiers(input.identifiers, this.puzzles.rows);
    const { rows } = this.compiled.run(feeds(this.program, input));
    return { rows: rows as Float32Array };
  }

  /** Synchronous inside; a promise as the interface has it. */
  read<G extends StateGroup>(groups: readonly G[]): Promise<Pick<StateValues, G>> {
    return Promise.resolve(this.readNow(groups));
  }

  readNow<G extends StateGroup>(groups: readonly G[]): Pick<StateValues, G> {
    const read: Partial<StateValues> = {};
    for (const group of groups) {
      const names = this.compiled.variableNames.filter((name) => name.startsWith(`${group}/`));
      const values = [...this.compiled.read(names)];
      read[group] = new Map(values.map(([name, data]) => [name.slice(group.length + 1), data as Float32Array]));
    }
    return read as Pick<StateValues, G>;
  }

  /** Copies, good until the next call: evaluation has a graph of its own. */
  evaluated(which: 'ema' | 'raw'): Weights {
    tf.dispose(this.lent);
    const { weights, ema } = this.readNow(which === 'ema' ? ['weights', 'ema'] : ['weights']) as StateValues;
    const values = which === 'ema' ? new Map([...weights, ...ema]) : weights;
    const tensors = [...values].map(([name, data]) => {
      const shape = this.shapes.weights.get(name) ?? [];
      return [name, tf.tensor(data, [...shape], 'float32')] as const;
    });
    this.lent = Object.fromEntries(tensors);
    return this.lent;
  }

  write(values: Partial<StateValues>): void {
    const named = STATE_GROUPS.flatMap((group) =>
      [...(values[group] ?? [])].map(([name, data]) => [key(group, name), data] as const),
    );
    this.compiled.write(new Map(named));
  }

  /** What crosses the border of the graph; tests and benchmarks look at it. */
  get traffic() {
    return this.compiled.traffic;
  }

  get graphBytes(): number {
    return this.compiled.graphBytes;
  }

  dispose(): void {
    tf.dispose(this.lent);
    this.compiled.dispose();
  }
}

/** The puzzle embeddings in the graph. */
class RecordedRows implements PuzzleRows {
  constructor(
    private readonly compiled: CompiledFn,
    readonly rows: number,
    readonly width: number,
  ) {}

  gather(ids: Int32Array): Float32Array {
    checkIdentifiers(ids, this.rows);
    return this.compiled.readRows(TABLE, ids);
  }

  read(): Float32Array {
    return this.compiled.readTable(TABLE);
  }

  write(values: Float32Array): void {
    this.compiled.writeTable(TABLE, values);
  }
}

const key = (group: StateGroup, name: string) => `${group}/${name}`;

function feeds({ spec }: Program, input: StepInput): Record<string, HostTensor> {
  const B = input.reset.length;
  const int = (values: Int32Array, shape: number[]): HostTensor => ({ dtype: 'int32', shape, values });
  const numbers = Float32Array.from([...input.adam, ...input.sparse]);
  return {
    tokens: int(input.tokens, [B, spec.seq_len]),
    labels: int(input.labels, [B, spec.seq_len]),
    reset: { dtype: 'bool', shape: [B, 1, 1], values: input.reset },
    last: { dtype: 'bool', shape: [B], values: input.last },
    numbers: { dtype: 'float32', shape: [numbers.length], values: numbers },
    ...(spec.arch.puzzle_emb_ndim
      ? { identifiers: int(input.identifiers, [B]), firsts: int(firstRows(input.identifiers), [B]) }
      : {}),
  };
}

/** [B]: for each row the first one with the same identifier. */
export function firstRows(identifiers: Int32Array): Int32Array {
  const first = new Map<number, number>();
  return identifiers.map((id, b) => {
    if (!first.has(id)) first.set(id, b);
    return first.get(id) as number;
  });
}

function recordableStep(program: Program): Recordable {
  return (inputs, state, tables) => {
    const group = (name: StateGroup): Weights =>
      Object.fromEntries(
        Object.entries(state)
          .filter(([key]) => key.startsWith(`${name}/`))
          .map(([key, tensor]) => [key.slice(name.length + 1), tensor]),
      );
    const before: TrainState = {
      weights: group('weights'),
      m: group('m'),
      v: group('v'),
      ema: group('ema'),
      latents: group('latents') as Latents,
    };
    const [lr, decay, correction1, correction2, sparseLr, sparseDecay] = tf.unstack(inputs.numbers) as tf.Scalar[];
    const table = TABLE in tables ? tables[TABLE] : null;
    const ids = inputs.identifiers as Tensor1D;
    const puzzleRows = table ? table.gather(ids) : null;
    const {
      rows,
      puzzleGradient,
      state: after,
    } = trainingStep(program, before, {
      tokens: inputs.tokens as Tensor2D,
      labels: inputs.labels as Tensor2D,
      reset: inputs.reset as Tensor3D,
      last: inputs.last as Tensor1D,
      puzzleRows,
      lr,
      decay,
      correction1,
      correction2,
    });
    if (table && puzzleRows && puzzleGradient) {
      // Rows of the same puzzle get the same new values, so that writing both is writing one.
      const firsts = inputs.firsts as Tensor1D;
      const sums = tf.gather(tf.unsortedSegmentSum(puzzleGradient, firsts, ids.shape[0]), firsts);
      table.scatter(ids, tf.sub(tf.mul(puzzleRows, sparseDecay), tf.mul(tf.sign(sums), sparseLr)) as Tensor2D);
    }
    const next = STATE_GROUPS.flatMap((name) =>
      Object.entries(after[name]).map(([parameter, tensor]) => [key(name, parameter), tensor] as const),
    );
    return { outputs: { rows }, state: Object.fromEntries(next) };
  };
}
