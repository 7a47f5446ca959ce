/** An evaluation: it takes its turns between the steps of whatever trains, and a stop saves how far it has come. */
import { loadBackend } from '../core/backend/load';
import { evaluateCheckpoint } from '../core/evaluate/checkpoint-evaluation';
import type { EvaluateJob } from '../shared/compute';
import type { JobEnd, RunningJob, Tell } from './jobs';

/** At most this often, so that progress does not fill the channel. */
const PROGRESS_MS = 200;

export function startEvaluation({ job, plan }: EvaluateJob, tell: Tell): RunningJob {
  let stopped = false;
  let told = -Infinity;
  const progress = (done: number, total: number): void => {
    if (performance.now() - told < PROGRESS_MS && done < total) return;
    told = performance.now();
    tell({ type: 'progress', job, done, total, what: 'examples' });
  };
  const run = async (): Promise<JobEnd> => {
    await loadBackend();
    const report = await evaluateCheckpoint(plan, { stopped: () => stopped, progress });
    return report
      ? { status: 'done', step: report.step ?? 0, result: { kind: 'evaluation' } }
      : { status: 'stopped', step: 0, result: null };
  };
  return {
    ended: run(),
    control: (message) => {
      if (message.type === 'stop') stopped = true;
    },
    step: () => null,
  };
}
