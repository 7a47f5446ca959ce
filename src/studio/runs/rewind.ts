import type { MetricSeries } from '../../shared/metrics';
import type { RunRecord } from '../repositories/runs';
import type { Store } from '../store';

/**
 * Takes a run back to `step`: what was measured, predicted and told after it goes, and the run's own figures follow.
 * What the steps after it repeat is then stored once, with the same numbers.
 */
export function rewind(store: Store, run: RunRecord, step: number): void {
  store.db.transaction(() => {
    store.metrics.deleteAfter(run.id, step);
    store.predictions.deleteAfter(run.id, step);
    store.events.deleteAfter(run.id, step);
    const series = store.metrics.series(run.id, ['lm_loss', 'eval/exact_accuracy']);
    const loss = series.find((s) => s.name === 'lm_loss');
    const exact = series.find((s) => s.name === 'eval/exact_accuracy');
    store.runs.update(run.id, {
      step,
      seconds: lastOf(loss, 'seconds') ?? 0,
      last_lm_loss: lastOf(loss, 'values'),
      last_exact_accuracy: lastOf(exact, 'values'),
      best_exact_accuracy: exact?.values.length ? Math.max(...exact.values) : null,
    });
  })();
}

function lastOf(series: MetricSeries | undefined, column: 'seconds' | 'values'): number | null {
  return series?.[column].length ? series[column][series[column].length - 1] : null;
}
