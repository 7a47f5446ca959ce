/**
 * Noise rollouts: a model answers along several paths, each with Gaussian noise on the latent that holds the answer before
 * every ACT step, and one of the answers is chosen without looking at labels. Path 0 has no noise.
 */
import { z } from 'zod';

/** Measured on the Sudoku starter: docs/evaluation.md. */
export const DEFAULT_PATHS = 8;
export const DEFAULT_NOISE = 0.6;
export const MOST_PATHS = 256;
export const MOST_NOISE = 10;

/** How one of the paths is chosen: the most confident one by q_halt, or the answer that most of them give. */
export const CHOICES = ['q', 'vote'] as const;

export const RolloutsSchema = z.strictObject({
  paths: z.number().int().min(2).max(MOST_PATHS).default(DEFAULT_PATHS),
  /** Standard deviation of each number of the noise; the latent itself has a mean square of 1. */
  noise: z.number().gt(0).max(MOST_NOISE).default(DEFAULT_NOISE),
  choose: z.enum(CHOICES).default('q'),
  seed: z
    .number()
    .int()
    .min(0)
    .max(2 ** 31 - 1)
    .default(0),
});
export type Rollouts = z.output<typeof RolloutsSchema>;

/** Names in `metrics` (docs/evaluation.md says what each means). */
export const ROLLOUT_METRICS = [
  'rollouts/exact_one_path',
  'rollouts/exact_by_q',
  'rollouts/exact_by_vote',
  'rollouts/exact_by_any',
  'rollouts/agreement',
  'rollouts/spread',
  'rollouts/distinct',
  'rollouts/q_picks_vote',
  'rollouts/q_ranks_right',
] as const;
export type RolloutMetric = (typeof ROLLOUT_METRICS)[number];
