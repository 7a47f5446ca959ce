/** Folders with their parents, which last through a power cut: what lies in one that does not is gone with it. */
import { closeSync, fsyncSync, mkdirSync, openSync, statSync } from 'node:fs';
import { dirname, resolve } from 'node:path';

/**
 * Makes `folder` and every parent that is missing; what is there stays.
 *
 * One by one from the nearest that exists: Node's own `recursive` calls a read-only file system "does not exist", and never
 * returns where a parent takes no folders (/proc).
 *
 * @param mode permission bits of those that are made
 * @returns those that were made, the outermost first
 * @throws the file system's error: EROFS, ENOSPC, EACCES, EIO; ENOTDIR where a file has the name
 */
export function makeFolders(folder: string, mode = 0o777): string[] {
  const missing: string[] = [];
  let at = resolve(folder);
  for (;;) {
    const found = statSync(at, { throwIfNoEntry: false });
    if (found && !found.isDirectory()) throw notAFolder(at);
    if (found || dirname(at) === at) break;
    missing.unshift(at);
    at = dirname(at);
  }
  return missing.filter((path) => {
    try {
      makeFolder(path, mode);
      return true;
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code !== 'EEXIST') throw error;
      // Somebody else was faster; a link that leads nowhere has the name too.
      if (!statSync(path, { throwIfNoEntry: false })?.isDirectory()) throw notAFolder(path);
      return false;
    }
  });
}

/**
 * One folder in a folder that is there.
 * @param mode its permission bits, less the process's mask
 * @throws the file system's error: ENOENT where the folder above is gone, EEXIST
 */
export function makeFolder(folder: string, mode = 0o777): void {
  mkdirSync(folder, { mode });
  syncFolder(dirname(folder));
}

/** Makes the names in `folder` last, where it may be read: who may only write in it cannot. @throws the file system's error */
export function syncFolder(folder: string): void {
  if (process.platform === 'win32') return; // folders cannot be opened there; NTFS journals their entries
  let fd: number;
  try {
    fd = openSync(folder, 'r');
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'EACCES') return;
    throw error;
  }
  try {
    fsyncSync(fd);
  } finally {
    closeSync(fd);
  }
}

const notAFolder = (path: string) =>
  Object.assign(new Error(`ENOTDIR: not a directory, mkdir '${path}'`), { code: 'ENOTDIR', syscall: 'mkdir', path });
