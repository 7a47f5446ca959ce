/** How long a run will take here, from what this machine's own steps took. */
import type { TrainConfig } from '../../shared/config';
import type { Estimate } from '../../shared/contract/runs';
import { recipeBoard, type DatasetRecipe } from '../../shared/dataset';
import { StudioError } from '../../shared/errors';
import type { DatasetFacts } from '../repositories/datasets';
import type { RunRecord } from '../repositories/runs';
import type { Store } from '../store';
import { evalFlopsPerSample, flopsPerStep, parameterCount } from './flops';

export type Sizes = Pick<
  DatasetFacts,
  'seq_len' | 'vocab_size' | 'train_groups' | 'mean_puzzle_examples' | 'test_examples'
>;

/** Fewer steps than this say little: the first ones warm caches up. */
const MIN_STEPS = 20;

export function estimate(store: Store, config: TrainConfig, sizes: Sizes): Estimate {
  const total = totalSteps(config, sizes);
  const perStep = flopsPerStep(config, sizes.seq_len, sizes.vocab_size);
  const measured = measuredFlops(store.runs.list(), perStep);
  const base = {
    total_steps: total,
    flops_per_step: perStep,
    parameters: parameterCount(config.arch, sizes.seq_len, sizes.vocab_size),
  };
  if (!measured) {
    return { ...base, seconds: null, steps_per_s: null, basis: 'No steps have been measured on this machine yet.' };
  }
  const stepsPerSecond = measured.flopsPerSecond / perStep;
  const evaluated =
    config.studio.eval_examples === 0
      ? sizes.test_examples
      : Math.min(config.studio.eval_examples, sizes.test_examples);
  const evaluations = countEvaluations(config, total, sizes);
  const evalFlops = evaluations * evaluated * evalFlopsPerSample(config.arch, sizes.seq_len, sizes.vocab_size);
  let seconds = total / stepsPerSecond + evalFlops / measured.flopsPerSecond;
  if (config.studio.max_minutes > 0) seconds = Math.min(seconds, config.studio.max_minutes * 60);
  const gflops = (measured.flopsPerSecond / 1e9).toPrecision(2);
  return {
    ...base,
    seconds,
    steps_per_s: stepsPerSecond,
    basis: `From ${measured.steps.toLocaleString('en')} steps measured here in ${measured.from} (${gflops} GFLOP/s).`,
  };
}

/** floor(epochs · groups · mean examples per puzzle / batch), cut at max_steps: the reference's schedule. */
export function totalSteps(config: TrainConfig, sizes: Pick<Sizes, 'train_groups' | 'mean_puzzle_examples'>): number {
  const { epochs, global_batch_size, studio } = config;
  const steps = Math.floor((epochs * sizes.train_groups * sizes.mean_puzzle_examples) / global_batch_size);
  return studio.max_steps > 0 ? Math.min(studio.max_steps, steps) : steps;
}

function countEvaluations(config: TrainConfig, total: number, sizes: Sizes): number {
  if (config.eval_interval === null) return 1;
  const stepsPerEval =
    (config.eval_interval * sizes.train_groups * sizes.mean_puzzle_examples) / config.global_batch_size;
  return Math.max(1, Math.floor(total / Math.max(1, stepsPerEval)));
}

/** The speed of the measured run whose step is nearest in size: small steps reach fewer FLOP/s than large ones. */
function measuredFlops(runs: readonly RunRecord[], perStep: number) {
  let best: { flopsPerSecond: number; steps: number; from: string; distance: number } | null = null;
  for (const run of runs) {
    if (run.flops_per_step === null || run.steps_per_s === null || run.step < MIN_STEPS) continue;
    const distance = Math.abs(Math.log(run.flops_per_step / perStep));
    if (best && best.distance <= distance) continue;
    best = { flopsPerSecond: run.flops_per_step * run.steps_per_s, steps: run.step, from: run.name, distance };
  }
  return best;
}

/** The sizes that a recipe will give, before anything is built. */
export function recipeSizes(store: Store, recipe: DatasetRecipe): Sizes {
  if (recipe.kind === 'sudoku' || recipe.kind === 'maze') {
    const { rows, columns } = recipeBoard(recipe) as { rows: number; columns: number };
    return {
      seq_len: rows * columns,
      vocab_size: recipe.kind === 'sudoku' ? recipe.size + 2 : 6,
      train_groups: recipe.train,
      mean_puzzle_examples: 1,
      test_examples: recipe.test,
    };
  }
  if (recipe.kind !== 'arc') {
    throw new StudioError(
      'conflict',
      `How large ${recipe.train_file} is will be known when the dataset is built: build it first.`,
    );
  }
  let groups = 0;
  let examples = 0;
  let tests = 0;
  const only = recipe.tasks && new Set(recipe.tasks);
  for (const subset of recipe.subsets) {
    if (!store.subsets.has(subset)) {
      throw new StudioError(
        'not_found',
        `There are no tasks named "${subset}": choose one of ${store.subsets
          .list()
          .map((s) => s.name)
          .join(', ')}.`,
      );
    }
    for (const task of store.tasks.list({ subsets: [subset], max_side: recipe.canvas })) {
      if (only && !only.has(task.name)) continue;
      groups += 1;
      examples += task.train_pairs + (subset === recipe.test_set ? 0 : task.test_pairs);
      if (subset === recipe.test_set) tests += task.test_pairs * (1 + recipe.num_aug);
    }
  }
  return {
    seq_len: recipe.canvas * recipe.canvas,
    vocab_size: 12,
    train_groups: groups,
    mean_puzzle_examples: groups ? examples / groups : 0,
    test_examples: tests,
  };
}
