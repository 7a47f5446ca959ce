/** What the command line says: people's text on stderr, data on stdout. */
import type { WireError } from '../shared/errors';

/** A line for people. */
export function say(line: string): void {
  process.stderr.write(`${line}\n`);
}

/** A line of data: text that was asked for, or one JSON object. NaN and infinities become null. */
export function print(line: string): void {
  process.stdout.write(`${line}\n`);
}

export function printJson(value: unknown): void {
  print(JSON.stringify(value));
}

/** Rows as aligned columns; numbers (and columns named in `right`) flush right. */
export function table(
  head: readonly string[],
  rows: readonly (readonly string[])[],
  right: readonly number[] = [],
): string {
  const widths = head.map((title, i) => Math.max(title.length, ...rows.map((row) => row[i].length)));
  const line = (cells: readonly string[]) =>
    cells
      .map((cell, i) => (right.includes(i) ? cell.padStart(widths[i]) : cell.padEnd(widths[i])))
      .join('  ')
      .trimEnd();
  return [line(head), ...rows.map(line)].join('\n');
}

export const count = (n: number): string => n.toLocaleString('en-US');
/** `1 identifier`, `12 identifiers`. */
export const plural = (n: number, singular: string): string => `${count(n)} ${singular}${n === 1 ? '' : 's'}`;
export const percent = (p: number | null): string => (p === null ? '–' : `${(p * 100).toFixed(1)} %`);
export const decimal = (x: number | null): string => (x === null ? '–' : x.toPrecision(3));

export function duration(seconds: number | null): string {
  if (seconds === null || !Number.isFinite(seconds)) return '–';
  const s = Math.round(seconds);
  if (s < 60) return `${s} s`;
  if (s < 3600) return `${Math.floor(s / 60)} min ${s % 60} s`;
  return `${count(Math.floor(s / 3600))} h ${Math.floor((s % 3600) / 60)} min`;
}

/** What files take: 1 kB is 1000 bytes. */
export const bytes = (n: number): string => size(n, 1000);

/** Memory, as machines are sold and graphics cards named: 1 GB is 1024³ bytes. */
export const memory = (n: number): string => size(n, 1024);

function size(n: number, step: number): string {
  const units = ['B', 'kB', 'MB', 'GB', 'TB'];
  let value = n;
  let unit = 0;
  while (value >= step && unit < units.length - 1) {
    value /= step;
    unit++;
  }
  return `${unit === 0 || value >= 100 ? Math.round(value) : value.toFixed(1)} ${units[unit]}`;
}

/** The sentence, and with --json the whole of it on stdout too. */
export function sayError(error: WireError, json: boolean): void {
  if (json) printJson({ event: 'error', ...error });
  say(error.message);
}
