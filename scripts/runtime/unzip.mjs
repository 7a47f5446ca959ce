import { createHash } from 'node:crypto';
import * as fs from 'node:fs';
import { basename, dirname, join, normalize, sep } from 'node:path';
import { Transform } from 'node:stream';
import { pipeline } from 'node:stream/promises';
import { createInflateRaw } from 'node:zlib';
import { Problem } from '../lib/problem.mjs';

/**
 * A wheel is a zip archive. Read here rather than by Python, because one pass over 800 MB then inflates, writes, hashes
 * and reports progress, and because `pip` on PATH says nothing about which Python belongs to it.
 * Format: PKWARE's APPNOTE.TXT, sections 4.3 (records) and 4.5.3 (zip64).
 */

/**
 * @typedef {object} Entry
 * @property {string} name
 * @property {number} method        0 stored, 8 deflated
 * @property {number} compressed    bytes in the archive
 * @property {number} size          bytes unpacked
 * @property {number} offset        of its local header
 * @property {number} mode          Unix permissions, 0 if not given
 */

/** Beside the files, so that renaming stays within one file system. */
export const UNPACKING = '.unpacking';

const END = 0x06054b50;
const END64 = 0x06064b50;
const CENTRAL = 0x02014b50;
const LOCAL = 0x04034b50;

/**
 * @param {string} archive path
 * @returns {Entry[]}
 */
export function listZip(archive) {
  const fd = fs.openSync(archive, 'r');
  try {
    const { size } = fs.fstatSync(fd);
    const tail = read(fd, Math.max(0, size - 65_557), Math.min(size, 65_557));
    const at = endRecord(tail);
    if (at < 0) throw damaged(archive, 'it has no end record');
    let count = tail.readUInt16LE(at + 10);
    let length = tail.readUInt32LE(at + 12);
    let start = tail.readUInt32LE(at + 16);
    if (start === 0xffffffff || count === 0xffff) {
      // 20 bytes before the end record lies the locator of the zip64 one.
      const end64 = read(fd, Number(tail.readBigUInt64LE(at - 20 + 8)), 56);
      if (end64.readUInt32LE(0) !== END64) throw damaged(archive, 'its zip64 end record is missing');
      count = Number(end64.readBigUInt64LE(32));
      length = Number(end64.readBigUInt64LE(40));
      start = Number(end64.readBigUInt64LE(48));
    }
    return parseDirectory(read(fd, start, length), count, archive);
  } finally {
    fs.closeSync(fd);
  }
}

/**
 * The end record, whose comment ends with the file: the comment itself may hold the record's mark.
 * @param {Buffer} tail of the file
 * @returns {number} -1 without one
 */
function endRecord(tail) {
  for (let at = tail.length - 22; at >= 0; at--) {
    if (tail.readUInt32LE(at) === END && at + 22 + tail.readUInt16LE(at + 20) === tail.length) return at;
  }
  return -1;
}

/**
 * @param {Buffer} directory
 * @param {number} count
 * @param {string} archive
 */
function parseDirectory(directory, count, archive) {
  /** @type {Entry[]} */
  const entries = [];
  for (let at = 0; entries.length < count;) {
    if (at + 46 > directory.length || directory.readUInt32LE(at) !== CENTRAL)
      throw damaged(archive, 'its directory is cut short');
    const [nameLength, extraLength, commentLength] = [28, 30, 32].map((field) => directory.readUInt16LE(at + field));
    const entry = {
      name: directory.toString('utf8', at + 46, at + 46 + nameLength),
      method: directory.readUInt16LE(at + 10),
      compressed: directory.readUInt32LE(at + 20),
      size: directory.readUInt32LE(at + 24),
      offset: directory.readUInt32LE(at + 42),
      mode: (directory.readUInt32LE(at + 38) >>> 16) & 0o777,
    };
    readZip64(entry, directory.subarray(at + 46 + nameLength, at + 46 + nameLength + extraLength));
    entries.push(entry);
    at += 46 + nameLength + extraLength + commentLength;
  }
  return entries;
}

/**
 * Sizes and offsets of 4 GB or more stand in an extra field, in this order, each only if it did not fit.
 * @param {Entry} entry
 * @param {Buffer} extra
 */
function readZip64(entry, extra) {
  for (let at = 0; at + 4 <= extra.length; at += 4 + extra.readUInt16LE(at + 2)) {
    if (extra.readUInt16LE(at) !== 1) continue;
    let field = at + 4;
    for (const key of /** @type {const} */ (['size', 'compressed', 'offset'])) {
      if (entry[key] !== 0xffffffff) continue;
      entry[key] = Number(extra.readBigUInt64LE(field));
      field += 8;
    }
  }
}

/**
 * Unpacks one file. Until it is complete it lies in UNPACKING, where a killed set-up's half files are easily removed.
 * @param {string} archive
 * @param {Entry} entry
 * @param {string} folder
 * @param {(bytes: number) => void} [onBytes]
 * @returns {Promise<{ path: string, size: number, sha256: string }>} path relative to folder
 */
export async function unpackEntry(archive, entry, folder, onBytes) {
  const path = normalize(entry.name);
  if (path.startsWith('..') || path.startsWith(sep) || /^[a-z]:/i.test(path))
    throw damaged(archive, `${entry.name} leads out of it`);
  if (entry.method !== 0 && entry.method !== 8)
    throw damaged(archive, `${entry.name} is packed by unknown method ${entry.method}`);
  const fd = fs.openSync(archive, 'r');
  const header = read(fd, entry.offset, 30);
  fs.closeSync(fd);
  if (header.readUInt32LE(0) !== LOCAL) throw damaged(archive, `${entry.name} does not begin where it should`);
  const start = entry.offset + 30 + header.readUInt16LE(26) + header.readUInt16LE(28);
  const target = join(folder, path);
  fs.mkdirSync(dirname(target), { recursive: true });
  const hash = createHash('sha256');
  let size = 0;
  const measure = new Transform({
    transform(chunk, _encoding, done) {
      hash.update(chunk);
      size += chunk.length;
      onBytes?.(chunk.length);
      done(null, chunk);
    },
  });
  const temporary = join(folder, UNPACKING, basename(path));
  fs.mkdirSync(dirname(temporary), { recursive: true });
  const output = fs.createWriteStream(temporary, { mode: entry.mode & 0o111 ? 0o755 : 0o644 });
  try {
    if (entry.compressed === 0) await pipeline([Buffer.alloc(0)], measure, output);
    else {
      const input = fs.createReadStream(archive, { start, end: start + entry.compressed - 1, highWaterMark: 1 << 20 });
      if (entry.method === 0) await pipeline(input, measure, output);
      else await pipeline(input, createInflateRaw({ chunkSize: 1 << 20 }), measure, output);
    }
  } catch (error) {
    if (/** @type {NodeJS.ErrnoException} */ (error).code?.startsWith('Z_'))
      throw damaged(archive, `${entry.name} cannot be inflated`);
    throw error;
  }
  if (size !== entry.size) throw damaged(archive, `${entry.name} has ${size} bytes instead of ${entry.size}`);
  fs.renameSync(temporary, target);
  return { path: entry.name, size, sha256: hash.digest('hex') };
}

/**
 * @param {number} fd
 * @param {number} position
 * @param {number} length
 */
function read(fd, position, length) {
  const buffer = Buffer.alloc(length);
  let done = 0;
  while (done < length) {
    const n = fs.readSync(fd, buffer, done, length - done, position + done);
    if (n === 0) break;
    done += n;
  }
  return buffer.subarray(0, done);
}

/** @param {string} archive @param {string} how */
const damaged = (archive, how) =>
  new Problem(`${archive} is damaged: ${how}.`, { fix: 'It is fetched again at the next start.' });
