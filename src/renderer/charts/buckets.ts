import { lowerBound } from './series';

/** What a curve looks like in `columns` pixel columns: two places per column, x at ¼ and ¾ of it, null where empty. */
export type Places = (number | null)[];

/** The x of the 2 · columns places between `from` and `to`. */
export function placesX(from: number, to: number, columns: number): number[] {
  const width = (to - from) / columns;
  return Array.from({ length: columns * 2 }, (_, k) => from + (k / 2 + 0.25) * width);
}

/**
 * Minimum and maximum of every pixel column, in the order in which they occur: a line through them covers the same
 * pixels as a line through every point, at 2 · columns points whatever the length. The first and last place carry
 * the interpolated value at the edge where the curve goes on beyond it, unless `edges` is off.
 *
 * @param x [length] sorted upwards, @param y [length]
 */
export function bucketMinMax(
  x: Float64Array,
  y: Float64Array,
  length: number,
  from: number,
  to: number,
  columns: number,
  { positiveOnly = false, edges = true }: { positiveOnly?: boolean; edges?: boolean } = {},
): Places {
  const places: Places = new Array<number | null>(columns * 2).fill(null);
  if (!length || !(to > from)) return places;
  // Greater than this, and finite: NaN is greater than nothing.
  const floor = positiveOnly ? 0 : -Infinity;
  const usable = (value: number): boolean => value > floor && value < Infinity;
  const start = lowerBound(x, length, from);
  const width = (to - from) / columns;
  let i = start;
  while (i < length && x[i] <= to) {
    const column = Math.min(columns - 1, Math.floor((x[i] - from) / width));
    // Where the column ends is searched, not asked of every point: this runs over all points of all charts per frame.
    const last = column === columns - 1;
    let end = lowerBound(x, length, last ? to : from + (column + 1) * width, i);
    if (last) while (end < length && x[end] <= to) end++;
    if (end === i) end = i + 1;
    let low = -1;
    let high = -1;
    let least = Infinity;
    let most = -Infinity;
    for (; i < end; i++) {
      const value = y[i];
      if (!(value > floor && value < Infinity)) continue;
      if (value < least) {
        low = i;
        least = value;
      }
      if (value > most) {
        high = i;
        most = value;
      }
    }
    if (low < 0) continue;
    places[2 * column] = y[Math.min(low, high)];
    if (low !== high) places[2 * column + 1] = y[Math.max(low, high)];
  }
  if (!edges) return places;
  const edge = (before: number, after: number, at: number): number | null => {
    if (before < 0 || after >= length || !usable(y[before]) || !usable(y[after])) return null;
    const share = (at - x[before]) / (x[after] - x[before] || 1);
    return y[before] + (y[after] - y[before]) * share;
  };
  places[0] ??= edge(start - 1, start, from);
  places[places.length - 1] ??= edge(i - 1, i, to);
  return places;
}

/** Least and greatest value of the places, or null if all are empty. */
export function extent(columns: readonly Places[]): [number, number] | null {
  let low = Infinity;
  let high = -Infinity;
  for (const places of columns) {
    for (const value of places) {
      if (value === null) continue;
      if (value < low) low = value;
      if (value > high) high = value;
    }
  }
  return low <= high ? [low, high] : null;
}
