#!/usr/bin/env node
// Removes the TensorFlow runtime: `node scripts/runtime/clean.mjs [--json]`, or `trm doctor --clean`.
import * as fs from 'node:fs';
import { join, resolve } from 'node:path';
import { fileURLToPath } from 'node:url';
import { Console, megabytes } from '../lib/console.mjs';
import { runMain } from '../lib/ensure.mjs';
import { bytesBelow, remove } from '../lib/files.mjs';
import { acquire } from '../lib/lock.mjs';
import { pathsFor } from '../lib/paths.mjs';
import { Problem, sentence } from '../lib/problem.mjs';
import { run } from '../lib/process.mjs';

/** @typedef {{ path: string, bytes: number }} Removed */

/**
 * Everything of the runtime, in the cache and in this clone.
 * @param {import('../lib/paths.mjs').Paths} paths
 */
function targets(paths) {
  return [
    paths.libraries,
    paths.addons,
    paths.downloads,
    paths.cacheReport,
    paths.addon,
    join(paths.tfjs, 'deps'),
    paths.report,
    join(paths.stamps, 'runtime-stamp.json'),
  ];
}

/**
 * Processes that have a file below one of the folders loaded.
 * @param {string[]} folders
 * @returns {Promise<number[]>}
 */
export async function holders(folders) {
  const real = folders.filter((folder) => fs.existsSync(folder)).map((folder) => fs.realpathSync(folder));
  if (!real.length) return [];
  if (process.platform === 'win32') return []; // Windows itself refuses to remove a loaded library.
  if (process.platform !== 'linux') {
    const { stdout } = await run('lsof', ['-t', '-d', 'txt', '+D', real[0]], { timeout: 60_000 });
    return stdout.split('\n').filter(Boolean).map(Number);
  }
  return fs.readdirSync('/proc').flatMap((pid) => {
    if (!/^\d+$/.test(pid)) return [];
    try {
      const maps = fs.readFileSync(`/proc/${pid}/maps`, 'utf8');
      return real.some((folder) => maps.includes(`${folder}/`) || maps.includes(`${folder}\n`)) ? [Number(pid)] : [];
    } catch {
      // It has ended, or is somebody else's.
      return [];
    }
  });
}

/**
 * @param {import('../lib/paths.mjs').Paths} paths
 * @returns {Promise<Removed[]>}
 */
export async function clean(paths) {
  const here = targets(paths).filter((path) => fs.existsSync(path));
  if (!here.length) return [];
  const lock = fs.existsSync(paths.cache) ? await acquire(paths.cacheLock, { timeout: 0 }) : null;
  try {
    const pids = await holders([paths.libraries, paths.addons, join(paths.tfjs, 'deps'), paths.addon]);
    if (pids.length)
      throw new Problem(
        `The TensorFlow runtime is in use by ${pids.length === 1 ? `process ${pids[0]}` : `processes ${pids.join(', ')}`}.`,
        {
          fix: 'Quit TRM Studio and running trainings, then try again.',
        },
      );
    return here.map((path) => {
      const bytes = bytesBelow(path);
      remove(path);
      return { path, bytes };
    });
  } finally {
    lock?.release();
  }
}

/**
 * @param {import('../lib/paths.mjs').Paths} paths
 * @param {string[]} args
 * @returns {Promise<number>} exit code
 */
export async function cleanCommand(paths, args) {
  const wrong = args.find((argument) => argument !== '--clean' && argument !== '--json');
  if (wrong) throw new Problem(`${wrong} does not go with --clean.`, { fix: 'There is --json.', exitCode: 2 });
  const removed = await clean(paths);
  const bytes = removed.reduce((sum, entry) => sum + entry.bytes, 0);
  if (args.includes('--json')) {
    process.stdout.write(`${JSON.stringify({ removed, bytes })}\n`);
    return 0;
  }
  const console = new Console();
  for (const entry of removed) console.say(`removed ${entry.path} (${entry.bytes} bytes)`);
  console.say(
    removed.length
      ? `${megabytes(bytes)} (${bytes} bytes) freed; the next start fetches the runtime again.`
      : 'There is no TensorFlow runtime to remove.',
  );
  return 0;
}

if (process.argv[1] && resolve(process.argv[1]) === fileURLToPath(import.meta.url))
  await runMain(() => cleanCommand(pathsFor(), process.argv.slice(2)), sentence);
