// Whether the samples of a soak are constant, by bounds that are stated here.

/**
 * @typedef {{ pid: number, rss: number, fds: number, threads: number }} Usage
 * @typedef {object} Sample
 * @property {string} time
 * @property {number} sitting
 * @property {number} cycle  within its sitting
 * @property {number} hours  of all sittings together
 * @property {Usage} studio
 * @property {Usage[]} compute the largest first
 * @property {number} tensors
 * @property {number} handles
 * @property {Record<string, number>} done
 * @property {{ files: number, bytes: number }} home without logs and database
 * @property {{ files: number, bytes: number }} logs
 * @property {{ bytes: number, wal: number }} database
 */

/** A sitting's first cycles fill caches, pools and the allocator's arenas. */
export const BURN_IN = 20;
const MB = 2 ** 20;

/** @param {number[]} values */
const median = (values) => [...values].sort((a, b) => a - b)[Math.floor(values.length / 2)] ?? 0;

/**
 * What is measured, and how much more of it the last quarter may hold than the first after the burn-in: a share and an
 * amount. Counts may not grow at all.
 * @type {{ name: string, unit: 'bytes' | 'count', of: (sample: Sample) => number, share: number, more: number, perProcess: boolean }[]}
 */
export const BOUNDS = [
  { name: 'studio, resident', unit: 'bytes', of: (s) => s.studio.rss, share: 0.1, more: 24 * MB, perProcess: true },
  { name: 'studio, open files', unit: 'count', of: (s) => s.studio.fds, share: 0, more: 2, perProcess: true },
  { name: 'compute, resident', unit: 'bytes', of: (s) => s.compute[0]?.rss ?? 0, share: 0.1, more: 64 * MB, perProcess: true },
  { name: 'compute, open files', unit: 'count', of: (s) => s.compute[0]?.fds ?? 0, share: 0, more: 2, perProcess: true },
  { name: 'tensors at a run’s end', unit: 'count', of: (s) => s.tensors, share: 0, more: 4, perProcess: false },
  { name: 'native handles at a run’s end', unit: 'count', of: (s) => s.handles, share: 0, more: 0, perProcess: false },
  { name: 'files in the home', unit: 'count', of: (s) => s.home.files, share: 0, more: 0, perProcess: false },
  { name: 'bytes in the home', unit: 'bytes', of: (s) => s.home.bytes, share: 0, more: 64 * 1024, perProcess: false },
  { name: 'database', unit: 'bytes', of: (s) => s.database.bytes, share: 0.05, more: MB, perProcess: false },
  { name: 'write-ahead log', unit: 'bytes', of: (s) => s.database.wal, share: 0, more: 16 * MB, perProcess: false },
  { name: 'logs', unit: 'bytes', of: (s) => s.logs.bytes, share: 0, more: 20 * MB, perProcess: false },
]; // prettier-ignore

/** @param {number} value @param {'bytes' | 'count'} unit */
const said = (value, unit) => (unit === 'bytes' ? `${(value / MB).toFixed(1)} MB` : String(value));

/**
 * @param {Sample[]} samples
 * @param {number} [burnIn]
 * @returns {{ lines: string[], faults: string[] }} a table of what was measured, and what grew
 */
export function judge(samples, burnIn = BURN_IN) {
  const lines = [];
  const faults = [];
  const last = samples.at(-1);
  if (!last) return { lines: ['No cycle was finished.'], faults: ['No cycle was finished.'] };
  /** @type {Record<string, number>} */
  const done = {};
  for (const s of samples) for (const [what, n] of Object.entries(s.done)) done[what] = (done[what] ?? 0) + n;
  lines.push(`${samples.length} cycles in ${last.hours.toFixed(2)} hours, ${last.sitting} sittings`);
  lines.push(Object.entries(done).map(([what, n]) => `${n} ${what}`).join(', ')); // prettier-ignore
  for (const bound of BOUNDS) {
    for (const stretch of bound.perProcess ? bySitting(samples) : [samples]) {
      const values = stretch.slice(burnIn).map(bound.of);
      // Too short to have two quarters that say anything.
      if (values.length < 4) continue;
      const quarter = Math.ceil(values.length / 4);
      const first = median(values.slice(0, quarter));
      const end = median(values.slice(-quarter));
      const where = bound.perProcess ? `, sitting ${stretch[0].sitting}` : '';
      const line = `${bound.name}${where}: ${said(first, bound.unit)} → ${said(end, bound.unit)}, at most ${said(Math.max(...values), bound.unit)}`;
      lines.push(line);
      if (end > first * (1 + bound.share) + bound.more) faults.push(`Grown: ${line}.`);
    }
  }
  return { lines, faults };
}

/** @param {Sample[]} samples @returns {Sample[][]} */
function bySitting(samples) {
  /** @type {Map<number, Sample[]>} */
  const sittings = new Map();
  for (const s of samples) sittings.set(s.sitting, [...(sittings.get(s.sitting) ?? []), s]);
  return [...sittings.values()];
}
