/** The parts of tfjs-node's backend that its types do not show, and the guard for its 32-bit tensor handles. */
import * as tf from '@tensorflow/tfjs-core';

/** What the addon says of a tensor that it made; `dtype` is TensorFlow's number. */
export interface OutputInfo {
  id: number;
  dtype: number;
  shape: number[];
}

/** tfjs-node's addon. Its enumerations are properties too. */
export interface NativeBinding {
  [constant: string]: unknown;
  TF_Version: string;
  TF_ATTR_STRING: number;
  TF_ATTR_INT: number;
  TF_ATTR_FLOAT: number;
  TF_ATTR_BOOL: number;
  TF_ATTR_TYPE: number;
  TF_ATTR_SHAPE: number;
  createTensor(shape: readonly number[], dtype: number, values: ArrayBufferView): number;
  deleteTensor(id: number): void;
  tensorDataSync(id: number): ArrayBufferView;
  executeOp(
    op: string,
    attrs: readonly { name: string; type: number; value: unknown }[],
    inputs: readonly number[],
    outputs: number,
  ): OutputInfo[];
  getNumOfTensors(): number;
  /** @returns the number of the session */
  loadSavedModel(folder: string, tags: string): number;
  /** @param inputNames and `outputNames`: `node:index`, joined by commas */
  runSavedModel(session: number, inputs: readonly number[], inputNames: string, outputNames: string): OutputInfo[];
  deleteSavedModel(session: number): void;
}

interface TensorEntry {
  shape: readonly number[];
  /** TensorFlow's number. */
  dtype: number;
  id: number | null;
  values: unknown;
  refCount: number;
}

export interface NativeBackend {
  binding: NativeBinding;
  isUsingGpuDevice: boolean;
  tensorMap: {
    get(dataId: object): TensorEntry | undefined;
    has(dataId: object): boolean;
    delete(dataId: object): void;
  };
  disposeData(dataId: object, force?: boolean): boolean;
  createOutputTensor(info: OutputInfo): tf.Tensor;
  /** Uploads what has not been uploaded yet. */
  getInputTensorIds(tensors: readonly tf.Tensor[]): number[];
}

/** The TensorFlow backend if it is the one in use. */
export function nativeBackend(): NativeBackend | null {
  return tf.getBackend() === 'tensorflow' ? (tf.backend() as unknown as NativeBackend) : null;
}

/**
 * Handles are numbered by a C++ int32 that only counts up. tfjs-node frees a handle only if its number is ≥ 0, so past 2³¹
 * (about 60 hours of eager training) every tensor would leak; −1 alone means "no handle". At 2³² numbers come round to those
 * of tensors that still live.
 */
export function freeNegativeHandles(backend: NativeBackend): void {
  backend.disposeData = function (dataId, force = false) {
    const entry = this.tensorMap.get(dataId);
    if (!entry) return true;
    entry.refCount--;
    if (!force && entry.refCount > 0) return false;
    if (entry.id !== null && entry.id !== undefined && entry.id !== -1) this.binding.deleteTensor(entry.id);
    this.tensorMap.delete(dataId);
    return true;
  };
}

/** Most handles one process may use: an eighth below the 2³² at which numbers would be given twice. Tests lower it. */
export const HANDLE_LIMIT = Number(process.env.TRM_HANDLE_LIMIT) || 2 ** 32 - 2 ** 29;

/** The share of HANDLE_LIMIT that this process has used, told from the number of a handle made for it; 0 on other backends. */
export function handleUse(): number {
  const binding = nativeBackend()?.binding;
  if (!binding) return 0;
  // int32: a float32 would be sent to the GPU.
  const id = binding.createTensor([], 3, new Int32Array(1));
  binding.deleteTensor(id);
  return (id >>> 0) / HANDLE_LIMIT;
}
