import { computed, ref, shallowReactive, shallowRef } from 'vue';
import type { DatasetSummary } from '@shared/contract/datasets';
import type { Events } from '@shared/contract';
import { useClient } from '../kernel/client';

const byId = shallowReactive(new Map<string, DatasetSummary>());
const progress = shallowReactive(new Map<string, Events['dataset.progress']>());
const loaded = ref(false);
const error = shallowRef<unknown>(null);
/** Newest first. */
const list = computed(() => [...byId.values()].sort((a, b) => b.created.localeCompare(a.created)));
let listening = false;

async function load(): Promise<void> {
  try {
    const found = await useClient().call('datasets.list', {});
    byId.clear();
    for (const dataset of found) byId.set(dataset.id, dataset);
    error.value = null;
    loaded.value = true;
  } catch (problem) {
    error.value = problem;
  }
}

/** Every dataset and how far those being built are, kept fresh by events. */
export function useDatasets() {
  const client = useClient();
  if (!listening) {
    listening = true;
    client.on('dataset.changed', (dataset) => {
      byId.set(dataset.id, dataset);
      if (dataset.status !== 'building') progress.delete(dataset.id);
    });
    client.on('dataset.deleted', ({ dataset }) => {
      byId.delete(dataset);
      progress.delete(dataset);
    });
    client.on('dataset.progress', (event) => progress.set(event.dataset, event));
    // What happened while the connection was down was not told.
    client.onConnection((up) => void (up && loaded.value && load()));
  }
  if (!loaded.value) void load();
  return { byId, list, progress, loaded, error, load };
}
