import { formatDuration, formatCount, formatShort } from '../ui/format';
import type { Series } from './series';

export type XMode = 'step' | 'time' | 'samples';

export const X_MODES: readonly { value: XMode; label: string }[] = [
  { value: 'step', label: 'Step' },
  { value: 'time', label: 'Time' },
  { value: 'samples', label: 'Samples' },
];

/** The x array of a series and the factor that turns it into the axis' unit: steps, seconds or puzzles. */
export function xOf(series: Series, mode: XMode, batchSize: number): { x: Float64Array; factor: number } {
  return mode === 'time'
    ? { x: series.seconds, factor: 1 }
    : { x: series.steps, factor: mode === 'samples' ? batchSize : 1 };
}

/** Under the axis. */
export function formatXShort(value: number, mode: XMode): string {
  if (mode !== 'time') return formatShort(value);
  if (value === 0) return '0';
  if (value < 60) return `${Number(value.toPrecision(3))} s`;
  if (value < 3600) return `${Number((value / 60).toPrecision(3))} min`;
  return `${Number((value / 3600).toPrecision(3))} h`;
}

/** `4:59:30`, from which neighbouring seconds can be told apart. */
function clock(seconds: number): string {
  const [h, m, s] = [Math.floor(seconds / 3600), Math.floor(seconds / 60) % 60, Math.round(seconds % 60)];
  return `${h}:${String(m).padStart(2, '0')}:${String(s).padStart(2, '0')}`;
}

/**
 * The labels of an axis' ticks: short, unless two of them would read the same (a run that goes on at step 14,992 and has
 * ten more). Then all are written out.
 */
export function formatXTicks(ticks: readonly number[], mode: XMode): string[] {
  const short = ticks.map((tick) => formatXShort(tick, mode));
  if (new Set(short).size === new Set(ticks).size) return short;
  return ticks.map((tick) => (mode === 'time' ? clock(tick) : formatCount(tick)));
}

/** Beside a reading: `step 12,400`, `1 h 16 min`, `9,523,200 samples`. */
export function formatX(value: number, mode: XMode): string {
  if (mode === 'time') return formatDuration(value);
  return mode === 'step' ? `step ${formatCount(value)}` : `${formatCount(value)} samples`;
}

const NICE_SECONDS = [1, 2, 5, 10, 15, 30, 60, 120, 300, 600, 900, 1800, 3600, 7200, 10_800, 21_600, 43_200, 86_400];

/** Tick distances for the x axis; uPlot takes the smallest that leaves room. */
export function xIncrements(mode: XMode): number[] {
  if (mode === 'time') return [...NICE_SECONDS, ...[2, 5, 10, 20, 50, 100].map((days) => days * 86_400)];
  const increments: number[] = [];
  for (let power = 0; power < 12; power++) for (const m of [1, 2, 5]) increments.push(m * 10 ** power);
  return increments;
}
