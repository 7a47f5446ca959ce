/** What a run held goes back to the machine when it has ended: a real compute process. */
import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { afterEach, beforeAll, expect, it } from 'vitest';
import type { ComputeJob, FromCompute } from '../../src/shared/compute';
import { forkCompute } from '../../src/studio/compute-fork';
import { silentLog as log } from '../../src/studio/log';
import { isAlive, residentBytes } from '../../src/studio/owner';
import { ComputeProcess } from '../../src/studio/supervisor/process';
import { builtEntries } from './build';
import { tinyConfig, tinyDataset } from './fixtures';
import { freshFolder } from './home';
import { eventually } from './scripted-compute';

let entry: string;
beforeAll(async () => {
  entry = join(await builtEntries(), 'compute.js');
});

const open: ComputeProcess[] = [];
afterEach(async () => {
  for (const process_ of open.splice(0)) await process_.close(5000);
});

function start(options: { heavyBytes?: number } = {}): ComputeProcess {
  const process_ = new ComputeProcess('tensor', {
    factory: forkCompute(entry, log),
    log,
    heavyIdleMs: 100,
    ...options,
  });
  open.push(process_);
  return process_;
}

/** The last word of a job. */
function ended(process_: ComputeProcess, job: ComputeJob | { type: 'probe'; job: string }): Promise<FromCompute> {
  return new Promise((resolve, reject) => {
    process_.run(job, {
      onMessage: (message) => {
        if (['done', 'failed', 'backend'].includes(message.type)) resolve(message);
      },
      onLost: (sentence) => reject(new Error(sentence)),
    });
  });
}

async function trainJob(): Promise<ComputeJob> {
  return {
    type: 'train',
    job: 'train',
    run: 'r',
    config: tinyConfig({ studio: { max_steps: 2 } }),
    data_paths: [await tinyDataset()],
    data_paths_test: [],
    run_dir: freshFolder(),
    resume_from: null,
    pinned: [],
  };
}

it('a process that holds much ends after its run, and the next job gets a new one', async () => {
  // Every process of TensorFlow holds more than that.
  const process_ = start({ heavyBytes: 2 ** 20 });
  expect(await ended(process_, await trainJob())).toMatchObject({ type: 'done' });
  const pid = process_.pid as number;
  await eventually(() => !process_.alive, 'its end');
  expect(isAlive(String(pid))).toBe(false);
  expect(existsSync(`/proc/${pid}`) ? residentBytes(pid) : 0).toBe(0);
  expect(await ended(process_, { type: 'probe', job: 'p' })).toMatchObject({ type: 'backend' });
  expect(process_.pid).not.toBe(pid);
});

it('what is asked for while it ends is answered by the next one', async () => {
  const process_ = start({ heavyBytes: 2 ** 20 });
  await ended(process_, await trainJob());
  const pid = process_.pid as number;
  process_.refresh();
  expect(await ended(process_, { type: 'probe', job: 'p' })).toMatchObject({ type: 'backend' });
  expect(process_.pid).not.toBe(pid);
});

it('a process that holds little is kept, and one that only looked is too', async () => {
  const process_ = start({ heavyBytes: 2 ** 40 });
  await ended(process_, await trainJob());
  const { pid } = process_;
  // Longer than a heavy one would have stayed; what is asked here is the same process.
  await new Promise((resolve) => setTimeout(resolve, 300));
  expect(await ended(process_, { type: 'probe', job: 'p' })).toMatchObject({ type: 'backend' });
  expect(process_.pid).toBe(pid);
});
