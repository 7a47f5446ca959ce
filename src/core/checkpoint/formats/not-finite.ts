/** How many numbers are NaN or infinite. */
export function notFinite(values: Float32Array): number {
  // The sum of differences with itself is 0 for finite numbers and NaN else: one pass without a branch.
  let sum = 0;
  for (let i = 0; i < values.length; i++) sum += values[i] - values[i];
  if (sum === 0) return 0;
  let count = 0;
  for (let i = 0; i < values.length; i++) if (!Number.isFinite(values[i])) count++;
  return count;
}
