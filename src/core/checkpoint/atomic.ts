/** Files that are either whole or not there: written beside the target, synced, renamed, and the folder synced. */
import { createHash } from 'node:crypto';
import { mkdir, open, rename, unlink } from 'node:fs/promises';
import { dirname } from 'node:path';
import { openFile, readBytes } from './byte-source';
import { encodeHeader, encodeShapes, type NamedTensor, type TensorShape } from './safetensors';

export interface WrittenFile {
  path: string;
  bytes: number;
  /** Hex. */
  sha256: string;
}

const PIECE = 2 ** 24;

/**
 * Writes `pieces` to `path`. A crash at any point leaves the old file or the new one, and at most a `.partial` beside it.
 * @throws the file system's error; the partial file is then removed.
 */
export async function writeAtomically(
  path: string,
  pieces: Iterable<Uint8Array> | AsyncIterable<Uint8Array>,
): Promise<WrittenFile> {
  await mkdir(dirname(path), { recursive: true });
  const partial = `${path}.partial`;
  const hash = createHash('sha256');
  let bytes = 0;
  const file = await open(partial, 'w');
  try {
    for await (const piece of pieces) {
      for (let at = 0; at < piece.byteLength; at += PIECE) {
        const part = piece.subarray(at, Math.min(at + PIECE, piece.byteLength));
        hash.update(part);
        for (let done = 0; done < part.byteLength;) {
          const { bytesWritten } = await file.write(part, done, part.byteLength - done);
          done += bytesWritten;
        }
        bytes += part.byteLength;
      }
    }
    await file.sync();
    await file.close();
    await rename(partial, path);
  } catch (error) {
    await file.close().catch(() => undefined);
    await unlink(partial).catch(() => undefined);
    // An error of an open file carries no path; people need one.
    if (error instanceof Error && 'syscall' in error) (error as NodeJS.ErrnoException).path ??= path;
    throw error;
  }
  await syncFolder(dirname(path));
  return { path, bytes, sha256: hash.digest('hex') };
}

/** Makes the rename last through a power cut. Windows has no such call on folders. */
async function syncFolder(folder: string): Promise<void> {
  if (process.platform === 'win32') return;
  const handle = await open(folder, 'r');
  try {
    await handle.sync();
  } finally {
    await handle.close();
  }
}

/** A safetensors file, written atomically. */
export function writeSafetensors(
  path: string,
  tensors: ReadonlyMap<string, NamedTensor>,
  metadata: Record<string, string>,
): Promise<WrittenFile> {
  function* pieces(): Generator<Uint8Array> {
    yield encodeHeader(tensors, metadata);
    for (const { data } of tensors.values()) yield new Uint8Array(data.buffer, data.byteOffset, data.byteLength);
  }
  return writeAtomically(path, pieces());
}

/** A tensor whose bytes are made when they are written: a table may be larger than memory. */
export interface StreamedShape extends TensorShape {
  /** Row-major, little-endian, in pieces of any size. Can be asked for again. */
  pieces(): Iterable<Uint8Array> | AsyncIterable<Uint8Array>;
}

/** A safetensors file of tensors that come in pieces, written atomically. */
export function streamSafetensors(
  path: string,
  tensors: ReadonlyMap<string, StreamedShape>,
  metadata: Record<string, string>,
): Promise<WrittenFile> {
  async function* pieces(): AsyncGenerator<Uint8Array> {
    yield encodeShapes(tensors, metadata);
    for (const [name, tensor] of tensors) {
      let bytes = 0;
      for await (const piece of tensor.pieces()) {
        bytes += piece.byteLength;
        yield piece;
      }
      if (bytes !== tensor.bytes) throw new Error(`${name} has ${bytes} bytes, not ${tensor.bytes}`);
    }
  }
  return writeAtomically(path, pieces());
}

/** A copy of a file, written atomically. @param told after each piece, with the bytes so far */
export function copyAtomically(from: string, to: string, told: (done: number) => void): Promise<WrittenFile> {
  function* pieces(): Generator<Uint8Array> {
    const source = openFile(from);
    try {
      for (let at = 0; at < source.size; at += PIECE) {
        const piece = readBytes(source, at, Math.min(PIECE, source.size - at));
        yield piece;
        told(at + piece.length);
      }
    } finally {
      source.close();
    }
  }
  return writeAtomically(to, pieces());
}
