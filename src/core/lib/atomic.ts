/** Files that are either whole or not there: written beside the target, synced, renamed, and the folder synced. */
import { createHash } from 'node:crypto';
import { open, rename, unlink } from 'node:fs/promises';
import { dirname } from 'node:path';
import { makeFolders } from './folders';
import { openFile, readBytes } from './open-file';

export interface WrittenFile {
  path: string;
  bytes: number;
  /** Hex. */
  sha256: string;
}

const PIECE = 2 ** 24;

/**
 * Writes `pieces` to `path`. A crash at any point leaves the old file or the new one, and at most a `.partial` beside it.
 * @param folder `make`: its folder is made where it is missing; `there`: it must be there
 * @throws the file system's error; the partial file is then removed.
 */
export async function writeAtomically(
  path: string,
  pieces: Iterable<Uint8Array> | AsyncIterable<Uint8Array>,
  folder: 'make' | 'there' = 'make',
): Promise<WrittenFile> {
  if (folder === 'make') makeFolders(dirname(path));
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
