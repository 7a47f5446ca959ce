/** Test-time training of one task, between the steps of whatever trains. */
import { loadBackend } from '../core/backend/load';
import { runSolve } from '../core/solve/run';
import type { SolveJob } from '../shared/compute';
import type { JobEnd, RunningJob, Tell } from './jobs';

/** At most this often, so that steps do not fill the channel. */
const TELL_MS = 200;

export function startSolve(request: SolveJob, tell: Tell): RunningJob {
  const { job } = request;
  let stopped = false;
  let told = -Infinity;
  let last = 0;
  const run = async (): Promise<JobEnd> => {
    const backend = await loadBackend();
    const { file, result, kept } = await runSolve(request, backend, {
      cancelled: () => stopped,
      step: (step, seconds, loss) => {
        last = step;
        if (performance.now() - told < TELL_MS) return;
        told = performance.now();
        tell({ type: 'solve-step', job, step, seconds, loss });
      },
      check: (check, candidates) => tell({ type: 'solve-check', job, check, candidates }),
    });
    const status = result.ended === 'cancelled' ? 'stopped' : 'done';
    return { status, step: result.steps, result: { kind: 'solve', ...file, kept, notes: result.notes ?? [] } };
  };
  return {
    ended: run(),
    control: (message) => {
      if (message.type === 'stop') stopped = true;
    },
    step: () => last,
  };
}
