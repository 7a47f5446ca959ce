import { describe, expect, it } from 'vitest';
import { RunMetrics, Series, lowerBound, nearestIndex } from '../../src/renderer/charts/series';
import { Smoothed } from '../../src/renderer/charts/smooth';

function seriesOf(values: number[], from = 1): Series {
  const series = new Series();
  values.forEach((value, i) => series.push(from + i, (from + i) / 2, value));
  return series;
}
const valuesOf = (series: Series): number[] => Array.from(series.values.subarray(0, series.length));
const stepsOf = (series: Series): number[] => Array.from(series.steps.subarray(0, series.length));

describe('a series of a metric', () => {
  it('grows past its first capacity without losing a point', () => {
    const series = seriesOf(Array.from({ length: 1000 }, (_, i) => i * i));
    expect(series.length).toBe(1000);
    expect(series.values[999]).toBe(998_001);
    expect(series.steps[0]).toBe(1);
    expect(series.epoch).toBe(0);
  });

  it('lets the later telling replace the earlier when a resumed run repeats steps', () => {
    const series = seriesOf([10, 20, 30, 40, 50]);
    series.push(3, 1.5, 33);
    expect(stepsOf(series)).toEqual([1, 2, 3]);
    expect(valuesOf(series)).toEqual([10, 20, 33]);
    expect(series.epoch).toBe(1);
    series.push(4, 2, 44);
    expect(valuesOf(series)).toEqual([10, 20, 33, 44]);
    expect(series.epoch).toBe(1);
  });

  it('starts anew when everything repeats', () => {
    const series = seriesOf([1, 2, 3]);
    series.push(0, 0, 9);
    expect(valuesOf(series)).toEqual([9]);
  });
});

describe('searching', () => {
  const x = Float64Array.from([1, 3, 5, 7, 0, 0]);
  it('finds the first index at or after', () => {
    expect([0, 1, 2, 7, 8].map((at) => lowerBound(x, 4, at))).toEqual([0, 0, 1, 3, 4]);
  });
  it('finds the nearest, the earlier one of two equally near', () => {
    expect([-9, 1.9, 2, 2.1, 6.5, 99].map((at) => nearestIndex(x, 4, at))).toEqual([0, 0, 0, 1, 3, 3]);
    expect(nearestIndex(x, 0, 1)).toBe(-1);
  });
});

describe('the metrics of a run', () => {
  it('keeps each metric’s own points: a column is NaN where it has no value', () => {
    const metrics = new RunMetrics();
    metrics.append({
      steps: [1, 2, 3],
      seconds: [0.5, 1, 1.5],
      values: { lm_loss: [3, 2, 1], 'eval/exact_accuracy': [NaN, 0.25, NaN] },
    });
    expect(stepsOf(metrics.get('eval/exact_accuracy'))).toEqual([2]);
    expect(metrics.get('eval/exact_accuracy').seconds[0]).toBe(1);
    expect(metrics.get('lm_loss').last()).toBe(1);
    expect(metrics.names()).toEqual(['lm_loss', 'eval/exact_accuracy']);
    expect(metrics.get('accuracy').last()).toBeNull();
  });

  it('takes a batch that overlaps the stored series without doubling', () => {
    const metrics = new RunMetrics();
    metrics.load([
      {
        name: 'lm_loss',
        steps: Float64Array.from([1, 2, 3]),
        seconds: Float64Array.from([1, 2, 3]),
        values: Float32Array.from([5, 4, 3]),
      },
    ]);
    metrics.append({ steps: [2, 3, 4], seconds: [2, 3, 4], values: { lm_loss: [4, 3, 2] } });
    expect(valuesOf(metrics.get('lm_loss'))).toEqual([5, 4, 3, 2]);
  });
});

describe('debiased smoothing', () => {
  it('gives the hand-derived means: m ← m·w + x·(1−w), shown as m / (1 − wⁿ)', () => {
    const smoothed = new Smoothed(seriesOf([1, 2, 3])).update(0.5);
    expect(smoothed[0]).toBe(1);
    expect(smoothed[1]).toBeCloseTo(1.25 / 0.75, 12);
    expect(smoothed[2]).toBeCloseTo(2.125 / 0.875, 12);
  });

  it('keeps a constant curve where it is from the first point on', () => {
    const smoothed = new Smoothed(seriesOf(new Array<number>(500).fill(7))).update(0.99);
    for (let i = 0; i < 500; i++) expect(smoothed[i]).toBeCloseTo(7, 9);
  });

  it('gives the same when it grows point by point as all at once', () => {
    const values = Array.from({ length: 700 }, (_, i) => Math.sin(i) + i / 100);
    const series = new Series();
    const growing = new Smoothed(series);
    values.forEach((value, i) => {
      series.push(i, i, value);
      growing.update(0.9);
    });
    const whole = new Smoothed(seriesOf(values, 0)).update(0.9);
    expect(Array.from(growing.update(0.9).subarray(0, 700))).toEqual(Array.from(whole.subarray(0, 700)));
  });

  it('starts anew when the weight changes or points were replaced', () => {
    const series = seriesOf([4, 8, 100]);
    const smoothed = new Smoothed(series);
    smoothed.update(0.5);
    series.push(2, 1, 6);
    expect(smoothed.update(0.5)[1]).toBeCloseTo((0.5 * 2 + 3) / 0.75, 12);
    expect(smoothed.update(0.9)[0]).toBeCloseTo(4, 12);
  });

  it('does not let one infinite value spoil the rest', () => {
    const smoothed = new Smoothed(seriesOf([2, Infinity, 2])).update(0.5);
    expect(smoothed[2]).toBeCloseTo(2, 12);
  });

  it('is off at 0', () => {
    const series = seriesOf([5, 1]);
    expect(new Smoothed(series).update(0)).toBe(series.values);
  });
});
