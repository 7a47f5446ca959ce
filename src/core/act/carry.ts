/**
 * Adaptive computation on the host: which puzzle each batch row works on, for how many ACT steps, and whether it has
 * halted. The latents stay on the device. Source: `act.py` of the reference; B rows, S cells.
 */
import type { Batch } from '../data/batch';
import { IGNORE_LABEL } from '../data/batch';
import type { Halting } from '../model/architecture';
import type { Random } from '../lib/random';

export interface Carry {
  /** [B, S] */
  tokens: Int32Array;
  /** [B, S] */
  labels: Int32Array;
  /** [B] */
  puzzle_identifiers: Int32Array;
  /** [B]: ACT steps taken on the present puzzle. */
  steps: Int32Array;
  /** [B]: 1 where the row is done and takes a new puzzle at the next step. */
  halted: Uint8Array;
}

/** Every row halted: the first batch is taken whole. */
export function emptyCarry(rows: number, seqLen: number): Carry {
  return {
    tokens: new Int32Array(rows * seqLen),
    labels: new Int32Array(rows * seqLen).fill(IGNORE_LABEL),
    puzzle_identifiers: new Int32Array(rows),
    steps: new Int32Array(rows),
    halted: new Uint8Array(rows).fill(1),
  };
}

/** Halted rows take the batch's row and start at step 0; the others go on with what they have. Rows are counted from 0. */
export function takeBatch(carry: Carry, batch: Batch): Carry {
  const rows = carry.halted.length;
  const S = carry.tokens.length / rows;
  const next: Carry = {
    tokens: carry.tokens.slice(),
    labels: carry.labels.slice(),
    puzzle_identifiers: carry.puzzle_identifiers.slice(),
    steps: carry.steps.slice(),
    halted: carry.halted,
  };
  for (let b = 0; b < rows; b++) {
    if (!carry.halted[b]) continue;
    next.tokens.set(batch.inputs.subarray(b * S, (b + 1) * S), b * S);
    next.labels.set(batch.labels.subarray(b * S, (b + 1) * S), b * S);
    next.puzzle_identifiers[b] = batch.puzzle_identifiers[b];
    next.steps[b] = 0;
  }
  return next;
}

/** When rows stop in training: the config's numbers and the architecture's comparison. */
export interface HaltingRule extends Pick<Halting, 'adaptive' | 'comparesContinue'> {
  halt_max_steps: number;
  halt_exploration_prob: number;
}

/** Rows of a carry just taken for which the coming step is the last they may take. */
export const lastSteps = (carry: Carry, { halt_max_steps }: Pick<HaltingRule, 'halt_max_steps'>): Uint8Array =>
  Uint8Array.from(carry.steps, (n) => (n + 1 >= halt_max_steps ? 1 : 0));

const adapts = (rule: HaltingRule): boolean => rule.adaptive && rule.halt_max_steps > 1;

/**
 * The least number of ACT steps per row, drawn anew at every step: with probability `halt_exploration_prob` uniform over
 * 2 … halt_max_steps, else 0.
 */
export function drawMinimumSteps(rows: number, rule: HaltingRule, random: Random): Int32Array {
  const minima = new Int32Array(rows);
  if (!adapts(rule) || rule.halt_exploration_prob === 0) return minima;
  for (let b = 0; b < rows; b++) {
    // Both numbers are drawn for every row, so that the sequence does not depend on the outcomes.
    const explores = random.uniform() < rule.halt_exploration_prob;
    const minimum = random.integer(2, rule.halt_max_steps);
    if (explores) minima[b] = minimum;
  }
  return minima;
}

/** Counts the step and decides which rows are done, as in training. @returns the carry for the next step */
export function halt(
  carry: Carry,
  q: { halt: Float32Array; proceed: Float32Array },
  minima: Int32Array,
  rule: HaltingRule,
): Carry {
  const steps = carry.steps.map((n) => n + 1);
  const halted = new Uint8Array(steps.length);
  for (let b = 0; b < steps.length; b++) {
    const wants = rule.comparesContinue ? q.halt[b] > q.proceed[b] : q.halt[b] > 0;
    const may = adapts(rule) && wants && steps[b] >= minima[b];
    halted[b] = steps[b] >= rule.halt_max_steps || may ? 1 : 0;
  }
  return { ...carry, steps, halted };
}
