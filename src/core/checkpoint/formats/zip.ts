/**
 * Reading ZIP archives as torch.save writes them: stored entries under one folder, zip64 where needed. What no torch.save
 * file has (compression, encryption, entries that overlap, paths that lead out) is refused before any of it is read.
 */
import { StudioError } from '../../../shared/errors';
import {
  entryNameFault,
  overlapping,
  readDirectory,
  readSync,
  startOf,
  type ZipFault,
  type ZipRecord,
} from '../../lib/zip-directory';
import { readBytes, type ByteSource } from '../../lib/open-file';

/** A TRM has some dozens of tensors; every entry costs a read when the file is opened. */
const MAX_ENTRIES = 10_000;
const MAX_DIRECTORY = 2 ** 24;

export interface ZipEntry {
  name: string;
  /** Where its header begins in the file, and where its bytes do. */
  header: number;
  start: number;
  size: number;
  /** Null where the writer computed none (torch can be told not to). */
  crc32: number | null;
}

/** @throws StudioError `damaged` or `bad_input`, naming what is wrong */
export function readZip(source: ByteSource): Map<string, ZipEntry> {
  const read = (at: number, length: number): Uint8Array => readBytes(source, at, length);
  const policy = { maxEntries: MAX_ENTRIES, maxBytes: MAX_DIRECTORY, fault: (f: ZipFault) => faultOf(source, f) };
  const { offset, records } = readSync(readDirectory(source.size, policy), read);
  const entries = new Map<string, ZipEntry>();
  for (const record of records) {
    const { name, size, header } = record;
    refuseForeign(source, record, entries);
    const start = readSync(startOf(record, offset), read);
    if (start === null) throw damaged(source, `the header of its entry "${name}" is not where it should be`);
    if (start + size > offset) throw damaged(source, `its entry "${name}" claims ${size} bytes, more than there are`);
    entries.set(name, { name, header, start, size, crc32: record.crc32 === 0 ? null : record.crc32 });
  }
  const packed = [...entries.values()].map((entry) => ({ ...entry, packed: entry.size }));
  const [first] = overlapping(packed, offset, ({ start }) => start);
  if (first) throw refused(source, `its entry "${first.name}" overlaps the next one`);
  return entries;
}

/** What no torch.save file has. @throws StudioError `bad_input` */
function refuseForeign(source: ByteSource, record: ZipRecord, entries: ReadonlyMap<string, ZipEntry>): void {
  const { name, method, size, packed, encrypted } = record;
  const shown = JSON.stringify(name.slice(0, 80));
  const where = name.includes('\\') ? 'absolute' : entryNameFault(name);
  if (where === 'absolute') throw refused(source, `its entry ${shown} has an absolute path`);
  if (where) throw refused(source, `its entry ${shown} leads out of the archive`);
  if (entries.has(name)) throw refused(source, `it has two entries "${name}"`);
  if (encrypted) throw refused(source, `its entry "${name}" is encrypted`);
  if (method !== 0) throw refused(source, `its entry "${name}" is compressed (method ${method})`);
  if (size !== packed) throw refused(source, `its entry "${name}" holds ${packed} bytes for ${size}`);
}

const damaged = (source: ByteSource, what: string): StudioError =>
  new StudioError(
    'damaged',
    `${source.path} is not a whole torch.save file: ${what}. Copy it again, or use another one.`,
  );
const refused = (source: ByteSource, what: string): StudioError =>
  new StudioError('bad_input', `${source.path} is not opened: ${what}, which torch.save never writes.`);

function faultOf(source: ByteSource, fault: ZipFault): StudioError {
  switch (fault.kind) {
    case 'no-end':
      return damaged(source, 'its directory, which stands at the end, is missing');
    case 'no-end64':
      return damaged(
        source,
        fault.reason === 'missing' ? 'its zip64 directory is missing' : 'its zip64 directory is not where it should be',
      );
    case 'outside':
      return damaged(source, 'its directory lies outside the file');
    case 'beyond':
      return damaged(source, `it claims ${fault.value} bytes and has ${source.size}`);
    case 'too-many':
      if (fault.count > MAX_ENTRIES) return refused(source, `it claims ${fault.count} entries`);
      return damaged(source, 'its directory has an odd size');
    case 'odd-size':
      return damaged(source, 'its directory has an odd size');
    case 'no-entry':
      return damaged(source, `entry ${fault.entry} of its directory is not one`);
    case 'cut-entry':
      return damaged(source, `entry ${fault.entry} of its directory is cut off`);
    case 'no-sizes':
      return damaged(source, `its entry "${fault.name}" has no zip64 sizes`);
  }
}
