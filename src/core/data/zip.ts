/**
 * Reads ZIP archives entry by entry, by offset: nothing is unpacked to disk, so a name in an archive is only a name.
 * Caps hold off archives that are made to fill memory.
 */
import { promisify } from 'node:util';
import { crc32, inflateRaw } from 'node:zlib';
import { StudioError } from '../../shared/errors';
import {
  entryNameFault,
  overlapping,
  readAsync,
  readDirectory,
  startOf,
  type ZipFault,
  type ZipRecord,
} from '../lib/zip-directory';
import type { ByteSource } from './byte-source';

export interface ZipEntry {
  /** With "/", as in the archive. */
  name: string;
  /** Unpacked. */
  bytes: number;
  /** From the archive, opened again perhaps. @throws StudioError `damaged` */
  read(source: ByteSource): Promise<Uint8Array>;
}

export interface ZipListing {
  entries: ZipEntry[];
  /** Entries that are not taken, each with the reason. */
  refused: { name: string; reason: string }[];
}

const MAX_ENTRIES = 100_000;
const MAX_DIRECTORY = 64 * 2 ** 20;
/** Unpacked, one entry; JSON and CSV are read up to less elsewhere. */
const MAX_ENTRY = 512 * 2 ** 20;
const MAX_TOTAL = 4 * 2 ** 30;
/** JSON of black grids packs 1 : 300; a bomb 1 : 1000 and more. Small entries may pack as they like. */
const MAX_RATIO = 500;
const RATIO_FROM = 2 ** 20;

const inflate = promisify(inflateRaw) as (data: Uint8Array, options: { maxOutputLength: number }) => Promise<Buffer>;

export function isZip(head: Uint8Array): boolean {
  return head[0] === 0x50 && head[1] === 0x4b && ((head[2] === 3 && head[3] === 4) || (head[2] === 5 && head[3] === 6));
}

/**
 * @param file how the archive is called in the sentences
 * @throws StudioError `damaged` if it is no whole archive, `too_large` beyond the caps
 */
export async function listZip(source: ByteSource, file: string): Promise<ZipListing> {
  const policy = {
    maxEntries: MAX_ENTRIES,
    maxBytes: MAX_DIRECTORY,
    refuseZip64: () =>
      new StudioError('too_large', `${file} is a large archive (ZIP64): unpack it yourself and import the folder.`),
    fault: (fault: ZipFault) => faultOf(file, fault, source.size),
  };
  const read = (at: number, length: number): Promise<Uint8Array> => source.read(at, length);
  const { offset, records } = await readAsync(readDirectory(source.size, policy), read);
  const overlaps = new Set(overlapping(records, offset));
  const listing: ZipListing = { entries: [], refused: [] };
  const names = new Set<string>();
  let total = 0;
  for (const record of records) {
    const name = record.name.replace(/\\/g, '/');
    if (name.endsWith('/')) continue;
    const reason = refusal(name, record, names.has(name), overlaps.has(record));
    if (reason) {
      listing.refused.push({ name, reason });
      continue;
    }
    names.add(name);
    total += record.size;
    if (total > MAX_TOTAL) {
      throw new StudioError('too_large', `${file} unpacks to more than 4 GB: unpack it yourself and import a part.`);
    }
    const place = `${file} › ${name}`;
    listing.entries.push({ name, bytes: record.size, read: (from) => readEntry(from, record, offset, place) });
  }
  return listing;
}

function refusal(
  name: string,
  { encrypted, link, method, packed, size }: ZipRecord,
  twice: boolean,
  overlaps: boolean,
): string | null {
  if (entryNameFault(name)) return 'its name leads out of the archive: pack it again with names inside it';
  if (twice) return 'the archive holds this name twice: keep one of the two';
  if (link) return 'it is a link: pack the file itself';
  if (encrypted) return 'it is encrypted: unpack it yourself and import the files';
  if (method !== 0 && method !== 8)
    return `it is packed by method ${method}, and 0 and 8 are known: pack it again as plain zip`;
  if (size > MAX_ENTRY)
    return `it has ${Math.round(size / 2 ** 20)} MB unpacked, and up to ${MAX_ENTRY / 2 ** 20} MB are read: unpack it yourself and import the folder`;
  if (size > RATIO_FROM && size > packed * MAX_RATIO) {
    return `it unpacks to ${Math.round(size / Math.max(1, packed))} times its size, and up to ${MAX_RATIO} times is read: unpack it yourself if you trust it`;
  }
  return overlaps ? 'its bytes are those of another entry too: pack it again' : null;
}

async function readEntry(source: ByteSource, record: ZipRecord, end: number, file: string): Promise<Uint8Array> {
  const { method, packed, size } = record;
  const start = await readAsync(startOf(record, end), (at, length) => source.read(at, length));
  if (start === null || start + packed > end) throw damaged(file, 'its header is missing');
  const data = await source.read(start, packed);
  if (data.byteLength !== packed) throw damaged(file, `it has ${data.byteLength} of ${packed} bytes`);
  let content: Uint8Array = data;
  if (method === 8) {
    try {
      content = await inflate(data, { maxOutputLength: Math.max(1, size) });
    } catch (cause) {
      throw damaged(file, `it cannot be unpacked to its ${size} bytes`, cause);
    }
  }
  if (content.byteLength !== size) throw damaged(file, `it unpacks to ${content.byteLength} instead of ${size} bytes`);
  if (crc32(content) !== record.crc32) throw damaged(file, 'its checksum is wrong');
  return content;
}

function faultOf(file: string, fault: ZipFault, size: number): StudioError {
  switch (fault.kind) {
    case 'no-end':
      return damaged(file, 'its end is missing');
    case 'outside':
      return damaged(file, `its list of entries should end at byte ${fault.end} of ${size}`);
    case 'too-many':
      return new StudioError(
        'too_large',
        `${file} holds ${fault.count} files, and up to ${MAX_ENTRIES} are read: import a smaller one.`,
      );
    case 'no-entry':
    case 'cut-entry':
      return damaged(file, `entry ${fault.entry + 1} of ${fault.count} is missing from its list`);
    case 'no-sizes':
      return damaged(file, `${fault.name} has no size in its list`);
    case 'beyond':
      return damaged(file, `its list claims ${fault.value} of ${size} bytes`);
    case 'odd-size':
    case 'no-end64':
      return damaged(file, 'its list of entries has an odd size');
  }
}

function damaged(file: string, what: string, cause?: unknown): StudioError {
  return new StudioError('damaged', `${file} is damaged: ${what}; download or pack it again.`, undefined, { cause });
}
