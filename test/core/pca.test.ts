/** Principal components of points whose axes are known. */
import * as tf from '@tensorflow/tfjs-core';
import { beforeAll, describe, expect, it } from 'vitest';
import { loadBackend } from '../../src/core/backend/load';
import { leadingVectors, project } from '../../src/core/trace/pca';

beforeAll(() => loadBackend());

const of = (rows: number[][]) => {
  const x = tf.tensor2d(rows);
  const found = project(x);
  x.dispose();
  return found;
};

describe('two principal axes', () => {
  // Four corners of a 6 × 2 rectangle, turned by the 3-4-5 triangle into the plane of the first two of three coordinates.
  const turn = (u: number, v: number): number[] => [0.8 * u - 0.6 * v, 0.6 * u + 0.8 * v, 7];
  const corners = [turn(-3, -1), turn(-3, 1), turn(3, -1), turn(3, 1)];

  it('are those of the rectangle, whichever of the two products is the smaller', () => {
    // 4 points in 3 dimensions: XᵀX. The same points with zeros behind them, 4 in 6: XXᵀ.
    for (const rows of [corners, corners.map((row) => [...row, 0, 0, 0])]) {
      const { points, explained } = of(rows);
      // u has variance 9, v has 1: 90 % and 10 %. The first point lies left, the farthest from the axis above.
      expect(explained[0]).toBeCloseTo(0.9, 5);
      expect(explained[1]).toBeCloseTo(0.1, 5);
      const xs = [0, 2, 4, 6].map((i) => points[i]);
      expect(xs.map((x) => Math.round(x * 1e4) / 1e4)).toEqual([-3, -3, 3, 3]);
      const ys = [1, 3, 5, 7].map((i) => points[i]);
      expect(ys.map((y) => Math.round(Math.abs(y) * 1e4) / 1e4)).toEqual([1, 1, 1, 1]);
      expect(ys[0]).toBeCloseTo(ys[2], 4);
      expect(ys[1]).toBeCloseTo(-ys[0], 4);
    }
  });

  it('of points on a line leave nothing for the second', () => {
    const { points, explained } = of([
      [0, 0],
      [1, 2],
      [3, 6],
    ]);
    expect(explained[0]).toBeCloseTo(1, 5);
    expect(explained[1]).toBeCloseTo(0, 5);
    // Distances on the line: √5 and 2√5.
    expect(points[2] - points[0]).toBeCloseTo(Math.sqrt(5), 4);
    expect(points[4] - points[2]).toBeCloseTo(2 * Math.sqrt(5), 4);
    expect([points[1], points[3], points[5]].every((y) => Math.abs(y) < 1e-3)).toBe(true);
  });

  it('are fitted to the rows that are asked for, and carry the others along', () => {
    const far = turn(-30, 5);
    for (const pad of [[], [0, 0, 0, 0]]) {
      const x = tf.tensor2d([far, ...corners].map((row) => [...row, ...pad]));
      const { points, explained } = project(x, 1);
      x.dispose();
      expect(explained[0]).toBeCloseTo(0.9, 5);
      expect(points[0]).toBeCloseTo(-30, 3);
      expect(Math.abs(points[1])).toBeCloseTo(5, 3);
      expect([2, 4, 6, 8].map((i) => Math.round(points[i] * 1e3) / 1e3)).toEqual([-3, -3, 3, 3]);
    }
  });

  it('of equal points, or of a single one, are zero', () => {
    for (const rows of [
      [[2, 2, 2]],
      [
        [1, 5],
        [1, 5],
        [1, 5],
      ],
    ]) {
      // prettier-ignore
      const { points, explained } = of(rows);
      expect([...points].every((v) => v === 0)).toBe(true);
      expect(explained).toEqual([0, 0]);
    }
  });

  it('look the same every time, and free what they made', () => {
    const rows = Array.from({ length: 20 }, (_, i) => Array.from({ length: 9 }, (_, j) => Math.sin(i * 3.1 + j * j)));
    const before = tf.memory().numTensors;
    expect(of(rows)).toEqual(of(rows));
    expect(tf.memory().numTensors).toBe(before);
  });
});

it('finds the largest eigenvalues of a symmetric matrix', () => {
  // [[2, 1], [1, 2]] has 3 along (1, 1) and 1 along (1, −1).
  const [a, b] = leadingVectors(Float64Array.of(2, 1, 1, 2), 2, 2);
  expect(a.value).toBeCloseTo(3, 9);
  expect(b.value).toBeCloseTo(1, 9);
  expect(Math.abs(a.vector[0])).toBeCloseTo(Math.SQRT1_2, 6);
  expect(a.vector[0] * b.vector[0] + a.vector[1] * b.vector[1]).toBeCloseTo(0, 9);
});
