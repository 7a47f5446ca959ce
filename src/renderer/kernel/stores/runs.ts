import type { RunSummary } from '@shared/contract/runs';
import { isActive } from '@shared/jobs';
import { defineStore } from 'pinia';
import { computed, ref, shallowReactive } from 'vue';
import { useClient } from '../client';

/** Every run's summary, kept fresh by events. Series, checkpoints and events of a run belong to its screen. */
export const useRuns = defineStore('runs', () => {
  const byId = shallowReactive(new Map<string, RunSummary>());
  const loaded = ref(false);

  /** Newest first. */
  const list = computed(() => [...byId.values()].sort((a, b) => b.created.localeCompare(a.created)));
  const active = computed(() => list.value.filter((run) => isActive(run.status)));

  async function load(): Promise<void> {
    const runs = await useClient().call('runs.list', {});
    const ids = new Set(runs.map((run) => run.id));
    for (const id of byId.keys()) if (!ids.has(id)) byId.delete(id);
    for (const run of runs) byId.set(run.id, run);
    loaded.value = true;
  }

  function listen(): void {
    const client = useClient();
    client.on('run.changed', (run) => byId.set(run.id, run));
    client.on('run.deleted', (event) => byId.delete(event.run));
  }

  async function command(name: 'runs.pause' | 'runs.resume' | 'runs.stop', run: string): Promise<void> {
    byId.set(run, await useClient().call(name, { run }));
  }

  async function rename(run: string, name: string): Promise<void> {
    byId.set(run, await useClient().call('runs.rename', { run, name }));
  }

  async function remove(run: string): Promise<void> {
    await useClient().call('runs.delete', { run });
    byId.delete(run);
  }

  return { byId, list, active, loaded, load, listen, command, rename, remove };
});
