/** Checkpoints that come in from the reference or another studio, and that go out to them. */
import { z } from 'zod';
import { EXPORT_FORMATS, type ExportReport, type ImportReport } from '../checkpoint';
import type { RunSummary } from './runs';
import { method } from './method';
import { absolutePath } from './path';

/** Chosen by whoever asks, so that progress and cancelling find it. */
const task = z.string().min(1).max(64).optional();

const incoming = {
  path: absolutePath,
  /** Instead of the all_config.yaml beside it. */
  config: absolutePath.nullable().default(null),
  /** Instead of the identifiers.json beside it. */
  identifiers: absolutePath.nullable().default(null),
  /** The dataset that the run gets, of the studio or a folder; neither takes the config's if it is on this machine. */
  dataset: z.string().nullable().default(null),
  data_path: absolutePath.nullable().default(null),
  /** Settings by dotted key that go before the config's. */
  overrides: z.record(z.string(), z.unknown()).default({}),
};

export const checkpointMethods = {
  /** What an import would do; nothing is written. */
  'checkpoints.inspect': method<ImportReport>()(z.strictObject(incoming)),
  /** Makes a run of it, stopped at its step. */
  'checkpoints.import': method<{ run: RunSummary; report: ImportReport }>()(
    z.strictObject({ ...incoming, name: z.string().min(1).max(200).nullable().default(null), task }),
  ),
  'checkpoints.export': method<ExportReport>()(
    z.strictObject({
      checkpoint: z.number().int(),
      format: z.enum(EXPORT_FORMATS),
      weights: z.enum(['ema', 'raw']).default('ema'),
      /** A folder; made if it is not there. */
      out: absolutePath,
      keys: z.enum(['compiled', 'plain']).default('compiled'),
      overwrite: z.boolean().default(false),
      task,
    }),
  ),
  /** Ends an import or export; nothing of it is left. */
  'checkpoints.cancel': method<Record<string, never>>()(z.strictObject({ task: z.string() })),
  /** Electron's own file dialog; null if cancelled or if there is none (web). */
  'checkpoints.choose': method<{ path: string } | null>()(
    z.strictObject({ what: z.enum(['checkpoint', 'config', 'identifiers', 'folder', 'bundle', 'metrics']) }),
  ),
} as const;

export interface CheckpointEvents {
  'checkpoint.progress': { task: string; done: number; total: number; what: string; seconds_left: number | null };
}
