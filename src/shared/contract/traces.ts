/** Recorded solutions for playback. */
import { z } from 'zod';
import type { ExampleRef } from '../dataset';
import type { JobStatus } from '../jobs';
import { SOLVE_NETWORKS, type SolveNetwork } from '../solve';
import type { AttentionMap } from '../trace';
import { example, method } from './method';

export interface TraceInfo {
  id: number;
  /** It was made of a run's checkpoint, or of a solve: one of the two is null. */
  run: string | null;
  solve: string | null;
  /** Which of the solve's networks; null of a run. */
  network: SolveNetwork | null;
  /** The run's name, or that of the task that was solved. */
  name: string;
  /** Null of a solve, and once it has been removed for a newer one. */
  checkpoint: number | null;
  /** Steps of training. */
  checkpoint_step: number;
  puzzle: string;
  example: ExampleRef;
  status: JobStatus;
  error: string | null;
  solved: boolean | null;
  weights: 'ema' | 'raw';
  /** As asked for: null is the config's halt_max_steps. */
  act_steps: number | null;
  /** Whether the updates inside the steps are recorded. */
  inner: boolean;
  /** Other views that were asked for, at most. */
  views: number;
  /** ACT steps done while it is being made. */
  progress: { done: number; total: number } | null;
  created: string;
}

export const traceMethods = {
  'traces.list': method<TraceInfo[]>()(z.strictObject({ run: z.string().optional(), solve: z.string().optional() })),
  'traces.create': method<TraceInfo>()(
    z.strictObject({
      of: z.union([
        z.strictObject({ checkpoint: z.number().int() }),
        /** Without a network, the leading one. */
        z.strictObject({ solve: z.string(), network: z.enum(SOLVE_NETWORKS).optional() }),
      ]),
      /** Of the run's dataset, or of the solve's: views x test inputs, or x demonstrations in split train. */
      example,
      weights: z.enum(['ema', 'raw']).default('ema'),
      act_steps: z.number().int().min(1).max(256).nullable().default(null),
      inner: z.boolean().default(false),
      views: z.number().int().min(0).max(64).default(0),
    }),
  ),
  /** The trace file's bytes (shared/trace.ts). */
  'traces.read': method<Uint8Array>()(z.strictObject({ trace: z.number().int() })),
  /** Where a cell of one of the trace's views looks; the checkpoint runs again up to that step. */
  'traces.attention': method<AttentionMap>()(
    z.strictObject({
      trace: z.number().int(),
      /** ACT step, from 0. */
      step: z.number().int().min(0).max(255),
      cell: z.number().int().min(0),
      /** Null looks at the trace's own example. */
      example: example.nullable().default(null),
    }),
  ),
  'traces.delete': method<Record<string, never>>()(z.strictObject({ trace: z.number().int() })),
} as const;

export interface TraceEvents {
  'trace.changed': TraceInfo;
}
