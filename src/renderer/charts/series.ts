import type { MetricBatch, MetricSeries } from '@shared/metrics';

/**
 * One metric of one run, growing. Points stand in the order of their steps; arrays are longer than `length`.
 * `epoch` changes whenever points that were there are gone, so that whoever keeps derived values starts anew.
 */
export class Series {
  steps = new Float64Array(256);
  seconds = new Float64Array(256);
  values = new Float64Array(256);
  length = 0;
  epoch = 0;

  /** A run that resumes repeats the steps after its checkpoint: the later telling replaces the earlier. */
  push(step: number, seconds: number, value: number): void {
    if (this.length && step <= this.steps[this.length - 1]) this.cut(lowerBound(this.steps, this.length, step));
    if (this.length === this.steps.length) this.grow(this.length * 2);
    this.steps[this.length] = step;
    this.seconds[this.length] = seconds;
    this.values[this.length] = value;
    this.length++;
  }

  private cut(length: number): void {
    this.length = length;
    this.epoch++;
  }

  private grow(capacity: number): void {
    for (const key of ['steps', 'seconds', 'values'] as const) {
      const bigger = new Float64Array(capacity);
      bigger.set(this[key].subarray(0, this.length));
      this[key] = bigger;
    }
  }

  /** Replaces everything by a stored series; points without a value are left out. */
  load(from: MetricSeries): void {
    this.cut(0);
    if (from.values.length > this.steps.length) this.grow(from.values.length);
    for (let i = 0; i < from.values.length; i++) {
      if (!Number.isNaN(from.values[i])) this.push(from.steps[i], from.seconds[i], from.values[i]);
    }
  }

  last(): number | null {
    return this.length ? this.values[this.length - 1] : null;
  }
}

/** The first index from `start` on whose value is ≥ `x`, in `array[0, length)` sorted upwards. */
export function lowerBound(array: Float64Array, length: number, x: number, start = 0): number {
  let low = start;
  let high = length;
  while (low < high) {
    const mid = (low + high) >>> 1;
    if (array[mid] < x) low = mid + 1;
    else high = mid;
  }
  return low;
}

/** The index of the value nearest to `x`; −1 in an empty array. */
export function nearestIndex(array: Float64Array, length: number, x: number): number {
  if (!length) return -1;
  const at = lowerBound(array, length, x);
  if (at === 0) return 0;
  if (at === length) return length - 1;
  return x - array[at - 1] <= array[at] - x ? at - 1 : at;
}

/** All metrics of one run, by the store's names (`lm_loss`, `eval/exact_accuracy`, `machine/memory_bytes`). */
export class RunMetrics {
  private readonly byName = new Map<string, Series>();

  get(name: string): Series {
    let series = this.byName.get(name);
    if (!series) this.byName.set(name, (series = new Series()));
    return series;
  }

  names(): string[] {
    return [...this.byName].filter(([, series]) => series.length).map(([name]) => name);
  }

  load(stored: readonly MetricSeries[]): void {
    for (const series of stored) this.get(series.name).load(series);
  }

  /** @param batch columns; NaN where a metric has no value at a step. */
  append(batch: MetricBatch): void {
    for (const [name, values] of Object.entries(batch.values)) {
      const series = this.get(name);
      for (let i = 0; i < values.length; i++) {
        if (!Number.isNaN(values[i])) series.push(batch.steps[i], batch.seconds[i], values[i]);
      }
    }
  }
}
