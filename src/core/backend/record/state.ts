/**
 * What lives in a session from run to run: variables, read and replaced whole, and tables, of which a run touches single
 * rows. Both are TensorFlow resources; this file makes their nodes and the ways in and out for the host.
 */
import type * as tf from '@tensorflow/tfjs-core';
import { DType, shapeOf, type as typeAttr, type Graph, type GraphNode, type Output } from './graph';
import type { HostTensor, Session, Values } from './session';
import type { Tracer } from './tracer';

export interface TableSpec {
  rows: number;
  width: number;
}

/** Rows of numbers by identifier, as a recorded function sees them. */
export interface RowTable {
  /** @param ids int32 [n], each 0 … rows − 1 @returns [n, width] */
  gather(ids: tf.Tensor1D): tf.Tensor2D;
  /** Replaces rows at the end of the run. Where an id appears twice, both rows must be the same. */
  scatter(ids: tf.Tensor1D, rows: tf.Tensor2D): void;
}

/** Bytes of a table that the host reads or writes at once. */
const CHUNK_BYTES = 2 ** 26;

/** A variable's shape; `values: null` says that it starts with zeros. */
export type VariableSpec = Pick<HostTensor, 'dtype' | 'shape'> & { values: Values | null };

interface Variable {
  handle: GraphNode;
  read: Output;
  feed: Output;
  written: Output;
  /** Of those that start with zeros. */
  cleared: Output | null;
}

/** Rows for a table, to be put in when all else has been computed. */
export interface Scattering {
  handle: GraphNode;
  ids: Output;
  values: Output;
  /** Reads of the same table that come before. */
  after: readonly GraphNode[];
}

interface Table extends TableSpec {
  handle: GraphNode;
  cleared: Output;
  ids: Output;
  rowsIn: Output;
  written: Output;
  rowsOut: Output;
}

const INT = typeAttr(DType.int32);
const FLOAT = typeAttr(DType.float32);

export class ResidentState {
  private readonly variables = new Map<string, Variable>();
  private readonly tables = new Map<string, Table>();

  constructor(
    private readonly graph: Graph,
    variables: Record<string, VariableSpec>,
    tables: Record<string, TableSpec>,
  ) {
    for (const [name, spec] of Object.entries(variables)) this.addVariable(name, spec);
    for (const [name, spec] of Object.entries(tables)) this.addTable(name, spec);
  }

  private handle(name: string, dtype: number, shape: readonly number[]): GraphNode {
    const attrs = {
      dtype: typeAttr(dtype),
      shape: shapeOf(shape),
      shared_name: { kind: 'string', value: name },
      container: { kind: 'string', value: '' },
    } as const;
    return this.graph.node('VarHandleOp', [], attrs, [{ dtype: DType.resource, shape: [] }], { name: `state/${name}` });
  }

  private placeholder(name: string, dtype: number, shape: readonly number[]): Output {
    const attrs = { dtype: typeAttr(dtype), shape: shapeOf(shape) };
    return this.graph.node('Placeholder', [], attrs, [{ dtype, shape }], { name }).outputs[0];
  }

  /** Something to fetch that makes nodes without outputs run. */
  private signal(name: string, after: GraphNode): Output {
    const zero = this.graph.constant({ dtype: DType.int32, shape: [], data: new Uint8Array(4) });
    return this.graph.node('Identity', [zero], { T: INT }, [zero], { name, control: [after] }).outputs[0];
  }

  private addVariable(name: string, { dtype: named, shape, values }: VariableSpec): void {
    const dtype = DType[named];
    const handle = this.handle(name, dtype, shape);
    const read = this.graph.node('ReadVariableOp', handle.outputs, { dtype: typeAttr(dtype) }, [{ dtype, shape }], {
      name: `read/${name}`,
    }).outputs[0];
    const feed = this.placeholder(`set/${name}`, dtype, shape);
    const assign = this.assign(name, handle, this.owned(feed), [], 'set');
    const written = this.signal(`was_set/${name}`, assign);
    const cleared = values ? null : this.clearing(name, handle, dtype, shape);
    this.variables.set(name, { handle, read, feed, written, cleared });
  }

  /** Fetched, it puts zeros into a variable without any of them crossing the border. */
  private clearing(name: string, handle: GraphNode, dtype: number, shape: readonly number[]): Output {
    const dims = new Uint8Array(Int32Array.from(shape).buffer);
    const size = this.graph.constant({ dtype: DType.int32, shape: [shape.length], data: dims });
    const zero = this.graph.constant({ dtype, shape: [], data: new Uint8Array(dtype === DType.bool ? 1 : 4) });
    const attrs = { T: typeAttr(dtype), index_type: INT };
    // Of its own name: two tables of the same shape must not share their first zeros.
    const options = { name: `zeros/${name}` };
    const zeros = this.graph.node('Fill', [size, zero], attrs, [{ dtype, shape }], options).outputs[0];
    return this.signal(`was_cleared/${name}`, this.assign(name, handle, zeros, [], 'clear'));
  }

  private assign(
    name: string,
    handle: GraphNode,
    value: Output,
    control: readonly GraphNode[],
    prefix: string,
  ): GraphNode {
    const attrs = { dtype: typeAttr(value.dtype), validate_shape: { kind: 'bool', value: false } } as const;
    const options = { name: `assign/${prefix}/${name}`, control };
    return this.graph.node('AssignVariableOp', [handle.outputs[0], value], attrs, [], options);
  }

  /**
   * A copy that TensorFlow owns. A fed tensor may lie in memory of JavaScript's, which must not be kept in a variable: it
   * would be given back on another thread.
   */
  private owned(value: Output): Output {
    return this.graph.node('DeepCopy', [value], { T: typeAttr(value.dtype) }, [value]).outputs[0];
  }

  private addTable(name: string, { rows, width }: TableSpec): void {
    const handle = this.handle(name, DType.float32, [rows, width]);
    const cleared = this.clearing(name, handle, DType.float32, [rows, width]);
    const ids = this.placeholder(`rows_at/${name}`, DType.int32, [-1]);
    const rowsIn = this.placeholder(`rows_in/${name}`, DType.float32, [-1, width]);
    const written = this.signal(`rows_set/${name}`, this.scatterNode(handle, ids, rowsIn, [], `scatter/set/${name}`));
    const rowsOut = this.gatherNode(handle, ids, width, `rows_out/${name}`).outputs[0];
    this.tables.set(name, { rows, width, handle, cleared, ids, rowsIn, written, rowsOut });
  }

  private gatherNode(handle: GraphNode, ids: Output, width: number, name?: string): GraphNode {
    const attrs = { dtype: FLOAT, Tindices: INT };
    const outputs = [{ dtype: DType.float32, shape: [...ids.shape, width] }];
    return this.graph.node('ResourceGather', [handle.outputs[0], ids], attrs, outputs, { name });
  }

  private scatterNode(
    handle: GraphNode,
    ids: Output,
    rows: Output,
    control: readonly GraphNode[],
    name?: string,
  ): GraphNode {
    const inputs = [handle.outputs[0], ids, rows];
    return this.graph.node('ResourceScatterUpdate', inputs, { dtype: FLOAT, Tindices: INT }, [], { name, control });
  }

  /** The variables as a function gets them. */
  tensors(tracer: Tracer): Record<string, tf.Tensor> {
    const entries = [...this.variables].map(([name, { read }]) => [name, tracer.tensor(read)] as const);
    return Object.fromEntries(entries);
  }

  /** The tables as a function gets them, and a list that fills with what it puts into them. */
  rowTables(tracer: Tracer): { byName: Record<string, RowTable>; scattered: Scattering[] } {
    const scattered: Scattering[] = [];
    const entries = [...this.tables].map(([name, { handle, width }]) => {
      const gathered: GraphNode[] = [];
      const table: RowTable = {
        gather: (ids) => {
          const node = this.gatherNode(handle, tracer.outputOf(ids), width);
          gathered.push(node);
          return tracer.tensor(node.outputs[0]) as tf.Tensor2D;
        },
        scatter: (ids, rows) => {
          const values = this.graph.cast(tracer.outputOf(rows), DType.float32);
          scattered.push({ handle, ids: tracer.outputOf(ids), values, after: gathered });
        },
      };
      return [name, table] as const;
    });
    return { byName: Object.fromEntries(entries), scattered };
  }

  /**
   * Nodes that put a function's new values into variables and tables; variables handed back unchanged are left alone. None
   * of them runs before all values have been computed: a run that fails in the middle has changed nothing.
   */
  changes(
    next: Record<string, tf.Tensor>,
    scattered: readonly Scattering[],
    tracer: Tracer,
    prefix: string,
  ): GraphNode[] {
    const assigned = Object.entries(next).flatMap(([name, tensor]) => {
      const variable = this.variables.get(name);
      if (!variable) throw new Error(`a recorded function returns the state "${name}", which was not declared`);
      const { handle, read } = variable;
      const value = this.graph.cast(tracer.outputOf(tensor), read.dtype);
      if (value === read) return [];
      if (String(value.shape) !== String(read.shape)) {
        throw new Error(`the state "${name}" is [${String(read.shape)}] and would become [${String(value.shape)}]`);
      }
      return [{ name, handle, read, value: borrowed(value) ? this.owned(value) : value }];
    });
    const values = [...assigned.map(({ value }) => value.node), ...scattered.map(({ values }) => values.node)];
    if (!values.length) return [];
    const computed = this.graph.node('NoOp', [], {}, [], { name: `${prefix}/computed`, control: [...new Set(values)] });
    return [
      ...assigned.map(({ name, handle, read, value }) =>
        this.assign(name, handle, value, [read.node, computed], prefix),
      ),
      ...scattered.map(({ handle, ids, values, after }) => this.scatterNode(handle, ids, values, [...after, computed])),
    ];
  }

  /** What must be in the graph besides the functions. */
  roots(): GraphNode[] {
    const variables = [...this.variables.values()].flatMap(({ read, written, cleared }) => [
      read.node,
      written.node,
      ...(cleared ? [cleared.node] : []),
    ]);
    const tables = [...this.tables.values()].flatMap((t) => [t.cleared.node, t.written.node, t.rowsOut.node]);
    return [...variables, ...tables];
  }

  read(session: Session, names: readonly string[]): Map<string, Values> {
    if (!names.length) return new Map();
    const values = session.run(
      [],
      names.map((name) => this.variable(name).read),
    );
    return new Map(names.map((name, i) => [name, values[i]]));
  }

  write(session: Session, values: ReadonlyMap<string, Values>): void {
    if (!values.size) return;
    const feeds = [...values].map(([name, data]) => {
      const { feed } = this.variable(name);
      return { at: feed, tensor: hostTensor(feed, data) };
    });
    session.run(
      feeds,
      [...values.keys()].map((name) => this.variable(name).written),
    );
  }

  /** Zeros in all tables and in the variables that start with them: what a session begins with. */
  clear(session: Session): void {
    const fetches = [...this.tables.values(), ...this.variables.values()].flatMap(({ cleared }) => cleared ?? []);
    if (fetches.length) session.run([], fetches);
  }

  /** @param ids [n] @returns [n, width] */
  readRows(session: Session, name: string, ids: Int32Array): Float32Array {
    const table = this.table(name);
    const [rows] = session.run([{ at: table.ids, tensor: indices(ids) }], [table.rowsOut]);
    return rows as Float32Array;
  }

  /**
   * A table, or `count` rows of it `from` one on, read in parts: TensorFlow holds no second copy meanwhile.
   * @returns [count, width]
   */
  readTable(session: Session, name: string, from = 0, count = this.table(name).rows - from): Float32Array {
    const { width } = this.table(name);
    const all = new Float32Array(count * width);
    for (const ids of transfers(from, count, width)) {
      all.set(this.readRows(session, name, ids), (ids[0] - from) * width);
    }
    return all;
  }

  /** Replaces rows `from` one on. @param values [n, width] */
  writeTable(session: Session, name: string, values: Float32Array, from = 0): void {
    const table = this.table(name);
    const { width } = table;
    for (const ids of transfers(from, values.length / width, width)) {
      const rows = values.subarray((ids[0] - from) * width, (ids[ids.length - 1] + 1 - from) * width);
      const tensor: HostTensor = { dtype: 'float32', shape: [ids.length, width], values: rows };
      const feeds = [
        { at: table.ids, tensor: indices(ids) },
        { at: table.rowsIn, tensor },
      ];
      session.run(feeds, [table.written]);
    }
  }

  get variableNames(): string[] {
    return [...this.variables.keys()];
  }

  get tableNames(): string[] {
    return [...this.tables.keys()];
  }

  private variable(name: string): Variable {
    const found = this.variables.get(name);
    if (!found) throw new Error(`no state is called "${name}"`);
    return found;
  }

  private table(name: string): Table {
    const found = this.tables.get(name);
    if (!found) throw new Error(`no table is called "${name}"`);
    return found;
  }
}

/** True if a value may share memory with a placeholder's. */
function borrowed({ node }: Output): boolean {
  if (node.op === 'Placeholder') return true;
  return /^(Reshape|Identity|ExpandDims|Squeeze|Slice|SplitV|Unpack)$/.test(node.op) && borrowed(node.inputs[0]);
}

const indices = (ids: Int32Array): HostTensor => ({ dtype: 'int32', shape: [ids.length], values: ids });

function hostTensor({ dtype, shape }: Output, values: Values): HostTensor {
  const name = dtype === DType.float32 ? 'float32' : dtype === DType.int32 ? 'int32' : 'bool';
  return { dtype: name, shape, values };
}

/** Ranges of row numbers whose bytes fit in one transfer. */
function* transfers(from: number, rows: number, width: number): Generator<Int32Array> {
  const count = Math.max(1, Math.floor(CHUNK_BYTES / (4 * width)));
  for (let at = from; at < from + rows; at += count) {
    yield Int32Array.from({ length: Math.min(count, from + rows - at) }, (_, i) => at + i);
  }
}
