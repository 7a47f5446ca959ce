import { useThrottleFn } from '@vueuse/core';
import { onScopeDispose, ref, watch, type Ref } from 'vue';
import type { MetricBatch } from '@shared/metrics';
import { useClient } from '../kernel/client';
import { RUN_METRICS } from '../charts/definitions';
import { RunMetrics } from '../charts/series';
import { useApp } from '../kernel/stores/app';

export interface LiveMetrics {
  metrics: RunMetrics;
  /** Grows when points were added, at most ten times a second: charts then draw in the frames that follow. */
  version: Ref<number>;
  loaded: Ref<boolean>;
  error: Ref<unknown>;
  reload: () => Promise<void>;
}

/** The stored metrics of a run and everything that is told about it from now on, for as long as the caller lives. */
export function useRunMetrics(run: string, names: readonly string[] = RUN_METRICS): LiveMetrics {
  const client = useClient();
  const metrics = new RunMetrics();
  const version = ref(0);
  const loaded = ref(false);
  const error = ref<unknown>(null);
  const bump = useThrottleFn(() => version.value++, 100, true, true);
  // What arrives while the store is being read comes after it: both tell the same steps, the later one wins.
  let early: MetricBatch[] = [];

  onScopeDispose(
    client.on('run.metrics', (event) => {
      if (event.run !== run) return;
      if (!loaded.value) early.push(event.batch);
      else {
        metrics.append(event.batch);
        void bump();
      }
    }),
  );

  async function reload(): Promise<void> {
    loaded.value = false;
    try {
      metrics.load(await client.call('runs.metrics', { run, names: [...names] }));
      error.value = null;
    } catch (cause) {
      error.value = cause;
    }
    for (const batch of early) metrics.append(batch);
    early = [];
    loaded.value = true;
    version.value++;
  }
  void reload();

  const app = useApp();
  watch(
    () => app.connected,
    (up) => up && void reload(),
  );
  return { metrics, version, loaded, error, reload };
}
