#!/usr/bin/env node
// node scripts/starters/arc-tasks.mjs --out DIR [--canvas 12]: the tasks that an ARC starter may learn, as Kaggle's pair of
// files for `trm build-arc-dataset`: the training tasks of ARC-AGI-2 and those of ARC-AGI-1 that are not among them, all of
// whose grids fit the canvas, less everything that stands in an evaluation set, by name or by a pair of grids. ARC-AGI-2's
// training set holds much of ARC-AGI-1's evaluation set. docs/starters.md has the commands that follow.
import { mkdirSync, writeFileSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { parseArgs } from 'node:util';
import { arcCollection, unpacked } from '../solve/arc.mjs';
import { starterTasks } from './lib/arc-tasks.mjs';

const { values } = parseArgs({ options: { out: { type: 'string' }, canvas: { type: 'string', default: '12' } } });
const canvas = Number(values.canvas);
if (!values.out || !(Number.isInteger(canvas) && canvas >= 1 && canvas <= 30)) {
  console.error('node scripts/starters/arc-tasks.mjs --out DIR [--canvas 1 to 30]');
  process.exit(2);
}
const of = (/** @type {string[]} */ ...names) => names.flatMap(arcCollection);
const chosen = starterTasks(of('training2', 'training'), of('evaluation', 'evaluation2'), canvas);
const tasks = chosen.map((task) => /** @type {const} */ ([task.name, unpacked(task)]));
const challenges = tasks.map(([name, { train, test }]) => [
  name,
  { train, test: test.map(({ input }) => ({ input })) },
]);
const solutions = tasks.map(([name, { test }]) => [name, test.map(({ output }) => output)]);

const out = resolve(values.out);
mkdirSync(out, { recursive: true });
writeFileSync(join(out, 'arc_starter_challenges.json'), JSON.stringify(Object.fromEntries(challenges)));
writeFileSync(join(out, 'arc_starter_solutions.json'), JSON.stringify(Object.fromEntries(solutions)));
console.log(`${tasks.length} tasks on a canvas of ${canvas} × ${canvas}: ${join(out, 'arc_starter_*.json')}`);
