import { onScopeDispose, ref, shallowRef } from 'vue';
import type { TraceInfo } from '@shared/contract/traces';
import { useClient } from '../../kernel/client';

/** All stored traces, newest first, kept fresh by events. */
export function useTraces() {
  const traces = shallowRef<TraceInfo[]>([]);
  const loaded = ref(false);
  const error = shallowRef<unknown>(null);

  async function load(): Promise<void> {
    try {
      const list = await useClient().call('traces.list', {});
      traces.value = list.sort((a, b) => b.created.localeCompare(a.created) || b.id - a.id);
      error.value = null;
      loaded.value = true;
    } catch (problem) {
      error.value = problem;
    }
  }
  const off = useClient().on('trace.changed', (info) => {
    const rest = traces.value.filter((t) => t.id !== info.id);
    traces.value = [info, ...rest].sort((a, b) => b.created.localeCompare(a.created) || b.id - a.id);
  });
  onScopeDispose(off);

  async function remove(id: number): Promise<void> {
    await useClient().call('traces.delete', { trace: id });
    traces.value = traces.value.filter((t) => t.id !== id);
  }
  void load();
  return { traces, loaded, error, load, remove };
}
