import type { Series } from './series';

/**
 * TensorBoard's smoothing: an exponential moving average that starts at 0 and is divided by 1 − wⁿ, so that the first
 * points are not pulled towards 0. Extends itself as the series grows; n points cost n steps once, not per frame.
 */
export class Smoothed {
  values = new Float64Array(0);
  private length = 0;
  private mean = 0;
  private power = 1;
  private weight = -1;
  private epoch = -1;

  constructor(private readonly series: Series) {}

  /** The smoothed values [series.length] for `weight` in [0, 1); 0 gives the values themselves. */
  update(weight: number): Float64Array {
    const { series } = this;
    if (weight <= 0) return series.values;
    if (weight !== this.weight || series.epoch !== this.epoch) {
      this.length = 0;
      this.mean = 0;
      this.power = 1;
      this.weight = weight;
      this.epoch = series.epoch;
    }
    if (this.values.length < series.values.length) {
      const bigger = new Float64Array(series.values.length);
      bigger.set(this.values.subarray(0, this.length));
      this.values = bigger;
    }
    for (; this.length < series.length; this.length++) {
      const value = series.values[this.length];
      // An infinite loss would stay in the average for ever.
      if (Number.isFinite(value)) {
        this.mean = this.mean * weight + value * (1 - weight);
        this.power *= weight;
      }
      this.values[this.length] = this.power === 1 ? value : this.mean / (1 - this.power);
    }
    return this.values;
  }
}
