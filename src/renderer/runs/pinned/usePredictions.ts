import { computed, onScopeDispose, ref, shallowRef, watch } from 'vue';
import type { DatasetExample } from '@shared/contract/datasets';
import type { PredictionSet, RunDetail } from '@shared/contract/runs';
import { useClient } from '../../kernel/client';
import { sameExample } from '../../kernel/example-ref';

/**
 * The stored predictions of a run's pinned examples, and the examples themselves. `at` is the evaluation shown; while it
 * is the last one it follows new ones.
 */
export function usePredictions(run: () => RunDetail) {
  const client = useClient();
  const sets = shallowRef<PredictionSet[]>([]);
  const examples = shallowRef<DatasetExample[]>([]);
  const loaded = ref(false);
  const error = shallowRef<unknown>(null);
  const at = ref(0);

  const inOrder = (list: PredictionSet[]): PredictionSet[] => [...list].sort((a, b) => a.step - b.step);

  async function load(): Promise<void> {
    const { id } = run();
    try {
      const list = await client.call('runs.predictions', { run: id });
      if (id !== run().id) return;
      sets.value = inOrder(list);
      at.value = Math.max(0, list.length - 1);
      error.value = null;
    } catch (problem) {
      error.value = problem;
    } finally {
      loaded.value = true;
    }
  }
  watch(() => run().id, load, { immediate: true });

  const off = client.on('run.prediction', (set) => {
    if (set.run !== run().id) return;
    const following = at.value >= sets.value.length - 1;
    // An evaluation that was repeated after resuming replaces the earlier one of the same step.
    sets.value = inOrder([...sets.value.filter((s) => s.step !== set.step), set]);
    if (following) at.value = sets.value.length - 1;
  });
  onScopeDispose(off);

  watch(
    () => [run().dataset, JSON.stringify(run().pinned)] as const,
    async ([dataset]) => {
      const { pinned } = run();
      if (!dataset || !pinned.length) {
        examples.value = [];
        return;
      }
      try {
        const found = await client.call('datasets.read', { dataset, examples: [...pinned] });
        if (dataset === run().dataset) examples.value = found;
      } catch (problem) {
        error.value = problem;
      }
    },
    { immediate: true },
  );

  const current = computed(() => sets.value[Math.min(at.value, sets.value.length - 1)] ?? null);
  /** One entry per pinned example; a prediction is null where it was pinned only after that evaluation. */
  const pins = computed(() =>
    run().pinned.map((example) => ({
      example,
      shown: examples.value.find((e) => sameExample(e.example, example)) ?? null,
      prediction: current.value?.predictions.find((p) => sameExample(p.example, example)) ?? null,
    })),
  );
  return { sets, at, current, pins, loaded, error, load };
}
