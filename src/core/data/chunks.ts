/** The bytes of a gathered file one after another, never all at once. */
import type { GatheredFile } from './gather';
import { StudioError, toWireError } from '../../shared/errors';

const CHUNK = 2 ** 20;

/** @throws errors of the file system, and what `file.chunks` throws */
export async function* chunksOf(file: GatheredFile): AsyncGenerator<Uint8Array> {
  if (file.chunks) return yield* file.chunks();
  const source = await file.open();
  try {
    for (let at = 0; at < source.size;) {
      const chunk = await source.read(at, CHUNK);
      if (chunk.byteLength === 0) break;
      at += chunk.byteLength;
      yield chunk;
    }
  } finally {
    await source.close();
  }
}

export interface Line {
  /** From 1. */
  line: number;
  bytes: Uint8Array;
}

/**
 * Lines, without their ends, as bytes: no character of UTF-8 holds a line's end inside.
 * @param longest in bytes
 * @throws StudioError `too_large` for a longer line
 */
export async function* linesOf(file: GatheredFile, longest: number): AsyncGenerator<Line> {
  let parts: Uint8Array[] = [];
  let length = 0;
  let line = 0;
  for await (const chunk of chunksOf(file)) {
    let from = 0;
    for (let end = chunk.indexOf(10); end >= 0; end = chunk.indexOf(10, from)) {
      parts.push(chunk.subarray(from, end));
      yield { line: ++line, bytes: parts.length === 1 ? parts[0] : Buffer.concat(parts) };
      parts = [];
      length = 0;
      from = end + 1;
    }
    if (from === chunk.byteLength) continue;
    // A copy: a view of the rest would keep the whole chunk.
    parts.push(chunk.slice(from));
    length += chunk.byteLength - from;
    if (length > longest) {
      throw new StudioError(
        'too_large',
        `${file.relative}: line ${line + 1} has more than ${longest / 2 ** 20} MB: write one task in each line.`,
      );
    }
  }
  if (length > 0) yield { line: line + 1, bytes: Buffer.concat(parts) };
}

/** Whether an error is the data's and can be told as a sentence; others are thrown on. */
export function sentenceOf(error: unknown): string {
  const wire = toWireError(error);
  if (wire.code === 'internal' || wire.code === 'cancelled') throw error;
  return wire.message;
}
