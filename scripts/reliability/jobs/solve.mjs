/** Solves of one small task with a fixed number of steps; cut ones are run again, and answer as the undisturbed one did. */
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { startFront } from '../lib/fronts.mjs';
import { halves, rows, withDatabase } from '../lib/look.mjs';

const TASK = {
  train: [
    { input: [[1, 0], [0, 0]], output: [[0, 1], [0, 0]] },
    { input: [[0, 0], [2, 0]], output: [[0, 0], [0, 2]] },
    { input: [[3, 0], [3, 0]], output: [[0, 3], [0, 3]] },
  ],
  test: [{ input: [[0, 0], [4, 0]], output: [[0, 0], [0, 4]] }],
}; // prettier-ignore
const OPTIONS = { budget_seconds: 300, max_steps: 3, views: 4 };

/** @param {import('../lib/bench.mjs').Bench} bench @returns {Promise<import('../lib/series.mjs').Job>} */
export async function makeJob(bench) {
  const file = join(bench.root, 'move.json');
  writeFileSync(file, JSON.stringify(TASK));
  /** @type {string | null} */
  let wanted = null;
  /** One that was cut off, to be run again. @type {string | null} */
  let current = null;
  const look = async () => {
    const faults = halves(bench.out);
    for (const { id, status, candidates_json } of withDatabase(bench.home, (db) => rows(db, 'SELECT * FROM solves'))) {
      if (status !== 'done') {
        current = id;
        continue;
      }
      wanted ??= candidates_json;
      if (candidates_json !== wanted) faults.push(`solve ${id} answers otherwise than the undisturbed one`);
      if (current === id) current = null;
      withDatabase(bench.home, (db) => db.prepare('UPDATE solves SET task = ? WHERE id = ?').run('checked', id));
    }
    return faults;
  };
  const begin = async (/** @type {'server' | 'app'} */ kind) => {
    const studio = await startFront(kind, bench);
    let id = '';
    const over = new Promise((resolve) => {
      void studio.ended.then(resolve);
      studio.listen((event, payload) => {
        if (event === 'solve.changed' && payload.id === id && /done|failed|stopped/.test(payload.status)) resolve(null);
      });
    });
    if (current) {
      id = current;
      await studio.call('solves.resume', { solve: id });
    } else {
      const { import: begun } = await studio.call('import.begin', {});
      await studio.call('import.add_paths', { import: begun, paths: [file] });
      [{ id }] = await studio.call('solves.create_from_import', { import: begun, options: OPTIONS });
    }
    return { pid: studio.pid, over, leave: studio.stop };
  };
  const cli = () => {
    const steps = ['--budget', '300s', '--max-steps', String(OPTIONS.max_steps), '--views', String(OPTIONS.views)];
    const { pid, ended } = bench.start([
      'solve',
      file,
      '--out',
      join(bench.out, 'answers'),
      ...steps,
      '--home',
      bench.home,
    ]);
    return { pid, over: ended, leave: async () => undefined };
  };
  return {
    fronts: { server: 5, cli: 4, app: 1 },
    look,
    begin: async (kind) => (kind === 'cli' ? cli() : begin(kind)),
    finish: async () => {
      const { over, leave } = await begin('server');
      await over;
      await leave();
      return look();
    },
  };
}
