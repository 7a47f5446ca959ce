/**
 * Runs a tfjs function once without computing anything and writes down what its kernels ask of TensorFlow. tfjs-node sends
 * every kernel, forward and backward alike, through `binding.executeOp`; while a function is traced the backend has another
 * binding, which notes the op, works out the shape of the outcome and answers with a number that stands for it.
 */
import * as tf from '@tensorflow/tfjs-core';
import type { NativeBackend, NativeBinding, OutputInfo } from '../native';
import type { Graph } from './graph';
import { DType, type as typeAttr, type Attrs, type AttrValue, type Output } from './graph';
import { setOrderingHook } from '../ordering';
import { lowered } from './lower';
import { settlePrecision } from './precision';
import { inferOutputs, RecordingError, type OpAttr, type Traced } from './shapes';

type Values = Float32Array | Int32Array | Uint8Array;

/** Numbers of traced values: far beyond the int32 numbers of real handles. */
let nextId = 2 ** 40;

interface TracedValue extends Traced {
  output: Output;
}

export class Tracer {
  private readonly values = new Map<number, TracedValue>();
  private readonly constants = new WeakMap<object, number>();
  /** Depth of kernels that look at values only to check them. */
  private checking = 0;

  constructor(
    private readonly backend: NativeBackend,
    readonly graph: Graph,
    private readonly bfloat16: boolean,
  ) {}

  /**
   * Traces `f`; every tensor made in it is gone afterwards, so that it must return graph values.
   * @throws RecordingError if `f` does what cannot be recorded
   */
  run<T>(f: () => T): T {
    const { binding } = this.backend;
    if (binding instanceof TracingBinding) throw new RecordingError('a recorded function records another one');
    const restore = this.letGatherCheck();
    const unhook = setOrderingHook((x, done) => this.after(x, done));
    const upload = this.backend.getInputTensorIds;
    this.backend.binding = new TracingBinding(binding, this);
    this.backend.getInputTensorIds = (tensors) => tensors.map((tensor) => this.idOf(tensor));
    tf.engine().startScope();
    try {
      return f();
    } finally {
      tf.engine().endScope();
      this.backend.binding = binding;
      this.backend.getInputTensorIds = upload;
      setOrderingHook(unhook);
      restore();
    }
  }

  /** A tfjs tensor that stands for a value of the graph. */
  tensor(output: Output): tf.Tensor {
    return this.backend.createOutputTensor(this.define(output));
  }

  private after(x: tf.Tensor, done: tf.Tensor): tf.Tensor {
    const value = this.outputOf(x);
    const control = [this.outputOf(done).node];
    const [copy] = this.graph.node('Identity', [value], { T: typeAttr(value.dtype) }, [value], { control }).outputs;
    // A tensor of its own to autodiff too: outside of a custom gradient nothing leads back from it.
    return this.tensor(copy);
  }

  /** The graph's value of a tensor. */
  outputOf(tensor: tf.Tensor): Output {
    const [id] = this.backend.getInputTensorIds([tensor]);
    return this.lookUp(id).output;
  }

  /** Values that are still in JavaScript become constants and stay where they are: the tensor may outlive the tracing. */
  private idOf({ dataId }: tf.Tensor): number {
    const entry = this.backend.tensorMap.get(dataId);
    if (!entry) throw new RecordingError('it uses a tensor that has been disposed of');
    if (entry.values === null || entry.values === undefined) return entry.id as number;
    const known = this.constants.get(entry);
    if (known !== undefined) return known;
    const id = this.constant(entry.shape, entry.dtype, entry.values as Values);
    this.constants.set(entry, id);
    return id;
  }

  /** Notes an op and answers with what stands for its outputs. */
  execute(op: string, opAttrs: readonly OpAttr[], ids: readonly number[]): OutputInfo[] {
    const inputs = ids.map((id) => this.lookUp(id));
    const traced = inferOutputs(op, inputs, opAttrs) ?? this.tryOut(op, opAttrs, inputs);
    const settled = settlePrecision(
      this.graph,
      op,
      inputs.map(({ output }) => output),
      { ...inferredAttrs(op, inputs), ...this.attrs(opAttrs) },
      this.bfloat16,
    );
    const outputs = traced.map(({ dtype, shape }) => ({
      shape,
      dtype: settled.low && dtype === DType.float32 ? DType.bfloat16 : dtype,
    }));
    const { outputs: made } = lowered(this.graph, op, settled.inputs, settled.attrs, outputs);
    return made.map((output) => this.define(output));
  }

  /** A constant that the function makes. */
  constant(shape: readonly number[], dtype: number, values: Values): number {
    const data = Buffer.from(values.buffer, values.byteOffset, values.byteLength);
    // Copied: the caller may change its array.
    const output = this.graph.constant({ dtype, shape, data: new Uint8Array(data) });
    return this.define(output, values).id;
  }

  /** What a kernel may read: constants, and zeros where it only checks. */
  read(id: number): Values {
    const value = this.lookUp(id);
    if (value.values) return value.values as Values;
    const elements = value.shape.reduce((a, b) => a * b, 1);
    if (this.checking > 0) return value.dtype === DType.float32 ? new Float32Array(elements) : new Int32Array(elements);
    throw new RecordingError('it reads a tensor back (dataSync, data, arraySync or array)');
  }

  private define(output: Output, values?: Values): OutputInfo & { id: number } {
    const id = nextId++;
    // To JavaScript a bfloat16 value is a float32 one.
    const dtype = output.dtype === DType.bfloat16 ? DType.float32 : output.dtype;
    this.values.set(id, { dtype, shape: output.shape, values, output });
    return { id, dtype, shape: [...output.shape] };
  }

  /** Tensors that were there before are part of the graph as constants. */
  private lookUp(id: number): TracedValue {
    const known = this.values.get(id);
    if (known) return known;
    const real = this.realBinding();
    const [{ id: copy, dtype, shape }] = real.executeOp('Identity', [], [id], 1);
    const values = real.tensorDataSync(copy) as Values;
    real.deleteTensor(copy);
    const data = new Uint8Array(values.buffer, values.byteOffset, values.byteLength);
    const captured = { dtype, shape, values, output: this.graph.constant({ dtype, shape, data }) };
    this.values.set(id, captured);
    return captured;
  }

  private realBinding(): NativeBinding {
    const { binding } = this.backend;
    return binding instanceof TracingBinding ? binding.real : binding;
  }

  /** Runs an op whose shapes are not known here on zeros of its inputs' shapes. */
  private tryOut(op: string, attrs: readonly OpAttr[], inputs: readonly Traced[]): Traced[] {
    const real = this.realBinding();
    const ids = inputs.map(({ dtype, shape, values }) => {
      const elements = shape.reduce((a, b) => a * b, 1);
      const blank = dtype === DType.float32 ? Float32Array : dtype === DType.int32 ? Int32Array : Uint8Array;
      return real.createTensor([...shape], dtype, (values as Values | undefined) ?? new blank(elements));
    });
    try {
      const made = real.executeOp(op, attrs, ids, outputCount(op, attrs));
      made.forEach(({ id }) => real.deleteTensor(id));
      return made;
    } finally {
      ids.forEach((id) => real.deleteTensor(id));
    }
  }

  private attrs(opAttrs: readonly OpAttr[]): Attrs {
    return Object.fromEntries(opAttrs.map((attr) => [attr.name, this.attrValue(attr)]));
  }

  private attrValue({ name, type, value }: OpAttr): AttrValue {
    const kinds = this.realBinding();
    switch (type) {
      case kinds.TF_ATTR_STRING:
        return { kind: 'string', value: value as string };
      case kinds.TF_ATTR_INT:
        return Array.isArray(value)
          ? { kind: 'ints', value: value as number[] }
          : { kind: 'int', value: value as number };
      case kinds.TF_ATTR_FLOAT:
        return { kind: 'float', value: value as number };
      case kinds.TF_ATTR_BOOL:
        return { kind: 'bool', value: Boolean(value) };
      case kinds.TF_ATTR_TYPE:
        return { kind: 'type', value: value as number };
      case kinds.TF_ATTR_SHAPE:
        return { kind: 'shape', value: value as number[] };
      default:
        throw new RecordingError(`the attribute ${name} has a kind that is not known`);
    }
  }

  /** tfjs-node's gather looks at its indices to check them; TensorFlow checks them again when the graph runs. */
  private letGatherCheck(): () => void {
    const gather = tf.getKernel('GatherV2', 'tensorflow');
    const original = gather.kernelFunc;
    const mutable = gather as { kernelFunc: typeof original };
    mutable.kernelFunc = (params) => {
      this.checking++;
      try {
        return original(params);
      } finally {
        this.checking--;
      }
    };
    return () => (mutable.kernelFunc = original);
  }
}

/** Eager execution infers types that tfjs-node leaves out; a graph has to say them. */
const inferredAttrs = (op: string, [x, axis]: readonly Traced[]): Attrs =>
  op === 'ExpandDims' ? { T: typeAttr(x.dtype), Tdim: typeAttr(axis.dtype) } : {};

/** Ops with several outputs say how many in an attribute. */
function outputCount(op: string, attrs: readonly OpAttr[]): number {
  const count = attrs.find(({ name }) => name === 'num' || name === 'num_split')?.value;
  return typeof count === 'number' ? count : op === 'TopKV2' || op === 'Unique' ? 2 : 1;
}

/** Stands in for tfjs-node's binding while a function is traced. */
class TracingBinding implements NativeBinding {
  [constant: string]: unknown;

  constructor(
    readonly real: NativeBinding,
    private readonly tracer: Tracer,
  ) {
    // Enumerations such as TF_FLOAT are plain properties of the native object.
    for (const name of Object.getOwnPropertyNames(real)) if (typeof real[name] !== 'function') this[name] = real[name];
  }

  declare TF_Version: string;
  declare TF_ATTR_STRING: number;
  declare TF_ATTR_INT: number;
  declare TF_ATTR_FLOAT: number;
  declare TF_ATTR_BOOL: number;
  declare TF_ATTR_TYPE: number;
  declare TF_ATTR_SHAPE: number;

  executeOp(op: string, attrs: readonly OpAttr[], ids: readonly number[]): OutputInfo[] {
    return this.tracer.execute(op, attrs, ids);
  }

  createTensor(shape: readonly number[], dtype: number, values: Values): number {
    return this.tracer.constant(shape, dtype, values);
  }

  tensorDataSync(id: number): Values {
    return this.tracer.read(id);
  }

  deleteTensor(id: number): void {
    // A traced value is a name in a table. A real tensor can die here too, if the function frees what it was given.
    if (id < 2 ** 40) this.real.deleteTensor(id);
  }

  getNumOfTensors(): number {
    return this.real.getNumOfTensors();
  }

  loadSavedModel(): number {
    throw new RecordingError('it runs a recorded function');
  }

  runSavedModel(): OutputInfo[] {
    throw new RecordingError('it runs a recorded function');
  }

  deleteSavedModel(id: number): void {
    this.real.deleteSavedModel(id);
  }
}
