import type { RunSummary } from '@shared/contract/runs';
import type { JobStatus } from '@shared/jobs';
import { formatDuration, formatPercent } from '../ui/format';

/** A run's status in one word, and the tone of its pill. */
export const STATUS: Record<JobStatus, { label: string; tone: 'ok' | 'warn' | 'bad' | 'accent' | 'neutral' }> = {
  queued: { label: 'Queued', tone: 'neutral' },
  running: { label: 'Training', tone: 'ok' },
  paused: { label: 'Paused', tone: 'warn' },
  done: { label: 'Done', tone: 'accent' },
  failed: { label: 'Failed', tone: 'bad' },
  stopped: { label: 'Stopped', tone: 'neutral' },
};

/** 0…1; 0 while the length is unknown. */
export function progressOf(run: Pick<RunSummary, 'step' | 'total_steps'>): number {
  return run.total_steps > 0 ? Math.min(1, run.step / run.total_steps) : 0;
}

/** `62 %`, or the status while nothing moves. Never 100 % before it is done. */
export function progressText(run: RunSummary): string {
  if (run.status === 'queued') return 'queued';
  const share = progressOf(run);
  return formatPercent(run.status === 'done' ? share : Math.floor(share * 100) / 100, 0);
}

/** Seconds left at the present speed; null while unknown or nothing runs. */
export function secondsLeft(run: RunSummary): number | null {
  if (run.status !== 'running' || !run.steps_per_s || run.total_steps <= 0) return null;
  return Math.max(0, run.total_steps - run.step) / run.steps_per_s;
}

/** `1 h 16 min left` */
export function timeLeftText(run: RunSummary): string | null {
  const left = secondsLeft(run);
  return left === null ? null : `${formatDuration(left)} left`;
}
