/** Builds a dataset. Needs no TensorFlow and loads none. */
import { readdir, stat } from 'node:fs/promises';
import { constants, setPriority } from 'node:os';
import { join } from 'node:path';
import { buildDataset } from '../core/data/build';
import { StudioError } from '../shared/errors';
import type { BuildJob } from '../shared/compute';
import type { JobEnd, RunningJob, Tell } from './jobs';

/** At most this often, so that progress does not fill the channel. */
const PROGRESS_MS = 100;

export function startBuild(job: BuildJob, tell: Tell): RunningJob {
  const abort = new AbortController();
  let told = -Infinity;
  const progress = (done: number, total: number, what: string): void => {
    if (performance.now() - told < PROGRESS_MS && done < total) return;
    told = performance.now();
    tell({ type: 'progress', job: job.job, done, total, what });
  };
  const run = async (): Promise<JobEnd> => {
    try {
      giveWay();
      const sidecar = await buildDataset(job, { signal: abort.signal, progress });
      const result = { kind: 'dataset' as const, path: job.out, bytes: await folderBytes(job.out), sidecar };
      return { status: 'done', step: 0, result };
    } catch (error) {
      if (error instanceof StudioError && error.code === 'cancelled') {
        return { status: 'stopped', step: 0, result: null };
      }
      throw error;
    }
  };
  return {
    ended: run(),
    control: (message) => {
      if (message.type === 'stop') abort.abort();
    },
    step: () => null,
  };
}

/** The window and a training run come first: this process does nothing but build. */
function giveWay(): void {
  try {
    setPriority(constants.priority.PRIORITY_BELOW_NORMAL);
  } catch {
    // Not allowed everywhere; the build then shares alike.
  }
}

async function folderBytes(folder: string): Promise<number> {
  let sum = 0;
  for (const entry of await readdir(folder, { withFileTypes: true })) {
    const path = join(folder, entry.name);
    sum += entry.isDirectory() ? await folderBytes(path) : (await stat(path)).size;
  }
  return sum;
}
