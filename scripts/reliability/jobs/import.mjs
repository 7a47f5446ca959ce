/** Tasks, datasets and checkpoints that come in: all of an import is there, or nothing. */
import { mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { zipSync } from 'fflate';
import { startFront } from '../lib/fronts.mjs';
import { filesBelow, hashOf, rows, withDatabase } from '../lib/look.mjs';

const TASKS = 400;

/** @param {import('../lib/bench.mjs').Bench} bench @param {import('../lib/random.mjs').Random} random @returns {Promise<import('../lib/series.mjs').Job>} */
export async function makeJob(bench, random) {
  const given = join(bench.root, 'given');
  const tasks = join(given, 'tasks');
  mkdirSync(tasks, { recursive: true });
  for (let i = 0; i < TASKS; i++)
    writeFileSync(join(tasks, `${i.toString(16).padStart(8, '0')}.json`), taskText(random));
  const built = (
    await bench.run('datasets', 'build', '--sudoku', '20000', '--size', '4', '--test', '16', '--name', 'boards')
  ).at(-1);
  const content = hashOf(built.path, (name) => name.endsWith('.npy'));
  const archive = join(given, 'boards.zip');
  const inside = filesBelow(built.path).map((name) => [
    `boards/${name}`,
    new Uint8Array(readFileSync(join(built.path, name))),
  ]);
  writeFileSync(archive, zipSync(Object.fromEntries(inside), { level: 0 }));
  const run = await bench.train(4, 'arch.hidden_size=512', 'arch.num_heads=8', 'arch.puzzle_emb_ndim=512');
  await bench.run('export', run, '--format', 'pytorch', '--out', join(given, 'weights'));
  const reset = bench.keep();
  const kinds = /** @type {const} */ (['tasks', 'dataset', 'checkpoint']);
  let kind = /** @type {string} */ (kinds[0]);
  const path = () => ({ tasks, dataset: archive, checkpoint: join(given, 'weights', 'step_4') })[kind] ?? '';

  const look = async () => {
    const faults = withDatabase(bench.home, (db) => {
      const found = [];
      for (const { name, n } of rows(
        db,
        "SELECT s.name, count(t.id) AS n FROM subsets s LEFT JOIN tasks t ON t.subset = s.name WHERE s.bundled = 0 AND s.source <> 'drawn' GROUP BY s.name",
      )) {
        if (n !== TASKS && n !== 0) found.push(`${n} of ${TASKS} tasks of ${name} are there`);
      }
      for (const { id, path: stored, status } of rows(
        db,
        'SELECT id, path, status FROM datasets WHERE id <> ?',
        built.id,
      )) {
        const same = hashOf(join(bench.home, stored), (name) => name.endsWith('.npy')) === content;
        if (status !== 'ready' || !same)
          found.push(`dataset ${id} is ${status}${same ? '' : ' and not what was given'}`);
      }
      const runs = 'SELECT id FROM runs WHERE id <> ? AND id NOT IN (SELECT run FROM checkpoints)';
      for (const { id } of rows(db, runs, run)) found.push(`run ${id} was imported without its checkpoint`);
      return found;
    });
    reset();
    return faults;
  };
  const cliArgs = () =>
    kind === 'checkpoint' ? ['import-checkpoint', path(), '--data', 'boards'] : ['datasets', 'import', path()];
  return {
    fronts: { cli: 5, server: 4, app: 1 },
    look,
    begin: async (front) => {
      kind = kinds[random.below(kinds.length)];
      if (front === 'cli') {
        const { pid, ended } = bench.start([...cliArgs(), '--home', bench.home]);
        return { pid, over: ended, leave: async () => undefined };
      }
      const studio = await startFront(front, bench);
      const bring = async () => {
        if (kind === 'checkpoint') return studio.call('checkpoints.import', { path: path(), dataset: built.id });
        const { import: id } = await studio.call('import.begin', {});
        await studio.call('import.add_paths', { import: id, paths: [path()] });
        await studio.call('import.preview', { import: id });
        return studio.call('import.commit', { import: id });
      };
      return { pid: studio.pid, over: Promise.race([bring(), studio.ended]), leave: studio.stop };
    },
    finish: async () => {
      const faults = [];
      for (kind of kinds) {
        await bench.run(...cliArgs());
        faults.push(...(await look()));
      }
      return faults;
    },
  };
}

/** @param {import('../lib/random.mjs').Random} random */
function taskText(random) {
  const grid = () => Array.from({ length: 6 }, () => Array.from({ length: 6 }, () => random.below(10)));
  const pair = () => ({ input: grid(), output: grid() });
  return JSON.stringify({ train: [pair(), pair(), pair()], test: [pair()] });
}
