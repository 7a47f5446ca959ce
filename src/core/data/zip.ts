/**
 * Reads ZIP archives entry by entry, by offset: nothing is unpacked to disk, so a name in an archive is only a name.
 * Caps hold off archives that are made to fill memory. Source: PKWARE's APPNOTE 6.3.
 */
import { promisify } from 'node:util';
import { inflateRaw } from 'node:zlib';
import { StudioError } from '../../shared/errors';
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

const END = 0x06054b50;
const END_BYTES = 22;
const CENTRAL = 0x02014b50;
const LOCAL = 0x04034b50;
const LINK = 0o120000;
const KIND = 0o170000;

const inflate = promisify(inflateRaw) as (data: Uint8Array, options: { maxOutputLength: number }) => Promise<Buffer>;

export function isZip(head: Uint8Array): boolean {
  return head[0] === 0x50 && head[1] === 0x4b && ((head[2] === 3 && head[3] === 4) || (head[2] === 5 && head[3] === 6));
}

/**
 * @param file how the archive is called in the sentences
 * @throws StudioError `damaged` if it is no whole archive, `too_large` beyond the caps
 */
export async function listZip(source: ByteSource, file: string): Promise<ZipListing> {
  const { count, offset, bytes } = await findDirectory(source, file);
  const view = viewOf(await source.read(offset, bytes));
  const listing: ZipListing = { entries: [], refused: [] };
  const names = new Set<string>();
  let total = 0;
  let at = 0;
  for (let n = 0; n < count; n++) {
    if (at + 46 > view.byteLength || view.getUint32(at, true) !== CENTRAL)
      throw damaged(file, `entry ${n + 1} of ${count} is missing from its list`);
    const header: Header = {
      flags: view.getUint16(at + 8, true),
      method: view.getUint16(at + 10, true),
      crc: view.getUint32(at + 16, true),
      packed: view.getUint32(at + 20, true),
      bytes: view.getUint32(at + 24, true),
      offset: view.getUint32(at + 42, true),
    };
    const [nameBytes, extra, comment] = [28, 30, 32].map((o) => view.getUint16(at + o, true));
    const mode = view.getUint32(at + 38, true) >>> 16;
    const raw = new Uint8Array(view.buffer, view.byteOffset + at + 46, Math.min(nameBytes, view.byteLength - at - 46));
    const name = new TextDecoder().decode(raw).replace(/\\/g, '/');
    at += 46 + nameBytes + extra + comment;
    if (name.endsWith('/')) continue;
    const reason = refusal(name, header, mode, names);
    if (reason) {
      listing.refused.push({ name, reason });
      continue;
    }
    names.add(name);
    total += header.bytes;
    if (total > MAX_TOTAL) {
      throw new StudioError('too_large', `${file} unpacks to more than 4 GB: unpack it yourself and import a part.`);
    }
    listing.entries.push({ name, bytes: header.bytes, read: (from) => readEntry(from, header, `${file} › ${name}`) });
  }
  return listing;
}

interface Header {
  flags: number;
  method: number;
  crc: number;
  packed: number;
  bytes: number;
  offset: number;
}

function refusal(
  name: string,
  { flags, method, packed, bytes }: Header,
  mode: number,
  names: ReadonlySet<string>,
): string | null {
  if (name.startsWith('/') || /^[a-z]:/i.test(name) || name.split('/').includes('..')) {
    return 'its name leads out of the archive: pack it again with names inside it';
  }
  if (names.has(name)) return 'the archive holds this name twice: keep one of the two';
  if ((mode & KIND) === LINK) return 'it is a link: pack the file itself';
  if (flags & 1) return 'it is encrypted: unpack it yourself and import the files';
  if (method !== 0 && method !== 8)
    return `it is packed by method ${method}, and 0 and 8 are known: pack it again as plain zip`;
  if (bytes > MAX_ENTRY)
    return `it has ${Math.round(bytes / 2 ** 20)} MB unpacked, and up to ${MAX_ENTRY / 2 ** 20} MB are read: unpack it yourself and import the folder`;
  if (bytes > RATIO_FROM && bytes > packed * MAX_RATIO) {
    return `it unpacks to ${Math.round(bytes / Math.max(1, packed))} times its size, and up to ${MAX_RATIO} times is read: unpack it yourself if you trust it`;
  }
  return null;
}

async function findDirectory(
  source: ByteSource,
  file: string,
): Promise<{ count: number; offset: number; bytes: number }> {
  // The end record may be followed by a comment of up to 64 kB.
  const length = Math.min(source.size, END_BYTES + 0xffff);
  const tail = viewOf(await source.read(source.size - length, length));
  for (let at = tail.byteLength - END_BYTES; at >= 0; at--) {
    if (tail.getUint32(at, true) !== END) continue;
    const [count, bytes, offset] = [
      tail.getUint16(at + 10, true),
      tail.getUint32(at + 12, true),
      tail.getUint32(at + 16, true),
    ];
    if (count === 0xffff || offset === 0xffffffff || bytes === 0xffffffff) {
      throw new StudioError(
        'too_large',
        `${file} is a large archive (ZIP64): unpack it yourself and import the folder.`,
      );
    }
    if (offset + bytes > source.size)
      throw damaged(file, `its list of entries should end at byte ${offset + bytes} of ${source.size}`);
    if (count > MAX_ENTRIES || bytes > MAX_DIRECTORY) {
      throw new StudioError(
        'too_large',
        `${file} holds ${count} files, and up to ${MAX_ENTRIES} are read: import a smaller one.`,
      );
    }
    return { count, offset, bytes };
  }
  throw damaged(file, 'its end is missing');
}

async function readEntry(
  source: ByteSource,
  { method, crc, packed, bytes, offset }: Header,
  file: string,
): Promise<Uint8Array> {
  const local = viewOf(await source.read(offset, 30));
  if (local.byteLength < 30 || local.getUint32(0, true) !== LOCAL) throw damaged(file, 'its header is missing');
  const start = offset + 30 + local.getUint16(26, true) + local.getUint16(28, true);
  const data = await source.read(start, packed);
  if (data.byteLength !== packed) throw damaged(file, `it has ${data.byteLength} of ${packed} bytes`);
  let content: Uint8Array = data;
  if (method === 8) {
    try {
      content = await inflate(data, { maxOutputLength: Math.max(1, bytes) });
    } catch (cause) {
      throw damaged(file, `it cannot be unpacked to its ${bytes} bytes`, cause);
    }
  }
  if (content.byteLength !== bytes)
    throw damaged(file, `it unpacks to ${content.byteLength} instead of ${bytes} bytes`);
  if (crc32(content) !== crc) throw damaged(file, 'its checksum is wrong');
  return content;
}

/** Node has its own only from 22.2 on. */
function crc32(bytes: Uint8Array): number {
  let crc = -1;
  for (const byte of bytes) crc = (crc >>> 8) ^ TABLE[(crc ^ byte) & 255];
  return ~crc >>> 0;
}
const TABLE = Int32Array.from({ length: 256 }, (_, n) => {
  let c = n;
  for (let k = 0; k < 8; k++) c = c & 1 ? (c >>> 1) ^ 0xedb88320 : c >>> 1;
  return c;
});

function damaged(file: string, what: string, cause?: unknown): StudioError {
  return new StudioError('damaged', `${file} is damaged: ${what}; download or pack it again.`, undefined, { cause });
}

function viewOf(bytes: Uint8Array): DataView {
  return new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
}
