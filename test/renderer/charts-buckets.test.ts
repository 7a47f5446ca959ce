import { describe, expect, it } from 'vitest';
import { bucketMinMax, extent, placesX } from '../../src/renderer/charts/buckets';

const wave = (n: number): Float64Array =>
  Float64Array.from({ length: n }, (_, i) => Math.sin(i * 1.7) * (1 + Math.cos(i / 900)));
const ramp = (n: number): Float64Array => Float64Array.from({ length: n }, (_, i) => i);

describe('minimum and maximum per pixel column', () => {
  it('keeps every column’s least and greatest value, in the order in which they occur', () => {
    const n = 100_000;
    const columns = 380;
    const x = ramp(n);
    const y = wave(n);
    const places = bucketMinMax(x, y, n, 0, n - 1, columns);
    expect(places).toHaveLength(2 * columns);
    for (let c = 0; c < columns; c++) {
      let low = -1;
      let high = -1;
      for (let i = 0; i < n; i++) {
        if (Math.min(columns - 1, Math.floor(i / ((n - 1) / columns))) !== c) continue;
        if (low < 0 || y[i] < y[low]) low = i;
        if (high < 0 || y[i] > y[high]) high = i;
      }
      expect(places[2 * c]).toBe(y[Math.min(low, high)]);
      expect(places[2 * c + 1]).toBe(y[Math.max(low, high)]);
      if (c > 3) c += 37; // the brute force is quadratic; a tenth of the columns says enough
    }
  });

  it('leaves a single spike among 100,000 points visible', () => {
    const y = new Float64Array(100_000).fill(1);
    y[54_321] = 9;
    expect(extent([bucketMinMax(ramp(100_000), y, 100_000, 0, 99_999, 100)])).toEqual([1, 9]);
  });

  it('puts a lone point into one place, so that its dot is drawn once', () => {
    const places = bucketMinMax(Float64Array.from([5]), Float64Array.from([2]), 1, 0, 10, 10);
    expect(places.filter((value) => value !== null)).toEqual([2]);
    expect(places[10]).toBe(2);
  });

  it('carries the curve to the edges of a zoom by interpolation', () => {
    const places = bucketMinMax(Float64Array.from([0, 10]), Float64Array.from([0, 100]), 2, 4, 6, 5);
    expect(places[0]).toBeCloseTo(40);
    expect(places[9]).toBeCloseTo(60);
    expect(places.slice(1, 9).every((value) => value === null)).toBe(true);
  });

  it('does not invent values beyond the ends of a run', () => {
    const places = bucketMinMax(Float64Array.from([5, 6]), Float64Array.from([1, 2]), 2, 0, 20, 20);
    expect(places[0]).toBeNull();
    expect(places.at(-1)).toBeNull();
  });

  it('leaves out what is not finite, and what a log scale cannot show', () => {
    const x = Float64Array.from([0, 1, 2, 3]);
    const y = Float64Array.from([NaN, 0, -1, 4]);
    expect(extent([bucketMinMax(x, y, 4, 0, 3, 4)])).toEqual([-1, 4]);
    expect(extent([bucketMinMax(x, y, 4, 0, 3, 4, { positiveOnly: true })])).toEqual([4, 4]);
  });

  it('has nothing to show for an empty series or an empty span', () => {
    const none = new Float64Array(8);
    expect(extent([bucketMinMax(none, none, 0, 0, 1, 4)])).toBeNull();
    expect(extent([bucketMinMax(none, none, 8, 1, 1, 4)])).toBeNull();
  });

  it('places x at a quarter and three quarters of each column', () => {
    expect(placesX(0, 4, 2)).toEqual([0.5, 1.5, 2.5, 3.5]);
  });
});
