/** Evaluations of checkpoints: made, watched, looked at task by task, compared. */
import { z } from 'zod';
import type { PackedGrid, PuzzleKind } from '../arc';
import type { EvaluatedTask, EvaluationReport, TaskOutcome } from '../evaluation';
import type { JobStatus } from '../jobs';
import { RolloutsSchema, type Rollouts } from '../rollouts';
import { method } from './method';

export interface EvaluationInfo {
  id: string;
  run: string;
  run_name: string;
  /** null once the checkpoint has been removed for a newer one. */
  checkpoint: number | null;
  checkpoint_step: number;
  dataset: string | null;
  dataset_name: string;
  kind: PuzzleKind;
  rows: number;
  columns: number;
  split: 'train' | 'test';
  weights: 'ema' | 'raw';
  /** null: as many as the model was trained with. */
  act_steps: number | null;
  /** null: all that the dataset holds. */
  augmentations: number | null;
  pool_votes: boolean;
  /** Paths with noise; null: one without. Their scores are in `metrics`. */
  rollouts: Rollouts | null;
  status: JobStatus;
  error: string | null;
  /** Examples. */
  done: number;
  total: number;
  seconds: number;
  /** By name, as in metrics.json (docs/evaluation.md says what each means); empty until it is done. */
  metrics: Record<string, number>;
  by_act_step: EvaluationReport['act_steps'];
  by_views: EvaluationReport['by_views'];
  notes: string[];
  /** Listed tasks by outcome. */
  outcomes: Record<TaskOutcome, number>;
  /** The folder with metrics.json, submission.json and the rest. */
  path: string;
  created: string;
}

/** A task on the wall. Grids are those of its first test input. */
export interface EvaluationTaskSummary {
  position: number;
  name: string;
  outcome: TaskOutcome;
  input: PackedGrid;
  target: PackedGrid | null;
  /** The first attempt; null if nothing was predicted. */
  attempt: PackedGrid | null;
}

/** How one evaluation did on a task. */
export interface TaskOutcomeInfo {
  evaluation: string;
  run_name: string;
  checkpoint_step: number;
  dataset_name: string;
  position: number;
  outcome: TaskOutcome;
  created: string;
}

export interface EvaluationComparison {
  a: EvaluationInfo;
  b: EvaluationInfo;
  /** Tasks that are in both, in the order of `a`. */
  tasks: { name: string; a: EvaluationTaskSummary; b: EvaluationTaskSummary }[];
  /** Solved in b and not in a, and the other way round. */
  won: string[];
  lost: string[];
  /** Tasks in only one of the two. */
  only_a: number;
  only_b: number;
}

const evaluation = z.strictObject({ evaluation: z.string() });

export const evaluationMethods = {
  /** Newest first. */
  'evaluations.list': method<EvaluationInfo[]>()(z.strictObject({ run: z.string().optional() })),
  'evaluations.get': method<EvaluationInfo>()(evaluation),
  /** Queued; taken up between the steps of whatever trains. */
  'evaluations.create': method<EvaluationInfo>()(
    z.strictObject({
      checkpoint: z.number().int(),
      /** null: the run's own. */
      dataset: z.string().nullable().default(null),
      split: z.enum(['train', 'test']).default('test'),
      weights: z.enum(['ema', 'raw']).default('ema'),
      act_steps: z.number().int().min(1).max(1024).nullable().default(null),
      augmentations: z.number().int().min(0).max(100_000).nullable().default(null),
      /** Counts the votes of the run's latest evaluation of the same data too. */
      pool_votes: z.boolean().default(false),
      rollouts: RolloutsSchema.nullable().default(null),
    }),
  ),
  /** Stops it; what is done stays, and `resume` goes on from there. */
  'evaluations.cancel': method<EvaluationInfo>()(evaluation),
  'evaluations.resume': method<EvaluationInfo>()(evaluation),
  'evaluations.delete': method<Record<string, never>>()(evaluation),
  'evaluations.tasks': method<EvaluationTaskSummary[]>()(evaluation),
  'evaluations.task': method<EvaluatedTask>()(
    z.strictObject({ evaluation: z.string(), position: z.number().int().min(0) }),
  ),
  /** Every finished evaluation that asked this task, newest first. */
  'evaluations.of_task': method<TaskOutcomeInfo[]>()(z.strictObject({ name: z.string() })),
  'evaluations.compare': method<EvaluationComparison>()(z.strictObject({ a: z.string(), b: z.string() })),
} as const;

export interface EvaluationEvents {
  'evaluation.changed': EvaluationInfo;
  'evaluation.deleted': { evaluation: string };
  'evaluation.progress': { evaluation: string; done: number; total: number; seconds_left: number | null };
}
