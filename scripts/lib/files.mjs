import { createHash } from 'node:crypto';
import { createReadStream } from 'node:fs';
import * as fs from 'node:fs';
import { dirname, join } from 'node:path';

/**
 * The parsed file, or null if it is absent or not JSON (a half-written one counts as absent).
 * @param {string} path
 * @returns {any}
 */
export function readJson(path) {
  try {
    return JSON.parse(fs.readFileSync(path, 'utf8'));
  } catch {
    return null;
  }
}

/**
 * Written beside and renamed, so that a reader or a killed writer never leaves half a file.
 * @param {string} path
 * @param {unknown} value
 */
export function writeJson(path, value) {
  fs.mkdirSync(dirname(path), { recursive: true });
  const temporary = `${path}.${process.pid}.tmp`;
  fs.writeFileSync(temporary, `${JSON.stringify(value, null, 2)}\n`);
  fs.renameSync(temporary, path);
}

/** @param {string} path */
export const exists = (path) => fs.existsSync(path);

/**
 * @param {string} path
 * @returns {number | null} the size of a file, or null if there is none
 */
export function sizeOf(path) {
  const stat = fs.statSync(path, { throwIfNoEntry: false });
  return stat?.isFile() ? stat.size : null;
}

/**
 * @param {string} path
 * @returns {Promise<string>} lower-case hex
 */
export async function sha256File(path) {
  const hash = createHash('sha256');
  for await (const chunk of createReadStream(path, { highWaterMark: 1 << 20 })) hash.update(chunk);
  return hash.digest('hex');
}

/**
 * One hash over names and contents of files and folders, whatever order the disk lists them in.
 * @param {string} root
 * @param {string[]} entries relative paths; an absent one counts as absent, not as an error
 * @returns {string}
 */
export function sha256Tree(root, entries) {
  const hash = createHash('sha256');
  /** @param {string} relative */
  const visit = (relative) => {
    const path = join(root, relative);
    const stat = fs.statSync(path, { throwIfNoEntry: false });
    if (!stat) return;
    if (stat.isDirectory()) {
      for (const name of fs.readdirSync(path).sort()) visit(`${relative}/${name}`);
      return;
    }
    const content = fs.readFileSync(path);
    // The length keeps "ab"+"c" and "a"+"bc" apart.
    hash.update(`${relative}\0${content.length}\0`).update(content);
  };
  for (const entry of [...entries].sort()) visit(entry);
  return hash.digest('hex');
}

/**
 * Bytes of a file, or of all files below a folder.
 * @param {string} path
 * @returns {number}
 */
export function bytesBelow(path) {
  const stat = fs.lstatSync(path, { throwIfNoEntry: false });
  if (!stat) return 0;
  if (!stat.isDirectory()) return stat.size;
  let names;
  try {
    names = fs.readdirSync(path);
  } catch {
    // Gone, or made unreadable, between the two calls: a temporary file of a running download.
    return 0;
  }
  return names.reduce((sum, name) => sum + bytesBelow(join(path, name)), 0);
}

/** @param {string} path */
export function remove(path) {
  fs.rmSync(path, { recursive: true, force: true, maxRetries: 3 });
}

/**
 * Copies to a temporary name and renames: a process that has the old file loaded keeps it.
 * @param {string} from
 * @param {string} to
 */
export function copyInto(from, to) {
  fs.mkdirSync(dirname(to), { recursive: true });
  const temporary = `${to}.${process.pid}.tmp`;
  fs.copyFileSync(from, temporary);
  fs.renameSync(temporary, to);
}
