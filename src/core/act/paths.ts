import type { Rollouts } from '../../shared/rollouts';
import type { Batch } from '../data/batch';
import type { ModelSpec } from '../model/architecture';
import { labelCounts } from './step-metrics';
import type { ActStep } from './batch';
import { RolloutSums } from './rollout-sums';
import { choosePaths, chosenStep, firstPaths, PathNoise, repeatRows } from './rollouts';

/** Answers along several paths, batch by batch: what goes into the model, and what of it is the answer. */
export class Paths {
  readonly sums: RolloutSums;

  constructor(
    private readonly spec: ModelSpec,
    private readonly rollouts: Rollouts,
  ) {
    this.sums = new RolloutSums(rollouts.paths);
  }

  /** K */
  get count(): number {
    return this.rollouts.paths;
  }

  /** @param numberOf tells an example of the batch apart from all others, by its place */
  start(batch: Batch, numberOf: (place: number) => number): { rows: Batch; noise: () => Float32Array } {
    const examples = Array.from({ length: batch.size }, (_, b) => numberOf(b));
    const noise = new PathNoise(this.spec, this.rollouts, examples);
    return { rows: repeatRows(batch, this.rollouts.paths), noise: () => noise.next() };
  }

  /** @returns one row an example: the path without noise at every step, and the chosen path's last step */
  settle(steps: readonly ActStep[], batch: Batch): { plain: ActStep[]; answer: ActStep } {
    const { paths, choose } = this.rollouts;
    const last = steps[steps.length - 1];
    const chosen = choosePaths(last, paths);
    this.sums.add(last, chosen, labelCounts(batch.labels, batch.size), batch.filled);
    return { plain: firstPaths(steps, paths), answer: chosenStep(last, chosen, choose) };
  }
}
