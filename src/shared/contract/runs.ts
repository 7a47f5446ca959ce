/** Training runs with their metrics, checkpoints and predictions. */
import { z } from 'zod';
import type { PuzzleKind } from '../arc';
import { TrainConfigSchema, type TrainConfig } from '../config';
import { DatasetRecipeSchema, type ExampleRef } from '../dataset';
import type { BackendInfo } from '../doctor';
import type { JobStatus } from '../jobs';
import type { MetricBatch, MetricSeries } from '../metrics';
import { example, method, none } from './method';
import { WholeRecipeSchema, refuseRelativeConfig } from './path';

export interface RunSummary {
  id: string;
  name: string;
  preset: string | null;
  status: JobStatus;
  /** One sentence on why it failed or stopped by itself, or null. */
  reason: string | null;
  dataset: string | null;
  dataset_name: string;
  kind: PuzzleKind;
  created: string;
  updated: string;
  step: number;
  total_steps: number;
  seconds: number;
  steps_per_s: number | null;
  best_exact_accuracy: number | null;
  last_exact_accuracy: number | null;
  last_lm_loss: number | null;
  has_checkpoint: boolean;
}

export interface RunDetail extends RunSummary {
  config: TrainConfig;
  backend: BackendInfo | null;
  parameters: number | null;
  embedding_rows: number | null;
  notes: string[];
  pinned: ExampleRef[];
  rows: number;
  columns: number;
}

export interface CheckpointInfo {
  id: number;
  run: string;
  step: number;
  created: string;
  path: string;
  bytes: number;
  sha256: string;
  reason: string;
  exact_accuracy: number | null;
  best: boolean;
}

export interface RunEvent {
  id: number;
  run: string;
  time: string;
  level: 'info' | 'warning' | 'error';
  step: number | null;
  message: string;
}

/** Predictions of the pinned examples at one evaluation, in the run's pinned order. */
export interface PredictionSet {
  run: string;
  step: number;
  predictions: {
    example: ExampleRef;
    puzzle: string;
    tokens: Uint8Array;
    confidence: Uint8Array;
    q_halt: number;
    wrong: number;
  }[];
}

export interface Estimate {
  total_steps: number;
  flops_per_step: number;
  parameters: number;
  /** From this machine's own finished steps; null before any were measured. */
  seconds: number | null;
  steps_per_s: number | null;
  basis: string;
}

const runId = z.strictObject({ run: z.string().min(1) });

export const runMethods = {
  'runs.list': method<RunSummary[]>()(none),
  'runs.get': method<RunDetail>()(runId),
  'runs.estimate': method<Estimate>()(
    z.strictObject({
      config: TrainConfigSchema,
      dataset: z.string().nullable(),
      recipe: DatasetRecipeSchema.nullable(),
    }),
  ),
  /** With a recipe and no dataset, the dataset is built first (or an equal one taken), then the run starts. */
  'runs.create': method<RunSummary>()(
    z
      .strictObject({
        name: z.string().min(1).max(200),
        preset: z.string().nullable(),
        config: TrainConfigSchema,
        dataset: z.string().nullable(),
        recipe: WholeRecipeSchema.nullable(),
        pinned: z.array(example).max(24).optional(),
      })
      .superRefine(refuseRelativeConfig),
  ),
  'runs.pause': method<RunSummary>()(runId),
  'runs.resume': method<RunSummary>()(runId),
  'runs.stop': method<RunSummary>()(runId),
  'runs.save': method<Record<string, never>>()(runId),
  'runs.rename': method<RunSummary>()(z.strictObject({ run: z.string(), name: z.string().min(1).max(200) })),
  'runs.delete': method<Record<string, never>>()(runId),
  'runs.metrics': method<MetricSeries[]>()(z.strictObject({ run: z.string(), names: z.array(z.string()).optional() })),
  'runs.checkpoints': method<CheckpointInfo[]>()(runId),
  'runs.events': method<RunEvent[]>()(runId),
  'runs.predictions': method<PredictionSet[]>()(runId),
  'runs.pin': method<RunDetail>()(z.strictObject({ run: z.string(), pinned: z.array(example).max(24) })),
} as const;

export interface RunEvents {
  'run.changed': RunSummary;
  'run.deleted': { run: string };
  'run.metrics': { run: string; batch: MetricBatch };
  'run.event': RunEvent;
  'run.checkpoint': CheckpointInfo;
  'run.prediction': PredictionSet;
}
