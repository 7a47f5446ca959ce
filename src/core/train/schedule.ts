/** Learning rate and length of a run. Source: the reference's `pretrain.py`. */
import type { TrainConfig } from '../../shared/config';

/**
 * Linear warm-up from 0, then a cosine from `base` to `base · minRatio` at `totalSteps`; the floor stays beyond it.
 * @param step counted from 1
 */
export function learningRate(step: number, base: number, warmup: number, totalSteps: number, minRatio: number): number {
  if (step < warmup) return (base * step) / Math.max(1, warmup);
  const progress = Math.min(1, (step - warmup) / Math.max(1, totalSteps - warmup));
  return base * (minRatio + (1 - minRatio) * 0.5 * (1 + Math.cos(Math.PI * progress)));
}

/** floor(epochs · total_groups · mean_puzzle_examples / global_batch_size), the reference's length of a run. */
export function totalSteps(
  config: Pick<TrainConfig, 'epochs' | 'global_batch_size'>,
  dataset: { total_groups: number; mean_puzzle_examples: number },
): number {
  const { total_groups, mean_puzzle_examples } = dataset;
  return Math.floor((config.epochs * total_groups * mean_puzzle_examples) / config.global_batch_size);
}
