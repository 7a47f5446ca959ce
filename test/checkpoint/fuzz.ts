/** Random changes of good checkpoint files: the readers must answer each with tensors or with one of their sentences. */
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { crc32 } from 'node:zlib';
import { fromBytes } from '../../src/core/lib/open-file';
import { elements } from '../../src/core/checkpoint/formats/tensor-file';
import { readTensorFile } from '../../src/core/checkpoint/formats/open';
import { encodeShapes } from '../../src/core/checkpoint/formats/safetensors';
import { readZip } from '../../src/core/checkpoint/formats/zip';
import { zipPieces } from '../../src/core/checkpoint/formats/zip-write';
import { StudioError } from '../../src/shared/errors';
import { change } from '../files/mutate';
import { CORPUS, corpusFiles, randomInts } from './fixtures';

export interface FuzzResult {
  cases: number;
  /** Answered with a sentence. */
  refused: number;
  /** Read all the same: the change hit a byte that does not matter, or a tensor's value without a checksum. */
  read: number;
  slowest_ms: number;
  /** The largest answer to a single file, in bytes of tensors. */
  largest: number;
}

/** What a ZIP archive begins with. */
const ZIP = 0x04034b50;

/** A safetensors file with every format in it. */
function safetensorsFile(): Buffer {
  const shapes = new Map(
    (['F64', 'F32', 'F16', 'BF16', 'I64', 'I32', 'U8', 'BOOL'] as const).map((dtype, i) => {
      const bytes = 6 * [8, 4, 2, 2, 8, 4, 1, 1][i];
      return [`model.inner.${dtype}`, { dtype, shape: [2, 3], bytes }] as const;
    }),
  );
  const data = [...shapes.values()].reduce((sum, { bytes }) => sum + bytes, 0);
  return Buffer.concat([encodeShapes(new Map(shapes), { format: 'pt', note: 'a "note"' }), Buffer.alloc(data, 1)]);
}

export const goodFiles = (): Buffer[] => [
  safetensorsFile(),
  ...corpusFiles().map((name) => readFileSync(join(CORPUS, `${name}.pt`))),
];

/**
 * A changed copy. Half of the changes are of the file as it is; the others are of what its structure holds (the pickle, the
 * JSON header), put back into a sound file, since most changes of a ZIP archive end at its directory.
 */
export async function mutate(good: Buffer, random: (n: number) => number, others: readonly Buffer[]): Promise<Buffer> {
  const isZip = good.readUInt32LE(0) === ZIP;
  if (random(2)) return isZip ? aroundPickle(good, random, others) : aroundHeader(good, random, others);
  const bytes = change(good, random, others);
  if (isZip && random(2)) mendChecksums(bytes);
  return bytes;
}

/** The archive anew, with a changed pickle and now and then a changed storage. */
async function aroundPickle(good: Buffer, random: (n: number) => number, others: readonly Buffer[]): Promise<Buffer> {
  const parts = [...readZip(fromBytes(good, 'good')).values()].map(({ name, start, size }) => {
    const content = good.subarray(start, start + size);
    const changed = name.endsWith('/data.pkl') || random(20) === 0 ? change(content, random, others) : content;
    return { name, size: changed.length, pieces: () => [changed] };
  });
  const pieces: Uint8Array[] = [];
  for await (const piece of zipPieces(parts, random(4) === 0 ? 1 : undefined)) pieces.push(piece);
  return Buffer.concat(pieces);
}

/** The safetensors file anew, with a changed header of the right length. */
function aroundHeader(good: Buffer, random: (n: number) => number, others: readonly Buffer[]): Buffer {
  const length = Number(good.readBigUInt64LE(0));
  const header = change(good.subarray(8, 8 + length), random, others);
  const head = Buffer.alloc(8);
  head.writeBigUInt64LE(BigInt(header.length));
  return Buffer.concat([head, header, good.subarray(8 + length)]);
}

/** Writes the checksum of what is there now into every directory record that can be found. */
function mendChecksums(bytes: Buffer): void {
  for (let at = bytes.indexOf('PK\x01\x02', 0, 'latin1'); at >= 0; at = bytes.indexOf('PK\x01\x02', at + 4, 'latin1')) {
    if (at + 46 > bytes.length) return;
    const header = bytes.readUInt32LE(at + 42);
    if (header + 30 > bytes.length) continue;
    const start = header + 30 + bytes.readUInt16LE(header + 26) + bytes.readUInt16LE(header + 28);
    bytes.writeUInt32LE(crc32(bytes.subarray(start, start + bytes.readUInt32LE(at + 24))), at + 16);
  }
}

/** Opens a file and reads every tensor of it. @returns bytes read, or the sentence */
export function readAll(bytes: Buffer): number | StudioError {
  try {
    const file = readTensorFile(fromBytes(bytes, 'step_1'));
    let read = 0;
    for (const [name, { shape }] of file.tensors) {
      read += file.bytes(name).byteLength;
      if (shape.length && shape[0] > 1 && elements(shape)) file.bytes(name, shape[0] - 1, 1);
    }
    return read;
  } catch (error) {
    if (error instanceof StudioError) return error;
    throw error;
  }
}

/** @throws what no reader may throw, with the number of the case */
export async function fuzz(
  cases: number,
  seed: number,
  told: (done: number) => void = () => undefined,
): Promise<FuzzResult> {
  const random = randomInts(seed);
  const files = goodFiles();
  const result: FuzzResult = { cases, refused: 0, read: 0, slowest_ms: 0, largest: 0 };
  for (let i = 0; i < cases; i++) {
    // Safetensors is one of a dozen files, and half of the readers.
    const bytes = await mutate(i % 3 === 0 ? files[0] : files[1 + (i % (files.length - 1))], random, files);
    const before = performance.now();
    let answer: number | StudioError;
    try {
      answer = readAll(bytes);
    } catch (error) {
      throw new Error(`case ${i} of seed ${seed} (${files.length} files)`, { cause: error });
    }
    result.slowest_ms = Math.max(result.slowest_ms, performance.now() - before);
    if (typeof answer === 'number') {
      result.read++;
      result.largest = Math.max(result.largest, answer);
    } else result.refused++;
    if (i % 100 === 99) told(i + 1);
  }
  return result;
}
