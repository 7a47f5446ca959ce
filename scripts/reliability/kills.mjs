#!/usr/bin/env node
// node scripts/reliability/kills.mjs --job JOB [--count 100] [--minutes M] [--seed 1] [--fronts cli,server,app]
//   [--entries out/main]
// SIGKILLs at random moments of a job, with a start and a look at everything after each (docs/reliability.md). One JSON line
// per kill and a summary; exit code 1 if anything fell. No kill begins after --minutes. "app" needs a display (xvfb-run).
import './lib/own-node.mjs';
import { parseArgs } from 'node:util';
import { resolve } from 'node:path';
import { Bench } from './lib/bench.mjs';
import { Random } from './lib/random.mjs';
import { series } from './lib/series.mjs';

const JOBS = ['train', 'build', 'evaluate', 'solve', 'export', 'import', 'migrate', 'setup'];

const { values } = parseArgs({
  options: {
    job: { type: 'string' },
    count: { type: 'string', default: '100' },
    minutes: { type: 'string', default: 'Infinity' },
    seed: { type: 'string', default: '1' },
    fronts: { type: 'string', default: 'cli,server,app' },
    entries: { type: 'string' },
    keep: { type: 'boolean', default: false },
  },
});
const { job: name = '' } = values;
if (!JOBS.includes(name)) {
  process.stderr.write(`--job is ${name || 'missing'}: use one of ${JOBS.join(', ')}.\n`);
  process.exit(2);
}
if (!(Number(values.count) > 0 && Number(values.minutes) > 0)) {
  process.stderr.write(`--count ${values.count} --minutes ${values.minutes}: use numbers above 0.\n`);
  process.exit(2);
}
const bench = new Bench(values.entries === undefined ? {} : { entries: resolve(values.entries) });
let failed;
try {
  const { makeJob } = await import(`./jobs/${name}.mjs`);
  const options = {
    count: Number(values.count),
    minutes: Number(values.minutes),
    fronts: values.fronts.split(','),
    random: new Random(Number(values.seed)),
  };
  const summary = await series(bench, await makeJob(bench, options.random), options, (line) =>
    process.stdout.write(`${JSON.stringify({ job: name, ...line })}\n`),
  );
  process.stdout.write(`${JSON.stringify({ job: name, seed: Number(values.seed), ...summary })}\n`);
  failed = summary.failed;
} finally {
  if (values.keep) process.stderr.write(`Kept: ${bench.root}\n`);
  else bench.remove();
}
// Sockets to killed servers must not keep the prompt waiting.
process.exit(failed ? 1 : 0);
