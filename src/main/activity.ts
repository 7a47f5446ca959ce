/** Which runs of this app are active now: what sleep, the taskbar and quitting go by. */
import type { JobStatus } from '../shared/jobs';

export interface ActiveRun {
  name: string;
  status: JobStatus;
  step: number;
  total_steps: number;
}

/** What the taskbar shows: a share of 0…1, or nothing. */
export interface Progress {
  share: number | null;
  mode: 'normal' | 'paused' | 'indeterminate';
}

/** A paused run is saved and uses no processor: only these keep the machine awake and make quitting ask. */
export function training(runs: readonly ActiveRun[]): ActiveRun[] {
  return runs.filter((run) => run.status === 'running' || run.status === 'queued');
}

export function progressOf(runs: readonly ActiveRun[]): Progress {
  const run = runs.find((r) => r.status === 'running') ?? runs.find((r) => r.status === 'paused') ?? runs[0];
  if (!run) return { share: null, mode: 'normal' };
  if (run.total_steps <= 0) return { share: 0, mode: 'indeterminate' };
  return { share: Math.min(1, run.step / run.total_steps), mode: run.status === 'paused' ? 'paused' : 'normal' };
}
