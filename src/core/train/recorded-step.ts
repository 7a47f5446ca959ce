/**
 * A training step as one TensorFlow graph. Weights, moments, averages, latents and the puzzle embeddings live in the graph's
 * variables: per step the batch and a few numbers go in, a few numbers per row come out.
 */
import * as tf from '@tensorflow/tfjs-core';
import { plan, record, type CompiledFn } from '../backend/record/record';
import type { Recording } from '../backend/record/recording';
import type { Weights } from '../model/architecture';
import { partsLayout } from './layout-parts';
import { key, PUZZLES, wholeLayout, type StateShapes, type StepLayout } from './layout';
import type { Program } from './program';
import { checkIdentifiers, type PuzzleRows } from './sign-sgd';
import {
  STATE_GROUPS,
  type StateGroup,
  type StateValues,
  type StepExecutor,
  type StepInput,
  type StepOutput,
} from './step';

/** What a recorded step is made from. */
export interface RecordedSetup {
  program: Program;
  shapes: StateShapes;
  /** Of the puzzle embedding; 0 without. Its numbers start as zeros. */
  rows: number;
  bfloat16: boolean;
  /** Rows of the batch that are computed at once. */
  part: number;
}

const layoutOf = ({ program, shapes, rows, part }: RecordedSetup): StepLayout =>
  part < program.config.global_batch_size
    ? partsLayout(program, shapes, rows, part)
    : wholeLayout(program, shapes, rows);

/** The step's graph, recorded and not loaded. */
export function planStep(setup: RecordedSetup): Recording {
  const { fn, inputs, state } = layoutOf(setup);
  return plan(fn, inputs, state, { bfloat16: setup.bfloat16 });
}

export class RecordedExecutor implements StepExecutor {
  readonly execution = 'recorded';
  readonly puzzles: RecordedRows | null;
  private readonly compiled: CompiledFn;
  private readonly layout: StepLayout;
  private readonly shapes: StateShapes;
  private lent: Weights = {};

  /**
   * @param values first ones; missing ones are zeros
   * @throws if the step cannot be recorded, or TensorFlow does not take the graph
   */
  constructor(setup: RecordedSetup, values: StateValues) {
    const { program, shapes, rows, bfloat16 } = setup;
    this.shapes = shapes;
    this.layout = layoutOf(setup);
    const { fn, inputs, state } = this.layout;
    this.compiled = record(fn, inputs, state, { bfloat16 });
    // The average begins with the weights, among which are some that it has not.
    const own = STATE_GROUPS.map((group) => [group, only(values[group], shapes[group])] as const);
    this.write(Object.fromEntries(own));
    this.puzzles = rows ? new RecordedRows(this.compiled, rows, program.spec.arch.puzzle_emb_ndim) : null;
  }

  run(input: StepInput): StepOutput {
    if (this.puzzles) checkIdentifiers(input.identifiers, this.puzzles.rows);
    return { rows: this.layout.run(this.compiled, input) };
  }

  /** Synchronous inside; a promise as the interface has it. */
  read<G extends StateGroup>(groups: readonly G[]): Promise<Pick<StateValues, G>> {
    return Promise.resolve(this.readNow(groups));
  }

  readNow<G extends StateGroup>(groups: readonly G[]): Pick<StateValues, G> {
    const read: Partial<StateValues> = {};
    for (const group of groups) {
      const names = [...this.shapes[group].keys()];
      if (group === 'latents') {
        read[group] = this.layout.readLatents(this.compiled, names);
        continue;
      }
      const values = this.compiled.read(names.map((name) => key(group, name)));
      read[group] = new Map(names.map((name) => [name, values.get(key(group, name)) as Float32Array]));
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
    const named = STATE_GROUPS.filter((group) => group !== 'latents').flatMap((group) =>
      [...(values[group] ?? [])].map(([name, data]) => [key(group, name), data] as const),
    );
    this.compiled.write(new Map(named));
    if (values.latents) this.layout.writeLatents(this.compiled, values.latents);
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

const only = (values: ReadonlyMap<string, Float32Array>, known: ReadonlyMap<string, unknown>) =>
  new Map([...values].filter(([name]) => known.has(name)));

/** The puzzle embeddings in the graph. */
class RecordedRows implements PuzzleRows {
  constructor(
    private readonly compiled: CompiledFn,
    readonly rows: number,
    readonly width: number,
  ) {}

  gather(ids: Int32Array): Float32Array {
    checkIdentifiers(ids, this.rows);
    return this.compiled.readRows(PUZZLES, ids);
  }

  read(): Float32Array {
    return this.compiled.readTable(PUZZLES);
  }

  write(values: Float32Array): void {
    this.compiled.writeTable(PUZZLES, values);
  }
}
