// One cycle of the soak: what a person does in an hour, in seconds, and deleted at its end.
import { mkdirSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { openWindow, startEntry, until } from './studio.mjs';
import { TINY_RECIPE, TINY_TASK, tinyConfig } from './tiny.mjs';

/** @typedef {{ dataset: string }} Kept */

const over = (/** @type {{ status: string } & Record<string, any>} */ job) =>
  !['queued', 'running', 'paused', 'building'].includes(job.status);

/**
 * @param {{ status: string, error?: string | null, reason?: string | null }} job
 * @param {string} what
 */
function expectDone(job, what) {
  if (job.status === 'done' || job.status === 'ready') return;
  throw new Error(`${what} is ${job.status}: ${job.error ?? job.reason ?? 'no reason given'}`);
}

/**
 * What stays from cycle to cycle: one dataset.
 * @param {import('./studio.mjs').Window} window
 * @param {string} out
 * @returns {Promise<Kept>}
 */
export async function prepare(window, out) {
  // A sitting that was cut off in the middle of a cycle leaves what that cycle had made.
  for (const run of await window.call('runs.list')) await remove(window, run.id);
  for (const solve of await window.call('solves.list')) await window.call('solves.delete', { solve: solve.id });
  for (const subset of await window.call('tasks.subsets'))
    if (!subset.bundled) await window.call('tasks.delete_subset', { subset: subset.name });
  /** @type {{ id: string, name: string }[]} */
  const datasets = await window.call('datasets.list');
  for (const other of datasets.filter((d) => d.name !== 'kept'))
    await window.call('datasets.delete', { dataset: other.id });
  rmSync(join(out, 'cycle'), { recursive: true, force: true });
  const dataset =
    datasets.find((d) => d.name === 'kept')?.id ??
    (await window.call('datasets.build', { name: 'kept', recipe: TINY_RECIPE })).id;
  expectDone(await until(() => window.call('datasets.get', { dataset }), over, 'the dataset'), 'the dataset');
  return { dataset };
}

/** @param {import('./studio.mjs').Window} window @param {string} run */
async function remove(window, run) {
  const { status } = await window.call('runs.get', { run });
  if (status !== 'done' && status !== 'stopped' && status !== 'failed') await window.call('runs.stop', { run });
  await until(() => window.call('runs.get', { run }), over, 'the end of the run');
  await window.call('runs.delete', { run });
}

/**
 * @param {{ address: string, home: string, out: string, entries?: string, kept: Kept, n: number }} place
 * @returns {Promise<{ tensors: number, handles: number, done: Record<string, number> }>} what a step of training held at
 *   the run's end, and how often each thing was done
 */
export async function cycle({ address, home, out, entries, kept, n }) {
  const folder = join(out, 'cycle');
  mkdirSync(folder, { recursive: true });
  /** @type {Record<string, number>} */
  const done = {};
  const count = (/** @type {string} */ what, times = 1) => (done[what] = (done[what] ?? 0) + times);
  const window = await openWindow(address);
  count('windows');

  const { id: run } = await window.call('runs.create', {
    name: `soak ${n}`,
    preset: null,
    config: tinyConfig(30),
    dataset: kept.dataset,
    recipe: null,
  });
  const get = () => window.call('runs.get', { run });
  await until(get, (r) => r.step >= 20 || over(r), 'step 20');
  await window.call('runs.pause', { run });
  await until(get, (r) => r.status === 'paused' || over(r), 'the pause');
  if ((await get()).status === 'paused') await window.call('runs.resume', { run });
  // A second window comes and goes while it trains.
  const second = await openWindow(address);
  await second.call('runs.metrics', { run });
  await second.call('runs.predictions', { run });
  await second.call('datasets.examples', { dataset: kept.dataset, split: 'test' });
  await second.call('tasks.list', { search: 'a' });
  await second.close();
  count('windows');
  // A solve between the steps of the run.
  writeFileSync(join(folder, `task${n}.json`), JSON.stringify(TINY_TASK));
  const { import: incoming } = await window.call('import.begin');
  await window.call('import.add_paths', { import: incoming, paths: [join(folder, `task${n}.json`)] });
  await window.call('import.preview', { import: incoming });
  const { subsets } = await window.call('import.commit', { import: incoming });
  count('imports');
  const [task] = await window.call('tasks.list', { subsets });
  const [{ id: solve }] = await window.call('solves.create', {
    tasks: [task.id],
    options: { budget_seconds: 600, max_steps: 8, views: 4 },
  });
  expectDone(await until(get, over, 'the end of the run'), 'the run');
  count('runs');
  expectDone(await until(() => window.call('solves.get', { solve }), over, 'the solve'), 'the solve');
  count('solves');

  const [checkpoint] = await window.call('runs.checkpoints', { run });
  const { id: evaluation } = await window.call('evaluations.create', { checkpoint: checkpoint.id });
  const evaluated = () => window.call('evaluations.get', { evaluation });
  expectDone(await until(evaluated, over, 'the evaluation'), 'the evaluation');
  await window.call('evaluations.tasks', { evaluation });
  count('evaluations');

  for (const of of [{ checkpoint: checkpoint.id }, { solve }]) {
    const example = { split: 'test', index: 'solve' in of ? 0 : n % 16 };
    const { id: trace } = await window.call('traces.create', { of, example, inner: true, views: 2 });
    const mine = async () =>
      (await window.call('traces.list')).find((/** @type {{ id: number }} */ t) => t.id === trace);
    const made = await until(mine, over, 'the trace');
    expectDone(made, 'the trace');
    await window.call('traces.read', { trace });
    // The solve's network that leads may mix its tokens with an MLP, which has no attention to show.
    if (made.network !== 'mlp') await window.call('traces.attention', { trace, step: 0, cell: 0 });
    await window.call('traces.delete', { trace });
    count('traces');
  }

  for (const format of ['safetensors', 'pytorch']) {
    await window.call('checkpoints.export', { checkpoint: checkpoint.id, format, out: join(folder, format) });
    count('exports');
  }
  await window.call('exports.metrics', { run, format: 'csv', path: join(folder, 'metrics.csv') });
  const recipe = { ...TINY_RECIPE, seed: 2 + n };
  const { id: dataset } = await window.call('datasets.build', { name: `soak ${n}`, recipe });
  const built = () => window.call('datasets.get', { dataset });
  expectDone(await until(built, over, 'the dataset'), 'the dataset');
  await window.call('datasets.report', { dataset });
  count('datasets');
  if (n % 5 === 0) {
    const ended = await startEntry('cli', ['runs', '--home', home], { entries }).ended;
    if (ended.code !== 0) throw new Error(`trm runs ended with ${ended.code}`);
    count('command lines');
  }

  const held = await window.call('runs.metrics', { run, names: ['machine/tensors', 'machine/native_handles'] });
  await window.call('datasets.delete', { dataset });
  await window.call('solves.delete', { solve });
  for (const subset of subsets) await window.call('tasks.delete_subset', { subset });
  await remove(window, run);
  await window.close();
  rmSync(folder, { recursive: true });
  return { tensors: last(held, 'machine/tensors'), handles: last(held, 'machine/native_handles'), done };
}

/**
 * The last value of a series; 0 where there is none.
 * @param {{ name: string, values: Float32Array | Float64Array }[]} series
 * @param {string} name
 */
const last = (series, name) => series.find((s) => s.name === name)?.values.at(-1) ?? 0;
