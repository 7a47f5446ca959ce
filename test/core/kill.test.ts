/**
 * A run that is killed (SIGKILL) at random moments and resumed from its last whole checkpoint gives, step for step, the
 * numbers of the run that nobody disturbed, and ends with the same tensors.
 */
import { createHash } from 'node:crypto';
import { existsSync, mkdirSync, mkdtempSync, readFileSync, readdirSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { readSafetensors } from '../../src/core/checkpoint/formats/safetensors';
import type { TrainJob } from '../../src/shared/compute';
import { ComputeClient } from './compute-entry';
import { tinyConfig, writeTinyDataset } from './fixture';

const STEPS = 250;
const KILLS = 4;
/** Metrics that depend on the clock. */
const TIMED = ['steps_per_s', 'samples_per_s'];

let home: string;
let data: string;
const running: ComputeClient[] = [];

beforeAll(() => {
  home = mkdtempSync(join(tmpdir(), 'trm-kill-'));
  data = writeTinyDataset(join(home, 'data'));
});
afterAll(() => {
  for (const client of running) client.kill();
  rmSync(home, { recursive: true, force: true });
});

function job(name: string, resume_from: string | null): TrainJob {
  // Every 7 steps, so that checkpoints fall into the middle of batches of rows that are still thinking.
  const studio = { max_steps: STEPS, checkpoint_every_steps: 7 };
  return {
    type: 'train',
    job: name,
    config: tinyConfig({ studio, epochs: 4000, eval_interval: 20 }),
    data_paths: [data],
    data_paths_test: [],
    run_dir: join(home, name),
    run: name,
    resume_from,
    pinned: [],
  };
}

/** The newest checkpoint on disk, as after a crash that took the database's last words with it. */
function newest(name: string): string | null {
  const folder = join(home, name, 'checkpoints');
  if (!existsSync(folder)) return null;
  const steps = readdirSync(folder).flatMap((file) => /^step_(\d+)\.safetensors$/.exec(file)?.[1] ?? []);
  return steps.length ? join(folder, `step_${Math.max(...steps.map(Number))}.safetensors`) : null;
}

type Points = Map<number, Record<string, number>>;

/** Adds what a process said to `points`; steps that were done twice must have the same numbers both times. */
function collect(client: ComputeClient, points: Points): void {
  const note = (step: number, name: string, value: number) => {
    const point = points.get(step) ?? {};
    if (name in point) expect(value, `${name} at step ${step}, done again`).toBe(point[name]);
    points.set(step, { ...point, [name]: value });
  };
  for (const { batch } of client.all('metrics')) {
    for (const [name, values] of Object.entries(batch.values)) {
      if (!TIMED.includes(name)) values.forEach((value, i) => note(batch.steps[i], name, value));
    }
  }
  for (const { step, metrics } of client.all('evaluation')) {
    for (const [name, value] of Object.entries(metrics)) note(step, `eval/${name}`, value);
  }
}

async function runToEnd(name: string, points: Points, killAfter: (() => number) | null): Promise<void> {
  for (let kills = 0; ; kills++) {
    const client = await ComputeClient.start();
    running.push(client);
    client.post(job(name, newest(name)));
    if (killAfter && kills < KILLS) {
      await client.until('started');
      // The first step of the session, so that every session is killed at work and not while it starts.
      await client.until('metrics');
      await new Promise((resolve) => setTimeout(resolve, killAfter()));
      client.kill();
      await client.exited;
      collect(client, points);
      expect(client.all('done'), 'the run ended before it could be killed').toEqual([]);
      continue;
    }
    await client.until('done');
    collect(client, points);
    client.post({ type: 'exit' });
    expect(await client.exited).toMatchObject({ code: 0 });
    return;
  }
}

it('removes the graph that a killed process left among the temporary files', async () => {
  const left = join(tmpdir(), 'trm-graph-999999999-left');
  mkdirSync(left, { recursive: true });
  const client = await ComputeClient.start();
  running.push(client);
  client.post({
    ...job('graph', null),
    config: tinyConfig({ studio: { max_steps: 1 }, epochs: 4000, eval_interval: 20 }),
  });
  await client.until('done');
  expect(existsSync(left)).toBe(false);
  client.post({ type: 'exit' });
  await client.exited;
}, 120_000);

it('saves a step for the second time beside the first, whose row is still that of the first', async () => {
  const client = await ComputeClient.start();
  running.push(client);
  // Every step is saved, and the one at which an iteration ends once more, with its evaluation.
  const config = tinyConfig({ studio: { max_steps: 12, checkpoint_every_steps: 1 }, epochs: 4000, eval_interval: 1 });
  client.post({ ...job('twice', null), config });
  await client.until('done');
  const files = client.all('checkpoint').map(({ checkpoint }) => checkpoint);
  const steps = files.map(({ step }) => step);
  expect(new Set(steps).size, `of ${steps.join(', ')}`).toBeLessThan(steps.length);
  for (const { path, sha256 } of files) {
    expect(createHash('sha256').update(readFileSync(path)).digest('hex')).toBe(sha256);
  }
  client.post({ type: 'exit' });
  await client.exited;
}, 120_000);

it('gives the same numbers after SIGKILLs as without', async () => {
  const undisturbed: Points = new Map();
  await runToEnd('undisturbed', undisturbed, null);
  const killed: Points = new Map();
  await runToEnd('killed', killed, () => Math.random() * 250);

  expect(undisturbed.size).toBe(STEPS);
  expect([...killed.keys()].sort((a, b) => a - b)).toEqual([...undisturbed.keys()].sort((a, b) => a - b));
  for (const [step, point] of undisturbed) expect(killed.get(step), `step ${step}`).toEqual(point);
  expect([...undisturbed.values()].filter((point) => 'eval/exact_accuracy' in point).length).toBeGreaterThan(3);

  const [a, b] = await Promise.all(['undisturbed', 'killed'].map((name) => readSafetensors(newest(name) as string)));
  expect([...b.tensors.keys()]).toEqual([...a.tensors.keys()]);
  for (const [name, tensor] of a.tensors) {
    const same = Buffer.from(tensor.data.buffer).equals(Buffer.from(b.tensors.get(name)?.data.buffer as ArrayBuffer));
    expect(same, name).toBe(true);
  }
  expect(JSON.parse(b.metadata.trm)).toMatchObject({ sampler: JSON.parse(a.metadata.trm).sampler });
}, 240_000);
