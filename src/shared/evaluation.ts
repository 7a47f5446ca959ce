/** An evaluation: what was asked, and what came out. Written as `evaluation.json`; the studio keeps it in SQLite. */
import type { PackedGrid, PuzzleKind } from './arc';
import type { Rollouts } from './rollouts';

/** What can be saved of every prediction besides the scores. */
export const SAVED_OUTPUTS = ['preds', 'logits', 'q_halt_logits', 'q_continue_logits'] as const;
export type SavedOutput = (typeof SAVED_OUTPUTS)[number];

/** What decides an evaluation's numbers. */
export interface EvaluationOptions {
  split: 'train' | 'test';
  weights: 'ema' | 'raw';
  /** ACT steps; null takes the checkpoint's halt_max_steps. May exceed it. */
  act_steps: number | null;
  /** Augmentations per puzzle beside the puzzle itself; null takes all that the dataset holds. */
  augmentations: number | null;
  /** Several paths with noise, of which one answers; absent in plans of earlier versions, as null. */
  rollouts?: Rollouts | null;
}

export interface EvaluationPlan extends EvaluationOptions {
  checkpoint: string;
  /** Folder of the dataset. */
  data_path: string;
  /** Folder for the results; made if it is not there. */
  out: string;
  save_outputs: SavedOutput[];
  /** Adds this evaluation's votes to those of the one that lies in `out`, as the reference does from round to round. */
  pool_votes: boolean;
  /** Rows per batch; null chooses. */
  batch_size: number | null;
  /** Goes on with the unfinished evaluation in `out`, if there is one. */
  resume: boolean;
  /** Seconds between two savings of the progress; more where saving takes long. */
  save_every_s: number;
}

/**
 * `solved`: two attempts hold every answer (for Sudoku and mazes: every cell is right); `close`: every answer is among the
 * first ten candidates; `unknown`: a target is not known.
 */
export type TaskOutcome = 'solved' | 'close' | 'missed' | 'unknown';
export const TASK_OUTCOMES = ['solved', 'close', 'missed', 'unknown'] as const;

/** A grid that was voted for; for Sudoku and mazes the one prediction. */
export interface CandidateGrid {
  /** Colours; for Sudoku and mazes token − 1. "" is a prediction without any grid. */
  grid: PackedGrid;
  votes: number;
  /** Mean sigmoid(q_halt) of its voters. */
  mean_q: number;
  /** Identifiers of the first few views that voted for it. */
  views: string[];
}

export interface EvaluatedInput {
  input: PackedGrid;
  target: PackedGrid | null;
  votes: number;
  /** Different grids that were voted for. */
  distinct: number;
  /** The target's place among the candidates, 0 for the first; null if it is not among them or not known. */
  rank: number | null;
  /** The first ten. */
  candidates: CandidateGrid[];
}

export interface EvaluatedTask {
  name: string;
  outcome: TaskOutcome;
  inputs: EvaluatedInput[];
}

export interface EvaluationReport {
  schema: 1;
  /** What decided the numbers, the checkpoint's hash included; null for predictions made elsewhere. */
  question: Record<string, unknown> | null;
  kind: PuzzleKind;
  rows: number;
  columns: number;
  /** The checkpoint's or the predictions' file. */
  source: string;
  /** The dataset's folder. */
  dataset: string;
  /** null for predictions made elsewhere. */
  options: EvaluationOptions | null;
  /** Of the checkpoint; null for predictions made elsewhere. */
  step: number | null;
  examples: number;
  /** Time spent evaluating, over all sessions. */
  seconds: number;
  /** As in metrics.json. */
  metrics: Record<string, number>;
  /** Means over the labelled examples after each ACT step; empty for predictions made elsewhere. */
  act_steps: { accuracy: number; exact_accuracy: number }[];
  /** ARC: scores had only the first so many views of each test input voted. */
  by_views: { views: number; pass_1: number; pass_2: number; prize: number }[];
  /** Sentences that one should know: unknown puzzles, views that fit no test input, pooled votes. */
  notes: string[];
  /** ARC: the tasks of test_puzzles.json. Else: examples, evenly spread where there are many. */
  tasks: EvaluatedTask[];
}
