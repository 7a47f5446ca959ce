/** A trace: one example through a checkpoint. Runs between the steps of a training job and shares nothing with it. */
import { loadBackend } from '../core/backend/load';
import { writeTrace } from '../core/evaluate/trace';
import type { TraceJob } from '../shared/compute';
import type { JobEnd } from './jobs';

export async function runTrace(job: TraceJob): Promise<JobEnd> {
  await loadBackend();
  const { file, meta } = await writeTrace(job);
  return {
    status: 'done',
    step: meta.checkpoint_step,
    result: { kind: 'trace', ...file, solved: meta.solved, puzzle: meta.puzzle },
  };
}
