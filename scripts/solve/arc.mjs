// The ARC-AGI-1 tasks that ship with the app, as scripts read them.
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { brotliDecompressSync } from 'node:zlib';

export const root = join(import.meta.dirname, '..', '..');
export const listFile = join(root, 'scripts', 'solve', 'tasks.json');

/** Grids are packed: "012/345". */
/** @typedef {{ name: string, train: string[][], test: string[][] }} Packed */

/** @param {string} name of a file in resources/arc @returns {Packed[]} in its order */
export const arcCollection = (name) =>
  JSON.parse(brotliDecompressSync(readFileSync(join(root, 'resources', 'arc', `${name}.json.br`))).toString('utf8'));

/** ARC-AGI-1, both sets, in their order. @returns {(Packed & { set: string })[]} */
export const arcTasks = () =>
  ['training', 'evaluation'].flatMap((set) => arcCollection(set).map((task) => ({ ...task, set })));

/** @param {string} grid as packed: "012/345" */
const grid = (grid) => grid.split('/').map((row) => [...row].map(Number));
/** @param {string[]} pair */
const pair = ([input, output]) => ({ input: grid(input), output: grid(output) });

/** A task as its own file has it. @param {Packed} task */
export const unpacked = ({ train, test }) => ({ train: train.map(pair), test: test.map(pair) });
