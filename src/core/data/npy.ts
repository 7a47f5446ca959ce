/**
 * NumPy's array files: magic, version, a header that is a Python dict, then the raw numbers. Written byte for byte as
 * `np.save` (NumPy 1.24 and later) does; read by offset, so that a file of many gigabytes costs nothing to open.
 * Source: numpy/lib/_format_impl.py. Little-endian machines only, as everything else here.
 */
import { closeSync, fstatSync, fsyncSync, openSync, readSync, writeSync } from 'node:fs';
import { StudioError } from '../../shared/errors';

/** The element types that datasets use: unsigned bytes, and 32-bit integers. Files made elsewhere may hold int64. */
export type NpyType = '|u1' | '<i4' | '<i8';

export const BYTES: Record<NpyType, number> = { '|u1': 1, '<i4': 4, '<i8': 8 };
const MAGIC = Buffer.from('\x93NUMPY', 'latin1');
/** Room that np.save leaves so that the first axis may grow in place, in digits of the largest int64 plus a sign. */
const GROWTH_DIGITS = 21;
const MAX_HEADER = 64 * 1024;

/** The first bytes of a file for an array of this type and shape, up to where the numbers begin. */
export function npyHeader(type: NpyType, shape: readonly number[]): Buffer {
  const tuple = shape.length === 1 ? `(${shape[0]},)` : `(${shape.join(', ')})`;
  let header = `{'descr': '${type}', 'fortran_order': False, 'shape': ${tuple}, }`;
  if (shape.length > 0) header += ' '.repeat(Math.max(0, GROWTH_DIGITS - String(shape[0]).length));
  // The numbers begin at a multiple of 64 bytes; a newline ends the header.
  const prefix = MAGIC.length + 4;
  header += ' '.repeat((64 - ((prefix + header.length + 1) % 64)) % 64) + '\n';
  const head = Buffer.alloc(prefix);
  MAGIC.copy(head);
  head[6] = 1;
  head[7] = 0;
  head.writeUInt16LE(header.length, 8);
  return Buffer.concat([head, Buffer.from(header, 'latin1')]);
}

/** A file-system error on an open file carries no path; people need one. */
export function named<T>(path: string, act: () => T): T {
  try {
    return act();
  } catch (error) {
    if (error instanceof Error && (error as NodeJS.ErrnoException).syscall)
      (error as NodeJS.ErrnoException).path ??= path;
    throw error;
  }
}

/** A whole small array in one go, durable. */
export function writeNpy(path: string, type: NpyType, shape: readonly number[], data: Uint8Array | Int32Array): void {
  const fd = openSync(path, 'wx');
  try {
    named(path, () => {
      for (const bytes of [npyHeader(type, shape), new Uint8Array(data.buffer, data.byteOffset, data.byteLength)]) {
        for (let at = 0; at < bytes.length;) at += writeSync(fd, bytes, at);
      }
      fsyncSync(fd);
    });
  } finally {
    closeSync(fd);
  }
}

/** An array file, open for reading by offset. */
export class NpyFile {
  /** Rows of a file whose tokens are wider than a byte, as they were read. */
  private wide = new Uint8Array(0);

  private constructor(
    readonly path: string,
    private readonly fd: number,
    readonly type: NpyType,
    readonly shape: readonly number[],
    private readonly dataStart: number,
  ) {}

  /** @throws StudioError `damaged` or `bad_input` if the header is not one, or the file is shorter than it says */
  static open(path: string): NpyFile {
    const fd = openSync(path, 'r');
    try {
      const { type, shape, dataStart } = readHeader(fd, path);
      return new NpyFile(path, fd, type, shape, dataStart);
    } catch (error) {
      closeSync(fd);
      throw error;
    }
  }

  /** Elements of one row, i.e. of everything behind the first axis. */
  get rowLength(): number {
    return this.shape.slice(1).reduce((a, b) => a * b, 1);
  }

  /** `count` rows from row `first` on, as bytes. `out` must be `count · rowLength` long. Byte arrays only. */
  readRows(first: number, count: number, out: Uint8Array): void {
    const bytes = count * this.rowLength;
    if (this.type !== '|u1') throw new TypeError(`${this.path} holds ${this.type}`);
    if (first < 0 || first + count > this.shape[0] || out.length !== bytes) {
      throw new RangeError(`${this.path}: rows ${first} … ${first + count} of ${this.shape[0]}`);
    }
    this.readBytes(this.dataStart + first * this.rowLength, out);
  }

  /**
   * The tokens of `count` rows, whatever integers the file holds.
   * @param out [count · rowLength]
   * @throws StudioError `damaged` for a number that is no byte
   */
  readTokens(first: number, count: number, out: Uint8Array): void {
    if (this.type === '|u1') return this.readRows(first, count, out);
    const size = BYTES[this.type];
    const row = this.rowLength;
    if (first < 0 || first + count > this.shape[0] || out.length !== count * row) {
      throw new RangeError(`${this.path}: rows ${first} … ${first + count} of ${this.shape[0]}`);
    }
    if (this.wide.length < out.length * size) this.wide = new Uint8Array(out.length * size);
    const wide = this.wide.subarray(0, out.length * size);
    this.readBytes(this.dataStart + first * row * size, wide);
    for (let i = 0; i < out.length; i++) {
      const at = i * size;
      out[i] = wide[at]; // little-endian: the other bytes of a token are 0
      for (let k = 1; k < size; k++) {
        if (wide[at + k] !== 0) throw this.notAToken(first + Math.floor(i / row), i % row, wide.slice(at, at + size));
      }
    }
  }

  private notAToken(row: number, place: number, bytes: Uint8Array): StudioError {
    const view = new DataView(bytes.buffer);
    const value = this.type === '<i8' ? view.getBigInt64(0, true) : view.getInt32(0, true);
    return new StudioError(
      'damaged',
      `${this.path}: row ${row} holds ${value} at place ${place}, and a token is a number from 0 to 255: build the dataset again.`,
    );
  }

  /** Every number of an index array as int32. @throws StudioError `damaged` if one does not fit */
  readAllInt32(): Int32Array {
    const count = this.shape.reduce((a, b) => a * b, 1);
    const bytes = new Uint8Array(count * BYTES[this.type]);
    this.readBytes(this.dataStart, bytes);
    if (this.type === '|u1') return Int32Array.from(bytes);
    if (this.type === '<i4') return new Int32Array(bytes.buffer);
    const wide = new BigInt64Array(bytes.buffer);
    return Int32Array.from(wide, (value, i) => {
      if (value !== BigInt.asIntN(32, value)) {
        throw new StudioError(
          'damaged',
          `${this.path}: entry ${i} is ${value}, beyond 32 bits: build the dataset again.`,
        );
      }
      return Number(value);
    });
  }

  private readBytes(position: number, out: Uint8Array): void {
    named(this.path, () => {
      for (let at = 0; at < out.length;) {
        const read = readSync(this.fd, out, at, Math.min(out.length - at, 2 ** 30), position + at);
        if (read === 0) {
          throw new StudioError(
            'damaged',
            `${this.path} has become shorter while it was read: build the dataset again.`,
          );
        }
        at += read;
      }
    });
  }

  close(): void {
    closeSync(this.fd);
  }
}

function readHeader(fd: number, path: string): { type: NpyType; shape: number[]; dataStart: number } {
  const damaged = (what: string): StudioError =>
    new StudioError('damaged', `${path} ${what}: build the dataset again, or copy it again from where it came from.`);
  const size = fstatSync(fd).size;
  const head = Buffer.alloc(12);
  const got = named(path, () => readSync(fd, head, 0, 12, 0));
  if (got < 10 || !head.subarray(0, 6).equals(MAGIC)) throw damaged('is no NumPy array file');
  const major = head[6];
  if (major < 1 || major > 3) throw damaged(`has NumPy format version ${major}, and 1 to 3 are known`);
  const [length, start] = major === 1 ? [head.readUInt16LE(8), 10] : [got < 12 ? size : head.readUInt32LE(8), 12];
  if (length > MAX_HEADER || start + length > size)
    throw damaged(`has ${size} bytes, and its header claims ${length} from byte ${start} on`);
  const bytes = Buffer.alloc(length);
  named(path, () => readSync(fd, bytes, 0, length, start));
  const header = bytes.toString('latin1').trim();
  const descr = /'descr':\s*'([^']*)'/.exec(header)?.[1];
  const order = /'fortran_order':\s*(True|False)/.exec(header)?.[1];
  const tuple = /'shape':\s*\(([\d,\s]*)\)/.exec(header)?.[1];
  if (descr === undefined || order === undefined || tuple === undefined) {
    throw damaged(`has a header that cannot be read (${header.slice(0, 60)})`);
  }
  if (/O/.test(descr))
    throw new StudioError(
      'bad_input',
      `${path} holds Python objects (type ${descr}), which are never loaded: save it as whole numbers, array.astype('<i4').`,
    );
  if (!Object.hasOwn(BYTES, descr)) {
    throw new StudioError(
      'bad_input',
      `${path} holds numbers of type ${descr}${descr.startsWith('>') ? ' (big-endian)' : ''}, and a dataset has ${Object.keys(BYTES).join(', ')}: save it again with array.astype('<i4').`,
    );
  }
  const shape = tuple.split(',').flatMap((part) => (part.trim() === '' ? [] : [Number(part)]));
  if (order === 'True' && shape.length > 1) {
    throw new StudioError(
      'bad_input',
      `${path} is stored column by column (fortran_order is True): save it again with np.ascontiguousarray(array).`,
    );
  }
  const type = descr as NpyType;
  const expected = start + length + shape.reduce((a, b) => a * b, BYTES[type]);
  if (!Number.isSafeInteger(expected) || size !== expected) {
    throw damaged(`has ${size} bytes where its header (type ${descr}, shape ${tuple.trim()}) asks for ${expected}`);
  }
  return { type, shape, dataStart: start + length };
}
