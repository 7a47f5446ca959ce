/**
 * Playback's jobs: an example through a checkpoint, step by step, and where one of its cells looks. Both run between the
 * steps of a training job and share nothing with it.
 */
import { loadBackend } from '../core/backend/load';
import { AttentionStates, lookFrom } from '../core/trace/attention';
import { withExample } from '../core/trace/example';
import { writeTrace } from '../core/trace/trace';
import type { AttentionJob, TraceJob } from '../shared/compute';
import type { JobEnd, RunningJob, Tell } from './jobs';

export function startTrace(job: TraceJob, tell: Tell): RunningJob {
  let stopped = false;
  const run = async (): Promise<JobEnd> => {
    await loadBackend();
    const written = await writeTrace(job, {
      progress: (done, total) => tell({ type: 'progress', job: job.job, done, total, what: 'ACT steps' }),
      stopped: () => stopped,
    });
    if (!written) return { status: 'stopped', step: 0, result: null };
    const { file, meta } = written;
    return {
      status: 'done',
      step: meta.checkpoint_step,
      result: { kind: 'trace', ...file, solved: meta.solved, puzzle: meta.puzzle },
    };
  };
  return {
    ended: run(),
    control: (message) => {
      if (message.type === 'stop') stopped = true;
    },
    step: () => null,
  };
}

/** The states of the example that was asked about last: people ask about one cell after another. */
let remembered: { key: string; states: AttentionStates } | null = null;

export async function runAttention({ checkpoint, data_path, example, weights, ...at }: AttentionJob): Promise<JobEnd> {
  await loadBackend();
  const request = { checkpoint, data_path, example, weights, views: 0 };
  const key = JSON.stringify(request);
  if (remembered?.key !== key) remembered = { key, states: new AttentionStates() };
  const { states } = remembered;
  const map = await withExample(request, (open) => lookFrom(open, at, states));
  return { status: 'done', step: 0, result: { kind: 'attention', map } };
}
