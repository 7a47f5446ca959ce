/** To the cluster and back: a run as a folder that goes on in the reference, and its result as the same run here. */
import { z } from 'zod';
import type { RunSummary } from './runs';
import { method } from './method';
import { absolutePath } from './path';

/** Chosen by whoever asks: `checkpoint.progress` and `checkpoints.cancel` name it. */
const task = z.string().min(1).max(64).optional();

export interface BundleReport {
  folder: string;
  /** The run's step, at which the reference begins to count. */
  step: number;
  bytes: number;
  /** Epochs that the reference runs. */
  epochs: number;
  intervals: number;
  weights: 'ema' | 'raw';
  /** How it differs from going on here, in sentences. */
  notes: string[];
}

export interface BroughtBack {
  run: RunSummary;
  /** The reference's own count, and the run's. */
  file: string;
  step: number;
  /** Stored points of metrics. */
  points: number;
  notes: string[];
}

export const bundleMethods = {
  /** Writes a folder that is not there yet (or is empty): all of it or nothing. */
  'bundles.export': method<BundleReport>()(
    z.strictObject({
      run: z.string().min(1),
      /** A checkpoint of the run; null takes the newest. */
      checkpoint: z.number().int().nullable().default(null),
      out: absolutePath,
      gpus: z.number().int().min(1).max(1024).default(4),
      nodes: z.number().int().min(1).max(1024).default(1),
      /** The dataset as a link instead of a copy. */
      link: z.boolean().default(false),
      weights: z.enum(['ema', 'raw']).default('ema'),
      /** The run's whole length, to make it longer. */
      epochs: z.number().int().min(1).nullable().default(null),
      task,
    }),
  ),
  /** `path` is the bundle's folder, or a step_N in its result folder; `metrics` a CSV or JSON lines of W&B or of the studio. */
  'bundles.bring_back': method<BroughtBack>()(
    z.strictObject({
      path: absolutePath,
      metrics: absolutePath.nullable().default(null),
      /** The run that is expected; null takes the bundle's. */
      run: z.string().nullable().default(null),
      task,
    }),
  ),
} as const;
