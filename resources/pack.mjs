/**
 * Packs the ARC collections that ship with the app: `node resources/pack.mjs PREFIX` reads
 * PREFIX_SUBSET_{challenges,solutions}.json and writes resources/arc/SUBSET.json.br, brotli over a JSON list of
 * { name, train: [[input, output], …], test: […], test_first? } with grids as text ("012/345"). Tasks stand in the
 * order of their file, which the dataset builder's shuffle starts from.
 *
 * `node resources/pack.mjs --edition NAME FILE` packs the tasks in which an edition differs from the bundled collection:
 * FILE maps names to whole tasks, and resources/arc/NAME.json.br is written.
 */
import { mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { brotliCompressSync, constants } from 'node:zlib';

const SUBSETS = ['training', 'evaluation', 'training2', 'evaluation2', 'concept'];

const [prefix, ...rest] = process.argv.slice(2);
if (!prefix || (prefix === '--edition' && rest.length !== 2)) {
  process.stderr.write('Usage: node resources/pack.mjs PREFIX, or --edition NAME FILE\n');
  process.exit(2);
}

/** The outermost keys in the file's order; an object would list those that look like numbers first. */
function outermostKeys(text) {
  const keys = [];
  let depth = 0;
  for (const [token] of text.matchAll(/"(?:[^"\\]|\\.)*"\s*:?|[[\]{}]/g)) {
    if (token === '{' || token === '[') depth++;
    else if (token === '}' || token === ']') depth--;
    else if (depth === 1 && token.endsWith(':')) keys.push(JSON.parse(token.slice(0, -1)));
  }
  return keys;
}

const packGrid = (grid) => grid.map((row) => row.join('')).join('/');

/** @param outputs of the test inputs */
function packTask(name, task, outputs) {
  const keys = Object.keys(task);
  return {
    name,
    train: task.train.map(({ input, output }) => [packGrid(input), packGrid(output)]),
    test: task.test.map(({ input }, i) => [packGrid(input), packGrid(outputs[i])]),
    ...(keys.indexOf('test') < keys.indexOf('train') ? { test_first: true } : {}),
  };
}

const folder = join(import.meta.dirname, 'arc');
mkdirSync(folder, { recursive: true });

/** Writes NAME.json.br. @returns its size */
function write(name, tasks) {
  const json = Buffer.from(JSON.stringify(tasks));
  const packed = brotliCompressSync(json, {
    params: {
      [constants.BROTLI_PARAM_MODE]: constants.BROTLI_MODE_TEXT,
      [constants.BROTLI_PARAM_QUALITY]: 11,
      [constants.BROTLI_PARAM_LGWIN]: 24,
      [constants.BROTLI_PARAM_SIZE_HINT]: json.length,
    },
  });
  writeFileSync(join(folder, `${name}.json.br`), packed);
  process.stderr.write(`${name}: ${tasks.length} tasks, ${json.length} → ${packed.length} bytes\n`);
  return packed.length;
}

function packSubset(subset) {
  const text = readFileSync(`${prefix}_${subset}_challenges.json`, 'utf8');
  const challenges = JSON.parse(text);
  const solutions = JSON.parse(readFileSync(`${prefix}_${subset}_solutions.json`, 'utf8'));
  const tasks = outermostKeys(text).map((name) => {
    const outputs = solutions[name];
    if (challenges[name].test.length !== outputs.length)
      throw new Error(`${subset}: ${name} has another number of solutions`);
    return packTask(name, challenges[name], outputs);
  });
  return write(subset, tasks);
}

if (prefix === '--edition') {
  const [name, file] = rest;
  const text = readFileSync(file, 'utf8');
  const tasks = JSON.parse(text);
  write(
    name,
    outermostKeys(text).map((id) =>
      packTask(
        id,
        tasks[id],
        tasks[id].test.map(({ output }) => output),
      ),
    ),
  );
} else {
  const total = SUBSETS.reduce((sum, subset) => sum + packSubset(subset), 0);
  process.stderr.write(`together ${total} bytes\n`);
}
