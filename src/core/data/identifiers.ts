/**
 * `identifiers.json`: a list of names by embedding row. With 1000 augmentations it holds a million names in 40 MB, so
 * only their places are kept, outside the heap, and a name is decoded when it is asked for.
 */
import { readFileSync, statSync } from 'node:fs';
import { StudioError } from '../../shared/errors';

/** What the file is called in a dataset's folder and beside a checkpoint. */
export const IDENTIFIERS = 'identifiers.json';

const MAX_BYTES = 2 ** 30;
const QUOTE = 0x22;
const BACKSLASH = 0x5c;
/** What may follow a backslash in JSON, besides u. */
const ESCAPED = Buffer.from('"\\/bfnrt');

export class IdentifierTable {
  private constructor(
    private readonly bytes: Buffer,
    /** Where name i begins (its opening quote) and ends (behind the closing one): entries 2i and 2i + 1. */
    private readonly places: Uint32Array,
  ) {}

  /** @throws StudioError `damaged` if the file is no list of strings; errors of the file system */
  static read(path: string): IdentifierTable {
    if (statSync(path).size > MAX_BYTES) {
      throw new StudioError('too_large', `${path} has more than 1 GB: build the dataset with fewer augmentations.`);
    }
    return IdentifierTable.parse(readFileSync(path), path);
  }

  /** From the file's content. @param path how sentences call it @throws StudioError `damaged` */
  static parse(bytes: Buffer, path: string): IdentifierTable {
    const places = scanStrings(bytes);
    if (!places) {
      throw new StudioError('damaged', `${path} is not a list of names: build the dataset again, or copy it again.`);
    }
    return new IdentifierTable(bytes, places);
  }

  get length(): number {
    return this.places.length / 2;
  }

  name(id: number): string {
    return JSON.parse(this.quoted(id).toString('utf8')) as string;
  }

  /** The name in UTF-8; equal names have equal bytes, however their JSON escapes them. Not to be changed. */
  bytesOf(id: number): Buffer {
    const quoted = this.quoted(id);
    return quoted.includes(BACKSLASH) ? Buffer.from(this.name(id)) : quoted.subarray(1, -1);
  }

  /** Whether both hold the same names in the same order. */
  sameAs(other: IdentifierTable): boolean {
    if (this.bytes.equals(other.bytes)) return true;
    if (this.length !== other.length) return false;
    for (let id = 0; id < this.length; id++) if (!this.bytesOf(id).equals(other.bytesOf(id))) return false;
    return true;
  }

  /** The file's content as it stands. */
  get content(): Buffer {
    return this.bytes;
  }

  private quoted(id: number): Buffer {
    if (id < 0 || id >= this.length) throw new RangeError(`identifier ${id} of ${this.length}`);
    return this.bytes.subarray(this.places[2 * id], this.places[2 * id + 1]);
  }
}

/** The places of the strings in `["…", "…"]`, or null if there is anything else, also inside of a string. */
function scanStrings(bytes: Buffer): Uint32Array | null {
  let places = new Uint32Array(2048);
  let count = 0;
  let at = 0;
  const skip = (): void => {
    while (bytes[at] === 0x20 || (bytes[at] >= 0x09 && bytes[at] <= 0x0d)) at++;
  };
  skip();
  if (bytes[at++] !== 0x5b) return null;
  skip();
  if (bytes[at] !== 0x5d) {
    for (;;) {
      skip();
      const start = at;
      if (bytes[at++] !== QUOTE) return null;
      while (at < bytes.length && bytes[at] !== QUOTE) {
        if (bytes[at] < 0x20) return null;
        if (bytes[at] !== BACKSLASH) at++;
        else if (bytes[at + 1] !== 0x75) {
          if (++at >= bytes.length || !ESCAPED.includes(bytes[at])) return null;
          at++;
        } else if (/^[0-9a-f]{4}$/i.test(bytes.toString('latin1', at + 2, at + 6))) at += 6;
        else return null;
      }
      if (at++ >= bytes.length) return null;
      if (2 * count === places.length) {
        const larger = new Uint32Array(2 * places.length);
        larger.set(places);
        places = larger;
      }
      places[2 * count] = start;
      places[2 * count++ + 1] = at;
      skip();
      if (bytes[at] === 0x5d) break;
      if (bytes[at++] !== 0x2c) return null;
    }
  }
  at++;
  skip();
  return at === bytes.length ? places.slice(0, 2 * count) : null;
}
