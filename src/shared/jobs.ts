/** The life of a run or any other job: one union, one pure reducer. */
export const JOB_STATUSES = ['queued', 'running', 'paused', 'done', 'failed', 'stopped'] as const;
export type JobStatus = (typeof JOB_STATUSES)[number];

export type JobAction =
  | { type: 'start' }
  | { type: 'pause' }
  | { type: 'resume' }
  | { type: 'stop' }
  | { type: 'finish' }
  | { type: 'fail' }
  /** The process that ran it is gone (crash, power loss, kill): what was saved stays, and it can be resumed. */
  | { type: 'lost' };

const NEXT: Record<JobStatus, Partial<Record<JobAction['type'], JobStatus>>> = {
  queued: { start: 'running', stop: 'stopped', fail: 'failed', lost: 'stopped' },
  running: { pause: 'paused', stop: 'stopped', finish: 'done', fail: 'failed', lost: 'stopped' },
  // Started, not resumed, if another run took its place in the compute process meanwhile.
  paused: { resume: 'running', start: 'queued', stop: 'stopped', fail: 'failed', lost: 'stopped' },
  // A stopped or failed run resumes from its last checkpoint by being queued again; a finished one may be extended.
  stopped: { start: 'queued' },
  failed: { start: 'queued' },
  done: { start: 'queued' },
};

/** The status after `action`, or null if the action does not fit the status. */
export function nextStatus(status: JobStatus, action: JobAction['type']): JobStatus | null {
  return NEXT[status][action] ?? null;
}

export const isActive = (status: JobStatus): boolean =>
  status === 'queued' || status === 'running' || status === 'paused';
