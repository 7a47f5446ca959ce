import { nearest } from '../shared/nearest';

/** A mistake in what was typed: exit code 2. Everything else that goes wrong is a StudioError and exit code 1. */
export class UsageError extends Error {}

export const EXIT = { ok: 0, failed: 1, usage: 2, interrupted: 130, terminated: 143 } as const;

/** @throws UsageError unless `text` is a whole number from `min` to `max` */
export function wholeNumber(text: string, option: string, min = 0, max = Number.MAX_SAFE_INTEGER): number {
  const value = /^-?\d+$/.test(text.trim()) ? Number(text) : NaN;
  if (!(value >= min && value <= max))
    throw new UsageError(
      `${option} is ${text}: use a whole number from ${min}${max === Number.MAX_SAFE_INTEGER ? '' : ` to ${max}`}.`,
    );
  return value;
}

/** @throws UsageError unless `text` is a number above 0 */
export function positive(text: string, option: string): number {
  const value = Number(text);
  if (text.trim() === '' || !(value > 0) || !Number.isFinite(value))
    throw new UsageError(`${option} is ${text}: use a number above 0.`);
  return value;
}

const UNITS: Readonly<Record<string, number>> = { MB: 1e6, GB: 1e9, TB: 1e12, MIB: 2 ** 20, GIB: 2 ** 30 };

/** Bytes from a text such as `80GB` or `24 GiB`. @throws UsageError */
export function byteSize(text: string, option: string): number {
  const [, number, unit] = /^\s*(\d+(?:\.\d+)?)\s*([a-z]+)\s*$/i.exec(text) ?? [];
  const bytes = Number(number) * (UNITS[(unit as string | undefined)?.toUpperCase() ?? ''] ?? NaN);
  if (!(bytes > 0)) throw new UsageError(`${option} is ${text}: use a size such as 80GB or 24GiB.`);
  return bytes;
}

/** The names that an option picks, separated by commas or spaces; all of them without it. @throws UsageError */
export function chosen<T extends string>(given: string[] | undefined, all: readonly T[], option: string): readonly T[] {
  const wanted = given?.flatMap((text) => text.split(',')).map((text) => text.trim());
  const wrong = wanted?.find((name) => !(all as readonly string[]).includes(name));
  if (wrong !== undefined) throw new UsageError(`${option} is ${wrong}: use ${all.join(', ')}.`);
  return wanted ? all.filter((name) => (wanted as string[]).includes(name)) : all;
}

/** @throws UsageError unless `value` is one of `allowed` */
export function oneOf<T extends string>(option: string, value: string, allowed: readonly T[]): T {
  const found = allowed.find((name) => name === value);
  if (found) return found;
  const close = nearest(value, allowed);
  throw new UsageError(`${option} is ${value}: ${close ? `did you mean ${close}?` : `use ${allowed.join(' or ')}.`}`);
}
