/** Folders that are there as a whole or not at all. */
import { closeSync, fsyncSync, openSync, rmSync, writeSync } from 'node:fs';
import { mkdir, readdir, rename, rm, stat } from 'node:fs/promises';
import { basename, dirname, join } from 'node:path';
import { StudioError } from '../../shared/errors';
import { isAlive } from './alive';
import { makeFolders, syncFolder } from './folders';

/**
 * Makes the folder `out`: `fill` writes into a temporary folder beside it, which is made durable and renamed when
 * complete. After a failure, a cancel or a crash there is no `out`; what a killed process has left beside it is
 * removed by the next attempt.
 *
 * @throws StudioError `conflict` if `out` exists and is not an empty folder
 */
export async function makeWholeFolder<T>(out: string, fill: (temporary: string) => Promise<T>): Promise<T> {
  await refuseTaken(out);
  const parent = dirname(out);
  const prefix = prefixOf(out);
  makeFolders(parent);
  await removeAbandoned(parent, prefix);
  const temporary = temporaryFolder(out);
  try {
    await rm(temporary, { recursive: true, force: true });
    filling.add(temporary);
    await mkdir(temporary);
    const result = await fill(temporary);
    await refuseTaken(out);
    await syncFolders(temporary);
    await rename(temporary, out);
    syncFolder(parent);
    return result;
  } catch (error) {
    await rm(temporary, { recursive: true, force: true }).catch(() => undefined); // the first error says more
    // "The disk that holds OUT is full": nobody knows the temporary folder's name.
    const errno = error as NodeJS.ErrnoException;
    if (errno.syscall && errno.path?.startsWith(temporary)) errno.path = out;
    throw error;
  } finally {
    filling.delete(temporary);
  }
}

/** What is being filled now. */
const filling = new Set<string>();

/** A process that ends in the middle, as one whose studio is gone does when its time is over, leaves no half of a folder. */
export function removeHalves(): void {
  for (const temporary of filling) {
    try {
      rmSync(temporary, { recursive: true, force: true });
    } catch {
      // The next start looks again.
    }
  }
}
process.on('exit', removeHalves);

const prefixOf = (out: string): string => `.${basename(out)}.building-`;

/** Where this process fills `out`. */
export const temporaryFolder = (out: string): string => join(dirname(out), `${prefixOf(out)}${process.pid}`);

async function refuseTaken(out: string): Promise<void> {
  let entries: string[];
  try {
    entries = await readdir(out);
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException;
    if (code === 'ENOENT') return;
    if (code === 'ENOTDIR' && (await stat(out).catch(() => null))) {
      throw new StudioError('conflict', `${out} is a file: choose another folder.`);
    }
    throw error;
  }
  if (entries.length > 0) {
    throw new StudioError(
      'conflict',
      `${out} exists already and is not empty: choose another folder, or delete it first.`,
    );
  }
}

async function removeAbandoned(parent: string, prefix: string): Promise<void> {
  for (const name of await readdir(parent)) {
    if (!name.startsWith(prefix)) continue;
    if (name !== `${prefix}${process.pid}` && !isAbandoned(name)) continue;
    await rm(join(parent, name), { recursive: true, force: true });
  }
}

/** Whether a folder of this name was being filled by a process that is gone. */
export function isAbandoned(name: string): boolean {
  const pid = /^\..+\.building-(\d+)$/.exec(name)?.[1];
  return pid !== undefined && !isAlive(Number(pid));
}

async function syncFolders(folder: string): Promise<void> {
  for (const entry of await readdir(folder, { withFileTypes: true })) {
    if (entry.isDirectory()) await syncFolders(join(folder, entry.name));
  }
  syncFolder(folder);
}

const PIECE = 2 ** 20;

/** A text file, durable, written piece by piece. */
export function writeDurable(path: string, pieces: Iterable<string>): void {
  for (const file = new DurableFile(path, pieces); !file.done;) file.step();
}

/** The same for millions of pieces: others get their turn between two megabytes. */
export async function writeDurableSlowly(
  path: string,
  pieces: Iterable<string>,
  breathe: () => Promise<void> = () => new Promise((resolve) => setImmediate(resolve)),
): Promise<void> {
  const file = new DurableFile(path, pieces);
  try {
    while (!file.done) {
      file.step();
      await breathe();
    }
  } finally {
    file.close();
  }
}

class DurableFile {
  done = false;
  private readonly fd: number;
  private readonly pieces: Iterator<string>;
  private open = true;

  constructor(
    private readonly path: string,
    pieces: Iterable<string>,
  ) {
    this.fd = openSync(path, 'wx');
    this.pieces = pieces[Symbol.iterator]();
  }

  /** Writes about a megabyte; the last step makes the file durable and closes it. */
  step(): void {
    try {
      let text = '';
      while (text.length < PIECE) {
        const next = this.pieces.next();
        if (next.done) {
          this.done = true;
          break;
        }
        text += next.value;
      }
      const bytes = Buffer.from(text, 'utf8');
      for (let at = 0; at < bytes.length;) at += writeSync(this.fd, bytes, at);
      if (this.done) fsyncSync(this.fd);
    } catch (error) {
      this.close();
      if (error instanceof Error && (error as NodeJS.ErrnoException).syscall)
        (error as NodeJS.ErrnoException).path ??= this.path;
      throw error;
    }
    if (this.done) this.close();
  }

  close(): void {
    if (this.open) closeSync(this.fd);
    this.open = false;
  }
}
