/** Models that come with the app, trained by the app itself: what they are and how they were made. */
import { findPreset } from './presets';
import type { DatasetRecipe } from './dataset';

export const STARTER_NAMES = ['arc-small', 'sudoku-9x9'] as const;
export type StarterName = (typeof STARTER_NAMES)[number];

export interface Starter {
  name: StarterName;
  /** Of the run that it becomes. */
  title: string;
  /** What it was trained on and what it may be expected to do, in one or two sentences. */
  summary: string;
  /** The preset that it was trained with; its recipe is the dataset. */
  preset: string;
  /** Optimizer steps: the file is `starters/NAME/step_N.safetensors` in the app's resources. */
  step: number;
  /** Training time. */
  minutes: number;
}

export const STARTERS: readonly Starter[] = [
  {
    name: 'arc-small',
    title: 'arc-small starter',
    summary:
      'The 178 ARC-AGI-1 training tasks up to 10 × 10, each in 16 augmentations; no evaluation task was seen. Something to look at and to train on: a solve does better from nothing.',
    preset: 'starter-arc',
    step: 22_465,
    minutes: 70,
  },
  {
    name: 'sudoku-9x9',
    title: 'sudoku-9x9 starter',
    summary: '9 × 9 Sudoku with 30 to 50 blanks; it solves most such puzzles that it never saw.',
    preset: 'starter-sudoku',
    step: 14_992,
    minutes: 34,
  },
];

/** The run that a starter becomes has this id in every home, so that it is there at most once. */
export const starterRun = (name: StarterName): string => `starter-${name}`;

export function starterRecipe({ preset }: Starter): DatasetRecipe {
  const { recipe } = findPreset(preset);
  if (!recipe) throw new Error(`the preset ${preset} has no data`);
  return recipe;
}

/** Shown as the reason of its run. */
export const provenance = ({ preset, minutes, step }: Starter): string =>
  `Ships with TRM Studio: trained with trm train --preset ${preset} --threads 1, ${step.toLocaleString('en-US')} steps in ${minutes} minutes on one core.`;
