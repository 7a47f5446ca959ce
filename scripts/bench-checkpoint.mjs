#!/usr/bin/env node
// node scripts/bench-checkpoint.mjs FOLDER [ROWS]: makes a checkpoint of the size of the released ones in FOLDER (2.5 GB with
// 1,190,000 embedding rows; kept there, so that it is made once) and measures what bringing it in takes, each case in a
// process of its own: seconds, and memory beyond what the process had before.
import { fork } from 'node:child_process';
import { join, resolve } from 'node:path';
import { fileURLToPath } from 'node:url';
import { runnerImport } from 'vite';

const [folder, rows = '1190000', which] = process.argv.slice(2);
const load = async () =>
  (await runnerImport(fileURLToPath(new URL('../test/checkpoint/large.ts', import.meta.url)))).module;

if (!folder) {
  process.stderr.write('node scripts/bench-checkpoint.mjs FOLDER [ROWS]\n');
  process.exitCode = 2;
} else if (which) {
  const { bring } = await load();
  const before = process.memoryUsage.rss();
  const started = performance.now();
  const found = await bring(join(folder, 'step_723914'), which, join(folder, 'out'));
  const seconds = (performance.now() - started) / 1000;
  const memory_mb = Math.round((process.resourceUsage().maxRSS * 1024 - before) / 1e6);
  process.stdout.write(`${JSON.stringify({ case: which, seconds: Number(seconds.toFixed(2)), memory_mb, found })}\n`);
} else {
  const { makeLarge } = await load();
  await makeLarge(resolve(folder), Number(rows));
  for (const name of ['open', 'named rows', 'new puzzles', 'every row']) {
    const child = fork(fileURLToPath(import.meta.url), [resolve(folder), rows, name]);
    await new Promise((done) => child.on('exit', done));
  }
}
