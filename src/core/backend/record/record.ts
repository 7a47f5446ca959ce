/**
 * `record` turns a tfjs function into a TensorFlow graph that runs in one call, with its state in the graph's own variables:
 * per run only inputs go in and only outputs come out. How it works and what a recorded function may not do: docs/recording.md.
 */
import type * as tf from '@tensorflow/tfjs-core';
import { nativeBackend, type NativeBackend } from '../native';
import { DType, Graph, shapeOf, type as typeAttr, type GraphNode, type Output } from './graph';
import { Session, type HostTensor, type Traffic, type Values } from './session';
import { RecordingError } from './shapes';
import { ResidentState, type RowTable, type TableSpec } from './state';
import { Tracer } from './tracer';

export type { HostTensor, Traffic, Values } from './session';
export type { RowTable, TableSpec } from './state';
export { RecordingError } from './shapes';

type Tensors = Record<string, tf.Tensor>;

/**
 * A function that can be recorded: it uses tfjs only, reads nothing back, and takes everything that changes from run to run
 * from its inputs or its state.
 */
export type Recordable = (
  inputs: Tensors,
  state: Tensors,
  tables: Record<string, RowTable>,
) => { outputs: Tensors; state?: Tensors };

export interface StateSpec {
  /** By name, each with its first value; null for zeros. */
  variables: Record<string, Omit<HostTensor, 'values'> & { values: Values | null }>;
  /** All zeros at first. */
  tables?: Record<string, TableSpec>;
}

export interface RecordOptions {
  /** Compute what stands in `lowPrecision` in bfloat16. */
  bfloat16?: boolean;
}

interface Variant {
  feeds: Map<string, Output>;
  fetches: Map<string, Output>;
  /** Fetched where no output is asked for. */
  done: Output;
}

/** Most shapes of one function that are kept: a sound use has one to three. */
const MAX_VARIANTS = 16;

/**
 * @param inputs the shapes to record for at once; others are recorded when they come
 * @throws RecordingError if `fn` cannot be recorded, what TensorFlow says if it cannot be loaded
 */
export function record(
  fn: Recordable,
  inputs: Record<string, Omit<HostTensor, 'values'>>,
  state: StateSpec,
  options: RecordOptions = {},
): CompiledFn {
  const backend = nativeBackend();
  if (!backend) throw new RecordingError('the backend is not TensorFlow');
  return new CompiledFn(backend, fn, inputs, state, options);
}

/** A recorded function with its state. */
export class CompiledFn {
  private session: Session;
  private resident: ResidentState;
  private readonly variants = new Map<string, Variant>();
  private readonly shapes = new Map<string, { inputs: Record<string, Omit<HostTensor, 'values'>>; branch: string }>();

  constructor(
    private readonly backend: NativeBackend,
    private readonly fn: Recordable,
    inputs: Record<string, Omit<HostTensor, 'values'>>,
    private readonly state: StateSpec,
    private readonly options: RecordOptions,
  ) {
    this.shapes.set(keyOf(inputs, ''), { inputs, branch: '' });
    ({ session: this.session, resident: this.resident } = this.build());
    this.resident.clearTables(this.session);
    const first = Object.entries(state.variables).map(
      ([name, { dtype, shape, values }]) => [name, values ?? zeros(dtype, shape)] as const,
    );
    this.resident.write(this.session, new Map(first));
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

  /** @returns [rows, width] */
  readTable(table: string): Float32Array {
    return this.resident.readTable(this.session, table);
  }

  /** @param values [rows, width] */
  writeTable(table: string, values: Float32Array): void {
    this.resident.writeTable(this.session, table, values);
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

  private variant(inputs: Record<string, Omit<HostTensor, 'values'>>, branch: string): Variant {
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
    next.resident.clearTables(next.session);
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
    const graph = new Graph();
    const resident = new ResidentState(graph, this.state.variables, this.state.tables ?? {});
    this.variants.clear();
    const roots = resident.roots();
    [...this.shapes].forEach(([key, { inputs }], i) => {
      const variant = this.trace(graph, resident, inputs, `run${i || ''}`);
      this.variants.set(key, variant);
      roots.push(variant.done.node, ...[...variant.fetches.values()].map(({ node }) => node));
      roots.push(...[...variant.feeds.values()].map(({ node }) => node));
    });
    return { session: new Session(this.backend, graph, roots), resident };
  }

  private trace(
    graph: Graph,
    resident: ResidentState,
    inputs: Record<string, Omit<HostTensor, 'values'>>,
    prefix: string,
  ): Variant {
    const tracer = new Tracer(this.backend, graph, this.options.bfloat16 ?? false);
    const feeds = new Map<string, Output>();
    for (const [name, { dtype, shape }] of Object.entries(inputs)) {
      const attrs = { dtype: typeAttr(DType[dtype]), shape: shapeOf(shape) };
      const outputs = [{ dtype: DType[dtype], shape }];
      feeds.set(name, graph.node('Placeholder', [], attrs, outputs, { name: `${prefix}/in/${name}` }).outputs[0]);
    }
    return tracer.run(() => {
      const fed = Object.fromEntries([...feeds].map(([name, output]) => [name, tracer.tensor(output)]));
      const result = this.fn(fed, resident.tensors(tracer), resident.rowTables(tracer));
      const fetches = new Map<string, Output>();
      const roots: GraphNode[] = [...tracer.effects];
      roots.push(...resident.assignments(result.state ?? {}, tracer, prefix));
      for (const [name, tensor] of Object.entries(result.outputs)) {
        const value = tracer.outputOf(tensor);
        const output = graph.cast(value, value.dtype === DType.bfloat16 ? DType.float32 : value.dtype);
        const node = graph.node('Identity', [output], { T: typeAttr(output.dtype) }, [output], {
          name: `${prefix}/out/${name}`,
        });
        fetches.set(name, node.outputs[0]);
      }
      const zero = graph.constant({ dtype: DType.int32, shape: [], data: new Uint8Array(4) });
      const done = graph.node('Identity', [zero], { T: typeAttr(DType.int32) }, [zero], {
        name: `${prefix}/done`,
        control: roots,
      });
      // Tensors that the function keeps from tidying are its results: they go with the tracing.
      for (const tensor of [...Object.values(result.outputs), ...Object.values(result.state ?? {})]) tensor.dispose();
      return { feeds, fetches, done: done.outputs[0] };
    });
  }
}

const specsOf = (inputs: Record<string, Omit<HostTensor, 'values'>>): Record<string, Omit<HostTensor, 'values'>> =>
  Object.fromEntries(Object.entries(inputs).map(([name, { dtype, shape }]) => [name, { dtype, shape }]));

const keyOf = (inputs: Record<string, Omit<HostTensor, 'values'>>, branch: string): string =>
  `${branch}|${Object.entries(inputs)
    .map(([name, { dtype, shape }]) => `${name}:${dtype}[${shape.join()}]`)
    .join('|')}`;

function zeros(dtype: HostTensor['dtype'], shape: readonly number[]): Values {
  const elements = shape.reduce((a, b) => a * b, 1);
  return dtype === 'float32'
    ? new Float32Array(elements)
    : dtype === 'int32'
      ? new Int32Array(elements)
      : new Uint8Array(elements);
}
