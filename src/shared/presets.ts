/**
 * Presets: the published runs, and two that learn on a laptop. A preset lists only what differs from the reference's
 * defaults (config.ts), each value with its reason; the form shows the reason beside the field.
 */
import { parseConfig, setPath } from './config-fields';
import { defaultConfig, type TrainConfig } from './config';
import type { DatasetRecipe } from './dataset';
import { StudioError } from './errors';
import { nearest } from './nearest';

export interface Override {
  path: string;
  value: unknown;
  reason: string;
}

export interface Preset {
  name: string;
  title: string;
  /** One or two sentences: what it is for, what it needs. */
  summary: string;
  /** Fits a machine without a GPU. */
  laptop: boolean;
  overrides: Override[];
  /** The dataset it is meant for; null where the data must be imported first. */
  recipe: DatasetRecipe | null;
}

const ARC_README = 'Value of the published run.';
const ema: Override = {
  path: 'ema',
  value: true,
  reason: 'Published: without the average, accuracy drops (79.9 against 87.4 on Sudoku).',
};
const layers: Override = {
  path: 'arch.L_layers',
  value: 2,
  reason: 'Published: two blocks generalise better than four.',
};
const fewCheckpoints: Override = {
  path: 'checkpoint_every_eval',
  value: false,
  reason: 'Evaluates every minute or so: the newest checkpoints and the best one are enough.',
};
const bundledData = 'Datasets are built from the tasks that ship with the app.';

/** What both models that ship with the app were trained with. */
const starterRun: Override[] = [
  { path: 'arch.hidden_size', value: 128, reason: 'Small enough for a CPU, and for a file that ships.' },
  { path: 'arch.expansion', value: 2, reason: 'A SwiGLU 256 wide is enough here.' },
  { path: 'arch.H_cycles', value: 2, reason: 'Less recursion, more steps per minute.' },
  { path: 'arch.L_cycles', value: 2, reason: 'Less recursion, more steps per minute.' },
  { path: 'lr', value: 1e-3, reason: 'A small network takes a larger step.' },
  { path: 'lr_warmup_steps', value: 200, reason: 'A short run cannot spend 2,000 steps warming up.' },
  { path: 'ema', value: true, reason: 'The rate stays constant: the average takes the noise out.' },
  { path: 'ema_rate', value: 0.998, reason: 'Averages over about 500 steps.' },
  fewCheckpoints,
];

const arcRun: Override[] = [
  layers,
  { path: 'arch.H_cycles', value: 3, reason: ARC_README },
  {
    path: 'arch.L_cycles',
    value: 4,
    reason: 'Published for ARC: 4, where the code’s default is 6. Evaluating with another value ruins the accuracy.',
  },
  ema,
];

const sudokuRun: Override[] = [
  { path: 'epochs', value: 50_000, reason: ARC_README },
  { path: 'eval_interval', value: 5_000, reason: ARC_README },
  { path: 'lr', value: 1e-4, reason: ARC_README },
  {
    path: 'puzzle_emb_lr',
    value: 1e-4,
    reason: 'All puzzles share the blank embedding, so it needs no fast learning.',
  },
  { path: 'weight_decay', value: 1, reason: 'Published: a thousand puzzles overfit at the usual 0.1.' },
  { path: 'puzzle_emb_weight_decay', value: 1, reason: ARC_README },
  { path: 'evaluators', value: [], reason: 'Sudoku has no votes over augmentations.' },
  layers,
  { path: 'arch.H_cycles', value: 3, reason: ARC_README },
  ema,
];

export const PRESETS: readonly Preset[] = [
  {
    name: 'sudoku-4x4',
    title: 'Sudoku 4 × 4, the demo',
    summary: 'Learns 4 × 4 Sudoku from generated puzzles within minutes on a laptop; tested on puzzles it never saw.',
    laptop: true,
    overrides: [
      { path: 'arch.hidden_size', value: 128, reason: 'Wide enough for 16 cells, small enough for a CPU.' },
      { path: 'arch.num_heads', value: 4, reason: 'Heads of 32 numbers.' },
      { path: 'arch.expansion', value: 2, reason: 'A SwiGLU 256 wide is enough, and a third faster than 512.' },
      { path: 'arch.H_cycles', value: 2, reason: 'Small boards need little recursion; each cycle costs time.' },
      { path: 'arch.L_cycles', value: 2, reason: 'Learns as fast per step as 3, and a step takes a quarter less.' },
      { path: 'arch.halt_max_steps', value: 4, reason: 'Four ACT steps solve a 4 × 4 board.' },
      { path: 'arch.puzzle_emb_ndim', value: 128, reason: 'One row of hidden_size.' },
      {
        path: 'arch.puzzle_emb_len',
        value: 1,
        reason: 'All puzzles share the blank embedding; more prefix tokens only cost time.',
      },
      { path: 'global_batch_size', value: 64, reason: 'Keeps a step at a fraction of a second on two cores.' },
      { path: 'epochs', value: 12, reason: 'About 940 steps over 5,000 puzzles; 550 reach 90 %, 700 reach 98 %.' },
      { path: 'eval_interval', value: 1, reason: 'An evaluation every 78 steps shows the learning.' },
      { path: 'lr', value: 1e-3, reason: 'A small network takes a larger step.' },
      { path: 'lr_warmup_steps', value: 50, reason: 'A short run cannot spend 2,000 steps warming up.' },
      { path: 'ema', value: true, reason: 'Steadier evaluations.' },
      { path: 'ema_rate', value: 0.99, reason: 'Averages over about 100 steps; 0.999 would lag behind a short run.' },
      { path: 'arch.forward_dtype', value: 'float32', reason: 'What a CPU computes in.' },
      { path: 'evaluators', value: [], reason: 'Sudoku has no votes over augmentations.' },
      fewCheckpoints,
    ],
    recipe: { kind: 'sudoku', size: 4, train: 5000, test: 256, blanks: [6, 10], seed: 0 },
  },
  {
    name: 'arc-small',
    title: 'Small ARC tasks',
    summary:
      'Real ARC-AGI-1 tasks that fit a small canvas: the loss falls within minutes on a laptop, and playback shows the prediction forming.',
    laptop: true,
    overrides: [
      { path: 'arch.hidden_size', value: 128, reason: 'Small enough for a CPU.' },
      { path: 'arch.num_heads', value: 4, reason: 'Heads of 32 numbers.' },
      { path: 'arch.expansion', value: 2, reason: 'A SwiGLU 256 wide is enough for a few tasks.' },
      { path: 'arch.H_cycles', value: 2, reason: 'Less recursion, more steps per minute.' },
      { path: 'arch.L_cycles', value: 2, reason: 'Less recursion, more steps per minute.' },
      {
        path: 'arch.halt_max_steps',
        value: 4,
        reason: 'Enough to see a prediction form; every example stays for as many steps, so more would learn slower.',
      },
      { path: 'arch.puzzle_emb_ndim', value: 128, reason: 'One row of hidden_size.' },
      { path: 'arch.puzzle_emb_len', value: 1, reason: 'One prefix token is enough for a small canvas.' },
      { path: 'global_batch_size', value: 32, reason: 'Keeps a step below a second on two cores.' },
      { path: 'epochs', value: 2000, reason: 'About 6,000 steps: stop when you have seen enough.' },
      { path: 'eval_interval', value: 40, reason: 'About every 120 steps: keeps the pinned tasks lively.' },
      {
        path: 'puzzle_emb_lr',
        value: 0.03,
        reason: 'Each embedding is seen rarely in a short run; at 0.01 the loss falls much more slowly.',
      },
      { path: 'weight_decay', value: 0.03, reason: 'A short run on few tasks has little to forget.' },
      { path: 'arch.forward_dtype', value: 'float32', reason: 'What a CPU computes in.' },
      { path: 'lr', value: 1e-3, reason: 'A small network takes a larger step.' },
      { path: 'lr_warmup_steps', value: 100, reason: 'A short run cannot spend 2,000 steps warming up.' },
      { path: 'ema', value: true, reason: 'Steadier evaluations.' },
      { path: 'ema_rate', value: 0.99, reason: 'Averages over about 100 steps; 0.999 would lag behind a short run.' },
      fewCheckpoints,
    ],
    recipe: { kind: 'arc', subsets: ['training'], test_set: 'training', num_aug: 3, canvas: 5, seed: 42 },
  },
  {
    name: 'starter-sudoku',
    title: 'Sudoku 9 × 9, the starter',
    summary:
      'How the Sudoku model that ships with the app was trained: generated 9 × 9 puzzles with 30 to 50 blanks, an hour on one core.',
    laptop: true,
    overrides: [
      ...starterRun,
      { path: 'arch.num_heads', value: 4, reason: 'Unused by the MLP over the cells.' },
      {
        path: 'arch.mlp_t',
        value: true,
        reason: 'On a fixed board an MLP over the cells beats attention (published: 87 against 75 %).',
      },
      { path: 'arch.pos_encodings', value: 'none', reason: 'The MLP over the sequence knows positions by itself.' },
      { path: 'arch.puzzle_emb_ndim', value: 0, reason: 'All puzzles share one rule: there is nothing to embed.' },
      { path: 'arch.puzzle_emb_len', value: 0, reason: 'No embedding, no prefix.' },
      { path: 'arch.halt_max_steps', value: 8, reason: 'Enough for puzzles of this difficulty.' },
      { path: 'global_batch_size', value: 32, reason: 'Keeps a step below half a second on one core.' },
      { path: 'epochs', value: 60, reason: 'More than an hour holds: --max-minutes ends it.' },
      { path: 'eval_interval', value: 1, reason: 'A point of the curve every 937 steps.' },
      { path: 'weight_decay', value: 0.1, reason: 'Most puzzles are seen a few times only: little to overfit.' },
      { path: 'evaluators', value: [], reason: 'Sudoku has no votes over augmentations.' },
    ],
    recipe: { kind: 'sudoku', size: 9, train: 30_000, test: 512, blanks: [30, 50], seed: 0 },
  },
  {
    name: 'starter-arc',
    title: 'Small ARC tasks, the starter',
    summary:
      'How the ARC model that ships with the app was trained: the ARC-AGI-1 training tasks up to 10 × 10, an hour on one core. Evaluation tasks are not among them.',
    laptop: true,
    overrides: [
      ...starterRun,
      { path: 'arch.num_heads', value: 4, reason: 'Heads of 32 numbers.' },
      {
        path: 'arch.halt_max_steps',
        value: 4,
        reason: 'Every example stays for as many steps: more would learn slower.',
      },
      { path: 'arch.puzzle_emb_ndim', value: 128, reason: 'One row of hidden_size.' },
      { path: 'arch.puzzle_emb_len', value: 1, reason: 'One prefix token is enough for a small canvas.' },
      { path: 'global_batch_size', value: 32, reason: 'Keeps a step at half a second on one core.' },
      { path: 'epochs', value: 2000, reason: 'More than an hour holds: --max-minutes ends it.' },
      { path: 'eval_interval', value: 25, reason: 'A point of the curve every few minutes.' },
      { path: 'puzzle_emb_lr', value: 0.03, reason: 'Each embedding is seen rarely in a short run.' },
      { path: 'weight_decay', value: 0.1, reason: 'The published value.' },
    ],
    recipe: { kind: 'arc', subsets: ['training'], test_set: 'training', num_aug: 15, canvas: 10, seed: 42 },
  },
  {
    name: 'arc-agi-1',
    title: 'ARC-AGI-1, published',
    summary: `The published ARC-AGI-1 run: 4 H100, about 3 days, 45 % pass@2. ${bundledData}`,
    laptop: false,
    overrides: arcRun,
    recipe: {
      kind: 'arc',
      subsets: ['training', 'evaluation', 'concept'],
      test_set: 'evaluation',
      num_aug: 1000,
      canvas: 30,
      seed: 42,
    },
  },
  {
    name: 'arc-agi-2',
    title: 'ARC-AGI-2, published',
    summary: `The published ARC-AGI-2 run: 4 H100, about 3 days, 8 % pass@2. ${bundledData}`,
    laptop: false,
    overrides: arcRun,
    recipe: {
      kind: 'arc',
      subsets: ['training2', 'evaluation2', 'concept'],
      test_set: 'evaluation2',
      num_aug: 1000,
      canvas: 30,
      seed: 42,
    },
  },
  {
    name: 'arc-agi-1-2',
    title: 'ARC-AGI-1 and -2 together',
    summary: `A published fork’s run on both: 4 H100, about 6 days. Its training set holds ARC-AGI-1’s evaluation tasks, so only evaluation2 may be reported. ${bundledData}`,
    laptop: false,
    overrides: [...arcRun, { path: 'global_batch_size', value: 768, reason: ARC_README }],
    recipe: {
      kind: 'arc',
      subsets: ['training', 'evaluation', 'training2', 'evaluation2', 'concept'],
      test_set: 'evaluation2',
      num_aug: 1000,
      canvas: 30,
      seed: 42,
    },
  },
  {
    name: 'sudoku-mlp',
    title: 'Sudoku-Extreme, MLP, published',
    summary:
      'The published Sudoku run without attention: 18 hours on one L40S, 87 % exact. Needs the Sudoku-Extreme dataset, imported first.',
    laptop: false,
    overrides: [
      ...sudokuRun,
      { path: 'arch.L_cycles', value: 6, reason: 'Published for Sudoku.' },
      {
        path: 'arch.mlp_t',
        value: true,
        reason: 'On a fixed board an MLP over the cells beats attention (87 against 75 %).',
      },
      { path: 'arch.pos_encodings', value: 'none', reason: 'The MLP over the sequence knows positions by itself.' },
    ],
    recipe: null,
  },
  {
    name: 'sudoku-attention',
    title: 'Sudoku-Extreme, attention, published',
    summary: 'The published Sudoku run with attention: 75 % exact. Needs the Sudoku-Extreme dataset, imported first.',
    laptop: false,
    overrides: [...sudokuRun, { path: 'arch.L_cycles', value: 6, reason: 'Published for Sudoku.' }],
    recipe: null,
  },
  {
    name: 'maze-hard',
    title: 'Maze-Hard, published',
    summary: 'The published 30 × 30 maze run: 4 GPUs, 85 % exact. Needs the Maze-Hard dataset, imported first.',
    laptop: false,
    overrides: [...sudokuRun, { path: 'arch.L_cycles', value: 4, reason: 'Published for mazes.' }],
    recipe: null,
  },
];

/** @throws StudioError `not_found`, naming the nearest preset. */
export function findPreset(name: string): Preset {
  const preset = PRESETS.find((p) => p.name === name);
  if (preset) return preset;
  const names = PRESETS.map((p) => p.name);
  const close = nearest(name, names);
  throw new StudioError(
    'not_found',
    `There is no preset "${name}": ${close ? `did you mean ${close}?` : `use one of ${names.join(', ')}.`}`,
  );
}

/** The whole config of a preset. @throws StudioError as `findPreset` and `parseConfig`. */
export function presetConfig(name: string): TrainConfig {
  let config = defaultConfig();
  for (const { path, value } of findPreset(name).overrides) config = setPath(config, path, value);
  return parseConfig(config);
}
