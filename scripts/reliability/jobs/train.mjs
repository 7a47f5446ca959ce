/** A training run that is taken up again after each kill; whenever one comes to its end, it is held against an undisturbed one. */
import { createHash } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { startFront } from '../lib/fronts.mjs';
import { TINY } from '../lib/bench.mjs';
import { rows, withDatabase } from '../lib/look.mjs';

const STEPS = 100;
const OPTIONS = [...TINY, '+studio.checkpoint_every_steps=10'];
/** What depends on the clock or on the machine. */
const TIMED = /^(steps_per_s|samples_per_s|machine\/.*)$/;

/** @param {import('../lib/bench.mjs').Bench} bench @returns {Promise<import('../lib/series.mjs').Job>} */
export async function makeJob(bench) {
  const dataset = await bench.dataset();
  const reference = await bench.train(STEPS, ...OPTIONS.slice(TINY.length), '--name', 'undisturbed');
  const wanted = resultOf(bench.home, reference);
  const config = withDatabase(bench.home, (db) =>
    JSON.parse(rows(db, 'SELECT config_json FROM runs WHERE id = ?', reference)[0].config_json),
  );
  /** The run that is being killed. @type {string | null} */
  let current = null;
  let made = 0;
  /** The newest checkpoint that anybody was told of. */
  let told = 0;
  const cli = () => {
    const given = ['--json', '--home', bench.home];
    const args = current
      ? ['train', '--resume', current, ...given]
      : ['train', '--data', 'boards', '--name', `run ${++made}`, '--max-steps', String(STEPS), ...OPTIONS, ...given];
    const { pid, ended } = bench.start(args, ({ event, run, step }) => {
      current ??= run ?? null;
      if (event === 'checkpoint') told = Math.max(told, step);
    });
    return { pid, over: ended, leave: async () => undefined };
  };
  const front = async (/** @type {'server' | 'app'} */ kind) => {
    const studio = await startFront(kind, bench);
    /** @type {(value: unknown) => void} */
    let settle = () => undefined;
    const over = new Promise((resolve) => (settle = resolve));
    void studio.ended.then(settle);
    studio.listen((event, payload) => {
      if (event === 'run.checkpoint' && payload.run === current) told = Math.max(told, payload.step);
      if (event === 'run.changed' && payload.id === current && /done|failed|stopped/.test(payload.status)) settle(null);
    });
    if (current) await studio.call('runs.resume', { run: current });
    else {
      const given = { name: `run ${++made}`, preset: null, config, dataset, recipe: null };
      current = (await studio.call('runs.create', given)).id;
    }
    return { pid: studio.pid, over, leave: studio.stop };
  };
  const look = async () => {
    // Killed before it said its name: the newest run, if it came so far.
    current ??=
      withDatabase(bench.home, (db) => rows(db, 'SELECT id FROM runs WHERE name = ?', `run ${made}`)[0]?.id) ?? null;
    if (!current) return [];
    const { status, newest } = stateOf(bench.home, current);
    const faults =
      newest < told ? [`run ${current} has no checkpoint after step ${newest}, and that of ${told} was told`] : [];
    if (status === 'done') {
      faults.push(...differences(wanted, resultOf(bench.home, current)));
      // Its files have been looked at, and would only slow down what comes.
      if (current !== reference) await bench.run('runs', 'delete', current, '--yes');
      current = null;
      told = 0;
    }
    return faults;
  };
  return {
    fronts: { cli: 5, server: 4, app: 1 },
    begin: async (kind) => (kind === 'cli' ? cli() : front(kind)),
    look,
    finish: async () => {
      if (!current) return [];
      await bench.run('train', '--resume', current);
      return look();
    },
  };
}

/** @param {string} home @param {string} run */
const stateOf = (home, run) =>
  withDatabase(home, (db) => ({
    status: rows(db, 'SELECT status FROM runs WHERE id = ?', run)[0]?.status,
    newest: rows(db, 'SELECT coalesce(max(step), 0) AS step FROM checkpoints WHERE run = ?', run)[0].step,
  }));

/**
 * All numbers of a run: its curves, its predictions, and the tensors of its last checkpoint.
 * @param {string} home @param {string} run
 * @returns {Map<string, string>}
 */
export function resultOf(home, run) {
  return withDatabase(home, (db) => {
    const result = new Map();
    const points = 'SELECT step, names_json, numbers FROM metrics JOIN metric_sets ON id = metric_set WHERE run = ?';
    for (const { step, names_json, numbers } of rows(db, points, run)) {
      const names = JSON.parse(names_json);
      // The bits of each number, little-endian.
      names.forEach((/** @type {string} */ name, /** @type {number} */ i) => {
        if (!TIMED.test(name))
          result.set(`${name} at step ${step}`, numbers.subarray(8 * i, 8 * i + 8).toString('hex'));
      });
    }
    for (const row of rows(db, 'SELECT * FROM predictions WHERE run = ?', run)) {
      const hash = createHash('sha256').update(row.tokens).update(row.confidence).update(String(row.q_halt));
      result.set(`prediction ${row.position} at step ${row.step}`, hash.digest('hex'));
    }
    const last = rows(db, 'SELECT path FROM checkpoints WHERE run = ? ORDER BY step DESC LIMIT 1', run)[0];
    if (last) for (const [name, sum] of tensorsOf(join(home, last.path))) result.set(`tensor ${name}`, sum);
    return result;
  });
}

/** Name and hash of each tensor of a safetensors file, without what it says of times. @param {string} path */
function tensorsOf(path) {
  const bytes = readFileSync(path);
  const start = 8 + Number(bytes.readBigUInt64LE(0));
  const header = JSON.parse(bytes.toString('utf8', 8, start));
  delete header.__metadata__;
  return Object.entries(header).map(
    ([
      name,
      {
        dtype,
        shape,
        data_offsets: [from, to],
      },
    ]) => {
      const hash = createHash('sha256')
        .update(`${dtype} ${shape} `)
        .update(bytes.subarray(start + from, start + to));
      return /** @type {const} */ ([name, hash.digest('hex')]);
    },
  );
}

/** @param {Map<string, string>} wanted @param {Map<string, string>} got @returns {string[]} */
export function differences(wanted, got) {
  const wrong = [...wanted].filter(([key, value]) => got.get(key) !== value).map(([key]) => key);
  const more = [...got.keys()].filter((key) => !wanted.has(key));
  return [
    ...(wrong.length ? [`${wrong.length} of ${wanted.size} numbers differ from the undisturbed run: ${wrong[0]}`] : []),
    ...(more.length ? [`${more.length} numbers more than the undisturbed run: ${more[0]}`] : []),
  ];
}
