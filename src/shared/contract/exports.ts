/** What leaves the studio for other programs, and what comes back. */
import { z } from 'zod';
import { method } from './method';
import { absolutePath } from './path';

export const METRICS_FORMATS = ['csv', 'jsonl', 'tensorboard'] as const;
export type MetricsFormat = (typeof METRICS_FORMATS)[number];

export interface ExportedMetrics {
  /** Where it lies on the studio's machine, or null if it is in `content`. */
  path: string | null;
  name: string;
  bytes: number;
  content: Uint8Array | null;
}

export const exportMethods = {
  /** Electron's own dialog for a new file; null if cancelled or if there is none (web). */
  'exports.choose_save': method<{ path: string } | null>()(z.strictObject({ name: z.string().min(1).max(300) })),
  /** Writes the run's metrics to `path` on the studio's machine, or, where it is null, hands their bytes over. */
  'exports.metrics': method<ExportedMetrics>()(
    z.strictObject({ run: z.string().min(1), format: z.enum(METRICS_FORMATS), path: absolutePath.nullable() }),
  ),
} as const;
