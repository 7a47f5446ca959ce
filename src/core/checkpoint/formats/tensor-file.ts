/** What the readers of every checkpoint format give: names, shapes, formats, and the bytes that are asked for. */
import { StudioError } from '../../../shared/errors';
import { DTYPES, toFloat32, type Dtype } from './dtypes';

export interface TensorInfo {
  dtype: Dtype;
  shape: readonly number[];
}

export interface TensorFile {
  readonly path: string;
  readonly format: 'pytorch' | 'safetensors';
  readonly tensors: ReadonlyMap<string, TensorInfo>;
  /** Texts that the file carries beside its tensors; empty for PyTorch. */
  readonly metadata: Readonly<Record<string, string>>;
  /**
   * Bytes of a tensor, row-major and little-endian in its own format.
   * @param first with `count`: only these entries of the first axis, without reading the others
   * @throws StudioError `damaged` if there is no such tensor or its bytes are not what was written
   */
  bytes(name: string, first?: number, count?: number): Uint8Array<ArrayBuffer>;
  close(): void;
}

export const elements = (shape: readonly number[]): number => shape.reduce((a, b) => a * b, 1);

export const shown = (shape: readonly number[]): string => `[${shape.join(', ')}]`;

/** A whole tensor as float32. */
export function readFloat32(file: TensorFile, name: string): Float32Array {
  const info = file.tensors.get(name);
  return info ? toFloat32(file.bytes(name), info.dtype) : new Float32Array(0);
}

export interface TableRows {
  rows: number;
  width: number;
  /** @returns [count, width] */
  read(first: number, count: number): Float32Array;
}

/** A two-dimensional tensor, of which rows are read when they are asked for. @throws StudioError `bad_input` */
export function tableOf(file: TensorFile, name: string): TableRows {
  const info = file.tensors.get(name);
  if (info?.shape.length !== 2) {
    throw new StudioError(
      'bad_input',
      `${file.path}: "${name}" has the shape ${shown(info?.shape ?? [])}, and a table of rows is needed.`,
    );
  }
  const [rows, width] = info.shape;
  return { rows, width, read: (first, count) => toFloat32(file.bytes(name, first, count), info.dtype) };
}

/** How many entries of the first axis make a piece of about 8 MB. */
export function rowsPerPiece({ dtype, shape }: TensorInfo): number {
  const row = DTYPES[dtype].bytes * elements(shape.slice(1));
  return Math.max(1, Math.floor(2 ** 23 / Math.max(1, row)));
}
