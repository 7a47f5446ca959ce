/** Evaluations in the compute process: what they write, and that a stopped or killed one ends as an undisturbed one. */
import { copyFileSync, existsSync, mkdtempSync, readFileSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, afterEach, beforeAll, expect, it } from 'vitest';
import { readSafetensors } from '../../src/core/checkpoint/formats/safetensors';
import { exportCheckpoint } from '../../src/core/checkpoint/export/export';
import { buildArc } from '../../src/core/data/arc-builder';
import { scorePredictions } from '../../src/core/evaluate/predictions';
import type { Task } from '../../src/shared/arc';
import type { EvaluationPlan, EvaluationReport } from '../../src/shared/evaluation';
import { ComputeClient } from './compute-entry';
import { tinyConfig, writeTinyDataset } from './fixture';

const CANVAS = 5;
let home: string;
let data: string;
let checkpoint: string;
const clients: ComputeClient[] = [];

/** Mirror the rows. Grids of 2×3 with three colours, so that every task has many different augmentations. */
function task(n: number): Task {
  const pair = (seed: number) => {
    const input = [0, 1].map((r) => [0, 1, 2].map((c) => (((n * 7 + seed * 5 + r * 3 + c * (2 + n)) >> 1) % 4) + 1));
    return { input, output: input.map((row) => [...row].reverse()) };
  };
  return { name: `task${n}`, train: [pair(1), pair(2)], test: n % 2 ? [pair(3), pair(4)] : [pair(3)] };
}

beforeAll(async () => {
  home = mkdtempSync(join(tmpdir(), 'trm-evaluation-'));
  data = join(home, 'data');
  const recipe = { kind: 'arc' as const, subsets: ['s'], test_set: 's', num_aug: 12, canvas: CANVAS, seed: 1 };
  await buildArc(recipe, [{ name: 's', tasks: [1, 2, 3, 4].map(task) }], data);
  const compute = await client();
  compute.post({
    type: 'train',
    job: 'train',
    config: tinyConfig({ studio: { max_steps: 60, eval_examples: 8 }, lr: 3e-3 }),
    data_paths: [data],
    data_paths_test: [],
    run_dir: join(home, 'run'),
    run: 'run',
    resume_from: null,
    pinned: [],
  });
  await compute.until('done');
  checkpoint = compute.all('checkpoint').slice(-1)[0].checkpoint.path;
});
afterEach(() => {
  for (const c of clients.splice(0)) c.kill();
});
afterAll(() => rmSync(home, { recursive: true, force: true }));

async function client(): Promise<ComputeClient> {
  const started = await ComputeClient.start();
  clients.push(started);
  return started;
}

function plan(out: string, patch: Partial<EvaluationPlan> = {}): EvaluationPlan {
  return {
    checkpoint,
    data_path: data,
    out: join(home, out),
    split: 'test',
    weights: 'ema',
    act_steps: null,
    augmentations: null,
    save_outputs: [],
    pool_votes: false,
    batch_size: 5,
    resume: false,
    save_every_s: 20,
    ...patch,
  };
}

async function evaluate(compute: ComputeClient, asked: EvaluationPlan, job = asked.out): Promise<EvaluationReport> {
  compute.post({ type: 'evaluate', job, plan: asked });
  await Promise.race([
    compute.until('done', (m) => m.job === job),
    compute.until('failed', (m) => m.job === job).then((m) => Promise.reject(new Error(m.error.message))),
  ]);
  return JSON.parse(readFileSync(join(asked.out, 'evaluation.json'), 'utf8')) as EvaluationReport;
}

const bytes = (...path: string[]) => readFileSync(join(home, ...path));

it('votes over all augmentations, and what it saved scores the same', async () => {
  const compute = await client();
  const asked = plan('whole', { save_outputs: ['preds', 'logits', 'q_halt_logits'] });
  const report = await evaluate(compute, asked);
  const views = report.tasks.flatMap(({ inputs }) => inputs.map(({ votes }) => votes));
  // Four tasks, of which two have two test inputs: six ballots of 13 views each.
  expect(report.tasks.map(({ name }) => name).sort()).toEqual(['task1', 'task2', 'task3', 'task4']);
  expect(views).toEqual([13, 13, 13, 13, 13, 13]);
  expect(report.examples).toBe(6 * 13);
  expect(report.act_steps).toHaveLength(3);
  expect(report.act_steps[2]).toEqual({
    accuracy: report.metrics.accuracy,
    exact_accuracy: report.metrics.exact_accuracy,
  });
  expect(report.by_views.map(({ views: n }) => n)).toEqual([1, 2, 5, 10, 13]);
  expect(report.by_views[4].pass_2).toBe(report.metrics['ARC/pass@2']);
  expect(report.step).toBe(60);
  expect(existsSync(join(asked.out, 'progress.safetensors'))).toBe(false);

  const { tensors } = await readSafetensors(join(asked.out, 'outputs.safetensors'));
  expect(tensors.get('logits')?.shape).toEqual([78, 25, 12]);
  const logits = tensors.get('logits')?.data as Float32Array;
  const preds = tensors.get('preds')?.data as Int32Array;
  preds.forEach((token, i) => {
    const cell = logits.subarray(i * 12, (i + 1) * 12);
    expect(cell[token]).toBe(Math.max(...cell));
  });
  const quiet = { stopped: () => false, progress: () => undefined };
  const again = await scorePredictions([join(asked.out, 'outputs.safetensors')], data, join(home, 'again'), quiet);
  const arc = Object.entries(report.metrics).filter(([name]) => name.startsWith('ARC'));
  expect(again?.metrics).toMatchObject(Object.fromEntries(arc));
  expect(again?.metrics.exact_accuracy).toBe(report.metrics.exact_accuracy);
  expect(bytes('again', 'submission.json')).toEqual(bytes('whole', 'submission.json'));

  // Fewer augmentations are the first views of the whole.
  const few = await evaluate(compute, plan('few', { augmentations: 4 }));
  expect(few.examples).toBe(6 * 5);
  expect(few.metrics['ARC/pass@2']).toBe(report.by_views.find(({ views: n }) => n === 5)?.pass_2);
  const raw = await evaluate(compute, plan('raw', { augmentations: 0, weights: 'raw', act_steps: 1 }));
  expect(raw.examples).toBe(6);
  expect(raw.act_steps).toHaveLength(1);
  expect(raw.metrics.lm_loss).not.toBe(few.metrics.lm_loss);
});

it('gives the same after SIGKILLs as without', async () => {
  // One by one and with many ACT steps: it must not be through before it has been killed three times.
  const outputs = { save_outputs: ['preds' as const, 'q_halt_logits' as const], batch_size: 1, act_steps: 24 };
  await evaluate(await client(), plan('undisturbed', outputs));
  const asked = plan('killed', { ...outputs, save_every_s: 0, resume: true });
  let kills = 0;
  for (let done = 0; kills < 3; kills++) {
    const compute = await client();
    compute.post({ type: 'evaluate', job: 'e', plan: asked });
    const { done: at } = await compute.until('progress', (m) => m.done > done);
    done = at;
    compute.kill();
    await compute.exited;
    expect(compute.all('done')).toEqual([]);
    expect(existsSync(join(asked.out, 'evaluation.json'))).toBe(false);
  }
  const compute = await client();
  await expect(evaluate(compute, { ...asked, resume: false })).rejects.toThrow('unfinished evaluation');
  await expect(evaluate(compute, { ...asked, weights: 'raw' }, 'other')).rejects.toThrow(
    'weights "ema", this one "raw"',
  );
  // Killed between its last batch and its report: the outputs are whole, and the progress lies behind them.
  const written = join(asked.out, 'outputs.safetensors');
  renameSync(`${written}.partial`, written);
  const report = await evaluate(compute, asked, 'last');
  expect(compute.all('progress').filter((m) => m.job === 'last')[0].done).toBeGreaterThan(0);
  for (const file of ['metrics.json', 'submission.json', 'outputs.safetensors', 'votes.safetensors']) {
    const [a, b] = [bytes('undisturbed', file), bytes('killed', file)];
    expect(b.equals(a), file).toBe(true);
  }
  // Without what it had written it cannot go on.
  const lost = plan('lost', { ...outputs, save_every_s: 0 });
  const brief = await client();
  brief.post({ type: 'evaluate', job: 'brief', plan: lost });
  // By the second word of its progress the first batches are saved.
  const { done: early } = await brief.until('progress', (m) => m.done > 0);
  await brief.until('progress', (m) => m.done > early);
  brief.kill();
  await brief.exited;
  rmSync(join(lost.out, 'outputs.safetensors.partial'));
  await expect(evaluate(compute, { ...lost, resume: true }, 'gone')).rejects.toThrow('is gone');
  // Asked again it is done already.
  expect(await evaluate(compute, asked, 'done')).toEqual(report);
});

it('stops when asked, between the steps of a training run, and goes on', async () => {
  const compute = await client();
  compute.post({
    type: 'train',
    job: 'train',
    config: tinyConfig({ studio: { max_steps: 0 } }),
    data_paths: [writeTinyDataset(join(home, 'tiny'))],
    data_paths_test: [],
    run_dir: join(home, 'beside'),
    run: 'beside',
    resume_from: null,
    pinned: [],
  });
  await compute.until('metrics');
  const asked = plan('stopped', { batch_size: 2, resume: true });
  compute.post({ type: 'evaluate', job: 'e', plan: asked });
  await compute.until('progress');
  compute.post({ type: 'stop', job: 'e' });
  expect(await compute.until('done')).toMatchObject({ job: 'e', status: 'stopped', result: null });
  expect(existsSync(join(asked.out, 'progress.safetensors'))).toBe(true);
  const steps = compute.all('metrics').length;
  await evaluate(compute, asked, 'on');
  expect(compute.all('metrics').length).toBeGreaterThan(steps);
  expect(bytes('stopped', 'submission.json')).toEqual(bytes('whole', 'submission.json'));
});

it('answers along paths with noise, to the same result in other batches and after a stop', async () => {
  const compute = await client();
  const rollouts = { paths: 3, noise: 0.7, choose: 'q' as const, seed: 2 };
  const whole = await evaluate(compute, plan('paths', { rollouts, batch_size: 60 }));
  const base = await evaluate(compute, plan('one-path'));
  // What one path does is what an evaluation without noise does.
  expect(whole.metrics['rollouts/exact_one_path']).toBe(base.metrics.exact_accuracy);
  expect(whole.act_steps).toEqual(base.act_steps);
  expect(whole.options?.rollouts).toEqual(rollouts);
  expect(whole.metrics['rollouts/exact_by_any']).toBeGreaterThanOrEqual(whole.metrics['rollouts/exact_by_q']);
  // One vote a view, that of the chosen path.
  expect(whole.tasks[0].inputs[0].votes).toBe(13);
  const asked = plan('paths-stopped', { rollouts, batch_size: 6, resume: true, save_every_s: 0 });
  compute.post({ type: 'evaluate', job: 'p', plan: asked });
  await compute.until('progress', (m) => m.job === 'p' && m.done > 0);
  compute.post({ type: 'stop', job: 'p' });
  expect(await compute.until('done', (m) => m.job === 'p')).toMatchObject({ status: 'stopped' });
  const other = { ...asked, rollouts: { ...rollouts, noise: 0.8 } };
  await expect(evaluate(compute, other, 'other-noise')).rejects.toThrow('has rollouts {"paths":3,"noise":0.7');
  const resumed = await evaluate(compute, asked, 'p-on');
  for (const [name, value] of Object.entries(whole.metrics)) {
    expect(resumed.metrics[name], name).toBeCloseTo(value, 5);
  }
  expect(bytes('paths-stopped', 'submission.json')).toEqual(bytes('paths', 'submission.json'));
});

it('pools votes only when asked, and never those of the same checkpoint twice', async () => {
  const compute = await client();
  const first = await evaluate(compute, plan('pool', { augmentations: 3 }));
  const pooled = await evaluate(compute, plan('pool', { augmentations: 3, weights: 'raw', pool_votes: true }), 'p');
  expect(first.tasks[0].inputs[0].votes).toBe(4);
  expect(pooled.tasks[0].inputs[0].votes).toBe(8);
  expect(pooled.notes.join()).toContain('1 earlier evaluation');
  const twice = plan('pool', { augmentations: 3, weights: 'raw', pool_votes: true });
  await expect(evaluate(compute, twice, 'twice')).rejects.toThrow('count twice');
  // Demonstrations are not voted on: nothing is pooled, and nothing is said of pooling.
  const train = await evaluate(compute, plan('pool', { split: 'train', weights: 'raw', pool_votes: true }), 'train');
  expect(train.notes.join()).not.toContain('earlier evaluation');
  const cleared = await evaluate(compute, plan('pool', { augmentations: 3, weights: 'raw' }), 'cleared');
  expect(cleared.tasks[0].inputs[0].votes).toBe(4);
});

it('finds embedding rows by name, takes the mean for strangers, and refuses what does not fit', async () => {
  const compute = await client();
  const base = await evaluate(compute, plan('base', { augmentations: 0 }));
  // The same puzzles in another order of identifiers.
  const renamed = join(home, 'renamed');
  const recipe = { kind: 'arc' as const, subsets: ['s'], test_set: 's', num_aug: 12, canvas: CANVAS, seed: 9 };
  await buildArc(recipe, [{ name: 's', tasks: [4, 2, 3, 1].map(task) }], renamed);
  const ids = (folder: string) => (JSON.parse(readFileSync(join(folder, 'identifiers.json'), 'utf8')) as string[])[1];
  expect(ids(renamed)).not.toBe(ids(data));
  const matched = await evaluate(compute, plan('renamed', { augmentations: 0, data_path: renamed }));
  expect(matched.metrics['ARC Prize/score']).toBe(base.metrics['ARC Prize/score']);
  expect(matched.metrics.lm_loss).toBeCloseTo(base.metrics.lm_loss, 4);

  const more = join(home, 'more');
  await buildArc({ ...recipe, num_aug: 0 }, [{ name: 's', tasks: [1, 8].map(task) }], more);
  const unknown = await evaluate(compute, plan('more', { data_path: more }));
  expect(unknown.notes.join()).toContain('no embedding for 1 of the 2 puzzles');
  const strangers = join(home, 'strangers');
  await buildArc({ ...recipe, num_aug: 0 }, [{ name: 's', tasks: [8].map(task) }], strangers);
  await expect(evaluate(compute, plan('x', { data_path: strangers }))).rejects.toThrow('none of the 1 puzzles');
  const large = join(home, 'large');
  await buildArc({ ...recipe, canvas: 6 }, [{ name: 's', tasks: [1].map(task) }], large);
  await expect(evaluate(compute, plan('y', { data_path: large }))).rejects.toThrow('has 36 cells (seq_len)');
});

it('evaluates a step_N of the reference like the checkpoint it came from, and refuses one without its config', async () => {
  const compute = await client();
  const out = join(home, 'exported');
  const host = { progress: () => undefined, stopped: () => false };
  await exportCheckpoint(
    { checkpoint, format: 'pytorch', weights: 'ema', out, keys: 'compiled', data_paths: [data], overwrite: false },
    host,
  );
  const [ours, theirs] = [
    plan('ours', { augmentations: 3 }),
    plan('theirs', { augmentations: 3, checkpoint: join(out, 'step_60') }),
  ];
  const [a, b] = [await evaluate(compute, ours), await evaluate(compute, theirs)];
  expect(b.metrics).toEqual(a.metrics);
  expect(b.step).toBe(60);
  expect(bytes('theirs', 'submission.json')).toEqual(bytes('ours', 'submission.json'));
  rmSync(join(out, 'all_config.yaml'));
  await expect(evaluate(compute, { ...theirs, out: join(home, 'unsaid') })).rejects.toThrow('No all_config.yaml');
});

it('lists Sudokus and mazes one by one, with cell and exact accuracy', async () => {
  const compute = await client();
  // The tiny dataset's folder says "arc"; as a board of tokens it is as good as any.
  const boards = writeTinyDataset(join(home, 'boards'));
  const sidecar = join(boards, 'studio.json');
  writeFileSync(sidecar, readFileSync(sidecar, 'utf8').replace('"arc"', '"maze"'));
  compute.post({
    type: 'train',
    job: 'train',
    config: tinyConfig({ studio: { max_steps: 5 } }),
    data_paths: [boards],
    data_paths_test: [],
    run_dir: join(home, 'boards-run'),
    run: 'boards',
    resume_from: null,
    pinned: [],
  });
  await compute.until('done');
  const [{ checkpoint: file }] = compute.all('checkpoint').slice(-1);
  const report = await evaluate(compute, plan('boards-out', { checkpoint: file.path, data_path: boards }));
  expect(report.tasks).toHaveLength(12);
  expect(report.tasks[0].inputs[0].target).toMatch(/^\d{4}\/\d{4}\/\d{4}\/\d{4}$/);
  expect(report.metrics).toMatchObject({ count: 12, steps: 3 });
  expect(report.metrics).not.toHaveProperty('ARC/pass@2');
  expect(existsSync(join(home, 'boards-out', 'submission.json'))).toBe(false);
  const solved = report.tasks.filter(({ outcome }) => outcome === 'solved').length;
  expect(report.metrics.exact_accuracy).toBe(solved / 12);
});

it('refuses a damaged progress file', async () => {
  const compute = await client();
  const asked = plan('damaged', { resume: true, batch_size: 2, save_every_s: 0 });
  compute.post({ type: 'evaluate', job: 'e', plan: asked });
  await compute.until('progress', (m) => m.done > 0);
  compute.post({ type: 'stop', job: 'e' });
  await compute.until('done');
  const progress = join(asked.out, 'progress.safetensors');
  copyFileSync(progress, `${progress}.copy`);
  writeFileSync(progress, readFileSync(progress).subarray(0, 200));
  await expect(evaluate(compute, asked, 'cut')).rejects.toThrow('not a whole safetensors file');
  copyFileSync(`${progress}.copy`, progress);
  await evaluate(compute, asked, 'whole-again');
});
