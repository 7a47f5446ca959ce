/**
 * safetensors: 8 bytes of little-endian header length, a JSON header, then the tensors' bytes without gaps.
 * Source: github.com/huggingface/safetensors, README "Format". Reading checks what its own reader checks: header size,
 * types, offsets in bounds, contiguous and complete, sizes that fit the shapes, no name twice.
 */
import { open, type FileHandle } from 'node:fs/promises';
import { StudioError } from '../../shared/errors';

export type TensorData = Float32Array | Float64Array | Int32Array | Uint8Array | BigInt64Array;

/** Header bytes at most, as in the reference implementation. */
const MAX_HEADER = 100_000_000;
const MAX_PIECE = 2 ** 26;

const TYPES = {
  F32: Float32Array,
  F64: Float64Array,
  I32: Int32Array,
  I64: BigInt64Array,
  U8: Uint8Array,
  BOOL: Uint8Array,
} as const;
type Dtype = keyof typeof TYPES;

export interface TensorEntry {
  dtype: string;
  shape: number[];
  /** Byte range behind the header. */
  data_offsets: [number, number];
}

export interface SafetensorsHeader {
  metadata: Record<string, string>;
  tensors: Map<string, TensorEntry>;
  /** Where the data begins in the file. */
  start: number;
}

export interface NamedTensor {
  shape: readonly number[];
  data: TensorData;
}

export function dtypeOf(data: TensorData): Dtype {
  if (data instanceof Float32Array) return 'F32';
  if (data instanceof Float64Array) return 'F64';
  if (data instanceof Int32Array) return 'I32';
  if (data instanceof BigInt64Array) return 'I64';
  return 'U8';
}

/** The header block of a file with these tensors, padded with spaces so that the data is aligned to 8 bytes. */
export function encodeHeader(tensors: ReadonlyMap<string, NamedTensor>, metadata: Record<string, string>): Buffer {
  const header: Record<string, unknown> = { __metadata__: metadata };
  let offset = 0;
  for (const [name, { shape, data }] of tensors) {
    header[name] = { dtype: dtypeOf(data), shape, data_offsets: [offset, offset + data.byteLength] };
    offset += data.byteLength;
  }
  const text = Buffer.from(JSON.stringify(header));
  const length = Math.ceil(text.length / 8) * 8;
  const block = Buffer.alloc(8 + length, ' ');
  block.writeBigUInt64LE(BigInt(length), 0);
  text.copy(block, 8);
  return block;
}

const damaged = (path: string, what: string): StudioError =>
  new StudioError('damaged', `${path} is not a whole safetensors file: ${what}. Use another copy of it.`);

/**
 * Checks the header of a file of `fileSize` bytes.
 * @param head the file's first bytes, the whole header included
 * @throws StudioError `damaged`
 */
export function parseHeader(head: Buffer, fileSize: number, path: string): SafetensorsHeader {
  const length = headerLength(head, fileSize, path);
  const text = head.toString('utf8', 8, 8 + length);
  let json: unknown;
  try {
    json = JSON.parse(text);
  } catch {
    throw damaged(path, 'its header is not JSON');
  }
  if (!isRecord(json)) throw damaged(path, 'its header is not an object');
  const { __metadata__: metadata = {}, ...entries } = json;
  if (!isRecord(metadata) || Object.values(metadata).some((v) => typeof v !== 'string')) {
    throw damaged(path, 'its metadata is not text');
  }
  const tensors = new Map<string, TensorEntry>();
  for (const [name, entry] of Object.entries(entries)) tensors.set(name, checkEntry(entry, name, path));
  // JSON.parse keeps the last of two equal names in silence; every tensor has exactly one data_offsets.
  const mentioned = text.match(/"data_offsets"\s*:/g)?.length ?? 0;
  if (mentioned !== tensors.size) throw damaged(path, 'a tensor name stands twice in its header');

  const start = 8 + length;
  let end = 0;
  const ordered = [...tensors].sort(
    ([, a], [, b]) => a.data_offsets[0] - b.data_offsets[0] || a.data_offsets[1] - b.data_offsets[1],
  );
  for (const [name, { data_offsets }] of ordered) {
    if (data_offsets[0] !== end) throw damaged(path, `tensor "${name}" begins at ${data_offsets[0]}, not at ${end}`);
    end = data_offsets[1];
  }
  if (start + end !== fileSize) throw damaged(path, `it has ${fileSize} bytes, its header needs ${start + end}`);
  return { metadata: metadata as Record<string, string>, tensors, start };
}

/** Length of the JSON header, from the file's first 8 bytes. */
function headerLength(head: Buffer, fileSize: number, path: string): number {
  if (head.length < 8) throw damaged(path, 'it is shorter than 8 bytes');
  const length = head.readBigUInt64LE(0);
  if (length > BigInt(MAX_HEADER)) throw damaged(path, `its header claims ${length} bytes`);
  if (8 + Number(length) > fileSize) throw damaged(path, 'its header is cut off');
  return Number(length);
}

const isRecord = (value: unknown): value is Record<string, unknown> =>
  typeof value === 'object' && value !== null && !Array.isArray(value);

const isSize = (value: unknown): value is number => Number.isSafeInteger(value) && (value as number) >= 0;

function checkEntry(entry: unknown, name: string, path: string): TensorEntry {
  if (!isRecord(entry)) throw damaged(path, `tensor "${name}" has no description`);
  const { dtype, shape, data_offsets: offsets } = entry;
  if (typeof dtype !== 'string' || !Object.hasOwn(TYPES, dtype)) {
    throw damaged(path, `tensor "${name}" has type ${JSON.stringify(dtype)}, which is not read here`);
  }
  if (!Array.isArray(shape) || !shape.every(isSize)) throw damaged(path, `tensor "${name}" has no shape`);
  if (!Array.isArray(offsets) || offsets.length !== 2 || !offsets.every(isSize) || offsets[1] < offsets[0]) {
    throw damaged(path, `tensor "${name}" has no valid data_offsets`);
  }
  const bytes = shape.reduce((a, b) => a * b, TYPES[dtype as Dtype].BYTES_PER_ELEMENT);
  if (!Number.isSafeInteger(bytes) || bytes !== offsets[1] - offsets[0]) {
    throw damaged(
      path,
      `tensor "${name}" of shape [${shape.join(', ')}] does not fill its ${offsets[1] - offsets[0]} bytes`,
    );
  }
  return { dtype, shape, data_offsets: [offsets[0], offsets[1]] };
}

/** An open file: the header is checked, tensors are read when asked for. */
export class SafetensorsFile {
  private constructor(
    readonly path: string,
    private readonly file: FileHandle,
    readonly header: SafetensorsHeader,
  ) {}

  /** @throws StudioError `damaged`; file system errors as they come. */
  static async open(path: string): Promise<SafetensorsFile> {
    const file = await open(path, 'r');
    try {
      const { size } = await file.stat();
      const first = Buffer.alloc(Math.min(8, size));
      await file.read(first, 0, first.length, 0);
      const length = headerLength(first, size, path);
      const head = Buffer.alloc(8 + length);
      await readFully(file, head, 0, path);
      return new SafetensorsFile(path, file, parseHeader(head, size, path));
    } catch (error) {
      await file.close();
      throw error;
    }
  }

  has(name: string): boolean {
    return this.header.tensors.has(name);
  }

  /** @throws StudioError `damaged` if there is no such tensor or the file ends early. */
  async read(name: string): Promise<NamedTensor> {
    const entry = this.header.tensors.get(name);
    if (!entry) throw damaged(this.path, `it has no tensor "${name}"`);
    const [from, to] = entry.data_offsets;
    const bytes = new Uint8Array(to - from);
    await readFully(this.file, bytes, this.header.start + from, this.path);
    const Type = TYPES[entry.dtype as Dtype];
    return {
      shape: entry.shape,
      data: new Type(bytes.buffer, 0, bytes.byteLength / Type.BYTES_PER_ELEMENT) as TensorData,
    };
  }

  /** A float32 tensor of exactly this shape. @throws StudioError `damaged`, naming both shapes. */
  async float32(name: string, shape: readonly number[]): Promise<Float32Array> {
    const tensor = await this.read(name);
    if (!(tensor.data instanceof Float32Array)) throw damaged(this.path, `tensor "${name}" is not float32`);
    if (tensor.shape.join() !== shape.join()) {
      throw damaged(
        this.path,
        `tensor "${name}" has shape [${tensor.shape.join(', ')}] where [${shape.join(', ')}] is needed`,
      );
    }
    return tensor.data;
  }

  /** One row of a two-dimensional float32 tensor, without reading the others. @throws StudioError `damaged` */
  async row(name: string, index: number): Promise<Float32Array> {
    const entry = this.header.tensors.get(name);
    if (!entry || entry.dtype !== 'F32' || entry.shape.length !== 2 || !(index >= 0 && index < entry.shape[0])) {
      throw damaged(this.path, `it has no row ${index} of a table "${name}"`);
    }
    const bytes = new Uint8Array(entry.shape[1] * 4);
    await readFully(this.file, bytes, this.header.start + entry.data_offsets[0] + index * bytes.length, this.path);
    return new Float32Array(bytes.buffer);
  }

  close(): Promise<void> {
    return this.file.close();
  }
}

async function readFully(file: FileHandle, into: Uint8Array, position: number, path: string): Promise<void> {
  for (let at = 0; at < into.byteLength;) {
    const { bytesRead } = await file.read(into, at, Math.min(MAX_PIECE, into.byteLength - at), position + at);
    if (bytesRead === 0) throw damaged(path, 'it ends early');
    at += bytesRead;
  }
}

/** Every tensor of a file, for small ones. */
export async function readSafetensors(
  path: string,
): Promise<{ metadata: Record<string, string>; tensors: Map<string, NamedTensor> }> {
  const file = await SafetensorsFile.open(path);
  try {
    const tensors = new Map<string, NamedTensor>();
    for (const name of file.header.tensors.keys()) tensors.set(name, await file.read(name));
    return { metadata: file.header.metadata, tensors };
  } finally {
    await file.close();
  }
}
