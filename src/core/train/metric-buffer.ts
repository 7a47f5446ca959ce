/** Points of metrics between two flushes, column by column. */
import { TRAIN_METRICS, type MetricBatch, type TrainMetric, type TrainValues } from '../../shared/metrics';

export class MetricBuffer {
  private steps: number[] = [];
  private seconds: number[] = [];
  private values = this.emptyColumns();

  add(step: number, seconds: number, metrics: TrainValues): void {
    this.steps.push(step);
    this.seconds.push(seconds);
    for (const name of TRAIN_METRICS) {
      const value = metrics[name];
      if (value !== undefined) this.values[name].push(value);
    }
  }

  /** What has gathered since the last call, or null if nothing has. */
  take(): MetricBatch | null {
    if (!this.steps.length) return null;
    // A metric that this run does not have has no column at all.
    const values = Object.fromEntries(Object.entries(this.values).filter(([, column]) => column.length > 0));
    const batch = { steps: this.steps, seconds: this.seconds, values };
    this.steps = [];
    this.seconds = [];
    this.values = this.emptyColumns();
    return batch;
  }

  private emptyColumns(): Record<TrainMetric, number[]> {
    return Object.fromEntries(TRAIN_METRICS.map((name) => [name, [] as number[]])) as Record<TrainMetric, number[]>;
  }
}
