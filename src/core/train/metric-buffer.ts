/** Points of metrics between two flushes, column by column. */
import { TRAIN_METRICS, type MetricBatch, type TrainMetric } from '../../shared/metrics';

export class MetricBuffer {
  private steps: number[] = [];
  private seconds: number[] = [];
  private values = this.emptyColumns();

  add(step: number, seconds: number, metrics: Record<TrainMetric, number>): void {
    this.steps.push(step);
    this.seconds.push(seconds);
    for (const name of TRAIN_METRICS) this.values[name].push(metrics[name]);
  }

  /** What has gathered since the last call, or null if nothing has. */
  take(): MetricBatch | null {
    if (!this.steps.length) return null;
    const batch = { steps: this.steps, seconds: this.seconds, values: this.values };
    this.steps = [];
    this.seconds = [];
    this.values = this.emptyColumns();
    return batch;
  }

  private emptyColumns(): Record<TrainMetric, number[]> {
    return Object.fromEntries(TRAIN_METRICS.map((name) => [name, [] as number[]])) as Record<TrainMetric, number[]>;
  }
}
