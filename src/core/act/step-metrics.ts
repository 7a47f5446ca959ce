/** A step's metrics from its per-row numbers, exactly the reference's: `losses.py` and `pretrain.py`. */
import { IGNORE_LABEL } from '../data/batch';
import type { Carry } from './carry';
import { ROW_COLUMNS } from './forward';

/** Sums over rows; `logged` divides them. */
export interface StepSums {
  lm_loss: number;
  q_halt_loss: number;
  /** Only where the architecture teaches q_continue. */
  q_continue_loss?: number;
  loss: number;
  /** Over the rows that halted in this step and have labels. */
  count: number;
  accuracy: number;
  exact_accuracy: number;
  q_halt_accuracy: number;
  steps: number;
}

export type RowColumn = (typeof ROW_COLUMNS)[number];

/** One column of the executor's [B, 6] rows. */
export function column(rows: Float32Array, name: RowColumn): Float32Array {
  const width = ROW_COLUMNS.length;
  const at = ROW_COLUMNS.indexOf(name);
  return Float32Array.from({ length: rows.length / width }, (_, b) => rows[b * width + at]);
}

/** Labelled cells per row [B]. */
export function labelCounts(labels: Int32Array, rows: number): Int32Array {
  const S = labels.length / rows;
  const counts = new Int32Array(rows);
  for (let i = 0; i < labels.length; i++) if (labels[i] !== IGNORE_LABEL) counts[Math.floor(i / S)]++;
  return counts;
}

/**
 * @param carry after the step: its `halted` says which rows count
 * @param learnsContinue whether the continue head's loss is there and counts
 */
export function sumMetrics(rows: Float32Array, carry: Carry, learnsContinue: boolean): StepSums {
  const B = carry.halted.length;
  const counts = labelCounts(carry.labels, B);
  const [lm, halting, correct, q] = (['lm_loss', 'q_halt_loss', 'correct', 'q_halt'] as const).map((c) =>
    column(rows, c),
  );
  const sums: StepSums = {
    lm_loss: 0,
    q_halt_loss: 0,
    loss: 0,
    count: 0,
    accuracy: 0,
    exact_accuracy: 0,
    q_halt_accuracy: 0,
    steps: 0,
  };
  for (let b = 0; b < B; b++) {
    sums.lm_loss += lm[b];
    sums.q_halt_loss += halting[b];
    if (!carry.halted[b] || counts[b] === 0) continue;
    const exact = correct[b] === counts[b];
    sums.count += 1;
    sums.accuracy += correct[b] / counts[b];
    sums.exact_accuracy += exact ? 1 : 0;
    sums.q_halt_accuracy += q[b] >= 0 === exact ? 1 : 0;
    sums.steps += carry.steps[b];
  }
  const proceed = learnsContinue ? column(rows, 'q_continue_loss').reduce((a, b) => a + b, 0) : 0;
  sums.loss = sums.lm_loss + 0.5 * (sums.q_halt_loss + proceed);
  return learnsContinue ? { ...sums, q_continue_loss: proceed } : sums;
}

export type LoggedMetrics = StepSums;

/** Losses per row of the batch, the rest per counted row; NaN (no value) for those where no row counts. */
export function logged(sums: StepSums, batchSize: number): LoggedMetrics {
  const out = { ...sums };
  for (const name of ['lm_loss', 'q_halt_loss', 'loss'] as const) out[name] = sums[name] / batchSize;
  if (sums.q_continue_loss !== undefined) out.q_continue_loss = sums.q_continue_loss / batchSize;
  for (const name of ['accuracy', 'exact_accuracy', 'q_halt_accuracy', 'steps'] as const) {
    out[name] = sums.count ? sums[name] / sums.count : NaN;
  }
  return out;
}
