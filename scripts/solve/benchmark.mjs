#!/usr/bin/env node
// node scripts/solve/benchmark.mjs --out DIR [--budgets 1m,2m,5m,10m] [--set arc-agi-1|arc-agi-2] [--first N] [-- options of
// trm solve]: solves ARC's evaluation tasks in the order of scripts/solve/order.json, each once with the last budget, and
// tells at each mark what a solve that ended there would have answered. One JSON line per task and mark goes into
// DIR/lines.jsonl; begun again, it goes on with the next task. --table prints what is there and solves nothing.
// Let nothing else run meanwhile: budgets are in seconds.
import { spawnSync } from 'node:child_process';
import { appendFileSync, existsSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { cpus, tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { parseArgs } from 'node:util';
import { arcCollection, root, unpacked } from './arc.mjs';
import { minutes, orderFile, outcomes, parseLines, pending, seconds, SETS, table } from './lib/benchmark.mjs';

const own = process.argv.slice(2);
const cut = own.includes('--') ? own.indexOf('--') : own.length;
const solveOptions = own.slice(cut + 1);
const { values } = parseArgs({
  args: own.slice(0, cut),
  options: {
    out: { type: 'string' },
    budgets: { type: 'string', default: '1m,2m,5m,10m' },
    set: { type: 'string' },
    first: { type: 'string' },
    table: { type: 'boolean', default: false },
  },
});

/** @param {string} sentence @returns {never} */
function refuse(sentence) {
  console.error(sentence);
  process.exit(2);
}

/** @param {string} text */
function marksOf(text) {
  try {
    return [...new Set(text.split(',').map(seconds))].sort((a, b) => a - b);
  } catch (error) {
    return refuse(`--budgets: ${/** @type {Error} */ (error).message}`);
  }
}

if (!values.out) refuse('--out DIR is missing: the folder for the lines.');
if (values.set && !(values.set in SETS)) refuse(`--set is ${values.set}: use ${Object.keys(SETS).join(' or ')}.`);
const first = values.first === undefined ? Infinity : Number(values.first);
if (!(first >= 1)) refuse(`--first is ${values.first}: use a number of tasks.`);
const marks = marksOf(values.budgets);
const out = resolve(values.out);
const file = join(out, 'lines.jsonl');
const settings = solveOptions.join(' ');

const readLines = () => (existsSync(file) ? parseLines(readFileSync(file, 'utf8')) : []);

if (values.table) {
  process.stdout.write(table(readLines(), marks));
  process.exit(0);
}

const other = readLines().find((line) => line.settings !== settings);
if (other) refuse(`${file} was made with the options "${other.settings}", not "${settings}": name another folder.`);

/** @param {string[]} args @param {'inherit' | 'pipe'} stdout */
const trm = (args, stdout) =>
  spawnSync(process.execPath, [join(root, 'scripts', 'trm.mjs'), ...args], {
    stdio: ['inherit', stdout, stdout === 'pipe' ? 'pipe' : 'inherit'],
    encoding: 'utf8',
  });

/** What this machine's matrix products reach, with the threads that the solves get. */
function measured() {
  const threads = solveOptions.includes('--threads')
    ? Number(solveOptions[solveOptions.indexOf('--threads') + 1])
    : null;
  const job = { what: 'peak', config: 'small', execution: 'recorded', dtype: 'float32', warm: 0, steps: 0 };
  const args = ['bench', 'one', JSON.stringify(job), ...(threads === null ? [] : ['--threads', String(threads)])];
  const { status, stdout, stderr } = trm(args, 'pipe');
  if (status !== 0) refuse(`The machine could not be measured: ${stderr || stdout}`);
  const { flops, version } = JSON.parse(stdout.trim().split('\n').at(-1) ?? '');
  return { flops, threads: threads ?? cpus().length, cpu: cpus()[0]?.model.trim() ?? 'unknown', backend: version };
}

/** @type {Record<string, string[]>} */
const order = JSON.parse(readFileSync(orderFile, 'utf8'));
mkdirSync(join(out, 'answers'), { recursive: true });
// What is added must not stand on a line that was cut off.
if (existsSync(file) && !readFileSync(file, 'utf8').endsWith('\n')) appendFileSync(file, '\n');
const machine = measured();
const scratch = mkdtempSync(join(tmpdir(), 'trm-solve-benchmark-'));

/** @param {string} set @param {string} name @param {import('./arc.mjs').Packed} packed */
function solveOne(set, name, packed) {
  const task = unpacked(packed);
  const path = join(scratch, `${name}.json`);
  writeFileSync(path, JSON.stringify(task));
  const budget = [`--budget`, `${marks[marks.length - 1]}s`, '--marks', marks.map((mark) => `${mark}s`).join(',')];
  const home = join(scratch, 'home');
  const args = ['solve', path, ...budget, '--home', home, '--out', join(out, 'answers'), ...solveOptions];
  const { status, signal, stderr } = trm(args, 'pipe');
  // Neither solved nor failed: it is solved again the next time.
  if (signal !== null || status === 130 || status === 143) process.exit(130);
  const about = { set, task: name, place: order[set].indexOf(name), ...machine, settings };
  const failed = { seconds: null, step: 0, right: task.test.map(() => false), solved: false, ended: null };
  const told =
    status === 0
      ? outcomes(
          JSON.parse(readFileSync(join(out, 'answers', `${name}.json`), 'utf8')),
          task.test.map(({ output }) => output),
        )
      : marks.map((at) => ({ at, ...failed, failed: stderr.trim().split('\n').at(-1) ?? `exit code ${status}` }));
  // In one go, so that a crash leaves all of a task's lines or none.
  appendFileSync(file, told.map((line) => `${JSON.stringify({ ...about, ...line })}\n`).join(''));
  const verdict = told.map((line) => `${minutes(line.at)} min ${line.solved ? 'yes' : 'no'}`).join(', ');
  console.log(`${set} ${about.place + 1}: ${name} ${status === 0 ? verdict : told[0].failed}`);
}

try {
  for (const [set, { collection }] of Object.entries(SETS)) {
    if (values.set && values.set !== set) continue;
    const tasks = new Map(arcCollection(collection).map((task) => [task.name, task]));
    const lines = readLines().filter((line) => line.set === set);
    for (const name of pending(order[set].slice(0, first), lines, marks)) {
      const packed = tasks.get(name);
      if (!packed) refuse(`${name} is in ${orderFile} and not in the collection: run scripts/solve/order.mjs.`);
      solveOne(set, name, packed);
    }
  }
} finally {
  rmSync(scratch, { recursive: true, force: true });
}
process.stdout.write(table(readLines(), marks));
