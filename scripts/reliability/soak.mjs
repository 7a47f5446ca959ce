#!/usr/bin/env node
// node scripts/reliability/soak.mjs --out DIR [--hours 8] [--cycles N] [--report]
// Mixed use for hours: runs that are paused, resumed and deleted, datasets, evaluations, solves, playback, imports,
// exports, windows that come and go, a command line beside them. After each cycle everything that it made is deleted, and
// memory, handles, files and the database are measured; they must not grow. DIR keeps the home and samples.jsonl: the same
// command goes on where an earlier sitting ended, until the hours are full. Ctrl-C ends a sitting; --report only judges.
import { appendFileSync, existsSync, mkdirSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { parseArgs } from 'node:util';
import { folderSize, treeOf, usageOf } from './lib/proc.mjs';
import { judge } from './lib/judge.mjs';
import { cycle, prepare } from './lib/mixed-use.mjs';
import { ENTRIES, openWindow, startServer } from './lib/studio.mjs';

const { values } = parseArgs({
  options: {
    out: { type: 'string' },
    hours: { type: 'string', default: '8' },
    cycles: { type: 'string' },
    entries: { type: 'string', default: ENTRIES },
    report: { type: 'boolean', default: false },
  },
});
if (!values.out) {
  process.stderr.write('soak.mjs needs --out DIR: the folder that keeps its home and its samples.\n');
  process.exit(2);
}
const out = resolve(values.out);
const home = join(out, 'home');
const entries = resolve(values.entries);
const file = join(out, 'samples.jsonl');
mkdirSync(out, { recursive: true });

/** @returns {import('./lib/judge.mjs').Sample[]} */
const samples = () =>
  existsSync(file)
    ? readFileSync(file, 'utf8')
        .split('\n')
        .filter((line) => line.endsWith('}'))
        .map((line) => JSON.parse(line))
    : [];

/** Logs turn over at a size of their own, and the database is measured apart. */
const notCounted = (/** @type {string} */ name) => name === 'logs' || name.startsWith('studio.db');

/** @param {string} name */
const sizeOf = (name) => (existsSync(join(home, name)) ? statSync(join(home, name)).size : 0);

/** @param {number} pid */
function processes(pid) {
  const [server, ...children] = treeOf(pid)
    .map(usageOf)
    .filter((usage) => usage !== null);
  return { server, compute: children.sort((a, b) => b.rss - a.rss) };
}

async function sit() {
  const before = samples();
  const hoursBefore = before.at(-1)?.hours ?? 0;
  const sitting = (before.at(-1)?.sitting ?? 0) + 1;
  const started = performance.now();
  const hours = () => hoursBefore + (performance.now() - started) / 3_600_000;
  const server = await startServer(home, { entries });
  writeFileSync(join(out, 'soak.pid'), `${process.pid}\n`);
  let ending = false;
  for (const signal of /** @type {const} */ (['SIGINT', 'SIGTERM', 'SIGHUP']))
    process.on(signal, () => (ending = true));
  try {
    const window = await openWindow(server.address);
    const kept = await prepare(window, out);
    await window.close();
    const cycles = values.cycles === undefined ? Infinity : Number(values.cycles);
    for (let n = 0; n < cycles && hours() < Number(values.hours) && !ending; n++) {
      const done = await cycle({ address: server.address, home, out, kept, n, entries });
      const { server: studio, compute } = processes(server.pid);
      const sample = {
        time: new Date().toISOString(),
        sitting,
        cycle: n,
        hours: hours(),
        studio,
        compute,
        ...done,
        home: folderSize(home, notCounted),
        logs: folderSize(join(home, 'logs')),
        database: { bytes: sizeOf('studio.db'), wal: sizeOf('studio.db-wal') },
      };
      appendFileSync(file, `${JSON.stringify(sample)}\n`);
    }
  } finally {
    const ended = await server.stop();
    rmSync(join(out, 'soak.pid'), { force: true });
    if (ended.code !== 0)
      process.stderr.write(`The server ended with ${ended.code ?? ended.signal}:\n${server.stderr()}\n`);
  }
}

if (!values.report) await sit();
const { lines, faults } = judge(samples());
process.stdout.write(`${lines.join('\n')}\n`);
for (const fault of faults) process.stderr.write(`${fault}\n`);
process.exit(faults.length ? 1 : 0);
