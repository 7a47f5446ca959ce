// The ARC-AGI-1 tasks that ship with the app, as scripts read them.
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { brotliDecompressSync } from 'node:zlib';

export const root = join(import.meta.dirname, '..', '..');
export const listFile = join(root, 'scripts', 'solve', 'tasks.json');

/** Grids are packed: "012/345". */
/** @typedef {{ name: string, train: string[][], test: string[][] }} Packed */

/** Of both sets, in their order. @returns {(Packed & { set: string })[]} */
export const arcTasks = () =>
  ['training', 'evaluation'].flatMap((set) => {
    const packed = readFileSync(join(root, 'resources', 'arc', `${set}.json.br`));
    /** @type {Packed[]} */
    const tasks = JSON.parse(brotliDecompressSync(packed).toString('utf8'));
    return tasks.map((task) => ({ ...task, set }));
  });
