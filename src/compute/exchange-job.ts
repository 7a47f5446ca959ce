/** Checkpoints in and out. Needs no TensorFlow and loads none. */
import { join } from 'node:path';
import { exportCheckpoint } from '../core/checkpoint/export/export';
import { importCheckpoint, inspectCheckpoint } from '../core/checkpoint/import/import';
import type { ImportHost } from '../core/checkpoint/import/import-write';
import { StudioError } from '../shared/errors';
import type { ExportJob, ImportJob, JobResult } from '../shared/compute';
import type { JobEnd, RunningJob, Tell } from './jobs';

/** At most this often, so that progress does not fill the channel. */
const PROGRESS_MS = 100;

export function startExchange(job: ImportJob | ExportJob, tell: Tell): RunningJob {
  let stopped = false;
  let told = -Infinity;
  const host: ImportHost = {
    stopped: () => stopped,
    progress: (done, total, what) => {
      if (performance.now() - told < PROGRESS_MS && done < total) return;
      told = performance.now();
      tell({ type: 'progress', job: job.job, done, total, what });
    },
  };
  const run = async (): Promise<JobEnd> => {
    try {
      // A word that followed on the heels of the start is heard first.
      await new Promise((resolve) => setImmediate(resolve));
      return { status: 'done', step: 0, result: await exchange(job, host) };
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
      if (message.type === 'stop') stopped = true;
    },
    step: () => null,
  };
}

async function exchange(job: ImportJob | ExportJob, host: ImportHost): Promise<JobResult> {
  if (job.type === 'export') return { kind: 'export', report: await exportCheckpoint(job.request, host) };
  const { out } = job;
  if (out === null) return { kind: 'import', report: inspectCheckpoint(job.request), file: null };
  const outFor = (step: number) => join(out, `step_${step}.safetensors`);
  return { kind: 'import', ...(await importCheckpoint(job.request, outFor, host)) };
}
