/**
 * One training step behind an interface, so that the same program can run eagerly or as a recorded graph. An executor owns
 * the state (weights, moments, averages, latents, puzzle embeddings); batches and per-step numbers go in, per-row numbers
 * come out.
 */
import type { Weights } from '../model/architecture';
import type { PuzzleRows } from './sign-sgd';

/** What changes from step to step. B rows, S cells. */
export interface StepInput {
  /** [B, S] */
  tokens: Int32Array;
  /** [B, S], −100 without label */
  labels: Int32Array;
  /** [B], 1 where the row starts anew */
  reset: Uint8Array;
  /** [B], 1 where this step is the row's last: its number is halt_max_steps */
  last: Uint8Array;
  /** [B]: rows of the puzzle embedding */
  identifiers: Int32Array;
  /** As `adamNumbers` gives them. */
  adam: readonly number[];
  /** As `sparseNumbers` gives them. */
  sparse: readonly [lr: number, decay: number];
}

export interface StepOutput {
  /** [B, ROW_COLUMNS.length] */
  rows: Float32Array;
}

/** Host copies of the dense state, by parameter name within each group. */
export interface StateValues {
  weights: Map<string, Float32Array>;
  /** AdamATan2's moments. */
  m: Map<string, Float32Array>;
  v: Map<string, Float32Array>;
  /** Empty without averages. */
  ema: Map<string, Float32Array>;
  latents: Map<string, Float32Array>;
}

export type StateGroup = keyof StateValues;
export const STATE_GROUPS = ['weights', 'm', 'v', 'ema', 'latents'] as const satisfies readonly StateGroup[];

export interface StepExecutor {
  readonly execution: 'eager' | 'recorded';
  /** Null without puzzle embeddings. */
  readonly puzzles: PuzzleRows | null;
  /** @throws whatever the backend throws; the state is then as before the step. */
  run(input: StepInput): StepOutput;
  /** A sync point of many tensors: for checkpoints and evaluations. */
  read<G extends StateGroup>(groups: readonly G[]): Promise<Pick<StateValues, G>>;
  /** The weights that are evaluated, with "ema" the averages where there are any. The tensors stay the executor's. */
  evaluated(which: 'ema' | 'raw'): Weights;
  /** Replaces what is named; the rest stays. */
  write(values: Partial<StateValues>): void;
  dispose(): void;
}
