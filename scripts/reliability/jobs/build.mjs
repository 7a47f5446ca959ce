/** Datasets built in the studio; one that was cut off is built again under the same name, and held against the first. */
import { join } from 'node:path';
import { startFront } from '../lib/fronts.mjs';
import { hashOf, rows, withDatabase } from '../lib/look.mjs';

const RECIPE = { kind: 'sudoku', size: 4, train: 6000, test: 300, blanks: [6, 10], seed: 42 };
const OPTIONS = ['--sudoku', String(RECIPE.train), '--test', String(RECIPE.test), '--size', '4', '--blanks', '6-10'];

/** @param {import('../lib/bench.mjs').Bench} bench @returns {Promise<import('../lib/series.mjs').Job>} */
export async function makeJob(bench) {
  const first = (await bench.run('datasets', 'build', ...OPTIONS, '--name', 'first')).at(-1);
  const wanted = hashOf(first.path);
  // The studio would hand it out again instead of building an equal one.
  await bench.run('datasets', 'delete', first.id);
  const look = async () => {
    const made = withDatabase(bench.home, (db) =>
      rows(db, "SELECT id, path, status FROM datasets WHERE name = 'again'"),
    );
    const faults = made.flatMap(({ path, status }) =>
      status === 'ready' && hashOf(join(bench.home, path)) !== wanted ? [`dataset ${path} differs from the first`] : [],
    );
    if (made.length) await bench.run('datasets', 'delete', ...made.map(({ id }) => id));
    return faults;
  };
  return {
    fronts: { cli: 5, server: 4, app: 1 },
    look,
    begin: async (kind) => {
      if (kind === 'cli') {
        const { pid, ended } = bench.start(['datasets', 'build', ...OPTIONS, '--name', 'again', '--home', bench.home]);
        return { pid, over: ended, leave: async () => undefined };
      }
      const studio = await startFront(kind, bench);
      const over = new Promise((resolve) => {
        void studio.ended.then(resolve);
        studio.listen((event, { name, status }) => {
          if (event === 'dataset.changed' && name === 'again' && status !== 'building') resolve(null);
        });
      });
      await studio.call('datasets.build', { name: 'again', recipe: RECIPE });
      return { pid: studio.pid, over, leave: studio.stop };
    },
    finish: async () => {
      await bench.run('datasets', 'build', ...OPTIONS, '--name', 'again');
      return look();
    },
  };
}
