/**
 * `record` turns a tfjs function into a TensorFlow graph that runs in one call, with its state in the graph's own variables:
 * per run only inputs go in and only outputs come out. How it works and what a recorded function may not do: docs/recording.md.
 */
import { nativeBackend, type NativeBackend } from '../native';
import {
  Recording,
  type InputShapes,
  type Recordable,
  type RecordOptions,
  type StateSpec,
  type Variant,
} from './recording';
import { Session, type HostTensor, type Traffic, type Values } from './session';
import { RecordingError } from './shapes';
import type { ResidentState } from './state';

export type { InputShapes, Recordable, RecordOptions, StateSpec } from './recording';
export type { HostTensor, Traffic, Values } from './session';
export type { RowTable, TableSpec } from './state';
export { RecordingError } from './shapes';

/** Most shapes of one function that are kept: a sound use has one to three. */
const MAX_VARIANTS = 16;

/**
 * @param inputs the shapes to record for at once, one set or several; others are recorded when they come
 * @throws RecordingError if `fn` cannot be recorded, what TensorFlow says if it cannot be loaded
 */
export function record(
  fn: Recordable,
  inputs: InputShapes | readonly InputShapes[],
  state: StateSpec,
  options: RecordOptions = {},
): CompiledFn {
  return new CompiledFn(tensorFlow(), fn, severalOf(inputs), state, options);
}

/** The graph that `record` would load, without loading it: for what is not to be run, or not on this machine. */
export function plan(
  fn: Recordable,
  inputs: InputShapes | readonly InputShapes[],
  state: StateSpec,
  options: RecordOptions = {},
): Recording {
  return new Recording(tensorFlow(), fn, severalOf(inputs), state, options);
}

const severalOf = (inputs: InputShapes | readonly InputShapes[]): readonly InputShapes[] =>
  Array.isArray(inputs) ? (inputs as readonly InputShapes[]) : [inputs as InputShapes];

function tensorFlow(): NativeBackend {
  const backend = nativeBackend();
  if (!backend) throw new RecordingError('the backend is not TensorFlow');
  return backend;
}

/** A recorded function with its state. */
export class CompiledFn {
  private session: Session;
  private resident: ResidentState;
  private readonly variants = new Map<string, Variant>();
  private readonly shapes = new Map<string, { inputs: InputShapes; branch: string }>();

  constructor(
    private readonly backend: NativeBackend,
    private readonly fn: Recordable,
    inputs: readonly InputShapes[],
    private readonly state: StateSpec,
    private readonly options: RecordOptions,
  ) {
    for (const one of inputs) this.shapes.set(keyOf(one, ''), { inputs: one, branch: '' });
    ({ session: this.session, resident: this.resident } = this.build());
    const first = Object.entries(state.variables).flatMap(([name, { values }]) =>
      values ? [[name, values] as const] : [],
    );
    try {
      this.resident.clear(this.session);
      this.resident.write(this.session, new Map(first));
    } catch (error) {
      this.session.close();
      throw error;
    }
  }

  /**
   * One run. Inputs of other shapes, or another `branch`, are recorded anew; the state goes on.
   * @param options.fetch the outputs wanted, all of them by default: what none of them and no state needs is not computed
   * @param options.branch names the road that `fn` takes where something besides shapes decides it
   */
  run(
    inputs: Record<string, HostTensor>,
    options: { fetch?: readonly string[]; branch?: string } = {},
  ): Record<string, Values> {
    const variant = this.variant(inputs, options.branch ?? '');
    const names = options.fetch ?? [...variant.fetches.keys()];
    const fetches = names.map((name) => {
      const output = variant.fetches.get(name);
      if (!output) throw new Error(`the recorded function has no output "${name}"`);
      return output;
    });
    const feeds = [...variant.feeds].map(([name, at]) => ({ at, tensor: inputs[name] }));
    const values = this.session.run(feeds, [...fetches, variant.done]);
    return Object.fromEntries(names.map((name, i) => [name, values[i]]));
  }

  /** Host copies of variables, all of them by default. */
  read(names: readonly string[] = this.resident.variableNames): Map<string, Values> {
    return this.resident.read(this.session, names);
  }

  /** Replaces variables. */
  write(values: ReadonlyMap<string, Values>): void {
    this.resident.write(this.session, values);
  }

  /** @param ids [n] @returns [n, width] */
  readRows(table: string, ids: Int32Array): Float32Array {
    return this.resident.readRows(this.session, table, ids);
  }

  /** A table, or `count` of its rows. @returns [count, width] */
  readTable(table: string, from?: number, count?: number): Float32Array {
    return this.resident.readTable(this.session, table, from, count);
  }

  /** Replaces rows `from` one on. @param values [n, width] */
  writeTable(table: string, values: Float32Array, from?: number): void {
    this.resident.writeTable(this.session, table, values, from);
  }

  get variableNames(): string[] {
    return this.resident.variableNames;
  }

  /** Bytes over the session's border so far. */
  get traffic(): Readonly<Traffic> {
    return { ...this.session.traffic };
  }

  /** Of the graph as TensorFlow gets it. */
  get graphBytes(): number {
    return this.session.graphBytes;
  }

  /** How many shapes and branches have been recorded. */
  get recordings(): number {
    return this.variants.size;
  }

  dispose(): void {
    this.session.close();
  }

  private variant(inputs: InputShapes, branch: string): Variant {
    const key = keyOf(inputs, branch);
    const known = this.variants.get(key);
    if (known) return known;
    this.shapes.set(key, { inputs: specsOf(inputs), branch });
    if (this.shapes.size > MAX_VARIANTS) this.shapes.delete([...this.shapes.keys()][0]);
    this.rebuild();
    const made = this.variants.get(key);
    if (!made) throw new Error('a recorded variant is missing');
    return made;
  }

  /** A TensorFlow session cannot be given more graph: a new one takes over the state. */
  private rebuild(): void {
    const before = { session: this.session, resident: this.resident };
    const next = this.build();
    next.resident.clear(next.session);
    next.resident.write(next.session, before.resident.read(before.session, before.resident.variableNames));
    for (const name of before.resident.tableNames) {
      next.resident.writeTable(next.session, name, before.resident.readTable(before.session, name));
    }
    Object.assign(next.session.traffic, before.session.traffic);
    before.session.close();
    this.session = next.session;
    this.resident = next.resident;
  }

  private build(): { session: Session; resident: ResidentState } {
    const keys = [...this.shapes.keys()];
    const shapes = [...this.shapes.values()].map(({ inputs }) => inputs);
    const recording = new Recording(this.backend, this.fn, shapes, this.state, this.options);
    this.variants.clear();
    keys.forEach((key, i) => this.variants.set(key, recording.variants[i]));
    return { session: new Session(this.backend, recording.graph, recording.roots()), resident: recording.resident };
  }
}

const specsOf = (inputs: InputShapes): InputShapes =>
  Object.fromEntries(Object.entries(inputs).map(([name, { dtype, shape }]) => [name, { dtype, shape }]));

const keyOf = (inputs: InputShapes, branch: string): string =>
  `${branch}|${Object.entries(inputs)
    .map(([name, { dtype, shape }]) => `${name}:${dtype}[${shape.join()}]`)
    .join('|')}`;
