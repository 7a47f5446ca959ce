/** What a solve is asked, how it goes, and what it answers. One schema: the form, the command line and the result file. */
import { z } from 'zod';
import type { Grid } from './arc';
import type { TrainConfig } from './config';
import { RolloutsSchema, type RolloutMetric } from './rollouts';

export const MOST_MARKS = 20;

/** Test-time training of one task. The values are part of the result, so that it can be repeated. */
export const SolveOptionsSchema = z.strictObject({
  /** Training and voting together, wall clock. Loading the model is not counted. */
  budget_seconds: z.number().min(1).max(86_400).default(60),
  /** Stop after so many steps at the latest; null leaves it to the budget. With the same number, the same answer. */
  max_steps: z.number().int().min(1).max(10_000_000).nullable().default(null),
  seed: z.number().int().min(0).max(2_147_483_647).default(0),
  /** Augmented copies of the task that are learned and that vote, the task itself included. */
  views: z.number().int().min(1).max(1000).default(64),
  learn: z.enum(['all', 'embeddings']).default('all'),
  /** In the last vote each view says what one of several paths with noise says; absent in options of earlier versions. */
  rollouts: RolloutsSchema.nullable().optional(),
  /** Seconds at which the attempts are kept, as if the budget ended there. */
  marks: z.array(z.number().min(1).max(86_400)).max(MOST_MARKS).optional(),
});
export type SolveOptions = z.output<typeof SolveOptionsSchema>;

/** A candidate answer to one test input. */
export interface Candidate {
  grid: Grid;
  votes: number;
  /** Mean sigmoid(q_halt) of the views that voted for it. */
  q: number;
  /** Names of those views. */
  views: string[];
  /** The same by network, the most votes first; absent where one network voted. */
  voters?: { network: SolveNetwork; views: string[] }[];
}

/** What a network's cells are mixed by, of those that a solve from nothing trains; or the one of a checkpoint. */
export const SOLVE_NETWORKS = ['attention', 'mlp', 'checkpoint'] as const;
export type SolveNetwork = (typeof SOLVE_NETWORKS)[number];

/** The views by which a network voted for a candidate. */
export function votersOf(candidate: Pick<Candidate, 'views' | 'voters'> | undefined, network: SolveNetwork): string[] {
  if (!candidate?.voters) return candidate?.views ?? [];
  return candidate.voters.find((of) => of.network === network)?.views ?? [];
}

/** What is known of one network after a check. */
export interface NetworkCheck {
  name: SolveNetwork;
  /** Share of the views with a held-out demonstration that solved it; null if none has one. */
  held_out: number | null;
  /** Share of the demonstrations that views were trained on and solve. */
  fitted: number;
  /** Per test input, the share of its views that vote for the first candidate. */
  support: number[];
}

/** What is known after a check: every view predicted its test inputs and its held-out demonstration. */
export interface SolveCheck {
  step: number;
  seconds: number;
  /** Of the leading network: the one whose views solve most of what they keep back, then agree most. */
  held_out: number | null;
  fitted: number;
  support: number[];
  /** That voted, the leading one first; absent in solves of earlier versions, which had one. */
  networks?: NetworkCheck[];
  /** Per test input, how many votes there are, and for how many grids; absent in solves of earlier versions. */
  votes?: number[];
  distinct?: number[];
}

/** In the middle of a sentence. */
export const NETWORK_NAMES: Record<SolveNetwork, string> = {
  attention: 'attention network',
  mlp: 'MLP network',
  checkpoint: 'network of the checkpoint',
};

/** `views`, or whose views they are where several networks voted: an agreement is that of the leading one's. */
export function agreeingViews({ networks = [] }: SolveCheck): string {
  return networks.length > 1 ? `${NETWORK_NAMES[networks[0].name]}’s views` : 'views';
}

/** In the folder that a solve keeps for its playback (core/solve/keep.ts): the leading network, others, and the questions. */
export const KEPT = {
  model: 'model.safetensors',
  other: (network: SolveNetwork) => `${network}.safetensors`,
  data: 'data',
} as const;

export type SolveEnd = 'solved' | 'budget' | 'steps' | 'cancelled';

/** The attempts at a moment that was asked for. */
export interface SolveMark {
  /** Seconds that were asked for, and those at which the vote was there. */
  at: number;
  seconds: number;
  step: number;
  attempts: SolveResult['attempts'];
}

export interface SolveResult {
  schema: 1;
  task: string;
  /** In ARC Prize's format: one element per test input. */
  attempts: { attempt_1: Grid; attempt_2: Grid }[];
  /** Candidates per test input, most votes first, the first 20 of each. */
  candidates: Candidate[][];
  /** Per test input whose answer is known: whether one of the attempts is it. Looked at after the attempts were made. */
  correct: (boolean | null)[];
  checks: SolveCheck[];
  ended: SolveEnd;
  steps: number;
  seconds: number;
  marks?: SolveMark[];
  /** Of the last vote's paths, over all views, where there were several (docs/evaluation.md). */
  rollouts?: Partial<Record<RolloutMetric, number>>;
  /** What one should know of the answer. */
  notes?: string[];
  options: SolveOptions;
  /** The leading network: where it started from and how it was trained. */
  checkpoint: { path: string; step: number; data_sha256: string | null } | null;
  config: TrainConfig;
  canvas: number;
  parameters: number;
  backend: string;
}
