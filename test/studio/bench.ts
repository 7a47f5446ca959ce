/** A studio whose compute process is scripted, and short words for what its tests do. */
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, afterEach, beforeAll } from 'vitest';
import type { ToCompute } from '../../src/shared/compute';
import type { RunSummary } from '../../src/shared/contract/runs';
import { openStudio, type Studio } from '../../src/studio/studio';
import { BACKEND, checkpointFile, tinyConfig, tinyDataset } from './fixtures';
import { freshFolder } from './home';
import { ScriptedCompute, type ScriptedPort } from './scripted-compute';

const root = mkdtempSync(join(tmpdir(), 'trm-data-'));
/** A dataset for all tests of a file. */
export const data = join(root, 'tiny');
beforeAll(async () => {
  await tinyDataset(data);
});
afterAll(() => rmSync(root, { recursive: true, force: true }));

const opened: Studio[] = [];
afterEach(async () => {
  for (const studio of opened.splice(0)) await studio.close();
});

export interface Bench {
  studio: Studio;
  compute: ScriptedCompute;
  home: string;
}

export async function bench(
  home = freshFolder(),
  options: { stopDeadlineMs?: number; resumeAtStart?: boolean } = {},
): Promise<Bench> {
  const compute = new ScriptedCompute();
  compute.onPost = behave;
  const studio = await openStudio({
    home,
    transport: 'web',
    compute: () => compute.factory,
    resources: null,
    runtimeReport: null,
    closeDeadlineMs: 2000,
    ...options,
  });
  opened.push(studio);
  return { studio, compute, home };
}

/** A process that starts what it is given, saves and stops when asked, and trains no step by itself. */
export function behave(port: ScriptedPort, message: ToCompute): void {
  switch (message.type) {
    case 'train':
      port.say({
        type: 'started',
        job: message.job,
        started: { backend: BACKEND, total_steps: 100, step: 0, parameters: 10, embedding_rows: 1, notes: [] },
      });
      port.say({ type: 'status', job: message.job, status: 'running', step: 0 });
      return;
    case 'pause':
      return port.say({
        type: 'status',
        job: message.job,
        status: 'paused',
        step: port.job('train').resume_from ? 1 : 0,
      });
    case 'resume':
      return port.say({ type: 'status', job: message.job, status: 'running', step: 0 });
    case 'stop':
      return port.say({ type: 'done', job: message.job, status: 'stopped', step: 3, result: null });
    case 'exit':
      return port.exit();
  }
}

export const create = (studio: Studio, name: string) =>
  studio.dispatch('runs.create', {
    name,
    preset: null,
    config: { ...tinyConfig(), data_paths: [data] },
    dataset: null,
    recipe: null,
  });

export const status = (studio: Studio, run: RunSummary) => studio.runs.get(run.id).status;

/** Tells of steps 1 … n as a loop would. */
export function train(port: ScriptedPort, from: number, to: number): void {
  const steps = Array.from({ length: to - from + 1 }, (_, i) => from + i);
  port.say({
    type: 'metrics',
    job: port.job('train').job,
    batch: { steps, seconds: steps, values: { lm_loss: steps.map((s) => 1 / s), steps_per_s: steps.map(() => 2) } },
    tensors: 5,
    memory_bytes: 1000,
  });
}

export function save(port: ScriptedPort, step: number): string {
  const { job, run_dir } = port.job('train');
  const checkpoint = checkpointFile(run_dir, step);
  port.say({ type: 'checkpoint', job, checkpoint });
  return checkpoint.path;
}
