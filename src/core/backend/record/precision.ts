/** Puts bfloat16 into a graph: which nodes run in it, and the casts between them and their float32 neighbours. */
import { inLowPrecision } from '../precision';
import { DType, type Attrs, type Graph, type Output } from './graph';

/** Ops that compute in bfloat16 when they stand in a `lowPrecision` part. */
const COMPUTE = new Set(
  'MatMul BatchMatMulV2 Add AddV2 Sub Mul Neg Square Sigmoid Softmax Relu Reciprocal Tanh Exp Maximum'.split(' '),
);
/** Ops that only move numbers: they take whatever precision their input has. */
const MOVE = new Set('Reshape Transpose ConcatV2 Pack Unpack SplitV Slice Tile ExpandDims Identity'.split(' '));

const isFloat = ({ dtype }: Output) => dtype === DType.float32 || dtype === DType.bfloat16;

/** @returns inputs cast to one precision, the attributes to match, and whether float outputs are bfloat16 */
export function settlePrecision(
  graph: Graph,
  op: string,
  inputs: readonly Output[],
  attrs: Attrs,
  enabled: boolean,
): { inputs: Output[]; attrs: Attrs; low: boolean } {
  const floats = inputs.filter(isFloat);
  const computes = inLowPrecision() && COMPUTE.has(op);
  const moves = MOVE.has(op) && floats.length > 0 && floats.every(({ dtype }) => dtype === DType.bfloat16);
  const low = enabled && (computes || moves) && floats.length > 0;
  const dtype = low ? DType.bfloat16 : DType.float32;
  const cast = inputs.map((input) => (isFloat(input) ? graph.cast(input, dtype) : input));
  return { inputs: cast, attrs: low ? { ...attrs, T: { kind: 'type', value: dtype } } : attrs, low };
}
