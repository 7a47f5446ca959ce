import { StudioError } from '@shared/errors';

/** One tensor of a file; `bytes` is a view, little-endian. */
export interface RawTensor {
  dtype: string;
  shape: number[];
  bytes: Uint8Array;
}

const SIZES: Record<string, number> = { U8: 1, I8: 1, BOOL: 1, I32: 4, U32: 4, F32: 4, I64: 8, F64: 8 };

const damaged = (why: string): StudioError =>
  new StudioError('damaged', `The trace file is damaged (${why}): delete the playback and make it again.`);

/**
 * Reads a safetensors file: 8 bytes of header length, a JSON header, the data.
 * https://huggingface.co/docs/safetensors/index#format
 * @throws StudioError `damaged` if a length or an offset does not fit the file.
 */
export function readSafetensors(file: Uint8Array): {
  tensors: Map<string, RawTensor>;
  metadata: Record<string, string>;
} {
  if (file.byteLength < 8) throw damaged(`it has ${file.byteLength} bytes`);
  const view = new DataView(file.buffer, file.byteOffset, file.byteLength);
  const headerBytes = Number(view.getBigUint64(0, true));
  if (!(headerBytes <= file.byteLength - 8)) throw damaged('its header is longer than the file');
  let header: Record<string, unknown>;
  try {
    header = JSON.parse(new TextDecoder().decode(file.subarray(8, 8 + headerBytes))) as Record<string, unknown>;
  } catch {
    throw damaged('its header is not JSON');
  }
  if (!isRecord(header)) throw damaged('its header is no list of tensors');
  const data = file.subarray(8 + headerBytes);
  const tensors = new Map<string, RawTensor>();
  for (const [name, value] of Object.entries(header)) {
    if (name === '__metadata__') continue;
    if (!isTensor(value)) throw damaged(`tensor ${name.slice(0, 40)} is not described`);
    const { dtype, shape, data_offsets } = value;
    const [start, end] = data_offsets;
    const count = shape.reduce((n, side) => n * side, 1);
    const fits = start >= 0 && end <= data.byteLength && end - start === count * (SIZES[dtype] ?? NaN);
    if (!fits) throw damaged(`tensor ${name.slice(0, 40)} does not fit it`);
    tensors.set(name, { dtype, shape, bytes: data.subarray(start, end) });
  }
  const metadata = isRecord(header.__metadata__) ? header.__metadata__ : {};
  const texts = Object.entries(metadata).filter((entry): entry is [string, string] => typeof entry[1] === 'string');
  return { tensors, metadata: Object.fromEntries(texts) };
}

const isRecord = (value: unknown): value is Record<string, unknown> =>
  typeof value === 'object' && value !== null && !Array.isArray(value);

const isPlace = (value: unknown): boolean => Number.isSafeInteger(value) && (value as number) >= 0;

function isTensor(value: unknown): value is { dtype: string; shape: number[]; data_offsets: [number, number] } {
  if (!isRecord(value)) return false;
  const { dtype, shape, data_offsets } = value;
  const lists = [shape, data_offsets];
  return (
    typeof dtype === 'string' &&
    lists.every((list) => Array.isArray(list) && list.every(isPlace)) &&
    (data_offsets as unknown[]).length === 2
  );
}

/** U8 tensor as a view. */
export function asU8(tensor: RawTensor): Uint8Array {
  if (tensor.dtype !== 'U8') throw damaged(`a tensor is ${tensor.dtype} where U8 belongs`);
  return tensor.bytes;
}

/** F32 tensor: a view where the data lies at a multiple of 4, else a copy. */
export function asF32(tensor: RawTensor): Float32Array {
  if (tensor.dtype !== 'F32') throw damaged(`a tensor is ${tensor.dtype} where F32 belongs`);
  const { buffer, byteOffset, byteLength } = tensor.bytes;
  return byteOffset % 4 === 0
    ? new Float32Array(buffer, byteOffset, byteLength / 4)
    : new Float32Array(tensor.bytes.slice().buffer);
}
