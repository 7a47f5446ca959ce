import { ARCH_NAMES, ARCHITECTURES } from '@shared/architectures';

/** How numbers, durations and sizes are written everywhere in the window. Nothing ever shows NaN or 17 digits. */

export const NOT_YET = 'not yet';

type Maybe = number | null | undefined;

const known = (value: Maybe): value is number => typeof value === 'number' && Number.isFinite(value);

const whole = new Intl.NumberFormat('en-US', { maximumFractionDigits: 0 });

/** `31,208` */
export function formatCount(value: Maybe): string {
  return known(value) ? whole.format(value) : NOT_YET;
}

/** `62 %`, `38.5 %`, `100 %`: a share 0…1 with one decimal unless told. */
export function formatPercent(value: Maybe, digits = 1): string {
  return known(value) ? `${(value * 100).toFixed(digits)} %` : NOT_YET;
}

/** A label of an axis, as short as it is exact: `50 %`, `37.5 %`. */
export const formatPercentTick = (value: number): string => `${Number((value * 100).toPrecision(3))} %`;

/** Three significant digits where they matter: `0.412`, `7.4`, `31,208`, `3e-4`, `0`. */
export function formatNumber(value: Maybe): string {
  if (!known(value)) return NOT_YET;
  const size = Math.abs(value);
  if (size === 0) return '0';
  if (size >= 1e9) return shortExponent(value.toExponential(2));
  if (size >= 1000) return whole.format(value);
  if (size < 1e-3) return shortExponent(value.toExponential(2));
  return String(Number(value.toPrecision(3)));
}

/** `3.00e-4` → `3e-4` */
const shortExponent = (text: string): string => text.replace(/\.?0+e/, 'e').replace('e+', 'e');

/** A loss: three decimals below 10, so that the digits stand still while it falls. */
export function formatLoss(value: Maybe): string {
  if (!known(value)) return NOT_YET;
  return Math.abs(value) < 10 ? value.toFixed(3) : Math.abs(value) < 1000 ? value.toFixed(1) : whole.format(value);
}

/** `4.1 steps/s`, and below one a second the turned-round `2.3 s/step`, which people can picture. */
export function formatRate(perSecond: Maybe, unit = 'step'): string {
  if (!known(perSecond) || perSecond <= 0) return NOT_YET;
  if (perSecond >= 1) return `${perSecond >= 100 ? whole.format(perSecond) : perSecond.toFixed(1)} ${unit}s/s`;
  const seconds = 1 / perSecond;
  return seconds < 99.95 ? `${seconds.toFixed(1)} s/${unit}` : `${formatDuration(seconds)}/${unit}`;
}

const WORK = ['', 'k', 'M', 'G', 'T', 'P', 'E'];

/** Floating-point operations: `18.6 GFLOP`, `306 TFLOP`. */
export function formatFlops(count: Maybe): string {
  if (!known(count) || count < 0) return NOT_YET;
  const unit = Math.min(WORK.length - 1, count < 1 ? 0 : Math.floor(Math.log10(count) / 3));
  const value = Number((count / 1000 ** unit).toPrecision(3));
  // 999.9 rounds to the next unit's 1.
  return value >= 1000 && unit < WORK.length - 1 ? `1 ${WORK[unit + 1]}FLOP` : `${value} ${WORK[unit]}FLOP`;
}

/** `0.4 s`, `12 s`, `3 min`, `1 h 16 min`, `3 d 4 h`. */
export function formatDuration(seconds: Maybe): string {
  if (!known(seconds) || seconds < 0) return NOT_YET;
  if (seconds < 9.95) return `${Number(seconds.toFixed(1))} s`;
  if (seconds < 59.5) return `${Math.round(seconds)} s`;
  const minutes = Math.round(seconds / 60);
  if (minutes < 60) return `${minutes} min`;
  if (minutes < 48 * 60) {
    const rest = minutes % 60;
    return rest ? `${Math.floor(minutes / 60)} h ${rest} min` : `${minutes / 60} h`;
  }
  const hours = Math.round(minutes / 60);
  const rest = hours % 24;
  if (hours >= 24 * 365) return `${formatNumber(hours / 24 / 365)} years`;
  return rest ? `${Math.floor(hours / 24)} d ${rest} h` : `${hours / 24} d`;
}

/** `just now`, `40 s ago`, `3 min ago`, `2 h ago`, then the date. `now` in ms. */
export function formatAgo(iso: string | null | undefined, now = Date.now()): string {
  const then = iso ? Date.parse(iso) : NaN;
  if (!Number.isFinite(then)) return NOT_YET;
  const seconds = Math.max(0, (now - then) / 1000);
  if (seconds < 5) return 'just now';
  if (seconds < 60) return `${Math.floor(seconds)} s ago`;
  if (seconds < 3600) return `${Math.floor(seconds / 60)} min ago`;
  if (seconds < 24 * 3600) return `${Math.floor(seconds / 3600)} h ago`;
  return formatDate(iso);
}

/** `24 Nov 2025, 07:05`, in the machine's own time zone. */
export function formatDate(iso: string | null | undefined): string {
  const date = new Date(iso ?? NaN);
  if (Number.isNaN(date.getTime())) return NOT_YET;
  const day = new Intl.DateTimeFormat('en-GB', { day: 'numeric', month: 'short', year: 'numeric' }).format(date);
  const time = new Intl.DateTimeFormat('en-GB', { hour: '2-digit', minute: '2-digit' }).format(date);
  return `${day}, ${time}`;
}

const UNITS = ['bytes', 'kB', 'MB', 'GB', 'TB'];

/** What files take, as disks and the command line count it: `41 MB`, `18.2 GB`; 1 kB = 1000 bytes. */
export const formatBytes = (bytes: Maybe): string => formatSize(bytes, 1000);

/** Memory, as machines are sold and graphics cards named: `23.5 GB`; 1 GB = 1024³ bytes. */
export const formatMemory = (bytes: Maybe): string => formatSize(bytes, 1024);

function formatSize(bytes: Maybe, step: number): string {
  if (!known(bytes)) return NOT_YET;
  let value = bytes;
  let unit = 0;
  while (value >= step && unit < UNITS.length - 1) {
    value /= step;
    unit++;
  }
  const digits = unit > 0 && value < 100 ? 1 : 0;
  return `${Number(value.toFixed(digits))} ${UNITS[unit]}`;
}

/** `1 task`, `12 tasks`; `plural` where an s is not enough. */
export function formatPlural(count: number, singular: string, plural = `${singular}s`): string {
  return `${whole.format(count)} ${count === 1 ? singular : plural}`;
}

/** Axis labels: `0`, `500`, `10k`, `1.5M`. */
export function formatShort(value: number): string {
  const size = Math.abs(value);
  if (size >= 1e9) return `${Number((value / 1e9).toPrecision(3))}G`;
  if (size >= 1e6) return `${Number((value / 1e6).toPrecision(3))}M`;
  if (size >= 1e4) return `${Number((value / 1e3).toPrecision(3))}k`;
  if (size >= 1e3) return whole.format(value);
  if (size !== 0 && size < 1e-3) return shortExponent(value.toExponential(1));
  return String(Number(value.toPrecision(3)));
}

/** Architectures by their long names. */
const titles = new Map<string, string>(ARCH_NAMES.map((name) => [name, ARCHITECTURES[name].title]));

/** A config value as one would type it, architectures by their short title: `3e-4`, `true`, `"…"` only where text needs it, `empty` for null. */
export function formatValue(value: unknown): string {
  if (value === null || value === undefined) return 'empty';
  if (typeof value === 'number') {
    if (Number.isInteger(value)) return whole.format(value);
    return Math.abs(value) < 1e-2 ? shortExponent(value.toExponential()) : String(value);
  }
  if (typeof value === 'boolean') return value ? 'true' : 'false';
  if (typeof value === 'string') return value === '' ? 'empty' : (titles.get(value) ?? value);
  if (Array.isArray(value)) {
    // Evaluators without arguments are their names.
    const names = value.map((item: unknown) => {
      const only = typeof item === 'object' && item !== null && Object.keys(item).length === 1;
      return only && 'name' in item ? String(item.name) : typeof item === 'string' ? item : JSON.stringify(item);
    });
    return names.join(', ') || 'none';
  }
  return JSON.stringify(value);
}
