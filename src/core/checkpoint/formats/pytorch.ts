/**
 * step_N files: what `torch.save(model.state_dict())` writes since PyTorch 1.6. A ZIP of stored entries under one folder:
 * `data.pkl` says which tensor is which view of which storage, `data/K` are the storages' bytes. Only the directory and the
 * pickle are read when a file is opened, so its size does not matter; tensors, or rows of them, are read on demand.
 */
import { crc32 } from 'node:zlib';
import { StudioError } from '../../../shared/errors';
import { openFile, readBytes, type ByteSource } from '../../lib/open-file';
import { DTYPES } from './dtypes';
import { Dict, MAX_PICKLE, TensorView, unpickle } from './pickle';
import { elements, shown, type TensorFile, type TensorInfo } from './tensor-file';
import { readZip, type ZipEntry } from './zip';

/** An expanded view may claim more elements than its storage has; more than this no weight needs. */
const MAX_EXPANDED = 2 ** 24;
/** A view that is not contiguous is gathered in memory. */
const MAX_GATHER = 2 ** 29;
const MAX_RANK = 16;
/** Storages up to this size are checked against their checksum when they are first read. */
const CHECKED = 2 ** 28;

interface Located extends TensorInfo {
  entry: ZipEntry;
  offset: number;
  strides: readonly number[];
  /** Row-major without holes. */
  contiguous: boolean;
}

/** @throws StudioError `damaged` or `bad_input`, naming what is wrong; file system errors */
export function openPytorch(path: string): TensorFile {
  const source = openFile(path);
  try {
    return readPytorch(source);
  } catch (error) {
    source.close();
    throw error;
  }
}

/** The same from any source, which the file then owns. */
export function readPytorch(source: ByteSource): TensorFile {
  refuseOldFormat(source);
  const entries = readZip(source);
  const folder = folderOf(source, entries);
  const order = entries.get(`${folder}byteorder`);
  if (order && order.size <= 16 && readEntry(source, order).toString('utf8') !== 'little') {
    throw new StudioError(
      'bad_input',
      `${source.path} was saved on a big-endian machine: load it in Python and save it on another one.`,
    );
  }
  const pickle = entries.get(`${folder}data.pkl`);
  if (!pickle) throw damaged(source.path, 'it has no data.pkl');
  if (pickle.size > MAX_PICKLE) {
    throw new StudioError(
      'bad_input',
      `${source.path} is not opened: its data.pkl has ${pickle.size} bytes, and a state dict needs less than ${MAX_PICKLE}.`,
    );
  }
  const value = unpickle(readEntry(source, pickle), source.path);
  return new PytorchFile(source, locateAll(source, value, entries, folder));
}

const damaged = (path: string, what: string): StudioError =>
  new StudioError('damaged', `${path} is not a whole torch.save file: ${what}. Copy it again, or use another one.`);

function refuseOldFormat(source: ByteSource): void {
  if (source.size < 4) throw damaged(source.path, `it has ${source.size} bytes`);
  const [a, b, c, d] = readBytes(source, 0, 4);
  if (a === 0x50 && b === 0x4b && c === 3 && d === 4) return;
  if (a === 0x80 && b <= 5) {
    throw new StudioError(
      'bad_input',
      `${source.path} is a bare pickle, as PyTorch before 1.6 wrote it: load it in a newer PyTorch that you trust it to, and torch.save it again.`,
    );
  }
  throw damaged(source.path, 'it does not begin like a ZIP archive');
}

/** All entries lie under one folder, called after the file or "archive". @returns its name with the slash */
function folderOf(source: ByteSource, entries: ReadonlyMap<string, ZipEntry>): string {
  const [first = ''] = entries.keys();
  const folder = first.slice(0, first.indexOf('/') + 1);
  if (folder && [...entries.keys()].every((name) => name.startsWith(folder))) return folder;
  throw new StudioError(
    'bad_input',
    `${source.path} is a ZIP archive, but not one of torch.save: choose a step_N file of the reference.`,
  );
}

function readEntry(source: ByteSource, entry: ZipEntry): Buffer {
  const bytes = readBytes(source, entry.start, entry.size);
  refuseChecksum(source.path, entry, crc32(bytes));
  return bytes;
}

function refuseChecksum(path: string, { name, crc32: expected }: ZipEntry, found: number): void {
  if (expected !== null && expected !== found) throw damaged(path, `"${name}" does not match its checksum`);
}

function locateAll(
  source: ByteSource,
  value: unknown,
  entries: ReadonlyMap<string, ZipEntry>,
  folder: string,
): Map<string, Located> {
  const { path } = source;
  if (!(value instanceof Dict)) {
    throw new StudioError('bad_input', `${path} holds no state dict: save model.state_dict() in Python.`);
  }
  const tensors = new Map<string, Located>();
  const nested: string[] = [];
  for (const [key, item] of value.entries) {
    if (item instanceof TensorView) tensors.set(String(key), locate(path, String(key), item, entries, folder));
    else if (item instanceof Dict && [...item.entries.values()].some((v) => v instanceof TensorView)) {
      nested.push(JSON.stringify(key));
    }
  }
  if (tensors.size) return tensors;
  throw new StudioError(
    'bad_input',
    nested.length
      ? `${path} keeps its tensors under ${nested.slice(0, 5).join(', ')}: save that part alone, as torch.save(checkpoint[${nested[0]}], "step_0").`
      : `${path} holds no tensors: save model.state_dict() in Python.`,
  );
}

/** Where a view lies, with all its bytes inside its storage and the storage as large as its entry. */
function locate(
  path: string,
  name: string,
  { storage, offset, shape, strides }: TensorView,
  entries: ReadonlyMap<string, ZipEntry>,
  folder: string,
): Located {
  const entry = entries.get(`${folder}data/${storage.key}`);
  if (!entry) throw damaged(path, `"${name}" lies in data/${storage.key.slice(0, 40)}, which is not there`);
  const { bytes } = DTYPES[storage.dtype];
  if (entry.size !== storage.length * bytes) {
    throw damaged(
      path,
      `"${name}" needs ${storage.length} numbers of ${bytes} bytes, and data/${storage.key} has ${entry.size} bytes`,
    );
  }
  const count = elements(shape);
  if (shape.length > MAX_RANK || !Number.isSafeInteger(count)) {
    throw damaged(path, `"${name}" has the shape ${shown(shape.slice(0, MAX_RANK))}`);
  }
  const last = count === 0 ? -1 : shape.reduce((at, size, i) => at + (size - 1) * strides[i], offset);
  if (!Number.isSafeInteger(last) || last >= storage.length) {
    throw damaged(
      path,
      `"${name}" of shape ${shown(shape)} reaches element ${last}, and its storage has ${storage.length}`,
    );
  }
  if (count > Math.max(storage.length, MAX_EXPANDED)) {
    throw new StudioError(
      'bad_input',
      `${path} is not opened: "${name}" claims ${count} numbers and has ${storage.length}.`,
    );
  }
  return { dtype: storage.dtype, shape, entry, offset, strides, contiguous: isContiguous(shape, strides) };
}

function isContiguous(shape: readonly number[], strides: readonly number[]): boolean {
  let expected = 1;
  for (let i = shape.length - 1; i >= 0; i--) {
    if (shape[i] !== 1 && strides[i] !== expected) return false;
    expected *= shape[i];
  }
  return true;
}

class PytorchFile implements TensorFile {
  readonly format = 'pytorch' as const;
  readonly metadata = {};
  /** Names of entries whose bytes were found to match their checksum. */
  private readonly checked = new Set<string>();

  constructor(
    private readonly source: ByteSource,
    readonly tensors: ReadonlyMap<string, Located>,
  ) {}

  get path(): string {
    return this.source.path;
  }

  bytes(name: string, first = 0, count?: number): Uint8Array<ArrayBuffer> {
    const tensor = this.tensors.get(name);
    if (!tensor) throw damaged(this.path, `it has no tensor "${name}"`);
    const { shape, strides } = tensor;
    const rows = shape.length ? shape[0] : 1;
    const wanted = count ?? rows - first;
    if (!(first >= 0 && wanted >= 0 && first + wanted <= rows)) {
      throw new RangeError(`rows ${first} … ${first + wanted} of ${rows} in ${name}`);
    }
    const part: Located = shape.length
      ? { ...tensor, shape: [wanted, ...shape.slice(1)], offset: tensor.offset + (wanted ? first * strides[0] : 0) }
      : tensor;
    // A few rows of a large table are read without its checksum, which would need all of it.
    if (wanted === rows) this.check(tensor.entry);
    return part.contiguous ? this.read(part, part.offset, elements(part.shape)) : this.gather(part, name);
  }

  close(): void {
    this.source.close();
  }

  private read({ entry, dtype }: Located, offset: number, count: number): Uint8Array<ArrayBuffer> {
    const { bytes } = DTYPES[dtype];
    const out = new Uint8Array(count * bytes);
    this.source.read(out, entry.start + offset * bytes);
    return out;
  }

  private check(entry: ZipEntry): void {
    if (entry.crc32 === null || entry.size > CHECKED || this.checked.has(entry.name)) return;
    let sum = 0;
    for (let at = 0; at < entry.size; at += 2 ** 22) {
      sum = crc32(readBytes(this.source, entry.start + at, Math.min(2 ** 22, entry.size - at)), sum);
    }
    refuseChecksum(this.path, entry, sum);
    this.checked.add(entry.name);
  }

  /** A transposed, sliced or expanded view, in row-major order. */
  private gather(part: Located, name: string): Uint8Array<ArrayBuffer> {
    const { shape, strides, dtype } = part;
    const { bytes } = DTYPES[dtype];
    const count = elements(shape);
    if (count === 0) return new Uint8Array(0);
    const span = 1 + shape.reduce((at, size, i) => at + (size - 1) * strides[i], 0);
    if ((span + count) * bytes > MAX_GATHER) {
      throw new StudioError(
        'too_large',
        `${this.path}: "${name}" is a view of ${span * bytes} bytes that is not contiguous: save a .contiguous() copy in Python.`,
      );
    }
    const from = this.read(part, part.offset, span);
    const out = new Uint8Array(count * bytes);
    const index = new Array<number>(shape.length).fill(0);
    let at = 0;
    for (let i = 0; i < count; i++) {
      for (let b = 0; b < bytes; b++) out[i * bytes + b] = from[at * bytes + b];
      for (let axis = shape.length - 1; axis >= 0; axis--) {
        at += strides[axis];
        if (++index[axis] < shape[axis]) break;
        at -= index[axis] * strides[axis];
        index[axis] = 0;
      }
    }
    return out;
  }
}
