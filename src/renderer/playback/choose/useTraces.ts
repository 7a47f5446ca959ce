import type { TraceInfo } from '@shared/contract/traces';
import { useClient } from '../../kernel/client';
import { useLiveList } from '../../kernel/useLiveList';

/** All stored traces, newest first, kept fresh by events. */
export function useTraces() {
  const { byId, list, loaded, error, load } = useLiveList<number, TraceInfo>({
    id: (info) => info.id,
    fetch: (client) => client.call('traces.list', {}),
    events: (client, known) => [client.on('trace.changed', (info) => known.set(info.id, info))],
  });

  async function remove(id: number): Promise<void> {
    await useClient().call('traces.delete', { trace: id });
    byId.delete(id);
  }
  return { traces: list, loaded, error, load, remove };
}
