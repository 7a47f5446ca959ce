/**
 * A step in parts: a run for each part of the batch adds its gradients to sums in the graph, and one more run updates. The
 * graph is that of one part and of the update, however large the batch.
 *
 * Latents lie in tables of 2·B rows: a step reads one half and writes the other, and which half holds is decided when the
 * update is done. So a step that fails in any of its parts leaves the state as it was.
 */
import * as tf from '@tensorflow/tfjs-core';
import type { Tensor1D, Tensor3D } from '@tensorflow/tfjs-core';
import type { CompiledFn, HostTensor, RowTable, StateSpec } from '../backend/record/record';
import { totalLength, type Latents, type Weights } from '../model/architecture';
import {
  blankInput,
  groupOf,
  int,
  key,
  named,
  PUZZLES,
  pulledRows,
  rowFeeds,
  rowTensors,
  updateFeeds,
  updateNumbers,
  variablesOf,
  type StateShapes,
  type StepLayout,
} from './layout';
import { joined, partsOf, rowsOf, type Part } from './parts';
import { partStep, updated, type DenseState, type Program } from './program';
import type { StepInput } from './step';

/** The batch's gradients of its rows of the embedding. */
const PULLS = 'pulls';
const DENSE = ['weights', 'm', 'v', 'ema'] as const;
const sumOf = (name: string) => `sums/${name}`;

type Tensors = Record<string, tf.Tensor>;
type Tables = Record<string, RowTable>;

/** @param part most rows at once */
export function partsLayout(program: Program, shapes: StateShapes, rows: number, part: number): StepLayout {
  const B = program.config.global_batch_size;
  const sizes = [...new Set(partsOf(B, part).map(({ size }) => size))];
  const half = new Halves(B);
  return {
    fn: (inputs, state, tables) =>
      'numbers' in inputs ? update(program, inputs, state, tables) : gather(program, inputs, state, tables),
    inputs: [
      ...sizes.map((size) => partFeeds(program, blankInput(program, size), { at: 0, size }, half)),
      wholeFeeds(program, blankInput(program, B)),
    ],
    state: stateOf(program, shapes, rows),
    run: (compiled, input) => {
      const made = partsOf(B, part).map((one) => {
        const feeds = partFeeds(program, rowsOf(input, one), one, half);
        return compiled.run(feeds).rows as Float32Array;
      });
      compiled.run(wholeFeeds(program, input));
      half.turn();
      return joined(made);
    },
    readLatents: (compiled, names) =>
      new Map(names.map((name) => [name, compiled.readTable(key('latents', name), half.from, B)])),
    writeLatents: (compiled: CompiledFn, latents) => {
      for (const [name, data] of latents) compiled.writeTable(key('latents', name), data, half.from);
    },
  };
}

/** Which half of the latents' rows holds. */
class Halves {
  private second = false;

  constructor(private readonly rows: number) {}

  get from(): number {
    return this.second ? this.rows : 0;
  }

  get to(): number {
    return this.second ? 0 : this.rows;
  }

  turn(): void {
    this.second = !this.second;
  }
}

function stateOf(program: Program, shapes: StateShapes, rows: number): StateSpec {
  const { arch } = program.spec;
  const B = program.config.global_batch_size;
  const row = totalLength(program.spec) * arch.hidden_size;
  const sums = [...shapes.m].map(([name, shape]) => [sumOf(name), { dtype: 'float32', shape, values: null }] as const);
  const latents = [...shapes.latents.keys()].map(
    (name) => [key('latents', name), { rows: 2 * B, width: row }] as const,
  );
  const width = arch.puzzle_emb_ndim;
  return {
    variables: { ...variablesOf(DENSE, shapes), ...Object.fromEntries(sums) },
    tables: {
      ...Object.fromEntries(latents),
      ...(rows ? { [PUZZLES]: { rows, width }, [PULLS]: { rows: B, width } } : {}),
    },
  };
}

const range = (from: number, { at, size }: Part): HostTensor =>
  int(Int32Array.from({ length: size }, (_, i) => from + at + i));

function partFeeds(program: Program, input: StepInput, part: Part, half: Halves): Record<string, HostTensor> {
  return {
    ...rowFeeds(program, input),
    from: range(half.from, part),
    to: range(half.to, part),
    ...(program.spec.arch.puzzle_emb_ndim ? { at: range(0, part) } : {}),
    // Sums begin with the first part, whatever a step before has left in them.
    begins: int(Int32Array.of(part.at === 0 ? 1 : 0), []),
  };
}

function wholeFeeds(program: Program, input: StepInput): Record<string, HostTensor> {
  const feeds = updateFeeds(program, input);
  return program.spec.arch.puzzle_emb_ndim ? { ...feeds, identifiers: int(input.identifiers) } : feeds;
}

/** A part's forward and backward. */
function gather(program: Program, inputs: Tensors, state: Tensors, tables: Tables) {
  const { spec, architecture, trained } = program;
  const from = inputs.from as Tensor1D;
  const z: [number, number, number] = [from.shape[0], totalLength(spec), spec.arch.hidden_size];
  const latents = Object.fromEntries(
    architecture.latents(spec).map(({ name }) => [name, tf.reshape(tables[key('latents', name)].gather(from), z)]),
  ) as Latents;
  const puzzleRows = PUZZLES in tables ? tables[PUZZLES].gather(inputs.identifiers as Tensor1D) : null;
  const weights: Weights = groupOf(state, 'weights');
  const made = partStep(program, { weights, latents }, { ...rowTensors(inputs), puzzleRows });
  for (const [name, after] of Object.entries(made.latents)) {
    const rows = tf.reshape(after as Tensor3D, [z[0], z[1] * z[2]]) as tf.Tensor2D;
    tables[key('latents', name)].scatter(inputs.to as Tensor1D, rows);
  }
  if (made.puzzleGradient) tables[PULLS].scatter(inputs.at as Tensor1D, made.puzzleGradient);
  const begins = tf.greaterEqual(tf.cast(inputs.begins, 'float32'), 1);
  const sums = trained.map((name) => {
    const gradient = made.gradients[name];
    return [sumOf(name), tf.where(begins, gradient, tf.add(state[sumOf(name)], gradient))] as const;
  });
  return { outputs: { rows: made.rows }, state: Object.fromEntries(sums) };
}

/** The batch's update from the sums. */
function update(program: Program, inputs: Tensors, state: Tensors, tables: Tables) {
  const numbers = updateNumbers(inputs.numbers);
  const before = Object.fromEntries(DENSE.map((group) => [group, groupOf(state, group)])) as unknown as DenseState;
  const gradients = Object.fromEntries(program.trained.map((name) => [name, state[sumOf(name)]]));
  if (PUZZLES in tables) {
    const ids = inputs.identifiers as Tensor1D;
    const pulls = tables[PULLS].gather(tf.range(0, ids.shape[0], 1, 'int32'));
    tables[PUZZLES].scatter(ids, pulledRows(tables[PUZZLES].gather(ids), pulls, inputs.firsts as Tensor1D, numbers));
  }
  return { outputs: {}, state: named(updated(program, before, gradients, numbers)) };
}
