/** An evaluation that goes on after each kill from what it had saved; its numbers are those of one that nobody disturbed. */
import { startFront } from '../lib/fronts.mjs';
import { rows, withDatabase } from '../lib/look.mjs';

/** @param {import('../lib/bench.mjs').Bench} bench @returns {Promise<import('../lib/series.mjs').Job>} */
export async function makeJob(bench) {
  await bench.dataset();
  const run = await bench.train(40);
  const tested = (
    await bench.run('datasets', 'build', '--sudoku', '64', '--size', '4', '--test', '1200', '--name', 'many')
  ).at(-1);
  const checkpoint = withDatabase(bench.home, (db) => rows(db, 'SELECT id FROM checkpoints WHERE run = ?', run)[0].id);
  /** @type {string | null} */
  let current = null;
  /** @type {string | null} of the one that was left alone */
  let wanted = null;
  const evaluation = (/** @type {string} */ id) =>
    withDatabase(bench.home, (db) => rows(db, 'SELECT * FROM evaluations WHERE id = ?', id)[0]);
  const resultOf = (/** @type {string} */ id) =>
    withDatabase(bench.home, (db) => {
      const { metrics_json, curves_json } = rows(db, 'SELECT * FROM evaluations WHERE id = ?', id)[0];
      const tasks = rows(
        db,
        'SELECT name, outcome, attempt, inputs_json FROM evaluation_tasks WHERE evaluation = ?',
        id,
      );
      return JSON.stringify({ metrics_json, curves_json, tasks });
    });
  const look = async () => {
    if (!current) return [];
    const { status } = evaluation(current);
    if (status !== 'done') {
      // Saved every 20 s, which is longer than the whole of it takes here.
      withDatabase(bench.home, (db) => {
        const { plan_json: plan } = evaluation(/** @type {string} */ (current));
        const sooner = JSON.stringify({ ...JSON.parse(plan), save_every_s: 0.05 });
        db.prepare('UPDATE evaluations SET plan_json = ? WHERE id = ?').run(sooner, current);
      });
      return [];
    }
    const result = resultOf(current);
    current = null;
    wanted ??= result;
    return result === wanted ? [] : ['the results differ from those of the undisturbed evaluation'];
  };
  const begin = async (/** @type {'server' | 'app'} */ kind) => {
    const studio = await startFront(kind, bench);
    const over = new Promise((resolve) => {
      void studio.ended.then(resolve);
      studio.listen((event, { id, status }) => {
        if (event === 'evaluation.changed' && id === current && /done|failed|stopped/.test(status)) resolve(null);
      });
    });
    if (current) await studio.call('evaluations.resume', { evaluation: current });
    else {
      current = (await studio.call('evaluations.create', { checkpoint, dataset: tested.id })).id;
      // The first is the measure for the others.
    }
    return { pid: studio.pid, over, leave: studio.stop };
  };
  let folders = 0;
  /** The command line's goes on in its own folder. @type {string | null} */
  let folder = null;
  const cli = () => {
    const again = folder !== null;
    folder ??= `${bench.out}/evaluation-${++folders}`;
    const args = ['eval', '--checkpoint', run, '--data', 'many', '--out', folder, '--home', bench.home];
    const { pid, ended } = bench.start(again ? [...args, '--resume'] : args);
    const over = ended.then(({ code }) => {
      if (code === 0) folder = null;
      // Refused before it had saved anything: the next one begins.
      else if (again && code === 1) folder = null;
    });
    return { pid, over, leave: async () => undefined };
  };
  return {
    fronts: { server: 5, cli: 4, app: 1 },
    look,
    begin: async (kind) => (kind === 'cli' ? cli() : begin(kind)),
    finish: async () => {
      if (!current) return [];
      const { over, leave } = await begin('server');
      await over;
      await leave();
      return look();
    },
  };
}
