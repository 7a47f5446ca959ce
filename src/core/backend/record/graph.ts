/**
 * A TensorFlow graph under construction. Equal constants and equal pure nodes exist once; what no root needs is left out
 * when it is written. Values know their dtype, so that casts can be put in where two neighbours differ.
 */
import { createHash } from 'node:crypto';
import { Message } from './proto';

/** TensorFlow's `DataType` numbers, as far as they are used here. */
export const DType = { float32: 1, uint8: 4, int32: 3, int64: 9, bool: 10, bfloat16: 14, resource: 20 } as const;

export type AttrValue =
  | { kind: 'string'; value: string }
  | { kind: 'int' | 'float' | 'type'; value: number }
  | { kind: 'ints'; value: readonly number[] }
  | { kind: 'bool'; value: boolean }
  | { kind: 'shape'; value: readonly number[] }
  | { kind: 'tensor'; value: TensorValue };

export interface TensorValue {
  dtype: number;
  shape: readonly number[];
  /** Little-endian elements; a single element stands for a tensor filled with it. */
  data: Uint8Array;
}

export type Attrs = Record<string, AttrValue>;

export const type = (value: number): AttrValue => ({ kind: 'type', value });
export const shapeOf = (value: readonly number[]): AttrValue => ({ kind: 'shape', value });

export interface GraphNode {
  readonly name: string;
  readonly op: string;
  readonly attrs: Attrs;
  readonly inputs: readonly Output[];
  /** Nodes that must have run before this one. */
  readonly control: readonly GraphNode[];
  readonly outputs: readonly Output[];
}

/** One output of a node. */
export interface Output {
  readonly node: GraphNode;
  readonly index: number;
  readonly dtype: number;
  readonly shape: readonly number[];
}

/** Ops whose outcome is not decided by their inputs: never shared. */
const IMPURE = /Random|Multinomial|Variable|VarHandle|Placeholder|Resource|^Assign/;

export class Graph {
  private readonly shared = new Map<string, GraphNode>();
  private readonly numbers = new Map<GraphNode, number>();
  private readonly names = new Set<string>();
  private readonly casts = new Map<Output, Map<number, Output>>();

  /** @param outputs their dtypes and shapes @param name of its own; else one is made from the op */
  node(
    op: string,
    inputs: readonly Output[],
    attrs: Attrs,
    outputs: readonly { dtype: number; shape: readonly number[] }[],
    options: { name?: string; control?: readonly GraphNode[] } = {},
  ): GraphNode {
    const { control = [] } = options;
    const shareable = !options.name && control.length === 0 && !IMPURE.test(op);
    const key = shareable ? this.keyOf(op, inputs, attrs) : '';
    const known = shareable ? this.shared.get(key) : undefined;
    if (known) return known;
    const id = this.numbers.size;
    const name = options.name ?? `${op.replace(/^_/, '')}_${id}`;
    if (this.names.has(name)) throw new Error(`two nodes are called ${name}`);
    const made: Output[] = [];
    const node: GraphNode = { name, op, attrs, inputs, control, outputs: made };
    outputs.forEach(({ dtype, shape }, index) => made.push({ node, index, dtype, shape }));
    this.numbers.set(node, id);
    this.names.add(name);
    if (shareable) this.shared.set(key, node);
    return node;
  }

  constant(value: TensorValue): Output {
    const attrs: Attrs = { dtype: type(value.dtype), value: { kind: 'tensor', value: compact(value) } };
    return this.node('Const', [], attrs, [value]).outputs[0];
  }

  /** The value in another dtype: itself, or a cast that exists once. */
  cast(value: Output, dtype: number): Output {
    if (value.dtype === dtype) return value;
    const known = this.casts.get(value)?.get(dtype);
    if (known) return known;
    const attrs: Attrs = { SrcT: type(value.dtype), DstT: type(dtype), Truncate: { kind: 'bool', value: false } };
    const [made] = this.node('Cast', [value], attrs, [{ dtype, shape: value.shape }]).outputs;
    this.casts.set(value, (this.casts.get(value) ?? new Map<number, Output>()).set(dtype, made));
    return made;
  }

  private keyOf(op: string, inputs: readonly Output[], attrs: Attrs): string {
    const from = inputs.map(({ node, index }) => `${this.numbers.get(node)}:${index}`).join();
    const how = Object.keys(attrs)
      .sort()
      .map((name) => `${name}=${attrKey(attrs[name])}`);
    return `${op}(${from})${how.join(';')}`;
  }

  /** The nodes that the roots need, in an order in which inputs come first. */
  needed(roots: readonly GraphNode[]): GraphNode[] {
    const seen = new Set(roots);
    const waiting = [...roots];
    for (let node = waiting.pop(); node; node = waiting.pop()) {
      for (const before of [...node.inputs.map((input) => input.node), ...node.control]) {
        if (seen.has(before)) continue;
        seen.add(before);
        waiting.push(before);
      }
    }
    return [...seen].sort((a, b) => (this.numbers.get(a) ?? 0) - (this.numbers.get(b) ?? 0));
  }
}

function attrKey(attr: AttrValue): string {
  if (attr.kind !== 'tensor') return `${attr.kind}:${String(attr.value)}`;
  const { dtype, shape, data } = attr.value;
  const content = data.length <= 32 ? Buffer.from(data).toString('hex') : hash(data);
  return `tensor:${dtype}[${shape.join()}]${content}`;
}

const hash = (data: Uint8Array): string => createHash('sha256').update(data).digest('hex');

/** A tensor of one value everywhere is written as that value. */
function compact({ dtype, shape, data }: TensorValue): TensorValue {
  const size = dtype === DType.bool || dtype === DType.uint8 ? 1 : dtype === DType.int64 ? 8 : 4;
  const uniform = data.length > size && Buffer.compare(data.subarray(0, -size), data.subarray(size)) === 0;
  return { dtype, shape, data: uniform ? data.slice(0, size) : data };
}

/** A SavedModel with the one tag "serve", as `binding.loadSavedModel` reads it. */
export function savedModel(nodes: readonly GraphNode[]): Uint8Array {
  const graph = new Message();
  for (const node of nodes) graph.message(1, nodeMessage(node));
  // The producer's version decides how defaults are read: that of TensorFlow 2.x.
  graph.message(4, new Message().int(1, 1087));
  const meta = new Message().message(1, new Message().text(4, 'serve')).message(2, graph);
  return new Message().int(1, 1).message(2, meta).finish();
}

function nodeMessage(node: GraphNode): Message {
  const message = new Message().text(1, node.name).text(2, node.op);
  for (const { node: from, index } of node.inputs) message.text(3, index ? `${from.name}:${index}` : from.name);
  for (const before of node.control) message.text(3, `^${before.name}`);
  for (const [name, value] of Object.entries(node.attrs)) {
    message.message(5, new Message().text(1, name).message(2, attrMessage(value)));
  }
  return message;
}

function attrMessage(attr: AttrValue): Message {
  const message = new Message();
  switch (attr.kind) {
    case 'string':
      return message.text(2, attr.value);
    case 'int':
      return message.int(3, attr.value);
    case 'float':
      return message.float(4, attr.value);
    case 'bool':
      return message.bool(5, attr.value);
    case 'type':
      return message.int(6, attr.value);
    case 'shape':
      return message.message(7, shapeMessage(attr.value));
    case 'tensor':
      return message.message(8, tensorMessage(attr.value));
    case 'ints': {
      const list = new Message();
      for (const value of attr.value) list.int(3, value);
      return message.message(1, list);
    }
  }
}

function shapeMessage(shape: readonly number[]): Message {
  const message = new Message();
  for (const size of shape) message.message(2, new Message().int(1, size));
  return message;
}

function tensorMessage({ dtype, shape, data }: TensorValue): Message {
  const message = new Message().int(1, dtype).message(2, shapeMessage(shape));
  const elements = shape.reduce((a, b) => a * b, 1);
  const size = dtype === DType.bool || dtype === DType.uint8 ? 1 : dtype === DType.int64 ? 8 : 4;
  if (data.length === elements * size) return message.bytes(4, data);
  // One element in the typed field fills the whole tensor.
  const view = new DataView(data.buffer, data.byteOffset, data.byteLength);
  if (dtype === DType.float32) return message.float(5, view.getFloat32(0, true));
  if (dtype === DType.int32) return message.int(7, view.getInt32(0, true));
  if (dtype === DType.bool) return message.bool(11, data[0] !== 0);
  throw new Error(`a constant of dtype ${dtype} has ${data.length} bytes for ${elements} elements`);
}
