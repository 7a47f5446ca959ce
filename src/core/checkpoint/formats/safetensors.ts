/**
 * safetensors: 8 bytes of little-endian header length, a JSON header, then the tensors' bytes without gaps.
 * Source: github.com/huggingface/safetensors, README "Format". Reading checks what its own reader checks: header size,
 * types, offsets in bounds, contiguous and complete, sizes that fit the shapes, no name twice.
 */
import { StudioError } from '../../../shared/errors';
import { openFile, readBytes, type ByteSource } from '../../lib/open-file';
import { DTYPES, isDtype, toFloat32, type Dtype } from './dtypes';
import { duplicateKey } from './duplicate-keys';
import { elements, shown, tableOf, type TableRows, type TensorFile, type TensorInfo } from './tensor-file';

export type TensorData = Float32Array | Float64Array | Int32Array | Uint8Array | BigInt64Array;

/** Header bytes at most, as in the reference implementation. */
const MAX_HEADER = 100_000_000;

/** Formats that have a typed array of their own here; the others are read as float32. */
const TYPES = {
  F32: Float32Array,
  F64: Float64Array,
  I32: Int32Array,
  I64: BigInt64Array,
  U8: Uint8Array,
  BOOL: Uint8Array,
} as const;

export interface TensorEntry extends TensorInfo {
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
  const described = [...tensors].map(([name, { shape, data }]): [string, TensorShape] => [
    name,
    { dtype: dtypeOf(data), shape, bytes: data.byteLength },
  ]);
  return encodeShapes(new Map(described), metadata);
}

/** What a header says of a tensor. */
export interface TensorShape extends TensorInfo {
  bytes: number;
}

/** As `encodeHeader`, for tensors that are written piece by piece later. */
export function encodeShapes(tensors: ReadonlyMap<string, TensorShape>, metadata: Record<string, string>): Buffer {
  const header: Record<string, unknown> = { __metadata__: metadata };
  let offset = 0;
  for (const [name, { dtype, shape, bytes }] of tensors) {
    header[name] = { dtype, shape, data_offsets: [offset, offset + bytes] };
    offset += bytes;
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
  const twice = duplicateKey(text);
  if (twice !== null) throw damaged(path, `"${twice}" appears twice in its header`);
  const tensors = new Map<string, TensorEntry>();
  for (const [name, entry] of Object.entries(entries)) tensors.set(name, checkEntry(entry, name, path));

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
  if (typeof dtype !== 'string') throw damaged(path, `tensor "${name}" has no type`);
  if (!isDtype(dtype)) {
    throw damaged(path, `tensor "${name}" has type ${JSON.stringify(dtype)}, which is not read here`);
  }
  if (!Array.isArray(shape) || !shape.every(isSize)) throw damaged(path, `tensor "${name}" has no shape`);
  if (!Array.isArray(offsets) || offsets.length !== 2 || !offsets.every(isSize) || offsets[1] < offsets[0]) {
    throw damaged(path, `tensor "${name}" has no valid data_offsets`);
  }
  const bytes = shape.reduce((a, b) => a * b, DTYPES[dtype].bytes);
  if (!Number.isSafeInteger(bytes) || bytes !== offsets[1] - offsets[0]) {
    throw damaged(
      path,
      `tensor "${name}" of shape [${shape.join(', ')}] does not fill its ${offsets[1] - offsets[0]} bytes`,
    );
  }
  return { dtype, shape, data_offsets: [offsets[0], offsets[1]] };
}

/** An open file: the header is checked, tensors are read when asked for. */
export class SafetensorsFile implements TensorFile {
  readonly format = 'safetensors' as const;

  private constructor(
    private readonly source: ByteSource,
    readonly header: SafetensorsHeader,
  ) {}

  /** @throws StudioError `damaged`; file system errors as they come. */
  static async open(path: string): Promise<SafetensorsFile> {
    const source = openFile(path);
    try {
      return SafetensorsFile.from(source);
    } catch (error) {
      source.close();
      throw error;
    }
  }

  /** From any source, which the file then owns. @throws StudioError `damaged` */
  static from(source: ByteSource): SafetensorsFile {
    const { path, size } = source;
    const length = headerLength(readBytes(source, 0, Math.min(8, size)), size, path);
    return new SafetensorsFile(source, parseHeader(readBytes(source, 0, 8 + length), size, path));
  }

  get path(): string {
    return this.source.path;
  }

  get tensors(): ReadonlyMap<string, TensorEntry> {
    return this.header.tensors;
  }

  get metadata(): Readonly<Record<string, string>> {
    return this.header.metadata;
  }

  has(name: string): boolean {
    return this.header.tensors.has(name);
  }

  bytes(name: string, first?: number, count?: number): Uint8Array<ArrayBuffer> {
    const entry = this.header.tensors.get(name);
    if (!entry) throw damaged(this.path, `it has no tensor "${name}"`);
    let [from, to] = entry.data_offsets;
    if (first !== undefined) {
      const [rows = 1, ...rest] = entry.shape;
      const row = elements(rest) * DTYPES[entry.dtype].bytes;
      const wanted = count ?? rows - first;
      if (!(first >= 0 && wanted >= 0 && first + wanted <= rows)) {
        throw damaged(this.path, `it has no row ${first} of a table "${name}"`);
      }
      from += first * row;
      to = from + wanted * row;
    }
    const bytes = new Uint8Array(to - from);
    this.source.read(bytes, this.header.start + from);
    return bytes;
  }

  /** Formats without a typed array here (bfloat16, float16, int16, int8) come as float32. @throws StudioError `damaged` */
  async read(name: string): Promise<NamedTensor> {
    const bytes = this.bytes(name);
    const { dtype, shape } = this.header.tensors.get(name) as TensorEntry;
    return { shape, data: typed(bytes, dtype) };
  }

  /** Entries of the first axis, without reading the others. @throws StudioError `damaged` */
  async rows(name: string, first: number, count: number): Promise<TensorData> {
    const bytes = this.bytes(name, first, count);
    return typed(bytes, (this.header.tensors.get(name) as TensorEntry).dtype);
  }

  /** A float32 tensor of exactly this shape. @throws StudioError `damaged`, naming both shapes. */
  async float32(name: string, shape: readonly number[]): Promise<Float32Array> {
    const entry = this.header.tensors.get(name);
    if (!entry) throw damaged(this.path, `it has no tensor "${name}"`);
    if (entry.dtype !== 'F32') throw damaged(this.path, `tensor "${name}" is not float32`);
    if (entry.shape.join() !== shape.join()) {
      throw damaged(this.path, `tensor "${name}" has shape ${shown(entry.shape)} where ${shown(shape)} is needed`);
    }
    return toFloat32(this.bytes(name), 'F32');
  }

  /** One row of a two-dimensional float32 tensor, without reading the others. @throws StudioError `damaged` */
  async row(name: string, index: number): Promise<Float32Array> {
    return this.table(name, index).read(index, 1);
  }

  /** A float32 table, of which rows are read when they are asked for. @throws StudioError `damaged`, naming row `first` */
  table(name: string, first = 0): TableRows {
    const entry = this.header.tensors.get(name);
    if (!entry || entry.dtype !== 'F32' || entry.shape.length !== 2) {
      throw damaged(this.path, `it has no row ${first} of a table "${name}"`);
    }
    return tableOf(this, name);
  }

  close(): void {
    this.source.close();
  }
}

function typed(bytes: Uint8Array<ArrayBuffer>, dtype: Dtype): TensorData {
  if (!Object.hasOwn(TYPES, dtype)) return toFloat32(bytes, dtype);
  const Type = TYPES[dtype as keyof typeof TYPES];
  return new Type(bytes.buffer, 0, bytes.byteLength / Type.BYTES_PER_ELEMENT) as TensorData;
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
    file.close();
  }
}
