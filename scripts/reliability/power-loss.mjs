#!/usr/bin/env node
// node scripts/reliability/power-loss.mjs [--work train,import,…] [--states 300] [--starts 10] [--seed 1] [--entries out/main]
// Records all writes of a piece of work, makes the disks that a power cut may leave of them (lib/disk.mjs), and looks whether
// the database opens, every checkpoint that a row names is whole, and every other file that one names is there
// (docs/reliability.md). --starts: of how many states the studio is started as well. One JSON line per piece of work and way to cut; exit code 1 if anything fell. Linux with g++.
import './lib/own-node.mjs';
import { spawnSync } from 'node:child_process';
import { existsSync, mkdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { fileURLToPath } from 'node:url';
import { parseArgs } from 'node:util';
import Database from 'better-sqlite3';
import { runnerImport } from 'vite';
import { ROOT } from '../lib/paths.mjs';
import { Bench, TINY } from './lib/bench.mjs';
import { startFront } from './lib/fronts.mjs';
import { afterCut, readOps, snapshot, writeState } from './lib/disk.mjs';
import { damage, leftovers, rows, withDatabase } from './lib/look.mjs';
import { Random } from './lib/random.mjs';
import { TINY_TASK } from './lib/tiny.mjs';

/** @type {Record<string, (bench: Bench) => Promise<string[] | (() => Promise<void>)>>} prepares, and says what is recorded */
const WORK = {
  train: async (bench) => {
    await bench.dataset();
    return [
      'train',
      '--data',
      'boards',
      '--max-steps',
      '90',
      ...TINY,
      '+studio.checkpoint_every_steps=10',
      '+studio.keep_checkpoints=2',
    ];
  },
  evaluate: async (bench) => {
    await bench.dataset();
    const run = await bench.train(20);
    return ['eval', '--checkpoint', run, '--out', join(bench.home, 'out'), '--data', 'boards'];
  },
  build: async () => ['datasets', 'build', '--sudoku', '64', '--size', '4', '--test', '16'],
  import: async (bench) => {
    await bench.dataset();
    const run = await bench.train(20);
    await bench.run('export', run, '--format', 'pytorch', '--out', join(bench.root, 'weights'));
    return ['import-checkpoint', join(bench.root, 'weights', 'step_20'), '--data', 'boards'];
  },
  export: async (bench) => {
    await bench.dataset();
    const run = await bench.train(20);
    return ['export', run, '--format', 'pytorch', '--out', join(bench.home, 'out')];
  },
  migrate: async (bench) => {
    const db = new Database(join(bench.home, 'studio.db'));
    db.exec(readFileSync(join(ROOT, 'test', 'studio', 'fixtures', 'schema-1.sql'), 'utf8'));
    // They stand for files that this home does not have.
    db.exec("DELETE FROM checkpoints; UPDATE datasets SET adopted = 1; UPDATE traces SET status = 'failed'");
    db.close();
    return ['runs'];
  },
  delete: async (bench) => {
    const made = await makeOneOfEach(bench);
    return async () => {
      const studio = await startFront('server', bench);
      for (const [method, input] of made) await studio.call(method, input);
      await studio.stop();
    };
  },
};

/**
 * A run with two checkpoints, and of it and of a solve what can be deleted.
 * @param {Bench} bench
 * @returns {Promise<[method: string, input: object][]>} the calls that delete all of it
 */
async function makeOneOfEach(bench) {
  const dataset = await bench.dataset();
  const run = await bench.train(20, '+studio.checkpoint_every_steps=10');
  const studio = await startFront('server', bench);
  const task = join(bench.root, 'task.json');
  writeFileSync(task, JSON.stringify(TINY_TASK));
  /** @param {'evaluation' | 'solve' | 'trace'} kind @param {() => Promise<any>} begin @returns {Promise<any>} its id */
  const done = async (kind, begin) => {
    const ended = new Map();
    /** @type {(id: unknown) => void} */
    let look = () => undefined;
    studio.listen((event, { id, status, error }) => {
      if (event !== `${kind}.changed` || !/done|failed|stopped/.test(status)) return;
      ended.set(id, status === 'done' ? null : `the ${kind} is ${status}: ${error}`);
      look(id);
    });
    const { id } = await begin();
    if (!ended.has(id)) await new Promise((resolve) => (look = (one) => one === id && resolve(null)));
    if (ended.get(id)) throw new Error(ended.get(id));
    return id;
  };
  const [{ id: checkpoint }] = await studio.call('runs.checkpoints', { run });
  const evaluate = () => done('evaluation', () => studio.call('evaluations.create', { checkpoint }));
  // Asked for twice, a trace is made once: another example is another trace.
  const trace = (/** @type {object} */ of, index = 0) =>
    done('trace', () => studio.call('traces.create', { of, example: { split: 'test', index } }));
  const solve = () =>
    done('solve', async () => {
      const { import: begun } = await studio.call('import.begin', {});
      await studio.call('import.add_paths', { import: begun, paths: [task] });
      const options = { budget_seconds: 300, max_steps: 3, views: 4 };
      return (await studio.call('solves.create_from_import', { import: begun, options }))[0];
    });
  const evaluated = await evaluate();
  const solved = await solve();
  const traced = await trace({ checkpoint });
  // These go with the run and with the solve.
  await evaluate();
  await trace({ checkpoint }, 1);
  await trace({ solve: solved });
  await studio.stop();
  return [
    ['traces.delete', { trace: traced }],
    ['evaluations.delete', { evaluation: evaluated }],
    ['solves.delete', { solve: solved }],
    ['runs.delete', { run }],
    ['datasets.delete', { dataset }],
  ];
}

const { values } = parseArgs({
  options: {
    work: { type: 'string', default: Object.keys(WORK).join(',') },
    states: { type: 'string', default: '300' },
    starts: { type: 'string', default: '10' },
    seed: { type: 'string', default: '1' },
    entries: { type: 'string' },
  },
});
const wrong = values.work.split(',').find((name) => !(name in WORK));
if (wrong !== undefined) {
  process.stderr.write(`--work is ${wrong}: use ${Object.keys(WORK).join(', ')}.\n`);
  process.exit(2);
}
const { openDatabase } = (await runnerImport(join(ROOT, 'src/studio/db/open.ts'))).module;
const { silentLog } = (await runnerImport(join(ROOT, 'src/studio/log.ts'))).module;
let failed = 0;
for (const name of values.work.split(',')) failed += await cutWork(name);
process.exitCode = failed ? 1 : 0;

/** @param {string} name @returns {Promise<number>} how many states fell */
async function cutWork(name) {
  const bench = new Bench(values.entries === undefined ? {} : { entries: resolve(values.entries) });
  try {
    const recorder = compile(bench.root);
    const work = await WORK[name](bench);
    const before = snapshot(bench.home);
    const log = join(bench.root, 'writes');
    // The library records what children do too; what the command itself says shows what was promised by then.
    Object.assign(bench.env, {
      LD_PRELOAD: recorder,
      RECORD_ROOT: bench.home,
      RECORD_LOG: log,
      RECORD_SAYS: '1',
      UV_USE_IO_URING: '0',
    });
    await (Array.isArray(work) ? bench.run(...work) : work());
    bench.env.LD_PRELOAD = undefined;
    const ops = readOps(log, bench.home);
    const incomplete = unlike(snapshot(bench.home), afterCut(before, ops, ops.length, 'prefix', new Random(0)));
    if (incomplete) throw new Error(`the recording does not give what is there: ${incomplete}`);
    let fell = 0;
    for (const mode of /** @type {const} */ (['prefix', 'data', 'names']))
      fell += await cutMode(bench, name, before, ops, mode);
    return fell;
  } finally {
    bench.remove();
  }
}

/**
 * @param {Bench} bench @param {string} name @param {Map<string, Buffer>} before @param {import('./lib/disk.mjs').Op[]} ops
 * @param {import('./lib/disk.mjs').Mode} mode
 */
async function cutMode(bench, name, before, ops, mode) {
  const random = new Random(Number(values.seed));
  const states = Number(values.states);
  const starts = Number(values.starts);
  const summary = {
    work: name,
    cut: mode,
    writes: ops.length,
    states,
    starts: 0,
    failed: 0,
    faults: /** @type {string[]} */ ([]),
  };
  const root = join(bench.root, 'disk');
  for (let n = 0; n < states; n++) {
    const k = random.below(ops.length + 1);
    writeState(root, afterCut(before, ops, k, mode, random));
    const faults = look(root, ops, k);
    if (!faults.length && n % Math.ceil(states / starts) === 0) {
      summary.starts++;
      const { code, stderr } = await bench.start(['runs', '--home', root]).ended;
      if (code !== 0) faults.push(`the studio does not start: ${stderr.trim()}`);
      // What others write into the home is not the studio's to know.
      else if (name === 'delete') faults.push(...leftovers(root));
    }
    if (!faults.length) continue;
    summary.failed++;
    if (summary.faults.length < 10) summary.faults.push(`after ${k}: ${faults.join('; ')}`);
  }
  rmSync(root, { recursive: true, force: true });
  process.stdout.write(`${JSON.stringify(summary)}\n`);
  return summary.failed;
}

/** @param {string} root @param {readonly import('./lib/disk.mjs').Op[]} ops @param {number} k */
function look(root, ops, k) {
  try {
    if (existsSync(join(root, 'studio.db'))) openDatabase(join(root, 'studio.db'), { log: silentLog }).close();
    const faults = damage(root);
    const said = ops.slice(0, k).flatMap(({ kind, data }) => (kind === 'say' ? data.toString().split('\n') : []));
    const step = Math.max(
      0,
      ...said.flatMap((line) => (line.startsWith('{"event":"checkpoint"') ? [JSON.parse(line).step] : [])),
    );
    if (step > 0) {
      const newest = withDatabase(root, (db) => rows(db, 'SELECT max(step) AS step FROM checkpoints')[0].step);
      if (newest === null || newest < step)
        faults.push(`the checkpoint of step ${step} was told, and the newest is ${newest}`);
    }
    return faults;
  } catch (error) {
    return [error instanceof Error ? error.message : String(error)];
  }
}

/** @param {string} folder @returns {string} */
function compile(folder) {
  const library = join(folder, 'record.so');
  mkdirSync(folder, { recursive: true });
  const source = fileURLToPath(new URL('lib/record.cc', import.meta.url));
  const { status, stderr, error } = spawnSync(
    'g++',
    ['-std=c++17', '-O1', '-fPIC', '-shared', '-o', library, source, '-ldl', '-lpthread'],
    { encoding: 'utf8' },
  );
  if (status === 0) return library;
  throw new Error(`g++ is needed to record writes: ${error?.message ?? stderr}`);
}

/** @param {Map<string, Buffer>} there @param {Map<string, Buffer>} replayed @returns {string | null} the first that differs */
function unlike(there, replayed) {
  for (const [path, bytes] of there) {
    const again = replayed.get(path);
    if (!again) return `${path} was not recorded`;
    if (!again.equals(bytes)) return `${path} has other bytes (${bytes.length}, and ${again.length} recorded)`;
  }
  const more = [...replayed.keys()].find((path) => !there.has(path));
  return more === undefined ? null : `${more} is gone`;
}
