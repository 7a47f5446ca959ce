/** What a run of a graph costs, counted from its nodes without running it: memory at its fullest, products, bytes moved. */
import { DType, type GraphNode, type Output } from './graph';

const SIZES: Readonly<Record<number, number>> = {
  [DType.float32]: 4,
  [DType.int32]: 4,
  [DType.int64]: 8,
  [DType.bfloat16]: 2,
  [DType.bool]: 1,
  [DType.uint8]: 1,
};

const elements = (shape: readonly number[]): number => shape.reduce((a, b) => a * b, 1);
const bytesOf = ({ dtype, shape }: Output): number => (SIZES[dtype] ?? 0) * elements(shape);

/** Ops that compute nothing: what they give is their input, or was there before. */
const NO_KERNEL = new Set(
  'Const Placeholder VarHandleOp NoOp Identity Reshape ExpandDims Squeeze ReadVariableOp'.split(' '),
);
/** Ops that TensorFlow lets write over an input which nothing else needs. */
const IN_PLACE = new Set(
  (
    'Add AddV2 Sub Mul RealDiv Div Maximum Minimum Atan2 Abs Neg Exp Log Log1p Sqrt Rsqrt Square Reciprocal Sigmoid Tanh ' +
    'Relu Sign Sin Softmax'
  ).split(' '),
);

/** Nodes for which a kernel runs. */
export const kernelNodes = (nodes: readonly GraphNode[]): number => nodes.filter(({ op }) => !NO_KERNEL.has(op)).length;

/** The value whose memory an output shares; null where the memory is the state's or a constant's. */
function ownerOf(output: Output, known: ReadonlyMap<Output, Output | null>): Output | null {
  const { op, inputs } = output.node;
  if (op === 'Const' || op === 'VarHandleOp' || op === 'ReadVariableOp') return null;
  const [input] = inputs as readonly (Output | undefined)[];
  if (!input) return output;
  const owner = known.get(input) ?? null;
  if (/^(Identity|Reshape|ExpandDims|Squeeze)$/.test(op)) return owner;
  // Rows that lie one after another are a view too.
  const rows = /^(Slice|SplitV)$/.test(op) && String(output.shape.slice(1)) === String(input.shape.slice(1));
  return rows && output.shape.length === input.shape.length ? owner : output;
}

export interface MemoryUse {
  /** Most bytes that values of the graph hold at once, in the order in which the nodes were made. */
  peak: number;
  /** Of these, what `chosen` picks. */
  chosen: number;
}

/**
 * @param nodes inputs first, as `Graph.needed` gives them
 * @param chosen values to count apart
 */
export function memoryOf(nodes: readonly GraphNode[], chosen: (value: Output) => boolean = () => false): MemoryUse {
  const owners = new Map<Output, Output | null>();
  const last = new Map<Output, number>();
  nodes.forEach((node, i) => {
    for (const input of node.inputs) {
      const owner = owners.get(input);
      if (owner) last.set(owner, i);
    }
    for (const output of node.outputs) owners.set(output, ownerOf(output, owners));
  });
  const dying = new Map<number, Output[]>();
  for (const [owner, i] of last) dying.set(i, [...(dying.get(i) ?? []), owner]);

  const now = { all: 0, chosen: 0 };
  const count = (value: Output, sign: 1 | -1) => {
    now.all += sign * bytesOf(value);
    if (chosen(value)) now.chosen += sign * bytesOf(value);
  };
  const most = { peak: 0, chosen: 0 };
  nodes.forEach((node, i) => {
    const gone = [...(dying.get(i) ?? [])];
    const made = node.outputs.filter((output) => owners.get(output) === output && last.has(output));
    if (IN_PLACE.has(node.op) && made.length) {
      const same = gone.findIndex((old) => bytesOf(old) === bytesOf(made[0]) && old.dtype === made[0].dtype);
      if (same >= 0) count(gone.splice(same, 1)[0], -1);
    }
    for (const output of made) count(output, 1);
    if (now.all > most.peak) Object.assign(most, { peak: now.all, chosen: now.chosen });
    for (const old of gone) count(old, -1);
  });
  return most;
}

export interface Work {
  /** Of matrix products: a multiplication and an addition are two. */
  flops: number;
  /** Read and written, if every kernel reads its inputs and writes its outputs once. */
  bytes: number;
}

export function workOf(nodes: readonly GraphNode[]): Work {
  const work = { flops: 0, bytes: 0 };
  for (const { op, inputs, outputs, attrs } of nodes) {
    if (NO_KERNEL.has(op)) continue;
    for (const value of [...inputs, ...outputs]) work.bytes += bytesOf(value);
    if (op !== 'MatMul' && op !== 'BatchMatMulV2') continue;
    const turned = attrs[op === 'MatMul' ? 'transpose_a' : 'adj_x'] as { value?: unknown } | undefined;
    const { shape } = inputs[0];
    work.flops += 2 * elements(outputs[0].shape) * shape[shape.length - (turned?.value === true ? 2 : 1)];
  }
  return work;
}
