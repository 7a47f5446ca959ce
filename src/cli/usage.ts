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
