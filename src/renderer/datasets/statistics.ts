/** A report's numbers as the page draws them. */
import type { Histogram, SplitStatistics } from '@shared/contract/datasets';
import { formatCount } from '../ui/format';

export interface Bar {
  label: string;
  count: number;
}

/** Values as bars: each its own while there are few, else in ranges of equal width from the least to the greatest. */
export function bars(histogram: Histogram, most = 12): Bar[] {
  if (histogram.length === 0) return [];
  if (histogram.length <= most) return histogram.map(([value, count]) => ({ label: formatCount(value), count }));
  const least = histogram[0][0];
  const greatest = histogram[histogram.length - 1][0];
  const width = Math.ceil((greatest - least + 1) / most);
  const out: Bar[] = [];
  for (let from = least; from <= greatest; from += width) {
    const to = Math.min(greatest, from + width - 1);
    const count = histogram.reduce((sum, [value, n]) => sum + (value >= from && value <= to ? n : 0), 0);
    out.push({ label: from === to ? formatCount(from) : `${formatCount(from)}–${formatCount(to)}`, count });
  }
  return out;
}

/** "10 × 10 (312), 3 × 3 (205) and 60 more sizes". */
export function sizeWords(sizes: SplitStatistics['input_sizes'], most = 3): string {
  const named = sizes.slice(0, most).map((s) => `${s.rows} × ${s.columns} (${formatCount(s.count)})`);
  const more = sizes.length - named.length;
  return more > 0 ? `${named.join(', ')} and ${formatCount(more)} more sizes` : named.join(', ');
}
