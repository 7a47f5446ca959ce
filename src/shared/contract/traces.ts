/** Recorded solutions for playback. */
import { z } from 'zod';
import type { ExampleRef } from '../dataset';
import type { JobStatus } from '../jobs';
import { example, method } from './method';

export interface TraceInfo {
  id: number;
  run: string;
  run_name: string;
  checkpoint: number | null;
  checkpoint_step: number;
  puzzle: string;
  example: ExampleRef;
  status: JobStatus;
  error: string | null;
  solved: boolean | null;
  created: string;
}

export const traceMethods = {
  'traces.list': method<TraceInfo[]>()(z.strictObject({ run: z.string().optional() })),
  'traces.create': method<TraceInfo>()(
    z.strictObject({
      checkpoint: z.number().int(),
      example,
      weights: z.enum(['ema', 'raw']).default('ema'),
      act_steps: z.number().int().min(1).max(256).nullable().default(null),
    }),
  ),
  /** The trace file's bytes (shared/trace.ts). */
  'traces.read': method<Uint8Array>()(z.strictObject({ trace: z.number().int() })),
  'traces.delete': method<Record<string, never>>()(z.strictObject({ trace: z.number().int() })),
} as const;

export interface TraceEvents {
  'trace.changed': TraceInfo;
}
