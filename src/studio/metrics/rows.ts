/** A run's stored points, step by step, at full precision and without all of them in memory. */
import type { Store } from '../store';

export interface MetricRow {
  step: number;
  /** Training time since the run's first step. */
  seconds: number;
  /** By stored name; what was not measured at this step is not there. */
  values: Map<string, number>;
}

/** Rows of the database per read: a few megabytes. */
const PAGE = 20_000;

/** Steps ascending; everything of one step is in one row. */
export function* metricRows(store: Store, run: string, page = PAGE): Generator<MetricRow> {
  let open = null as MetricRow | null;
  for (let after: { step: number; set: number } | null = null; ;) {
    const points = store.metrics.page(run, after, page);
    for (const { step, seconds, values } of points) {
      if (open && open.step !== step) yield open;
      if (open?.step !== step) open = { step, seconds, values: new Map() };
      for (const [name, value] of values) if (!Number.isNaN(value)) open.values.set(name, value);
    }
    const last = points[points.length - 1];
    if (points.length < page || !last) break;
    after = { step: last.step, set: last.set };
  }
  if (open) yield open;
}
