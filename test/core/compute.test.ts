/** The compute process, forked as the server does it: a run, its checkpoints, pauses, traces and ends. */
import { existsSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, afterEach, beforeAll, expect, it } from 'vitest';
import { readSafetensors } from '../../src/core/checkpoint/formats/safetensors';
import type { TrainJob } from '../../src/shared/compute';
import type { TraceMeta } from '../../src/shared/trace';
import { ComputeClient } from './compute-entry';
import { tinyConfig, writeTinyDataset } from './fixture';

let home: string;
let data: string;
const clients: ComputeClient[] = [];

beforeAll(() => {
  home = mkdtempSync(join(tmpdir(), 'trm-compute-'));
  data = writeTinyDataset(join(home, 'data'));
});
afterEach(() => {
  for (const client of clients.splice(0)) client.kill();
});
afterAll(() => rmSync(home, { recursive: true, force: true }));

async function client(): Promise<ComputeClient> {
  const started = await ComputeClient.start();
  clients.push(started);
  return started;
}

function trainJob(name: string, overrides: Partial<TrainJob> = {}): TrainJob {
  return {
    type: 'train',
    job: name,
    config: tinyConfig({ studio: { max_steps: 30 } }),
    data_paths: [data],
    data_paths_test: [],
    run_dir: join(home, name),
    run: name,
    resume_from: null,
    pinned: [{ split: 'test', index: 1 }],
    ...overrides,
  };
}

it('trains, evaluates, saves and traces', async () => {
  const compute = await client();
  compute.post(trainJob('run'));
  const { started } = await compute.until('started');
  expect(started.backend.backend).toMatch(/tensorflow|wasm/);
  expect(started.step).toBe(0);
  const done = await compute.until('done');
  expect(done).toMatchObject({ status: 'done', step: 30 });

  const steps = compute.all('metrics').flatMap((m) => m.batch.steps);
  expect(steps).toEqual(Array.from({ length: 30 }, (_, i) => i + 1));
  const [evaluation] = compute.all('evaluation').slice(-1);
  expect(evaluation.step).toBe(30);
  expect(evaluation.metrics.count).toBe(12);
  expect(evaluation.predictions).toHaveLength(1);
  expect(evaluation.predictions[0].puzzle).toBe('puzzle-1');
  expect(evaluation.predictions[0].tokens).toHaveLength(16);

  const { checkpoint } = compute.all('checkpoint').slice(-1)[0];
  expect(checkpoint).toMatchObject({ step: 30, reason: 'end', exact_accuracy: evaluation.metrics.exact_accuracy });
  expect(readdirSync(join(home, 'run', 'checkpoints')).filter((f) => f.endsWith('.partial'))).toEqual([]);

  const out = join(home, 'trace.safetensors');
  compute.post({
    type: 'trace',
    job: 'trace',
    run: 'run',
    run_name: 'A run',
    checkpoint: checkpoint.path,
    data_path: data,
    example: { split: 'test', index: 1 },
    weights: 'ema',
    act_steps: 5,
    inner: false,
    views: 0,
    out,
  });
  await compute.until('done', (m) => m.job === 'trace');
  const { tensors, metadata } = await readSafetensors(out);
  const meta = JSON.parse(metadata.trace) as TraceMeta;
  expect(meta).toMatchObject({
    kind: 'arc',
    rows: 4,
    columns: 4,
    act_steps: 5,
    puzzle: 'puzzle-1',
    checkpoint_step: 30,
  });
  expect(tensors.get('tokens.z_H')?.shape).toEqual([5, 16]);
  // Evaluation runs halt_max_steps = 3 ACT steps with the same weights: the pinned prediction is the trace's third step.
  const tokens = tensors.get('tokens.z_H')?.data as Uint8Array;
  expect([...tokens.subarray(32, 48)]).toEqual([...evaluation.predictions[0].tokens]);
});

it('pauses, traces while paused, goes on, stops and resumes where it stopped', async () => {
  const compute = await client();
  const config = tinyConfig({ studio: { max_steps: 2000 }, epochs: 40_000, eval_interval: 40_000 });
  compute.post(trainJob('paused', { config }));
  await compute.until('metrics');
  compute.post({ type: 'pause', job: 'paused' });
  const paused = await compute.until('status', (m) => m.status === 'paused');
  const { checkpoint } = await compute.until('checkpoint', (m) => m.checkpoint.reason === 'pause');
  expect(checkpoint.step).toBe(paused.step);

  compute.post({
    type: 'trace',
    job: 'trace-while-paused',
    run: 'paused',
    run_name: 'paused',
    checkpoint: checkpoint.path,
    data_path: data,
    example: { split: 'train', index: 0 },
    weights: 'raw',
    act_steps: null,
    inner: false,
    views: 0,
    out: join(home, 'paused.safetensors'),
  });
  const trace = await compute.until('done', (m) => m.job === 'trace-while-paused');
  expect(trace.result).toMatchObject({ kind: 'trace', puzzle: 'puzzle-1' });

  compute.post({ type: 'save', job: 'paused' });
  await compute.until('checkpoint', (m) => m.checkpoint.reason === 'asked');
  compute.post({ type: 'resume', job: 'paused' });
  await compute.until('metrics', (m) => m.batch.steps[0] > paused.step);
  compute.post({ type: 'stop', job: 'paused' });
  const done = await compute.until('done', (m) => m.job === 'paused');
  expect(done.status).toBe('stopped');
  const stop = await compute.until('checkpoint', (m) => m.checkpoint.reason === 'stop');
  expect(stop.checkpoint.step).toBe(done.step);
  const steps = compute.all('metrics').flatMap((m) => m.batch.steps);
  expect(steps).toEqual(Array.from({ length: done.step }, (_, i) => i + 1));

  compute.post(trainJob('paused', { job: 'again', config, resume_from: stop.checkpoint.path }));
  const { started } = await compute.until('started', (m) => m.job === 'again');
  expect(started.step).toBe(done.step);
  const first = await compute.until('metrics', (m) => m.job === 'again');
  expect(first.batch.steps[0]).toBe(done.step + 1);
  expect(first.batch.seconds[0]).toBeGreaterThan(
    stop.checkpoint.step ? (compute.all('metrics')[0].batch.seconds[0] ?? 0) : 0,
  );
});

it('traces beside a running training without changing its numbers', async () => {
  const losses = async (name: string, disturb: (compute: ComputeClient) => Promise<void>) => {
    const compute = await client();
    compute.post(trainJob(name, { config: tinyConfig({ studio: { max_steps: 150, checkpoint_every_steps: 20 } }) }));
    await disturb(compute);
    await compute.until('done', (m) => m.job === name);
    return compute.all('metrics').flatMap((m) => m.batch.values.lm_loss);
  };
  const alone = await losses('alone', async () => undefined);
  const disturbed = await losses('disturbed', async (compute) => {
    const { checkpoint } = await compute.until('checkpoint');
    for (let i = 0; i < 3; i++) {
      compute.post({
        type: 'trace',
        job: `beside-${i}`,
        run: 'disturbed',
        run_name: 'disturbed',
        checkpoint: checkpoint.path,
        data_path: data,
        example: { split: 'test', index: i },
        weights: 'ema',
        act_steps: null,
        inner: false,
        views: 0,
        out: join(home, `beside-${i}.safetensors`),
      });
      await compute.until('done', (m) => m.job === `beside-${i}`);
    }
    expect(
      compute.all('done').some((m) => m.job === 'disturbed'),
      'the training ended before the traces',
    ).toBe(false);
  });
  expect(disturbed).toEqual(alone);
});

it('fails with a sentence and goes on living', async () => {
  const compute = await client();
  const failing = async (job: TrainJob) => {
    compute.post(job);
    return (await compute.until('failed', (m) => m.job === job.job)).error;
  };
  expect(await failing(trainJob('no-data', { data_paths: [join(home, 'nowhere')] }))).toMatchObject({
    code: 'not_found',
  });

  const checkpoint = readdirSync(join(home, 'run', 'checkpoints'))[0];
  const resume_from = join(home, 'run', 'checkpoints', checkpoint);
  const wider = tinyConfig({ arch: { hidden_size: 64 } });
  const misfit = await failing(trainJob('misfit', { config: wider, resume_from }));
  expect(misfit.code).toBe('bad_input');
  expect(misfit.message).toMatch(/arch\.hidden_size is 64 here and 32 in/);

  const bytes = readFileSync(resume_from);
  bytes[bytes.length - 100] ^= 1;
  const flipped = join(home, 'flipped.safetensors');
  writeFileSync(flipped, bytes);
  expect(await failing(trainJob('flipped', { resume_from: flipped }))).toMatchObject({ code: 'damaged' });
  writeFileSync(flipped, bytes.subarray(0, bytes.length - 7));
  expect(await failing(trainJob('short', { resume_from: flipped }))).toMatchObject({ code: 'damaged' });

  const blocked = join(home, 'blocked');
  writeFileSync(blocked, 'a file where a folder should be');
  expect(await failing(trainJob('blocked', { run_dir: blocked }))).toMatchObject({ code: 'not_found' });
  // As where a disk was unmounted between the studio's start of the run and here: nothing is made in its place.
  const unmounted = join(home, 'unmounted', 'runs');
  expect(await failing(trainJob('unmounted', { run_dir: join(unmounted, 'x') }))).toMatchObject({
    code: 'unavailable',
    message: expect.stringContaining('is gone: if its disk was unmounted'),
  });
  expect(existsSync(unmounted)).toBe(false);

  compute.post({ type: 'probe', job: 'probe' });
  expect((await compute.until('backend')).backend.threads).toBeGreaterThan(0);
});

it('starts from the weights of another run', async () => {
  const compute = await client();
  const [checkpoint] = readdirSync(join(home, 'run', 'checkpoints'));
  const load_checkpoint = join(home, 'run', 'checkpoints', checkpoint);
  const studio = { max_steps: 1 };
  const firstLoss = async (name: string, config: TrainJob['config']) => {
    compute.post(trainJob(name, { config }));
    await compute.until('done', (m) => m.job === name);
    return compute.all('metrics').find((m) => m.job === name)?.batch.values.lm_loss[0] ?? NaN;
  };
  const fresh = await firstLoss('fresh', tinyConfig({ studio }));
  expect(await firstLoss('warm', tinyConfig({ studio, load_checkpoint }))).toBeLessThan(fresh * 0.9);

  const other = tinyConfig({ studio, load_checkpoint, arch: { L_cycles: 2 } });
  compute.post(trainJob('other', { config: other }));
  const { error } = await compute.until('failed', (m) => m.job === 'other');
  expect(error.message).toMatch(/arch\.L_cycles is 2 here and 1 in load_checkpoint/);
});

it('saves and ends when the studio goes away', async () => {
  const compute = await client();
  compute.post(
    trainJob('orphan', {
      config: tinyConfig({ studio: { max_steps: 100_000 }, epochs: 400_000, eval_interval: 400_000 }),
    }),
  );
  await compute.until('metrics');
  compute.child.disconnect();
  expect(await compute.exited).toMatchObject({ code: 0 });
  expect(readdirSync(join(home, 'orphan', 'checkpoints'))).toHaveLength(1);
});

it('does not load TensorFlow for building a dataset', async () => {
  const compute = await client();
  const recipe = {
    kind: 'sudoku' as const,
    size: 4 as const,
    train: 20,
    test: 5,
    blanks: [4, 6] as [number, number],
    seed: 1,
  };
  compute.post({ type: 'build', job: 'build', recipe, subsets: [], out: join(home, 'sudoku') });
  const done = await compute.until('done');
  expect(done.result).toMatchObject({ kind: 'dataset', path: join(home, 'sudoku') });
  expect(compute.stderr).not.toMatch(/oneDNN|tensorflow/i);
});

it('learns the same on WebAssembly', async () => {
  const losses = async (backend: string) => {
    const compute = await ComputeClient.start({ TRM_BACKEND: backend });
    clients.push(compute);
    compute.post(trainJob(`on-${backend}`, { config: tinyConfig({ studio: { max_steps: 6 } }) }));
    const { started } = await compute.until('started');
    expect(started.backend.backend).toBe(backend);
    await compute.until('done');
    return compute.all('metrics').flatMap((m) => m.batch.values.lm_loss);
  };
  const [native, wasm] = [await losses('tensorflow'), await losses('wasm')];
  wasm.forEach((loss, i) => expect(Math.abs(loss - native[i]) / native[i]).toBeLessThan(1e-4));
});
