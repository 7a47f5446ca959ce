#!/usr/bin/env node
// node scripts/reliability/files.mjs [--count N] [--seed N] [--reader NAME,NAME] [--json FILE]: N changed files through
// every reader (test/files/readers.ts). Each reader runs in a process of its own with a limit of memory. A fault is an error
// that is no sentence, a file that takes more than a second, 1 GB of memory, a crash, or anything half stored.
import './lib/own-node.mjs';
import { fork } from 'node:child_process';
import { closeSync, mkdtempSync, openSync, readFileSync, readSync, rmSync, writeFileSync, writeSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { fileURLToPath } from 'node:url';
import { parseArgs } from 'node:util';
import { runnerImport } from 'vite';

const HEAP_MB = 768;
const LIMIT_BYTES = 2 ** 30;
/** A reader that is still at one file after this long hangs; slower than a second is a fault that the child itself sees. */
const HANG_MS = 20_000;
const root = resolve(fileURLToPath(import.meta.url), '../../..');

// The app is bundled as CommonJS, whose modules know their folder by this name.
Object.assign(globalThis, { __dirname: join(root, 'src/studio') });

/** @param {string} file */
const load = async (file) => {
  const alias = { '@shared': join(root, 'src/shared'), '@renderer': join(root, 'src/renderer') };
  return (await runnerImport(join(root, file), { root, configFile: false, resolve: { alias }, logLevel: 'error' }))
    .module;
};

/** @typedef {{ tried: number, refused: number, read: number, slowest_ms: number, faults: { case: number, what: string }[] }} Tally */

if (process.send) {
  const [name, seed, from, count, place] = process.argv.slice(2);
  // Both from one graph of modules: an error's class is the same in either.
  const { makeReaders, tryReader } = await load('test/files/readers.ts');
  const [reader] = await makeReaders([name]);
  // The case is written down before it is read: whatever ends this process leaves its number.
  const fd = openSync(place, 'r+');
  const at = Buffer.alloc(4);
  /** @type {Tally} */
  const tally = await tryReader(
    reader,
    { seed: Number(seed), from: Number(from), count: Number(count) },
    (/** @type {number} */ index) => {
      at.writeUInt32LE(index);
      writeSync(fd, at, 0, 4, 0);
    },
  );
  closeSync(fd);
  await reader.close?.();
  process.send({ ...tally, peak: process.resourceUsage().maxRSS * 1024 }, () => process.exit(0));
} else {
  const { values } = parseArgs({
    options: {
      count: { type: 'string', default: '10000' },
      seed: { type: 'string', default: '1' },
      reader: { type: 'string' },
      json: { type: 'string' },
    },
  });
  const { READER_NAMES } = await load('test/files/readers.ts');
  const names = values.reader?.split(',') ?? READER_NAMES;
  const rows = [];
  process.stdout.write(
    '| reader | tried | refused | read | slowest | peak memory | faults |\n|---|---|---|---|---|---|---|\n',
  );
  for (const name of names) {
    const row = await runReader(name, Number(values.seed), Number(values.count));
    rows.push(row);
    const { tried, refused, read, slowest_ms, peak, faults } = row;
    const cells = [
      name,
      tried,
      refused,
      read,
      `${Math.ceil(slowest_ms)} ms`,
      `${Math.round(peak / 1e6)} MB`,
      faults.length,
    ];
    process.stdout.write(`| ${cells.map((cell) => cell.toLocaleString('en-US')).join(' | ')} |\n`);
    for (const { case: index, what } of faults.slice(0, 10)) process.stderr.write(`${name}, case ${index}: ${what}\n`);
    if (faults.length) process.exitCode = 1;
  }
  if (values.json) writeFileSync(values.json, `${JSON.stringify(rows, null, 2)}\n`);
}

/**
 * All cases of one reader, in another process again after one that ended it.
 * @param {string} name
 * @param {number} seed
 * @param {number} count
 */
async function runReader(name, seed, count) {
  /** @type {Tally & { name: string, peak: number }} */
  const sum = { name, tried: 0, refused: 0, read: 0, slowest_ms: 0, peak: 0, faults: [] };
  for (let from = 0; from < count;) {
    const { tally, last, how } = await runChild(name, seed, from, count - from);
    if (tally) {
      sum.tried += tally.tried;
      sum.refused += tally.refused;
      sum.read += tally.read;
      sum.slowest_ms = Math.max(sum.slowest_ms, tally.slowest_ms);
      sum.peak = Math.max(sum.peak, tally.peak);
      sum.faults.push(...tally.faults);
      if (tally.peak > LIMIT_BYTES) sum.faults.push({ case: -1, what: `${tally.peak} bytes of memory` });
      return sum;
    }
    sum.faults.push({ case: last, what: how });
    if (last < from) return sum;
    // What came before the crash is counted again without it.
    const before = last > from ? await runChild(name, seed, from, last - from) : null;
    if (before?.tally)
      for (const key of /** @type {const} */ (['tried', 'refused', 'read'])) sum[key] += before.tally[key];
    sum.tried++;
    from = last + 1;
  }
  return sum;
}

/**
 * @param {string} name
 * @param {number} seed
 * @param {number} from
 * @param {number} count
 * @returns {Promise<{ tally: (Tally & { peak: number }) | null, last: number, how: string }>}
 */
function runChild(name, seed, from, count) {
  const folder = mkdtempSync(join(tmpdir(), 'trm-files-'));
  const place = join(folder, 'case');
  writeFileSync(place, Buffer.from([255, 255, 255, 255]));
  const child = fork(fileURLToPath(import.meta.url), [name, String(seed), String(from), String(count), place], {
    execArgv: [`--max-old-space-size=${HEAP_MB}`],
    env: { ...process.env, TMPDIR: folder },
  });
  /** @type {(Tally & { peak: number }) | null} */
  let tally = null;
  let how = '';
  let [seen, since] = [-1, Date.now()];
  const look = () => {
    const now = readFileSync(place).readInt32LE();
    if (now !== seen) [seen, since] = [now, Date.now()];
    if (seen >= 0 && Date.now() - since > HANG_MS) how = `no end after ${HANG_MS / 1000} s`;
    else if (residentBytes(child.pid) > LIMIT_BYTES) how = 'more than 1 GB of memory';
    else return;
    child.kill('SIGKILL');
  };
  const watch = setInterval(look, 200);
  child.on('message', (message) => (tally = /** @type {Tally & { peak: number }} */ (message)));
  return new Promise((done) => {
    child.on('exit', (code, signal) => {
      clearInterval(watch);
      const last = readFileSync(place).readInt32LE();
      rmSync(folder, { recursive: true, force: true });
      done({ tally, last, how: how || `the process ended with ${signal ?? code}` });
    });
  });
}

/** @param {number | undefined} pid @returns {number} 0 where the system does not say */
function residentBytes(pid) {
  try {
    const fd = openSync(`/proc/${pid}/statm`, 'r');
    const text = Buffer.alloc(128);
    readSync(fd, text, 0, 128, 0);
    closeSync(fd);
    return Number(text.toString('latin1').split(' ')[1]) * 4096;
  } catch {
    return 0;
  }
}
