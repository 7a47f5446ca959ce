/**
 * Writing ZIP archives as torch.save does: stored entries, each beginning at a multiple of 64 bytes (a padding field "FB"
 * in front), checksums behind the bytes (so that nothing is read twice), zip64 where sizes or positions need it.
 * Source: PKWARE APPNOTE 6.3.10, sections 4.3 and 4.5.3.
 */
import { crc32 } from 'node:zlib';

export interface ZipPart {
  name: string;
  size: number;
  pieces(): Iterable<Uint8Array> | AsyncIterable<Uint8Array>;
}

const ALIGNMENT = 64;
const U16 = 0xffff;
const U32 = 0xffffffff;
/** Checksum and sizes follow the bytes; names are UTF-8. */
const FLAGS = 0x0808;
/** 1 January 1980: the same input gives the same file. */
const DATE = 0x0021;

interface Written {
  name: Buffer;
  size: number;
  crc32: number;
  header: number;
}

/** The archive, piece by piece. @param wideFrom sizes and positions from here on take zip64; for tests */
export async function* zipPieces(parts: readonly ZipPart[], wideFrom = U32): AsyncGenerator<Uint8Array> {
  const written: Written[] = [];
  let at = 0;
  for (const part of parts) {
    const name = Buffer.from(part.name);
    const wide = part.size >= wideFrom;
    const header = localHeader(name, part.size, at, wide);
    const entry: Written = { name, size: part.size, crc32: 0, header: at };
    yield header;
    let size = 0;
    for await (const piece of part.pieces()) {
      entry.crc32 = crc32(piece, entry.crc32);
      size += piece.byteLength;
      yield piece;
    }
    if (size !== part.size) throw new Error(`${part.name} has ${size} bytes, not ${part.size}`);
    const descriptor = dataDescriptor(entry, wide);
    yield descriptor;
    at += header.length + size + descriptor.length;
    written.push(entry);
  }
  yield directory(written, at, wideFrom);
}

function localHeader(name: Buffer, size: number, at: number, wide: boolean): Buffer {
  const sizes = wide ? 20 : 0;
  const unpadded = at + 30 + name.length + sizes + 4;
  const padding = (ALIGNMENT - (unpadded % ALIGNMENT)) % ALIGNMENT;
  const header = Buffer.alloc(30 + name.length + sizes + 4 + padding, 'Z');
  header.fill(0, 0, 30);
  header.writeUInt32LE(0x04034b50, 0);
  header.writeUInt16LE(wide ? 45 : 20, 4);
  header.writeUInt16LE(FLAGS, 6);
  header.writeUInt16LE(DATE, 12);
  header.writeUInt32LE(wide ? U32 : size, 18);
  header.writeUInt32LE(wide ? U32 : size, 22);
  header.writeUInt16LE(name.length, 26);
  header.writeUInt16LE(sizes + 4 + padding, 28);
  name.copy(header, 30);
  let extra = 30 + name.length;
  if (wide) {
    header.writeUInt16LE(1, extra);
    header.writeUInt16LE(16, extra + 2);
    header.writeBigUInt64LE(BigInt(size), extra + 4);
    header.writeBigUInt64LE(BigInt(size), extra + 12);
    extra += sizes;
  }
  header.write('FB', extra);
  header.writeUInt16LE(padding, extra + 2);
  return header;
}

function dataDescriptor({ crc32: sum, size }: Written, wide: boolean): Buffer {
  const descriptor = Buffer.alloc(wide ? 24 : 16);
  descriptor.writeUInt32LE(0x08074b50, 0);
  descriptor.writeUInt32LE(sum, 4);
  for (const at of wide ? [8, 16] : [8, 12]) {
    if (wide) descriptor.writeBigUInt64LE(BigInt(size), at);
    else descriptor.writeUInt32LE(size, at);
  }
  return descriptor;
}

function directory(entries: readonly Written[], start: number, wideFrom: number): Buffer {
  const records = entries.map((entry) => centralRecord(entry, wideFrom));
  const bytes = records.reduce((sum, record) => sum + record.length, 0);
  const wide = start >= wideFrom || bytes >= wideFrom || entries.length >= U16;
  const end = Buffer.alloc(22);
  end.writeUInt32LE(0x06054b50, 0);
  for (const at of [8, 10]) end.writeUInt16LE(wide ? U16 : entries.length, at);
  end.writeUInt32LE(wide ? U32 : bytes, 12);
  end.writeUInt32LE(wide ? U32 : start, 16);
  if (!wide) return Buffer.concat([...records, end]);
  const end64 = Buffer.alloc(56 + 20);
  end64.writeUInt32LE(0x06064b50, 0);
  end64.writeBigUInt64LE(44n, 4);
  for (const at of [12, 14]) end64.writeUInt16LE(45, at);
  for (const at of [24, 32]) end64.writeBigUInt64LE(BigInt(entries.length), at);
  end64.writeBigUInt64LE(BigInt(bytes), 40);
  end64.writeBigUInt64LE(BigInt(start), 48);
  end64.writeUInt32LE(0x07064b50, 56);
  end64.writeBigUInt64LE(BigInt(start + bytes), 64);
  end64.writeUInt32LE(1, 72);
  return Buffer.concat([...records, end64, end]);
}

function centralRecord({ name, size, crc32: sum, header }: Written, wideFrom: number): Buffer {
  const wide = [
    ...(size >= wideFrom ? [size, size] : []), // unpacked, packed
    ...(header >= wideFrom ? [header] : []),
  ];
  const extra = wide.length ? 4 + 8 * wide.length : 0;
  const record = Buffer.alloc(46 + name.length + extra);
  record.writeUInt32LE(0x02014b50, 0);
  for (const at of [4, 6]) record.writeUInt16LE(wide.length ? 45 : 20, at);
  record.writeUInt16LE(FLAGS, 8);
  record.writeUInt16LE(DATE, 14);
  record.writeUInt32LE(sum, 16);
  for (const at of [20, 24]) record.writeUInt32LE(size >= wideFrom ? U32 : size, at);
  record.writeUInt16LE(name.length, 28);
  record.writeUInt16LE(extra, 30);
  record.writeUInt32LE(header >= wideFrom ? U32 : header, 42);
  name.copy(record, 46);
  if (extra) {
    const at = 46 + name.length;
    record.writeUInt16LE(1, at);
    record.writeUInt16LE(8 * wide.length, at + 2);
    wide.forEach((value, i) => record.writeBigUInt64LE(BigInt(value), at + 4 + 8 * i));
  }
  return record;
}
