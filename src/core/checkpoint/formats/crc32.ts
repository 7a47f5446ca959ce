/** CRC-32 as ZIP uses it (reflected 0xEDB88320). Node's own where it has one (22 and later), else by table. */
import * as zlib from 'node:zlib';

const native = (zlib as { crc32?: (bytes: Uint8Array, before?: number) => number }).crc32;

const TABLE = Uint32Array.from({ length: 256 }, (_, byte) => {
  let c = byte;
  for (let k = 0; k < 8; k++) c = c & 1 ? 0xedb88320 ^ (c >>> 1) : c >>> 1;
  return c;
});

/** @param before the checksum of what comes before, 0 at the start */
export function crc32ByTable(bytes: Uint8Array, before = 0): number {
  let c = ~before;
  for (let i = 0; i < bytes.length; i++) c = TABLE[(c ^ bytes[i]) & 0xff] ^ (c >>> 8);
  return ~c >>> 0;
}

export const crc32: (bytes: Uint8Array, before?: number) => number = native ?? crc32ByTable;
