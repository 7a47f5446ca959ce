import * as fs from 'node:fs';
import { join } from 'node:path';
import { megabytes } from '../lib/console.mjs';
import { readJson, remove, sha256File, sizeOf, writeJson } from '../lib/files.mjs';
import { Problem } from '../lib/problem.mjs';
import { sweep } from '../lib/sweep.mjs';
import { TENSORFLOW } from './plan.mjs';
import { listZip, unpackEntry, UNPACKING } from './unzip.mjs';
import { fetchWheel, wheelsOf } from './wheels.mjs';

/**
 * @typedef {{ path: string, size: number, sha256: string }} FileRecord
 * @typedef {{ schema: 1, tensorflow: string, wheels: string[], files: FileRecord[] }} Manifest
 */

const MANIFEST = 'manifest.json';

/**
 * @param {import('../lib/paths.mjs').Paths} paths
 * @param {'gpu' | 'cpu'} variant
 */
export const libraryDir = (paths, variant) => join(paths.libraries, `${TENSORFLOW}-${variant}`);

/**
 * Whether the unpacked library is whole.
 * @param {string} dir
 * @param {import('./plan.mjs').Target} target
 * @param {{ full?: boolean }} [options] full: reads every byte; else only names and sizes (a few ms)
 * @returns {Promise<string | null>} what is wrong, or null
 */
export async function libraryWrong(dir, target, { full = false } = {}) {
  /** @type {Manifest | null} */
  const manifest = readJson(join(dir, MANIFEST));
  if (manifest?.schema !== 1) return fs.existsSync(dir) ? `${dir} has no manifest` : `${dir} is not there`;
  const wheels = wheelsOf(target).map((wheel) => wheel.sha256);
  if (manifest.wheels.join() !== wheels.join()) return `${dir} was unpacked from other wheels than are pinned now`;
  for (const record of manifest.files) {
    const path = join(dir, record.path);
    const size = sizeOf(path);
    if (size === null) return `${path} is missing`;
    if (size !== record.size) return `${path} has ${size} bytes instead of ${record.size}`;
    if (full && (await sha256File(path)) !== record.sha256)
      return `${path} is damaged (its sha256 is not ${record.sha256})`;
  }
  return null;
}

/**
 * Fetches and unpacks what the addon needs of the wheels, one wheel after the other, into `DIR.partial`, which gets its
 * final name when it is complete. Whatever was done before an interruption is kept.
 * @param {object} options
 * @param {string} options.dir
 * @param {import('./plan.mjs').Target} options.target
 * @param {string[]} options.pip
 * @param {string} options.downloads
 * @param {import('../lib/console.mjs').Console} options.console
 * @param {string} options.title
 * @param {import('../lib/process.mjs').Run} [options.runCommand]
 * @param {() => number | null} [options.freeBytes]
 */
export async function unpackLibrary({ dir, target, pip, downloads, console, title, runCommand, freeBytes }) {
  const partial = `${dir}.partial`;
  // Killed when only the name was missing.
  if ((await libraryWrong(partial, target)) === null) return giveName(partial, dir);
  const wheels = wheelsOf(target);
  const ready = wheels.filter((wheel) => partDone(partial, wheel));
  checkRoom(target.room * (1 - ready.length / wheels.length), freeBytes ? freeBytes() : freeAt(dir), dir);
  remove(join(partial, UNPACKING));
  sweep([partial, join(partial, '.parts')]);
  // Killed between the two: it is unpacked, and was to go.
  for (const wheel of ready) remove(join(downloads, wheel.file));
  await console.step(title, async (update) => {
    for (const [index, wheel] of wheels.entries()) {
      if (ready.includes(wheel)) continue;
      const position = wheels.length > 1 ? `${index + 1}/${wheels.length} ` : '';
      const archive = await fetchWheel({
        wheel,
        pip,
        platforms: target.platforms,
        folder: downloads,
        update: (detail) => update(position + detail),
        record: (text) => console.record(text),
        runCommand,
      });
      const files = await unpackWheel(archive, partial, target, (detail) =>
        update(`${position}unpacking ${wheel.name}, ${detail}`),
      );
      writeJson(partPath(partial, wheel), { wheel: wheel.sha256, files });
      remove(archive);
    }
    update('');
  });
  const files = wheels.flatMap((wheel) => readJson(partPath(partial, wheel)).files);
  for (const library of target.libraries)
    if (!files.some((/** @type {FileRecord} */ file) => file.path === library))
      throw new Problem(`the wheels of TensorFlow ${TENSORFLOW} hold no ${library}`, {
        fix: 'Report this: the pins in scripts/runtime/requirements are wrong.',
      });
  /** @type {Manifest} */
  const manifest = { schema: 1, tensorflow: TENSORFLOW, wheels: wheels.map((wheel) => wheel.sha256), files };
  writeJson(join(partial, MANIFEST), manifest);
  giveName(partial, dir);
}

/**
 * @param {string} partial
 * @param {string} dir
 */
function giveName(partial, dir) {
  sweep([partial]);
  remove(join(partial, '.parts'));
  remove(join(partial, UNPACKING));
  // A damaged one may be in the way. A process that has it loaded keeps its files; the name is free at once.
  if (fs.existsSync(dir)) {
    fs.renameSync(dir, `${dir}.old-${process.pid}`);
    fs.renameSync(partial, dir);
    remove(`${dir}.old-${process.pid}`);
  } else fs.renameSync(partial, dir);
}

/** @param {string} partial @param {import('./wheels.mjs').Wheel} wheel */
const partPath = (partial, wheel) => join(partial, '.parts', `${wheel.name}.json`);

/** @param {string} partial @param {import('./wheels.mjs').Wheel} wheel */
function partDone(partial, wheel) {
  const part = readJson(partPath(partial, wheel));
  return (
    part?.wheel === wheel.sha256 &&
    part.files.every((/** @type {FileRecord} */ file) => sizeOf(join(partial, file.path)) === file.size)
  );
}

/**
 * @param {string} archive
 * @param {string} folder
 * @param {import('./plan.mjs').Target} target
 * @param {(detail: string) => void} update
 * @returns {Promise<FileRecord[]>}
 */
async function unpackWheel(archive, folder, target, update) {
  const wanted = matcher(target.unpack);
  const entries = listZip(archive).filter((entry) => !entry.name.endsWith('/') && wanted(entry.name));
  const total = entries.reduce((sum, entry) => sum + entry.size, 0);
  let done = 0;
  const files = [];
  for (const entry of entries)
    files.push(
      await unpackEntry(archive, entry, folder, (bytes) => {
        done += bytes;
        update(`${megabytes(done)} of ${megabytes(total)}`);
      }),
    );
  return files;
}

/**
 * @param {string[]} prefixes `*` stands for one folder name
 * @returns {(name: string) => boolean}
 */
export function matcher(prefixes) {
  const patterns = prefixes.map((prefix) => new RegExp(`^${prefix.replace(/[.+]/g, '\\$&').replaceAll('*', '[^/]+')}`));
  return (name) => patterns.some((pattern) => pattern.test(name));
}

/** @param {string} dir @returns {number | null} */
function freeAt(dir) {
  try {
    fs.mkdirSync(join(dir, '..'), { recursive: true });
    const stat = fs.statfsSync(join(dir, '..'));
    return stat.bavail * stat.bsize;
  } catch (error) {
    // Some file systems do not say; then writing will tell. A folder that cannot be made is told by its own error.
    if (/** @type {NodeJS.ErrnoException} */ (error).syscall === 'statfs') return null;
    throw error;
  }
}

/** @param {number} needed @param {number | null} free @param {string} dir */
function checkRoom(needed, free, dir) {
  if (free !== null && free < needed)
    throw new Problem(`the disk of ${dir} has ${megabytes(free)} free, and ${megabytes(needed)} are needed`, {
      fix: 'Free some space, or move the cache with TRM_CACHE=DIR, then run `npm run setup`.',
    });
}
