/** Finds the files behind what was dropped or chosen: files, folders, folders in folders. Reads none of them yet. */
import { readdir, stat } from 'node:fs/promises';
import { basename, join, resolve } from 'node:path';
import type { ImportProblem } from '../../shared/contract/imports';
import { StudioError, oneLine, toWireError } from '../../shared/errors';
import { fileSource, memorySource, type ByteSource } from './byte-source';
import { checkJsonSize, readLimited } from '../arc/json';
import { checkCancelled, type WorkOptions } from '../lib/work';

export interface GatheredFile {
  /** Where it is, for people. */
  path: string;
  /** Inside what was dropped, with "/": "data/training/00d62c1b.json"; a file dropped by itself is its name alone. */
  relative: string;
  /** The absolute path where it lies on a disk by itself; null for one that was sent, or is in an archive. */
  disk: string | null;
  bytes: number;
  /** All of it, for files of JSON. @throws StudioError `too_large`; errors of the file system */
  read(): Promise<Uint8Array>;
  /** By offset, however large it is. */
  open(): Promise<ByteSource>;
  /** From front to back, where that needs less memory than `open`; see `chunksOf`. */
  chunks?(): AsyncIterable<Uint8Array>;
}

export interface Gathered {
  files: GatheredFile[];
  problems: ImportProblem[];
}

const MAX_FILES = 100_000;
const MAX_FOLDERS_DEEP = 64;

/** Left there by systems and tools, never meant. */
export const isHidden = (name: string): boolean => name.startsWith('.') || name === '__MACOSX';

/** "data/training/" of "data/training/a.json". */
export const folderOf = (relative: string): string => relative.slice(0, relative.lastIndexOf('/') + 1);

/** A file whose content is here already, e.g. dropped into a browser; null for a hidden one in a dropped folder. */
export function gatheredContent(path: string, content: Uint8Array): GatheredFile | null {
  const relative = oneLine(path.replace(/\\/g, '/').replace(/^(\.?\/)+/, ''));
  const parts = relative.split('/');
  if (parts.length > 1 && parts.some(isHidden)) return null;
  return {
    path,
    relative,
    disk: null,
    bytes: content.byteLength,
    read: () => {
      checkJsonSize(content.byteLength, relative);
      return Promise.resolve(content);
    },
    open: () => Promise.resolve(memorySource(content)),
  };
}

/**
 * Files in the order of their names, folders entered, hidden ones passed by. Links are followed, but no folder is
 * entered twice, so that a link to a folder above ends there.
 *
 * @returns what cannot be read as problems
 * @throws StudioError `cancelled`, or `too_large` beyond 100 000 files
 */
export async function gatherPaths(paths: readonly string[], options: WorkOptions = {}): Promise<Gathered> {
  const gathered: Gathered = { files: [], problems: [] };
  for (const given of paths) {
    const path = resolve(given);
    await visit(path, oneLine(basename(path) || path), 0, new Set(), gathered, options);
  }
  return gathered;
}

async function visit(
  path: string,
  relative: string,
  depth: number,
  entered: Set<string>,
  { files, problems }: Gathered,
  options: WorkOptions,
): Promise<void> {
  checkCancelled(options.signal, 'The import');
  const problem = (message: string, harmless: boolean): void => void problems.push({ file: path, message, harmless });
  try {
    const info = await stat(path);
    if (info.isDirectory()) {
      const identity = `${info.dev}:${info.ino}`;
      if (entered.has(identity))
        return problem(`${relative} is a link to a folder that was read already: left out.`, true);
      if (depth > MAX_FOLDERS_DEEP)
        return problem(`${relative} lies ${depth} folders deep: import an inner folder.`, false);
      entered.add(identity);
      for (const name of (await readdir(path)).sort()) {
        if (isHidden(name)) continue;
        await visit(join(path, name), `${relative}/${oneLine(name)}`, depth + 1, entered, { files, problems }, options);
      }
    } else if (info.isFile()) {
      if (files.length === MAX_FILES) {
        throw new StudioError(
          'too_large',
          `${relative}: there are more than ${MAX_FILES} files: import a smaller folder.`,
        );
      }
      files.push({
        path,
        relative,
        disk: path,
        bytes: info.size,
        read: () => readLimited(path, relative),
        open: () => fileSource(path),
      });
      options.progress?.(files.length, files.length, 'files found');
    } else problem(`${relative} is neither a file nor a folder: left out.`, true);
  } catch (error) {
    const wire = toWireError(error);
    if (error instanceof StudioError || wire.code === 'internal') throw error;
    problem(wire.message, false);
  }
}
