/** How a training step lies in a graph: what goes in, what stays there, and what the host does to run it. */
import * as tf from '@tensorflow/tfjs-core';
import type { Tensor1D, Tensor2D, Tensor3D } from '@tensorflow/tfjs-core';
import type { CompiledFn, HostTensor, InputShapes, Recordable, StateSpec } from '../backend/record/record';
import type { Latents, Weights } from '../model/architecture';
import { partStep, updated, type Program } from './program';
import type { AdamScalars } from './adam-atan2';
import { STATE_GROUPS, type StateGroup, type StepInput } from './step';

/** A group's shapes by parameter name. */
export type StateShapes = Record<StateGroup, ReadonlyMap<string, readonly number[]>>;

/** The puzzle embedding's table. */
export const PUZZLES = 'puzzles';

export interface StepLayout {
  readonly fn: Recordable;
  readonly inputs: readonly InputShapes[];
  readonly state: StateSpec;
  /** @returns [B, ROW_COLUMNS.length] */
  run(compiled: CompiledFn, input: StepInput): Float32Array;
  readLatents(compiled: CompiledFn, names: readonly string[]): Map<string, Float32Array>;
  writeLatents(compiled: CompiledFn, values: ReadonlyMap<string, Float32Array>): void;
}

export const key = (group: StateGroup, name: string): string => `${group}/${name}`;

/** A group's tensors by parameter name, of all state. */
export function groupOf(state: Record<string, tf.Tensor>, group: StateGroup): Weights {
  const prefix = key(group, '');
  const own = Object.entries(state).filter(([name]) => name.startsWith(prefix));
  return Object.fromEntries(own.map(([name, tensor]) => [name.slice(prefix.length), tensor]));
}

export const int = (values: Int32Array, shape: readonly number[] = [values.length]): HostTensor => ({
  dtype: 'int32',
  shape,
  values,
});

/** What every run with rows of the batch needs. Both flags of a row travel as one int32: 1 starts anew, 2 is its last step. */
export function rowFeeds({ spec }: Program, input: StepInput): Record<string, HostTensor> {
  const rows = input.reset.length;
  const flags = Int32Array.from(input.reset, (reset, b) => reset + 2 * input.last[b]);
  return {
    tokens: int(input.tokens, [rows, spec.seq_len]),
    labels: int(input.labels, [rows, spec.seq_len]),
    flags: int(flags),
    ...(spec.arch.puzzle_emb_ndim ? { identifiers: int(input.identifiers) } : {}),
  };
}

/** `rowFeeds` as a step takes them. int32 has few kernels on a GPU: flags are compared as float32. */
export function rowTensors(inputs: Record<string, tf.Tensor>) {
  const flags = tf.cast(inputs.flags, 'float32');
  const last = tf.greaterEqual(flags, 2);
  const reset = tf.greaterEqual(tf.sub(flags, tf.mul(tf.cast(last, 'float32'), 2)), 1);
  return {
    tokens: inputs.tokens as Tensor2D,
    labels: inputs.labels as Tensor2D,
    reset: tf.reshape(reset, [-1, 1, 1]) as Tensor3D,
    last: last as Tensor1D,
  };
}

/** What the update needs besides gradients: the step's six numbers, and for each row the first one of the same puzzle. */
export function updateFeeds({ spec }: Program, input: StepInput): Record<string, HostTensor> {
  const numbers = Float32Array.from([...input.adam, ...input.sparse]);
  return {
    numbers: { dtype: 'float32', shape: [numbers.length], values: numbers },
    ...(spec.arch.puzzle_emb_ndim ? { firsts: int(firstRows(input.identifiers)) } : {}),
  };
}

export function updateNumbers(numbers: tf.Tensor): AdamScalars & { sparseLr: tf.Scalar; sparseDecay: tf.Scalar } {
  const [lr, decay, correction1, correction2, sparseLr, sparseDecay] = tf.unstack(numbers) as tf.Scalar[];
  return { lr, decay, correction1, correction2, sparseLr, sparseDecay };
}

/** [B]: for each row the first one with the same identifier. */
export function firstRows(identifiers: Int32Array): Int32Array {
  const first = new Map<number, number>();
  return identifiers.map((id, b) => {
    if (!first.has(id)) first.set(id, b);
    return first.get(id) as number;
  });
}

/** New rows of the embedding: rows of the same puzzle get the same values, so that writing both is writing one. */
export function pulledRows(
  rows: Tensor2D,
  gradient: Tensor2D,
  firsts: Tensor1D,
  { sparseLr, sparseDecay }: { sparseLr: tf.Scalar; sparseDecay: tf.Scalar },
): Tensor2D {
  const sums = tf.gather(tf.unsortedSegmentSum(gradient, firsts, gradient.shape[0]), firsts);
  return tf.sub(tf.mul(rows, sparseDecay), tf.mul(tf.sign(sums), sparseLr));
}

/** The dense state after an update, by its name in the graph. */
export const named = (after: Partial<Record<StateGroup, Record<string, tf.Tensor>>>): Record<string, tf.Tensor> =>
  Object.fromEntries(
    STATE_GROUPS.flatMap((group) =>
      Object.entries(after[group] ?? {}).map(([name, tensor]) => [key(group, name), tensor] as const),
    ),
  );

/** Variables for the groups, zeros at first: numbers are written when the graph is there, and not kept on the host. */
export function variablesOf(groups: readonly StateGroup[], shapes: StateShapes): StateSpec['variables'] {
  const entries = groups.flatMap((group) =>
    [...shapes[group]].map(([name, shape]) => [key(group, name), { dtype: 'float32', shape, values: null }] as const),
  );
  return Object.fromEntries(entries);
}

/** Inputs of `rows` rows, for their shapes alone. */
export const blankInput = ({ spec }: Program, rows: number): StepInput => ({
  tokens: new Int32Array(rows * spec.seq_len),
  labels: new Int32Array(rows * spec.seq_len),
  reset: new Uint8Array(rows),
  last: new Uint8Array(rows),
  identifiers: new Int32Array(rows),
  adam: [0, 0, 0, 0],
  sparse: [0, 0],
});

/** The whole batch at once: one run is one step. */
export function wholeLayout(program: Program, shapes: StateShapes, rows: number): StepLayout {
  const width = program.spec.arch.puzzle_emb_ndim;
  const feeds = (input: StepInput) => ({ ...rowFeeds(program, input), ...updateFeeds(program, input) });
  return {
    fn: (inputs, state, tables) => {
      const before = Object.fromEntries(STATE_GROUPS.map((name) => [name, groupOf(state, name)])) as Record<
        StateGroup,
        Weights
      >;
      const table = PUZZLES in tables ? tables[PUZZLES] : null;
      const ids = inputs.identifiers as Tensor1D;
      const puzzleRows = table ? table.gather(ids) : null;
      const weights = { weights: before.weights, latents: before.latents as Latents };
      const part = partStep(program, weights, { ...rowTensors(inputs), puzzleRows });
      const numbers = updateNumbers(inputs.numbers);
      if (table && puzzleRows && part.puzzleGradient) {
        table.scatter(ids, pulledRows(puzzleRows, part.puzzleGradient, inputs.firsts as Tensor1D, numbers));
      }
      const after = { ...updated(program, before, part.gradients, numbers), latents: part.latents };
      return { outputs: { rows: part.rows }, state: named(after) };
    },
    inputs: [feeds(blankInput(program, program.config.global_batch_size))],
    state: {
      variables: variablesOf(STATE_GROUPS, shapes),
      tables: rows ? { [PUZZLES]: { rows, width } } : {},
    },
    run: (compiled, input) => compiled.run(feeds(input)).rows as Float32Array,
    readLatents: (compiled, names) => {
      const read = compiled.read(names.map((name) => key('latents', name)));
      return new Map(names.map((name) => [name, read.get(key('latents', name)) as Float32Array]));
    },
    writeLatents: (compiled, latents) =>
      compiled.write(new Map([...latents].map(([name, data]) => [key('latents', name), data]))),
  };
}
