/**
 * Reading ZIP archives as torch.save writes them: stored entries under one folder, zip64 where needed. Source: PKWARE
 * APPNOTE 6.3.10, sections 4.3 and 4.5.3. What no torch.save file has (compression, encryption, entries that overlap,
 * paths that lead out) is refused before any of it is read.
 */
import { StudioError } from '../../../shared/errors';
import { readBytes, type ByteSource } from '../../lib/open-file';

const END = 0x06054b50;
const END64 = 0x06064b50;
const LOCATOR64 = 0x07064b50;
const CENTRAL = 0x02014b50;
const LOCAL = 0x04034b50;
const END_BYTES = 22;
const CENTRAL_BYTES = 46;
const LOCAL_BYTES = 30;
const U16 = 0xffff;
const U32 = 0xffffffff;

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
  const directory = findDirectory(source);
  const entries = readDirectory(source, directory);
  refuseOverlaps(source, [...entries.values()], directory.offset);
  return entries;
}

const damaged = (source: ByteSource, what: string): StudioError =>
  new StudioError(
    'damaged',
    `${source.path} is not a whole torch.save file: ${what}. Copy it again, or use another one.`,
  );
const refused = (source: ByteSource, what: string): StudioError =>
  new StudioError('bad_input', `${source.path} is not opened: ${what}, which torch.save never writes.`);

interface Directory {
  offset: number;
  bytes: number;
  count: number;
}

function findDirectory(source: ByteSource): Directory {
  const tail = readBytes(source, Math.max(0, source.size - END_BYTES - U16), Math.min(source.size, END_BYTES + U16));
  let at = tail.length - END_BYTES;
  while (at >= 0 && !(tail.readUInt32LE(at) === END && at + END_BYTES + tail.readUInt16LE(at + 20) === tail.length))
    at--;
  if (at < 0) throw damaged(source, 'its directory, which stands at the end, is missing');
  const end = source.size - tail.length + at;
  let directory: Directory = {
    count: tail.readUInt16LE(at + 10),
    bytes: tail.readUInt32LE(at + 12),
    offset: tail.readUInt32LE(at + 16),
  };
  let limit = end;
  const wide = directory.count === U16 || directory.bytes === U32 || directory.offset === U32;
  const locator = end >= 20 ? readBytes(source, end - 20, 20) : null;
  if (locator?.readUInt32LE(0) === LOCATOR64) {
    limit = safe(source, locator.readBigUInt64LE(8));
    const record = limit + 56 <= end ? readBytes(source, limit, 56) : null;
    if (record?.readUInt32LE(0) !== END64) throw damaged(source, 'its zip64 directory is not where it should be');
    directory = {
      count: safe(source, record.readBigUInt64LE(32)),
      bytes: safe(source, record.readBigUInt64LE(40)),
      offset: safe(source, record.readBigUInt64LE(48)),
    };
  } else if (wide) throw damaged(source, 'its zip64 directory is missing');
  const { count, bytes, offset } = directory;
  if (offset + bytes > limit) throw damaged(source, 'its directory lies outside the file');
  if (count > MAX_ENTRIES) throw refused(source, `it claims ${count} entries`);
  if (bytes > MAX_DIRECTORY || count * CENTRAL_BYTES > bytes) throw damaged(source, 'its directory has an odd size');
  return directory;
}

/** A 64-bit number that can be a position. */
function safe(source: ByteSource, value: bigint): number {
  if (value > BigInt(source.size)) throw damaged(source, `it claims ${value} bytes and has ${source.size}`);
  return Number(value);
}

function readDirectory(source: ByteSource, { offset, bytes, count }: Directory): Map<string, ZipEntry> {
  const directory = readBytes(source, offset, bytes);
  const entries = new Map<string, ZipEntry>();
  let at = 0;
  for (let i = 0; i < count; i++) {
    if (at + CENTRAL_BYTES > bytes || directory.readUInt32LE(at) !== CENTRAL) {
      throw damaged(source, `entry ${i} of its directory is not one`);
    }
    const [nameBytes, extraBytes, commentBytes] = [28, 30, 32].map((field) => directory.readUInt16LE(at + field));
    const next = at + CENTRAL_BYTES + nameBytes + extraBytes + commentBytes;
    if (next > bytes) throw damaged(source, `entry ${i} of its directory is cut off`);
    const name = directory.toString('utf8', at + CENTRAL_BYTES, at + CENTRAL_BYTES + nameBytes);
    refuseName(source, name);
    if (entries.has(name)) throw refused(source, `it has two entries "${name}"`);
    if (directory.readUInt16LE(at + 8) & 1) throw refused(source, `its entry "${name}" is encrypted`);
    const method = directory.readUInt16LE(at + 10);
    if (method !== 0) throw refused(source, `its entry "${name}" is compressed (method ${method})`);
    const fields = {
      size: directory.readUInt32LE(at + 24),
      packed: directory.readUInt32LE(at + 20),
      header: directory.readUInt32LE(at + 42),
    };
    const extra = directory.subarray(at + CENTRAL_BYTES + nameBytes, next - commentBytes);
    const { size, packed, header } = widen(source, name, fields, extra);
    if (size !== packed) throw refused(source, `its entry "${name}" holds ${packed} bytes for ${size}`);
    const start = header + localBytes(source, name, header, offset);
    if (start + size > offset) throw damaged(source, `its entry "${name}" claims ${size} bytes, more than there are`);
    const crc32 = directory.readUInt32LE(at + 16);
    entries.set(name, { name, header, start, size, crc32: crc32 === 0 ? null : crc32 });
    at = next;
  }
  return entries;
}

function refuseName(source: ByteSource, name: string): void {
  const shown = JSON.stringify(name.slice(0, 80));
  if (name.startsWith('/') || /^[A-Za-z]:/.test(name) || name.includes('\\') || name.includes('\0')) {
    throw refused(source, `its entry ${shown} has an absolute path`);
  }
  if (name.split('/').some((part) => part === '..'))
    throw refused(source, `its entry ${shown} leads out of the archive`);
}

interface Fields {
  size: number;
  packed: number;
  header: number;
}

/** Fields of 32 ones stand in the zip64 extra field, in this order. */
function widen(source: ByteSource, name: string, fields: Fields, extra: Buffer): Fields {
  const wide = { ...fields };
  const missing = (['size', 'packed', 'header'] as const).filter((key) => fields[key] === U32);
  if (!missing.length) return wide;
  for (let at = 0; at + 4 <= extra.length;) {
    const [id, length] = [extra.readUInt16LE(at), extra.readUInt16LE(at + 2)];
    if (id === 1 && length >= 8 * missing.length && at + 4 + length <= extra.length) {
      missing.forEach((key, i) => (wide[key] = safe(source, extra.readBigUInt64LE(at + 4 + 8 * i))));
      return wide;
    }
    at += 4 + length;
  }
  throw damaged(source, `its entry "${name}" has no zip64 sizes`);
}

/** The length of the header that stands before an entry's bytes, which must be of the same entry. */
function localBytes(source: ByteSource, name: string, header: number, end: number): number {
  const wrong = () => damaged(source, `the header of its entry "${name}" is not where it should be`);
  if (header + LOCAL_BYTES > end) throw wrong();
  const local = readBytes(source, header, LOCAL_BYTES);
  const [nameBytes, extraBytes] = [local.readUInt16LE(26), local.readUInt16LE(28)];
  if (local.readUInt32LE(0) !== LOCAL || header + LOCAL_BYTES + nameBytes > end) throw wrong();
  if (readBytes(source, header + LOCAL_BYTES, nameBytes).toString('utf8') !== name) throw wrong();
  return LOCAL_BYTES + nameBytes + extraBytes;
}

/** One byte must not be counted as the content of two entries: that is how a small file claims a large one. */
function refuseOverlaps(source: ByteSource, entries: ZipEntry[], end: number): void {
  const ordered = [...entries].sort((a, b) => a.header - b.header);
  ordered.forEach((entry, i) => {
    const next = ordered[i + 1]?.header ?? end;
    if (entry.start + entry.size > next) throw refused(source, `its entry "${entry.name}" overlaps the next one`);
  });
}
