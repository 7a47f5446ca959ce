/**
 * Packs the ARC collections that ship with the app: `node resources/pack.mjs PREFIX` reads
 * PREFIX_SUBSET_{challenges,solutions}.json and writes resources/arc/SUBSET.json.br, brotli over a JSON list of
 * { name, train: [[input, output], …], test: […], test_first? } with grids as text ("012/345"). Tasks stand in the
 * order of their file, which the dataset builder's shuffle starts from.
 */
import { mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { brotliCompressSync, constants } from 'node:zlib';

const SUBSETS = ['training', 'evaluation', 'training2', 'evaluation2', 'concept'];

const [prefix] = process.argv.slice(2);
if (!prefix) {
  process.stderr.write('Usage: node resources/pack.mjs PREFIX\n');
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

const folder = join(import.meta.dirname, 'arc');
mkdirSync(folder, { recursive: true });
let total = 0;
for (const subset of SUBSETS) {
  const text = readFileSync(`${prefix}_${subset}_challenges.json`, 'utf8');
  const challenges = JSON.parse(text);
  const solutions = JSON.parse(readFileSync(`${prefix}_${subset}_solutions.json`, 'utf8'));
  const tasks = outermostKeys(text).map((name) => {
    const { train, test } = challenges[name];
    if (test.length !== solutions[name].length) throw new Error(`${subset}: ${name} has another number of solutions`);
    const keys = Object.keys(challenges[name]);
    return {
      name,
      train: train.map(({ input, output }) => [packGrid(input), packGrid(output)]),
      test: test.map(({ input }, i) => [packGrid(input), packGrid(solutions[name][i])]),
      ...(keys.indexOf('test') < keys.indexOf('train') ? { test_first: true } : {}),
    };
  });
  const json = Buffer.from(JSON.stringify(tasks));
  const packed = brotliCompressSync(json, {
    params: {
      [constants.BROTLI_PARAM_MODE]: constants.BROTLI_MODE_TEXT,
      [constants.BROTLI_PARAM_QUALITY]: 11,
      [constants.BROTLI_PARAM_LGWIN]: 24,
      [constants.BROTLI_PARAM_SIZE_HINT]: json.length,
    },
  });
  writeFileSync(join(folder, `${subset}.json.br`), packed);
  total += packed.length;
  process.stderr.write(`${subset}: ${tasks.length} tasks, ${json.length} → ${packed.length} bytes\n`);
}
process.stderr.write(`together ${total} bytes\n`);
