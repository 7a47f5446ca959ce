/** Cell and exact accuracy after each ACT step, as sums that can be saved in the middle and taken up again. */
import type { Batch } from '../data/batch';
import { ROW_COLUMNS } from './forward';
import { labelCounts } from './step-metrics';
import type { ActStep } from './batch';

const COLUMNS = ['accuracy', 'exact_accuracy', 'lm_loss', 'q_halt_loss', 'q_halt_accuracy'] as const;
const WIDTH = COLUMNS.length;

export class CellSums {
  /** Labelled examples. */
  count = 0;
  /** [T, 5]: sums over examples, by ACT step. */
  readonly sums: Float64Array;

  constructor(readonly actSteps: number) {
    this.sums = new Float64Array(actSteps * WIDTH);
  }

  /** @param steps all ACT steps of the batch */
  add(steps: readonly ActStep[], batch: Batch): void {
    const labels = labelCounts(batch.labels, batch.size);
    const width = ROW_COLUMNS.length;
    for (let b = 0; b < batch.filled; b++) {
      if (labels[b] === 0) continue;
      this.count++;
      steps.forEach(({ rows }, t) => {
        const [lm, halt, correct, q] = rows.subarray(b * width, (b + 1) * width);
        const exact = correct === labels[b];
        const values = [correct / labels[b], exact ? 1 : 0, lm, halt, q >= 0 === exact ? 1 : 0];
        for (let i = 0; i < WIDTH; i++) this.sums[t * WIDTH + i] += values[i];
      });
    }
  }

  /** The last step's means, as the reference names them; empty if no example had labels. */
  metrics(): Record<string, number> {
    if (this.count === 0) return {};
    const last = this.sums.subarray((this.actSteps - 1) * WIDTH);
    const means = COLUMNS.map((name, i): [string, number] => [name, last[i] / this.count]);
    return { ...Object.fromEntries(means), steps: this.actSteps, count: this.count };
  }

  bySteps(): { accuracy: number; exact_accuracy: number }[] {
    if (this.count === 0) return [];
    return Array.from({ length: this.actSteps }, (_, t) => ({
      accuracy: this.sums[t * WIDTH] / this.count,
      exact_accuracy: this.sums[t * WIDTH + 1] / this.count,
    }));
  }
}
