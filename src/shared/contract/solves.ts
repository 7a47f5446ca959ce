/** Solving tasks by test-time training: a queue, its progress, and the answers. */
import { z } from 'zod';
import type { PackedGrid } from '../arc';
import type { JobStatus } from '../jobs';
import { SolveOptionsSchema, type Candidate, type SolveCheck, type SolveNetwork, type SolveOptions } from '../solve';
import { method } from './method';

export interface SolveInfo {
  id: string;
  task: string;
  /** Null if it starts from nothing, or once the checkpoint has been removed. */
  checkpoint: number | null;
  /** "arc-small at step 5,000", or "from nothing". */
  start: string;
  options: SolveOptions;
  status: JobStatus;
  error: string | null;
  step: number;
  seconds: number;
  /** The last check. */
  check: SolveCheck | null;
  /** Whether the attempts hold every answer that the file knows; null while it runs, or if it knows none. */
  correct: boolean | null;
  /** Of the first test input, for the list: the question, and the first attempt so far. */
  input: PackedGrid;
  attempt: PackedGrid | null;
  /** The result file. */
  path: string;
  /** Bytes of the model that is kept for its playback; null: there is nothing to play back. */
  kept_bytes: number | null;
  created: string;
}

export type SolveCandidate = Omit<Candidate, 'grid'> & { grid: PackedGrid };

export interface SolveDetail extends SolveInfo {
  train: { input: PackedGrid; output: PackedGrid }[];
  test: {
    input: PackedGrid;
    /** Where the file knows it. */
    output: PackedGrid | null;
    /** Most votes first, the first 20; the first two are the attempts. */
    candidates: SolveCandidate[];
    /** Votes for all candidates, and how many there are. */
    votes: number;
    distinct: number;
  }[];
  checks: SolveCheck[];
  /** Names of the views in the order of the solve's own dataset, which its playback shows; empty where none is kept. */
  views: string[];
  /** That are kept to be played back, the leading one first. */
  networks: SolveNetwork[];
}

const solve = z.strictObject({ solve: z.string() });
/** Where the network starts from: a checkpoint of the studio, or null for nothing. */
const start = { checkpoint: z.number().int().nullable().default(null), options: SolveOptionsSchema.prefault({}) };

export const solveMethods = {
  /** Newest first. */
  'solves.list': method<SolveInfo[]>()(z.strictObject({})),
  'solves.get': method<SolveDetail>()(solve),
  /** Tasks of the store, queued in this order. */
  'solves.create': method<SolveInfo[]>()(
    z.strictObject({ tasks: z.array(z.number().int()).min(1).max(1000), ...start }),
  ),
  /** The good tasks of an import, without storing them as a collection; the import ends. */
  'solves.create_from_import': method<SolveInfo[]>()(z.strictObject({ import: z.string(), ...start })),
  /** Ends it with the answer that it has by then. */
  'solves.cancel': method<SolveInfo>()(solve),
  /** One that was cut off or failed, anew, as it was asked for. */
  'solves.resume': method<SolveInfo>()(solve),
  /** The same task again, with these options. */
  'solves.again': method<SolveInfo>()(z.strictObject({ solve: z.string(), ...start })),
  'solves.delete': method<Record<string, never>>()(solve),
} as const;

export interface SolveEvents {
  'solve.changed': SolveInfo;
  'solve.deleted': { solve: string };
  'solve.progress': { solve: string; step: number; seconds: number; loss: number };
}
