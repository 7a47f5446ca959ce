import { bucketMinMax, extent, placesX, type Places } from './buckets';
import { xOf, type XMode } from './axis';
import { nearestIndex, type Series } from './series';
import type { Smoothed } from './smooth';

/** One curve of a chart: a metric of a run. */
export interface ChartLine {
  id: string;
  label: string;
  /** CSS custom property: `--curve1`. */
  colour: string;
  series: Series;
  smoothed: Smoothed;
  /** Puzzles per step, for the samples axis. */
  batchSize: number;
  /** Drawn with a dot per point: evaluations are few. */
  points: boolean;
  /** Whether smoothing applies: not to evaluations, which are exact, nor to what a schedule sets. */
  smooth: boolean;
  dashed: boolean;
}

export interface View {
  mode: XMode;
  /** 0 … 0.999 */
  smoothing: number;
  log: boolean;
  /** In the axis' unit; null shows everything. */
  zoom: readonly [number, number] | null;
}

/** One drawn stroke: the raw curve under the smoothed one, or the only one. */
export interface Stroke {
  line: ChartLine;
  kind: 'raw' | 'smooth' | 'only';
}

export interface Sample {
  x: number[];
  strokes: Places[];
  /** Per stroke, the places that are points of their own: none for lines that are not drawn with dots. */
  dots: number[][];
  from: number;
  to: number;
  y: [number, number] | null;
}

export const isSmoothed = (line: ChartLine, smoothing: number): boolean => smoothing > 0 && line.smooth;

export function strokesOf(lines: readonly ChartLine[], smoothing: number): Stroke[] {
  // Raw strokes first, so that no smoothed curve lies under another run's noise.
  const raw = lines.filter((line) => isSmoothed(line, smoothing));
  return [
    ...raw.map((line): Stroke => ({ line, kind: 'raw' })),
    ...lines.map((line): Stroke => ({ line, kind: isSmoothed(line, smoothing) ? 'smooth' : 'only' })),
  ];
}

/** The span of x over all lines, in the axis' unit; [0, 1] while there is nothing. */
export function fullSpan(lines: readonly ChartLine[], mode: XMode): [number, number] {
  let from = Infinity;
  let to = -Infinity;
  for (const { series, batchSize } of lines) {
    if (!series.length) continue;
    const { x, factor } = xOf(series, mode, batchSize);
    from = Math.min(from, x[0] * factor);
    to = Math.max(to, x[series.length - 1] * factor);
  }
  if (!(from <= to)) return [0, 1];
  // A run starts at 0 even if its first point is logged later; one point still needs an axis.
  if (from < to * 0.2 || from === to) from = Math.min(0, from);
  return from === to ? [from - 0.5, to + 0.5] : [from, to];
}

/** Everything that uPlot needs to draw `lines` in a plot `columns` pixels wide. */
export function sample(lines: readonly ChartLine[], view: View, columns: number): Sample {
  const [from, to] = view.zoom ?? fullSpan(lines, view.mode);
  const strokes: Places[] = [];
  const dots: number[][] = [];
  for (const { line, kind } of strokesOf(lines, view.smoothing)) {
    const { x, factor } = xOf(line.series, view.mode, line.batchSize);
    const y = kind === 'smooth' ? line.smoothed.update(view.smoothing) : line.series.values;
    const places = (edges: boolean): Places =>
      bucketMinMax(x, y, line.series.length, from / factor, to / factor, columns, { positiveOnly: view.log, edges });
    strokes.push(places(true));
    dots.push(line.points ? places(false).flatMap((value, k) => (value === null ? [] : [k])) : []);
  }
  return { x: placesX(from, to, columns), strokes, dots, from, to, y: extent(strokes) };
}

export interface Reading {
  line: ChartLine;
  value: number;
  raw: number;
  step: number;
  seconds: number;
}

/** The point of a line nearest to `x` (in the axis' unit); null where the line has not begun or has ended. */
export function readAt(line: ChartLine, x: number, view: View, reach: number): Reading | null {
  const { series } = line;
  const { x: xs, factor } = xOf(series, view.mode, line.batchSize);
  const at = nearestIndex(xs, series.length, x / factor);
  if (at < 0) return null;
  if (x < xs[0] * factor - reach || x > xs[series.length - 1] * factor + reach) return null;
  const raw = series.values[at];
  const value = isSmoothed(line, view.smoothing) ? line.smoothed.update(view.smoothing)[at] : raw;
  return { line, value, raw, step: series.steps[at], seconds: series.seconds[at] };
}

/** The y axis for values `low`…`high`: a little air, within the limits, at least the span. */
export function yRange(
  y: [number, number] | null,
  log: boolean,
  span?: readonly [number, number],
  limits?: readonly [number, number],
): [number, number] {
  if (log) {
    if (!y) return [0.1, 1];
    const low = 10 ** Math.floor(Math.log10(y[0]) + 1e-9);
    const high = 10 ** Math.ceil(Math.log10(y[1]) - 1e-9);
    return low === high ? [low / 10, high] : [low, high];
  }
  let [low, high] = y ?? [0, 1];
  if (span) {
    low = Math.min(low, span[0]);
    high = Math.max(high, span[1]);
  }
  const size = Math.max(Math.abs(low), Math.abs(high));
  // Smoothing a constant leaves it constant but for the last bits, between which no axis can put labels.
  const flat = high - low <= size * 1e-6;
  const air = flat ? size * 0.1 || 0.5 : (high - low) * 0.06;
  low = span && low === span[0] ? low : low - air;
  high += air;
  if (limits) {
    low = Math.max(low, limits[0]);
    high = Math.min(high, limits[1]);
  }
  return low < high ? [low, high] : [low - 0.5, high + 0.5];
}

/** Round numbers between `low` and `high`, about `count` of them, for labels. */
export function niceTicks(low: number, high: number, count: number): number[] {
  const rough = (high - low) / count;
  const power = 10 ** Math.floor(Math.log10(rough));
  const step = power * ([1, 2, 5, 10].find((m) => m * power >= rough * 0.999) ?? 10);
  const ticks: number[] = [];
  for (let k = Math.ceil(low / step - 1e-9); k * step <= high + step * 1e-9; k++)
    ticks.push(Number((k * step).toPrecision(12)));
  return ticks;
}
