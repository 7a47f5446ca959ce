#!/usr/bin/env node
// node scripts/solve/list.mjs: writes the fixed list of tasks that solving is measured on, scripts/solve/tasks.json. The 40
// smallest tasks of ARC-AGI-1 (training and evaluation together) by the largest side of what a solver sees — the
// demonstrations and the test inputs, not the answers — then by the number of those cells, then by name. Settings may be
// tuned on the 1st, 3rd, 5th … ("tuned"); the others ("untouched") are only measured.
import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { brotliDecompressSync } from 'node:zlib';

const TASKS = 40;
const root = join(import.meta.dirname, '..', '..');

/** @param {string} grid as packed: "012/345" */
const size = (grid) => {
  const rows = grid.split('/');
  return { side: Math.max(rows.length, rows[0].length), cells: rows.length * rows[0].length };
};

const all = ['training', 'evaluation'].flatMap((set) => {
  const packed = readFileSync(join(root, 'resources', 'arc', `${set}.json.br`));
  /** @type {{ name: string, train: string[][], test: string[][] }[]} */
  const tasks = JSON.parse(brotliDecompressSync(packed).toString('utf8'));
  return tasks.map(({ name, train, test }) => {
    const seen = [...train.flat(), ...test.map(([input]) => input)].map(size);
    const side = Math.max(...seen.map((grid) => grid.side));
    return { name, set, side, cells: seen.reduce((sum, grid) => sum + grid.cells, 0) };
  });
});
all.sort((a, b) => a.side - b.side || a.cells - b.cells || (a.name < b.name ? -1 : 1));
const list = all.slice(0, TASKS).map((task, i) => ({ ...task, half: i % 2 === 0 ? 'tuned' : 'untouched' }));
const lines = list.map((task) => {
  const fields = Object.entries(task).map(([key, value]) => `"${key}": ${JSON.stringify(value)}`);
  return `  { ${fields.join(', ')} }`;
});
writeFileSync(join(root, 'scripts', 'solve', 'tasks.json'), `[\n${lines.join(',\n')}\n]\n`);
