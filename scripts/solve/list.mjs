#!/usr/bin/env node
// node scripts/solve/list.mjs: writes the fixed list of tasks that solving is measured on, scripts/solve/tasks.json. The 40
// smallest tasks of ARC-AGI-1 (training and evaluation together) by the largest side of what a solver sees — the
// demonstrations and the test inputs, not the answers — then by the number of those cells, then by name. Settings may be
// tuned on the 1st, 3rd, 5th … ("tuned"); the others ("untouched") are only measured.
import { writeFileSync } from 'node:fs';
import { arcTasks, listFile } from './arc.mjs';

const TASKS = 40;

/** @param {string} grid as packed: "012/345" */
const size = (grid) => {
  const rows = grid.split('/');
  return { side: Math.max(rows.length, rows[0].length), cells: rows.length * rows[0].length };
};

const all = arcTasks().map(({ name, set, train, test }) => {
  const seen = [...train.flat(), ...test.map(([input]) => input)].map(size);
  const side = Math.max(...seen.map((grid) => grid.side));
  return { name, set, side, cells: seen.reduce((sum, grid) => sum + grid.cells, 0) };
});
all.sort((a, b) => a.side - b.side || a.cells - b.cells || (a.name < b.name ? -1 : 1));
const list = all.slice(0, TASKS).map((task, i) => ({ ...task, half: i % 2 === 0 ? 'tuned' : 'untouched' }));
const lines = list.map((task) => {
  const fields = Object.entries(task).map(([key, value]) => `"${key}": ${JSON.stringify(value)}`);
  return `  { ${fields.join(', ')} }`;
});
writeFileSync(listFile, `[\n${lines.join(',\n')}\n]\n`);
