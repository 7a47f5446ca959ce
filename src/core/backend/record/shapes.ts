/**
 * Output shapes and dtypes of TensorFlow's ops, so that a function can be recorded without computing anything: the ops that
 * tfjs-node's kernels are made of. What is not here is executed once on zeros to see what comes out.
 */
import { DType } from './graph';

export interface Traced {
  dtype: number;
  shape: readonly number[];
  /** Known for constants. */
  values?: ArrayLike<number>;
}

/** An attribute as tfjs-node hands it to its binding. */
export interface OpAttr {
  name: string;
  type: number;
  value: unknown;
}

type Shape = readonly number[];
type Rule = (inputs: readonly Traced[], attr: (name: string) => unknown) => Traced[];

const same: Rule = ([x]) => [{ dtype: x.dtype, shape: x.shape }];

function broadcast(a: Shape, b: Shape): number[] {
  const rank = Math.max(a.length, b.length);
  return Array.from({ length: rank }, (_, i) => {
    const x = a[i - rank + a.length] ?? 1;
    const y = b[i - rank + b.length] ?? 1;
    return x === 1 ? y : x;
  });
}

const binary: Rule = ([a, b]) => [{ dtype: a.dtype, shape: broadcast(a.shape, b.shape) }];
const comparison: Rule = ([a, b]) => [{ dtype: DType.bool, shape: broadcast(a.shape, b.shape) }];

/** The values of an input that decides the shape. */
function known(input: Traced): number[] {
  if (!input.values) throw new RecordingError('the shape of a tensor depends on values that change from run to run');
  return Array.from(input.values);
}

/** Why a function cannot be recorded: a sentence's end. */
export class RecordingError extends Error {}

const axisOf = (axis: number, rank: number) => (axis < 0 ? axis + rank : axis);

const reduction: Rule = ([x, axes], attr) => {
  const gone = new Set(known(axes).map((axis) => axisOf(axis, x.shape.length)));
  const shape = attr('keep_dims')
    ? x.shape.map((size, i) => (gone.has(i) ? 1 : size))
    : x.shape.filter((_, i) => !gone.has(i));
  return [{ dtype: x.dtype, shape }];
};

const argReduction: Rule = ([x, axes], attr) => {
  const [axis] = known(axes);
  const shape = x.shape.filter((_, i) => i !== axisOf(axis, x.shape.length));
  return [{ dtype: (attr('output_type') as number | undefined) ?? DType.int64, shape }];
};

function product(a: Shape, b: Shape, turnA: boolean, turnB: boolean): number[] {
  const outer = broadcast(a.slice(0, -2), b.slice(0, -2));
  const rows = a[a.length - (turnA ? 1 : 2)];
  const columns = b[b.length - (turnB ? 2 : 1)];
  return [...outer, rows, columns];
}

const select: Rule = ([condition, a, b]) => [
  { dtype: a.dtype, shape: broadcast(broadcast(condition.shape, a.shape), b.shape) },
];

const pad: Rule = ([x, paddings]) => {
  const by = known(paddings);
  return [{ dtype: x.dtype, shape: x.shape.map((size, i) => size + by[2 * i] + by[2 * i + 1]) }];
};

const RULES: Record<string, Rule> = {
  Cast: ([x], attr) => [{ dtype: attr('DstT') as number, shape: x.shape }],
  Reshape: ([x, to]) => {
    const shape = known(to);
    const elements = x.shape.reduce((a, b) => a * b, 1);
    const rest = shape.reduce((a, b) => (b < 0 ? a : a * b), 1);
    return [{ dtype: x.dtype, shape: shape.map((size) => (size < 0 ? elements / rest : size)) }];
  },
  Transpose: ([x, order]) => [{ dtype: x.dtype, shape: known(order).map((i) => x.shape[i]) }],
  ExpandDims: ([x, axis]) => {
    const at = axisOf(known(axis)[0], x.shape.length + 1);
    return [{ dtype: x.dtype, shape: [...x.shape.slice(0, at), 1, ...x.shape.slice(at)] }];
  },
  ConcatV2: (inputs) => {
    const parts = inputs.slice(0, -1);
    const [first] = parts;
    const axis = axisOf(known(inputs[inputs.length - 1])[0], first.shape.length);
    const total = parts.reduce((sum, part) => sum + part.shape[axis], 0);
    return [{ dtype: first.dtype, shape: first.shape.map((size, i) => (i === axis ? total : size)) }];
  },
  Pack: (inputs, attr) => {
    const [{ dtype, shape }] = inputs;
    const at = axisOf((attr('axis') as number | undefined) ?? 0, shape.length + 1);
    return [{ dtype, shape: [...shape.slice(0, at), inputs.length, ...shape.slice(at)] }];
  },
  Unpack: ([x], attr) => {
    const at = axisOf((attr('axis') as number | undefined) ?? 0, x.shape.length);
    const part = { dtype: x.dtype, shape: x.shape.filter((_, i) => i !== at) };
    return Array.from({ length: attr('num') as number }, () => part);
  },
  SplitV: ([x, sizes, axis]) => {
    const at = axisOf(known(axis)[0], x.shape.length);
    return known(sizes).map((part) => ({ dtype: x.dtype, shape: x.shape.map((size, i) => (i === at ? part : size)) }));
  },
  Slice: ([x, begin, sizes]) => {
    const from = known(begin);
    return [{ dtype: x.dtype, shape: known(sizes).map((size, i) => (size < 0 ? x.shape[i] - from[i] : size)) }];
  },
  Tile: ([x, multiples]) => {
    const by = known(multiples);
    return [{ dtype: x.dtype, shape: x.shape.map((size, i) => size * by[i]) }];
  },
  BroadcastTo: ([x, to]) => [{ dtype: x.dtype, shape: known(to) }],
  Fill: ([dims, value]) => [{ dtype: value.dtype, shape: known(dims) }],
  OneHot: ([indices, depth, on], attr) => {
    const axis = (attr('axis') as number | undefined) ?? -1;
    const at = axisOf(axis, indices.shape.length + 1);
    return [{ dtype: on.dtype, shape: [...indices.shape.slice(0, at), known(depth)[0], ...indices.shape.slice(at)] }];
  },
  MatMul: ([a, b], attr) => [
    { dtype: a.dtype, shape: product(a.shape, b.shape, attr('transpose_a') === true, attr('transpose_b') === true) },
  ],
  BatchMatMulV2: ([a, b], attr) => [
    { dtype: a.dtype, shape: product(a.shape, b.shape, attr('adj_x') === true, attr('adj_y') === true) },
  ],
  UnsortedSegmentSum: ([x, ids, segments]) => [
    { dtype: x.dtype, shape: [known(segments)[0], ...x.shape.slice(ids.shape.length)] },
  ],
  GatherV2: ([x, indices, axis], attr) => {
    const at = axisOf(known(axis)[0], x.shape.length);
    const batch = (attr('batch_dims') as number | undefined) ?? 0;
    return [
      { dtype: x.dtype, shape: [...x.shape.slice(0, at), ...indices.shape.slice(batch), ...x.shape.slice(at + 1)] },
    ];
  },
  Pad: pad,
  PadV2: pad,
  Select: select,
  SelectV2: select,
  ArgMax: argReduction,
  ArgMin: argReduction,
  LogicalNot: same,
  LogicalAnd: binary,
  LogicalOr: binary,
  IsNan: ([x]) => [{ dtype: DType.bool, shape: x.shape }],
  IsFinite: ([x]) => [{ dtype: DType.bool, shape: x.shape }],
};

const group = (names: string, rule: Rule) => names.split(' ').forEach((name) => (RULES[name] = rule));

group('Abs Neg Exp Expm1 Log Log1p Sqrt Rsqrt Square Reciprocal Sigmoid Tanh Relu Relu6 Elu Selu Softplus Sign', same);
group('Sin Cos Tan Asin Acos Atan Floor Ceil Round Erf Softmax LogSoftmax Identity ZerosLike OnesLike', same);
group(
  'Add AddV2 Sub Mul Div RealDiv DivNoNan Maximum Minimum Pow Atan2 SquaredDifference FloorDiv FloorMod Mod',
  binary,
);
group('Equal NotEqual Greater GreaterEqual Less LessEqual', comparison);
group('Sum Mean Max Min Prod All Any', reduction);

/** @returns null for an op that is not known here */
export function inferOutputs(op: string, inputs: readonly Traced[], attrs: readonly OpAttr[]): Traced[] | null {
  const rule = RULES[op];
  return rule ? rule(inputs, (name) => attrs.find((attr) => attr.name === name)?.value) : null;
}
