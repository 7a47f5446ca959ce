/** Random changes of good checkpoint files: the readers must answer each with tensors or with one of their sentences. */
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { fromBytes } from '../../src/core/checkpoint/byte-source';
import { crc32 } from '../../src/core/checkpoint/crc32';
import { elements } from '../../src/core/checkpoint/tensor-file';
import { readTensorFile } from '../../src/core/checkpoint/open';
import { encodeShapes } from '../../src/core/checkpoint/safetensors';
import { StudioError } from '../../src/shared/errors';
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

const EXTREMES = [0, 1, 0x7f, 0x80, 0xff, 0x7fffffff, 0x80000000, 0xffffffff, 0x40000000];
const WORDS = [
  '"data_offsets"',
  '"a":',
  '{',
  '[',
  '1e99',
  '-1',
  'cos\nsystem\n',
  'cbuiltins\neval\n',
  '\x93',
  'R',
  '(',
  '..',
  '/',
  's',
  'u',
  'b',
];

/** A changed copy; of ZIP archives half get a fitting checksum again, so that what lies behind it is reached. */
export function mutate(good: Buffer, random: (n: number) => number, others: readonly Buffer[]): Buffer {
  let bytes = Buffer.from(good);
  // Half of the changes hit where the structure is: the header of safetensors, pickle and directory of ZIP archives.
  const isZip = good[0] === 0x50;
  const structure = (): number => {
    const heads = Math.min(bytes.length, isZip ? 700 : Number(good.readUInt32LE(0)) + 8);
    return isZip && random(2) ? Math.max(0, bytes.length - 1 - random(1800)) : random(Math.max(1, heads));
  };
  for (let n = 0; n <= random(4) && bytes.length > 8; n++) {
    const at = Math.min(bytes.length - 1, random(2) ? structure() : random(bytes.length));
    const length = 1 + random(Math.min(64, bytes.length - at));
    switch (random(9)) {
      case 0:
        bytes[at] ^= 1 << random(8);
        break;
      case 1:
        bytes[at] = random(256);
        break;
      case 2:
        if (at + 4 <= bytes.length) bytes.writeUInt32LE(EXTREMES[random(EXTREMES.length)], at);
        break;
      case 3:
        bytes = bytes.subarray(0, at);
        break;
      case 4:
        bytes = Buffer.concat([bytes.subarray(0, at), bytes.subarray(at + length)]);
        break;
      case 5:
        bytes = Buffer.concat([bytes.subarray(0, at + length), bytes.subarray(at)]);
        break;
      case 6: {
        const other = others[random(others.length)];
        other.copy(bytes, at, random(other.length), other.length);
        break;
      }
      case 7:
        bytes.write(WORDS[random(WORDS.length)], at, 'latin1');
        break;
      case 8:
        bytes.fill(random(256), at, at + length);
    }
  }
  if (isZip && random(2)) mendChecksums(bytes);
  return bytes;
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
export function fuzz(cases: number, seed: number, told: (done: number) => void = () => undefined): FuzzResult {
  const random = randomInts(seed);
  const files = goodFiles();
  const result: FuzzResult = { cases, refused: 0, read: 0, slowest_ms: 0, largest: 0 };
  for (let i = 0; i < cases; i++) {
    const bytes = mutate(files[i % files.length], random, files);
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
