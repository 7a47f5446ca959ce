#!/usr/bin/env node
// node scripts/reliability/disk.mjs [--only FAULT…] [--job NAME…] [--tries N] [--out DIR]
// Takes the disk away from every job: full, read-only, vanished, unmounted under its feet, slow. Each must end by itself
// in one sentence, and go on to the same result when the disk is well again. Needs root, since it mounts.
import { execFileSync } from 'node:child_process';
import { existsSync, mkdirSync, mkdtempSync, readdirSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { parseArgs } from 'node:util';
import { ROOT } from '../lib/paths.mjs';
import { Disk, whyNoMounts } from './lib/mounted-disk.mjs';
import { JOBS, SCHEMA_1, TRAIN } from './lib/disk-jobs.mjs';
import { signalTree, treeOf } from './lib/proc.mjs';
import { SlowDisk } from './lib/slow-disk.mjs';
import { ENTRIES, nodeBinary, sleep, startEntry } from './lib/studio.mjs';

const { values } = parseArgs({
  options: {
    only: { type: 'string', multiple: true, default: [] },
    job: { type: 'string', multiple: true, default: [] },
    tries: { type: 'string', default: '3' },
    out: { type: 'string' },
    entries: { type: 'string', default: ENTRIES },
  },
});
const why = whyNoMounts();
if (why) {
  process.stderr.write(`${why}\n`);
  process.exit(2);
}
const work = values.out ? resolve(values.out) : mkdtempSync(join(tmpdir(), 'trm-disks-'));
const entries = resolve(values.entries);
const safe = join(work, 'safe');
const MEGABYTES = 96;
/** What a write, a sync and a rename take on the slow disk: as on a network disk that is busy. */
const SLOW_MS = 5;
/** A job that has not ended by then hangs. */
const HANG_S = 120;
const SLOW_HANG_S = 600;

/** @type {(job: import('./lib/disk-jobs.mjs').Job, args: string[], place: import('./lib/disk-jobs.mjs').Place) => import('./lib/studio.mjs').Started} */
const startJob = (job, args, place) => job.start?.(args, place, entries) ?? startEntry('cli', args, { entries });

/** @param {import('./lib/studio.mjs').Started} started */
async function endOf(started, hangs = HANG_S) {
  const hang = setTimeout(() => started.child.pid && signalTree(started.child.pid, 'SIGKILL'), hangs * 1000);
  const ended = await started.ended;
  clearTimeout(hang);
  return { ...ended, stdout: started.stdout(), stderr: started.stderr() };
}

/** @param {string[]} args */
async function must(args, start = () => startEntry('cli', args, { entries })) {
  const ended = await endOf(start());
  if (ended.code !== 0) throw new Error(`${args.join(' ')} ended with ${ended.code ?? ended.signal}: ${ended.stderr}`);
  return ended;
}

/** What the jobs read: data, a finished run, a checkpoint of the reference's form, a database of schema 1. */
async function makeSafe() {
  if (existsSync(join(safe, 'ready'))) return;
  rmSync(safe, { recursive: true, force: true });
  mkdirSync(safe, { recursive: true });
  const other = join(work, 'home');
  const sudoku = (/** @type {string} */ name, /** @type {string} */ train, /** @type {string} */ test) =>
    must([
      'build-sudoku-dataset',
      '--size',
      '4',
      '--generate',
      train,
      '--test',
      test,
      '--output-dir',
      join(safe, name),
      '--home',
      other,
    ]);
  await sudoku('data', '64', '16');
  await sudoku('many', '64', '3000');
  await must([...TRAIN(join(safe, 'data'), 10), '--home', join(safe, 'home')]);
  await must(['export', 'run', '-f', 'pytorch', '-o', join(safe, 'pytorch'), '--home', join(safe, 'home')]);
  const step = readdirSync(join(safe, 'pytorch')).find((name) => /^step_\d+$/.test(name));
  renameSync(join(safe, 'pytorch', String(step)), join(safe, 'pytorch', 'step'));
  mkdirSync(join(safe, 'old'));
  const make = `const D = require('better-sqlite3'); new D(process.argv[1]).exec(require('fs').readFileSync(process.argv[2], 'utf8'))`;
  execFileSync(nodeBinary(), ['-e', make, join(safe, 'old', 'studio.db'), SCHEMA_1], { cwd: ROOT });
  writeFileSync(join(safe, 'ready'), '');
}

/** @type {Record<string, { during: boolean, strike: (disk: Disk, attempt: number) => void }>} */
const FAULTS = {
  // From nothing at all to room for most of the job.
  full: {
    during: false,
    strike: (disk, attempt) =>
      disk.fill([0, 6, 7, 1, 12, 3][attempt % 6] * 2 ** 20 + (attempt > 5 ? attempt * 9000 : 0)),
  },
  'full meanwhile': { during: true, strike: (disk) => disk.fill(0) },
  'read-only': { during: true, strike: (disk) => disk.readOnly() },
  vanished: { during: true, strike: (disk) => disk.vanish() },
  unmounted: { during: true, strike: (disk) => disk.detach() },
};

/** What is wrong with the end of a job on a bad disk; null: it ended as it should. */
function faultOf(/** @type {Awaited<ReturnType<typeof endOf>>} */ { code, signal, stderr }) {
  if (signal === 'SIGKILL') return `hung for ${HANG_S} s`;
  if (signal) return `died of ${signal}`;
  if (/\n\s+at /.test(stderr)) return 'showed a stack trace';
  if (/Something went wrong inside/.test(stderr)) return 'did not say why';
  if (code === 0) return null;
  if (code !== 1) return `exit code ${code}`;
  const last = stderr.trim().split('\n').at(-1) ?? '';
  return /[.:]( |$)/.test(last) ? null : `its last word is no sentence: ${last}`;
}

/** @param {string} folder @returns {string[]} temporary files that a job left */
const leftovers = (folder) =>
  readdirSync(folder, { recursive: true })
    .map(String)
    .filter((name) => /\.partial$|\.building-|\.write-test|\.backup$/.test(name));

/**
 * @param {import('./lib/disk-jobs.mjs').Job} job
 * @param {string} name of the fault
 * @param {number} attempt
 * @param {string} expected the result on a disk that is well
 */
async function cell(job, name, attempt, expected) {
  const { during, strike } = FAULTS[name];
  const disk = new Disk(join(work, 'cell'), job.megabytes ?? MEGABYTES);
  const place = { disk: disk.at, safe };
  try {
    job.prepare?.(place);
    // What the job finds there has been there for long.
    execFileSync('sync');
    if (!during) strike(disk, attempt);
    const started = startJob(job, job.begin(place), place);
    const pid = /** @type {number} */ (started.child.pid);
    const hang = setTimeout(() => signalTree(pid, 'SIGKILL'), HANG_S * 1000);
    if (during) {
      // Somewhere between its start and its end, anew for each attempt.
      await Promise.race([sleep(300 + Math.random() * spans[job.name] * 1000), started.ended]);
      strike(disk, attempt);
    }
    const tree = treeOf(pid);
    const { code, signal } = await started.ended;
    clearTimeout(hang);
    const ended = { code, signal, stdout: started.stdout(), stderr: started.stderr() };
    const faults = [faultOf(ended)];
    await sleep(500);
    const orphans = tree.filter((member) => member !== pid && existsSync(`/proc/${member}`));
    if (orphans.length) {
      faults.push(`left ${orphans.length} processes`);
      for (const orphan of orphans) process.kill(orphan, 'SIGKILL');
      await sleep(200);
    }
    disk.repair();
    const less = code === 0 && job.mayDoLess === true && resultOf(job, place) !== expected;
    if (code !== 0 || less) {
      for (const args of job.goOn(place, isBegun(job, disk.at))) {
        const again = await endOf(startJob(job, args, place));
        if (again.code !== 0) faults.push(`did not go on: ${again.stderr.trim().split('\n').at(-1)}`);
      }
    }
    // What was said to be done must have been on the disk.
    const result = resultOf(job, place);
    if (result !== expected)
      faults.push(
        `${code === 0 && !less ? 'said done, and it is not there' : 'another result'}: ${result.slice(0, 200)}`,
      );
    const left = code === 0 ? [] : leftovers(disk.at);
    if (left.length) faults.push(`left ${left.join(', ')}`);
    return {
      code: less ? 1 : code,
      said: ended.stderr.trim().split('\n').at(-1) ?? '',
      faults: faults.filter((fault) => fault !== null),
      stderr: ended.stderr,
    };
  } catch (error) {
    return { code: null, said: '', faults: [`the script itself: ${/** @type {Error} */ (error).message}`], stderr: '' };
  } finally {
    disk.close();
  }
}

/** @param {import('./lib/disk-jobs.mjs').Job} job @param {import('./lib/disk-jobs.mjs').Place} place */
function resultOf(job, place) {
  try {
    return job.result(place);
  } catch (error) {
    return /** @type {Error} */ (error).message;
  }
}

/** Whether so much of it is on the disk that one goes on instead of beginning again. */
function isBegun(/** @type {import('./lib/disk-jobs.mjs').Job} */ job, /** @type {string} */ at) {
  if (job.name !== 'training run') return existsSync(join(at, 'out'));
  const runs = join(at, 'home', 'runs');
  return existsSync(runs) && readdirSync(runs).length > 0;
}

/** Seconds that each job takes on a disk that is well. @type {Record<string, number>} */
const spans = {};

await makeSafe();
const jobs = JOBS.filter(({ name }) => values.job.length === 0 || values.job.includes(name));
const faults = [...Object.keys(FAULTS), 'slow'].filter(
  (name) => values.only.length === 0 || values.only.includes(name),
);
let tried = 0;
let bad = 0;
/** @param {string} line */
const say = (line) => process.stdout.write(`${line}\n`);

for (const job of jobs) {
  const well = new Disk(join(work, 'cell'), job.megabytes ?? MEGABYTES);
  const place = { disk: well.at, safe };
  let expected;
  try {
    job.prepare?.(place);
    const started = performance.now();
    await must(job.begin(place), () => startJob(job, job.begin(place), place));
    spans[job.name] = (performance.now() - started) / 1000;
    expected = job.result(place);
  } finally {
    well.close();
  }
  for (const name of faults) {
    if (name === 'slow') {
      const slow = await SlowDisk.mount(join(work, 'slow'), SLOW_MS);
      if (typeof slow === 'string') {
        say(`${job.name}, slow: not tried, ${slow}`);
        continue;
      }
      tried++;
      try {
        const at = { disk: slow.at, safe };
        job.prepare?.(at);
        const ended = await endOf(startJob(job, job.begin(at), at), SLOW_HANG_S);
        const fault =
          ended.code !== 0
            ? `ended with ${ended.code ?? ended.signal}: ${ended.stderr.trim()}`
            : job.result(at) === expected
              ? null
              : 'another result';
        if (fault) bad++;
        say(`${job.name}, slow: ${fault ?? 'equal'}`);
      } finally {
        slow.close();
      }
      continue;
    }
    for (let attempt = 0; attempt < Number(values.tries); attempt++) {
      const { code, said, faults: found, stderr } = await cell(job, name, attempt, expected);
      tried++;
      if (found.length) bad++;
      say(
        `${job.name}, ${name}: ${found.length ? `FAULT ${found.join('; ')}` : code === 0 ? 'was done' : 'went on to the same result'} | ${said}`,
      );
      if (found.length) say(stderr.trim().split('\n').map((line) => `    ${line}`).join('\n')); // prettier-ignore
    }
  }
}
say(`${tried} tried, ${bad} with a fault`);
if (!values.out) rmSync(work, { recursive: true, force: true });
process.exit(bad ? 1 : 0);
