/** Folders with their parents. */
import { mkdirSync, statSync } from 'node:fs';
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
      mkdirSync(path, { mode });
      return true;
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code !== 'EEXIST') throw error;
      // Somebody else was faster; a link that leads nowhere has the name too.
      if (!statSync(path, { throwIfNoEntry: false })?.isDirectory()) throw notAFolder(path);
      return false;
    }
  });
}

const notAFolder = (path: string) =>
  Object.assign(new Error(`ENOTDIR: not a directory, mkdir '${path}'`), { code: 'ENOTDIR', syscall: 'mkdir', path });
