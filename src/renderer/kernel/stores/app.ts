import type { AppInfo } from '@shared/contract/app';
import type { Subset } from '@shared/contract/tasks';
import { defineStore } from 'pinia';
import { computed, ref, shallowRef } from 'vue';
import { useClient } from '../client';

/** What the shell shows besides the screens: the studio itself, the connection to it, and how much there is. */
export const useApp = defineStore('app', () => {
  const info = shallowRef<AppInfo | null>(null);
  /** Whether the studio answers. Starts true, so that a slow start is not called a loss. */
  const connected = ref(true);
  /** The key of this page is no longer taken: the studio was started anew, with another one. */
  const refused = ref(false);
  const subsets = shallowRef<Subset[]>([]);
  const datasetIds = ref(new Set<string>());
  const loaded = ref(false);

  const taskCount = computed(() => subsets.value.reduce((sum, subset) => sum + subset.count, 0));
  const datasetCount = computed(() => datasetIds.value.size);

  async function load(): Promise<void> {
    const client = useClient();
    const [appInfo, found, datasets] = await Promise.all([
      client.call('app.info', {}),
      client.call('tasks.subsets', {}),
      client.call('datasets.list', {}),
    ]);
    info.value = appInfo;
    subsets.value = found;
    datasetIds.value = new Set(datasets.map((dataset) => dataset.id));
    loaded.value = true;
  }

  function listen(): void {
    const client = useClient();
    client.on('tasks.changed', (event) => (subsets.value = event.subsets));
    client.on('dataset.changed', (dataset) => datasetIds.value.add(dataset.id));
    client.on('dataset.deleted', (event) => datasetIds.value.delete(event.dataset));
  }

  return { info, connected, refused, subsets, taskCount, datasetCount, loaded, load, listen };
});
