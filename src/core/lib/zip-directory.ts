/**
 * The one reader of a ZIP archive's central directory. It reads no bytes itself but asks for them, so that callers with
 * synchronous and with asynchronous sources share it, and says what is wrong as a {@link ZipFault}; which of that is
 * refused, and in what words, is the caller's policy. Source: PKWARE APPNOTE 6.3.10, sections 4.3 and 4.5.3.
 */

const END = 0x06054b50;
const END64 = 0x06064b50;
const LOCATOR64 = 0x07064b50;
const CENTRAL = 0x02014b50;
const LOCAL = 0x04034b50;
const END_BYTES = 22;
const END64_BYTES = 56;
const LOCATOR64_BYTES = 20;
const CENTRAL_BYTES = 46;
export const LOCAL_BYTES = 30;
const U16 = 0xffff;
const U32 = 0xffffffff;
const KIND = 0o170000;
const LINK = 0o120000;

export interface ZipRecord {
  name: string;
  method: number;
  encrypted: boolean;
  /** A symbolic link, as Unix archivers mark them. */
  link: boolean;
  crc32: number;
  /** Bytes in the archive, and unpacked. */
  packed: number;
  size: number;
  /** Where its own header begins. */
  header: number;
}

export type ZipFault =
  | { kind: 'no-end' }
  | { kind: 'no-end64'; reason: 'missing' | 'elsewhere' }
  | { kind: 'outside'; end: number }
  /** A 64-bit number beyond the file's end. */
  | { kind: 'beyond'; value: bigint }
  | { kind: 'too-many'; count: number; bytes: number }
  | { kind: 'odd-size' }
  | { kind: 'no-entry' | 'cut-entry'; entry: number; count: number }
  | { kind: 'no-sizes'; name: string };

/** Asks for bytes; fewer come back only where the source ends. */
export type Reading<T> = Generator<{ at: number; length: number }, T, Uint8Array>;

export interface ZipPolicy {
  maxEntries: number;
  maxBytes: number;
  /** Archives that need the records of ZIP64 are refused with this; without it they are read. */
  refuseZip64?: () => Error;
  fault: (fault: ZipFault) => Error;
}

export interface ZipDirectory {
  /** Where the list of entries begins: they lie before it. */
  offset: number;
  records: ZipRecord[];
}

/** Drives a reading from a source in memory, or with blocking reads. */
export function readSync<T>(reading: Reading<T>, read: (at: number, length: number) => Uint8Array): T {
  let next = reading.next();
  while (!next.done) next = reading.next(read(next.value.at, next.value.length));
  return next.value;
}

export async function readAsync<T>(
  reading: Reading<T>,
  read: (at: number, length: number) => Promise<Uint8Array>,
): Promise<T> {
  let next = reading.next();
  while (!next.done) next = reading.next(await read(next.value.at, next.value.length));
  return next.value;
}

/** The entries of an archive of `size` bytes, as its directory lists them. @throws what `policy.fault` makes */
export function* readDirectory(size: number, policy: ZipPolicy): Reading<ZipDirectory> {
  const { offset, bytes, count } = yield* findDirectory(size, policy);
  const directory = view(yield { at: offset, length: bytes });
  const records: ZipRecord[] = [];
  let at = 0;
  for (let entry = 0; entry < count; entry++) {
    if (at + CENTRAL_BYTES > directory.byteLength || directory.getUint32(at, true) !== CENTRAL)
      throw policy.fault({ kind: 'no-entry', entry, count });
    const [nameBytes, extraBytes, commentBytes] = [28, 30, 32].map((field) => directory.getUint16(at + field, true));
    const [names, extras] = [at + CENTRAL_BYTES, at + CENTRAL_BYTES + nameBytes];
    const next = extras + extraBytes + commentBytes;
    if (next > directory.byteLength) throw policy.fault({ kind: 'cut-entry', entry, count });
    const name = Buffer.from(directory.buffer, directory.byteOffset + names, nameBytes).toString('utf8');
    const record: ZipRecord = {
      name,
      encrypted: (directory.getUint16(at + 8, true) & 1) !== 0,
      method: directory.getUint16(at + 10, true),
      crc32: directory.getUint32(at + 16, true),
      packed: directory.getUint32(at + 20, true),
      size: directory.getUint32(at + 24, true),
      link: ((directory.getUint32(at + 38, true) >>> 16) & KIND) === LINK,
      header: directory.getUint32(at + 42, true),
    };
    widen(record, new DataView(directory.buffer, directory.byteOffset + extras, extraBytes), size, policy);
    records.push(record);
    at = next;
  }
  return { offset, records };
}

interface Place {
  /** Of the end record. */
  end: number;
  offset: number;
  bytes: number;
  count: number;
}

function* findDirectory(size: number, policy: ZipPolicy): Reading<Place> {
  const found = yield* findEnd(size);
  if (!found) throw policy.fault({ kind: 'no-end' });
  let place = found;
  let limit = place.end;
  const wide = place.count === U16 || place.bytes === U32 || place.offset === U32;
  if (wide && policy.refuseZip64) throw policy.refuseZip64();
  // Without such fields the records say the same again.
  if (!policy.refuseZip64 && place.end >= LOCATOR64_BYTES) {
    const locator = view(yield { at: place.end - LOCATOR64_BYTES, length: LOCATOR64_BYTES });
    if (locator.getUint32(0, true) === LOCATOR64) {
      limit = position(locator.getBigUint64(8, true), size, policy);
      const whole = limit + END64_BYTES <= place.end;
      const record = whole ? view(yield { at: limit, length: END64_BYTES }) : null;
      if (record?.getUint32(0, true) !== END64) throw policy.fault({ kind: 'no-end64', reason: 'elsewhere' });
      const [count, bytes, offset] = [32, 40, 48].map((field) =>
        position(record.getBigUint64(field, true), size, policy),
      );
      place = { end: place.end, count, bytes, offset };
    } else if (wide) throw policy.fault({ kind: 'no-end64', reason: 'missing' });
  } else if (wide) throw policy.fault({ kind: 'no-end64', reason: 'missing' });
  const { count, bytes, offset } = place;
  if (offset + bytes > limit) throw policy.fault({ kind: 'outside', end: offset + bytes });
  if (count > policy.maxEntries || bytes > policy.maxBytes) throw policy.fault({ kind: 'too-many', count, bytes });
  if (count * CENTRAL_BYTES > bytes) throw policy.fault({ kind: 'odd-size' });
  return place;
}

/**
 * The end record, which a comment of up to 64 kB may follow. The comment may hold the record's mark, and even all of one:
 * the right one's comment ends with the file and its directory begins like one. Where something was put behind the
 * archive no comment fits, and the last record counts.
 */
function* findEnd(size: number): Reading<Place | null> {
  const length = Math.min(size, END_BYTES + U16);
  const start = size - length;
  const tail = view(yield { at: start, length });
  const fitting: Place[] = [];
  let last: Place | null = null;
  for (let at = tail.byteLength - END_BYTES; at >= 0; at--) {
    if (tail.getUint32(at, true) !== END) continue;
    const place: Place = {
      end: start + at,
      count: tail.getUint16(at + 10, true),
      bytes: tail.getUint32(at + 12, true),
      offset: tail.getUint32(at + 16, true),
    };
    last ??= place;
    if (at + END_BYTES + tail.getUint16(at + 20, true) === tail.byteLength) fitting.push(place);
  }
  if (fitting.length < 2) return fitting[0] ?? last;
  for (const place of fitting) {
    // Fields of ones lie in the zip64 record, which no mark in a comment has in front of it.
    if (place.offset === U32) return place;
    if (place.offset + place.bytes > place.end || (place.count === 0) !== (place.bytes === 0)) continue;
    // An empty archive is its end record alone, perhaps behind something else.
    if (place.count === 0 && place.offset === place.end) return place;
    if (place.count === 0) continue;
    const head = view(yield { at: place.offset, length: 4 });
    if (head.byteLength === 4 && head.getUint32(0, true) === CENTRAL) return place;
  }
  return fitting[0];
}

/** Fields of 32 ones stand in the zip64 extra field, in this order. */
function widen(record: ZipRecord, extra: DataView, size: number, policy: ZipPolicy): void {
  const missing = (['size', 'packed', 'header'] as const).filter((key) => record[key] === U32);
  if (!missing.length) return;
  for (let at = 0; at + 4 <= extra.byteLength;) {
    const [id, length] = [extra.getUint16(at, true), extra.getUint16(at + 2, true)];
    if (id === 1 && length >= 8 * missing.length && at + 4 + length <= extra.byteLength) {
      missing.forEach((key, i) => {
        // A size may be larger than the file, where it is packed.
        const value = extra.getBigUint64(at + 4 + 8 * i, true);
        record[key] = key === 'size' && record.method !== 0 ? Number(value) : position(value, size, policy);
      });
      return;
    }
    at += 4 + length;
  }
  throw policy.fault({ kind: 'no-sizes', name: record.name });
}

/** A 64-bit number that can be a position. */
function position(value: bigint, size: number, policy: ZipPolicy): number {
  if (value > BigInt(size)) throw policy.fault({ kind: 'beyond', value });
  return Number(value);
}

/**
 * Where an entry's bytes begin, behind its own header.
 * @param end the header must end before it
 * @returns null where there is no such header, or it is of another entry
 */
export function* startOf(record: Pick<ZipRecord, 'header' | 'name'>, end: number): Reading<number | null> {
  if (record.header + LOCAL_BYTES > end) return null;
  const local = view(yield { at: record.header, length: LOCAL_BYTES });
  if (local.byteLength < LOCAL_BYTES || local.getUint32(0, true) !== LOCAL) return null;
  const [nameBytes, extraBytes] = [local.getUint16(26, true), local.getUint16(28, true)];
  const start = record.header + LOCAL_BYTES + nameBytes;
  if (start > end) return null;
  const name = Buffer.from(yield { at: record.header + LOCAL_BYTES, length: nameBytes }).toString('utf8');
  return name === record.name ? start + extraBytes : null;
}

/** What is wrong with an entry's name as a place inside a folder. */
export function entryNameFault(name: string): 'absolute' | 'leads-out' | null {
  const plain = name.replace(/\\/g, '/');
  if (plain.startsWith('/') || /^[a-z]:/i.test(plain) || plain.includes('\0')) return 'absolute';
  return plain.split('/').includes('..') ? 'leads-out' : null;
}

/**
 * Entries whose bytes reach into the next one's: that is how a small file claims a large one.
 * @param end of all entries: where the directory begins
 */
export function overlapping<T extends { header: number; packed: number }>(
  records: readonly T[],
  end: number,
  startOfBytes: (record: T) => number = (record) => record.header + LOCAL_BYTES,
): T[] {
  const ordered = [...records].sort((a, b) => a.header - b.header);
  return ordered.filter((record, i) => startOfBytes(record) + record.packed > (ordered[i + 1]?.header ?? end));
}

function view(bytes: Uint8Array): DataView {
  return new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
}
