#!/usr/bin/env node
// node scripts/solve/table.mjs --out DIR [--budget 60s] [--first N] [--half tuned|untouched] [-- trm solve options]: solves the
// tasks of scripts/solve/tasks.json one after the other and prints what became of each. An answer that is in DIR already is
// kept, so that an interrupted table goes on. Let nothing else run meanwhile: the budget is in seconds.
import { spawnSync } from 'node:child_process';
import { existsSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { parseArgs } from 'node:util';
import { arcTasks, listFile, root, unpacked } from './arc.mjs';

const own = process.argv.slice(2);
const cut = own.includes('--') ? own.indexOf('--') : own.length;
const { values } = parseArgs({
  args: own.slice(0, cut),
  options: {
    out: { type: 'string' },
    budget: { type: 'string', default: '60s' },
    first: { type: 'string', default: '40' },
    half: { type: 'string' },
  },
});
if (!values.out) {
  console.error('--out DIR is missing: the folder for the answers.');
  process.exit(2);
}
const out = resolve(values.out);
mkdirSync(out, { recursive: true });

/** @type {{ name: string, set: string, side: number, half: 'tuned' | 'untouched' }[]} */
const list = JSON.parse(readFileSync(listFile, 'utf8'));
const chosen = list.slice(0, Number(values.first)).filter(({ half }) => !values.half || half === values.half);

const tasks = new Map(arcTasks().map((task) => [task.name, unpacked(task)]));

const scratch = mkdtempSync(join(tmpdir(), 'trm-solve-table-'));
try {
  for (const { name } of chosen) {
    if (existsSync(join(out, `${name}.json`))) continue;
    const file = join(scratch, `${name}.json`);
    writeFileSync(file, JSON.stringify(tasks.get(name)));
    const home = join(scratch, 'home');
    const args = ['solve', file, '--budget', values.budget, '--home', home, '--out', out, ...own.slice(cut + 1)];
    const { status } = spawnSync(process.execPath, [join(root, 'scripts', 'trm.mjs'), ...args], { stdio: 'inherit' });
    if (status !== 0) process.exit(status ?? 1);
  }
} finally {
  rmSync(scratch, { recursive: true, force: true });
}

const columns = ['task', 'set', 'side', 'half', 'solved', 'steps', 'seconds', 'ended', 'network', 'held out', 'agree'];
console.log(`| ${columns.join(' | ')} |\n|${'---|'.repeat(columns.length)}`);
const halves = { tuned: [0, 0], untouched: [0, 0] };
const settled = [0, 0];
for (const { name, set, side, half } of chosen) {
  const { correct, steps, seconds, ended, checks } = JSON.parse(readFileSync(join(out, `${name}.json`), 'utf8'));
  const { held_out, support, networks = [] } = checks.at(-1);
  const solved = correct.every(Boolean);
  const percent = (/** @type {number | null} */ share) => (share === null ? '–' : `${Math.round(share * 100)} %`);
  const verdict = solved ? '**yes**' : 'no';
  const end = ended === 'solved' ? 'settled' : ended;
  const sure = [networks[0]?.name ?? '–', percent(held_out), percent(Math.min(...support))];
  console.log(`| ${[name, set, side, half, verdict, steps, Math.round(seconds), end, ...sure].join(' | ')} |`);
  if (ended === 'solved') {
    settled[0] += Number(solved);
    settled[1]++;
  }
  halves[half][0] += Number(solved);
  halves[half][1]++;
}
for (const [half, [solved, of]] of Object.entries(halves)) if (of) console.log(`${half}: ${solved} of ${of} solved`);
console.log(`of those that settled: ${settled[0]} of ${settled[1]} solved`);
