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
    // As it was stored, to the last bit: a series has float32.
    const value = (of: MetricSeries | undefined, index: number): number | null =>
      of && index >= 0 ? store.metrics.valueAt(run.id, of.steps[index], of.name) : null;
    const best = exact?.values.length ? exact.values.indexOf(Math.max(...exact.values)) : -1;
    store.runs.update(run.id, {
      step,
      seconds: loss?.seconds.at(-1) ?? 0,
      last_lm_loss: value(loss, (loss?.values.length ?? 0) - 1),
      last_exact_accuracy: value(exact, (exact?.values.length ?? 0) - 1),
      best_exact_accuracy: value(exact, best),
    });
  })();
}
