/** What a job is given: whom to tell, and how it is told things while it runs. */
import type { FromCompute, JobResult, ToCompute } from '../shared/compute';

export type JobControl = Extract<ToCompute, { type: 'pause' | 'resume' | 'stop' | 'save' | 'pin' }>;

/** A job that runs. */
export interface RunningJob {
  /** How it ended. A rejection is told as `failed`. */
  ended: Promise<JobEnd>;
  /** Ignored where it makes no sense for the job. */
  control(message: JobControl): void;
  /** The last step that is done, where the job has steps. */
  step(): number | null;
}

export interface JobEnd {
  status: 'done' | 'stopped';
  step: number;
  result: JobResult | null;
}

export type Tell = (message: FromCompute) => void;
