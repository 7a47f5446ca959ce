import { computed, onScopeDispose, shallowRef, watch } from 'vue';
import type { TraceInfo } from '@shared/contract/traces';
import { StudioError } from '@shared/errors';
import { useClient } from '../../kernel/client';
import { readTrace, type Trace } from './trace';

/** A stored trace by its id: what is known of it, and itself as soon as it is made. `id` null holds nothing. */
export function useTrace(id: () => number | null) {
  const client = useClient();
  const info = shallowRef<TraceInfo | null>(null);
  const trace = shallowRef<Trace | null>(null);
  /** The file, for those who want to keep it. */
  const file = shallowRef<Uint8Array | null>(null);
  const error = shallowRef<unknown>(null);

  /** @param early the file, where it was asked for before it was known to be there; null if it was not */
  async function read(early: Promise<Uint8Array | null> | null = null): Promise<void> {
    const at = info.value;
    if (!at || at.status !== 'done' || trace.value) return;
    try {
      const bytes = (await early) ?? (await client.call('traces.read', { trace: at.id }));
      if (info.value?.id !== at.id) return;
      trace.value = readTrace(bytes);
      file.value = bytes;
    } catch (problem) {
      error.value = problem;
    }
  }
  async function load(): Promise<void> {
    info.value = null;
    trace.value = null;
    file.value = null;
    error.value = null;
    const wanted = id();
    if (wanted === null) return;
    try {
      // Asked for at once, for most are done: one way to the studio and back less. If it is not, `read` says why.
      const early = client.call('traces.read', { trace: wanted }).catch(() => null);
      const found = (await client.call('traces.list', {})).find((t) => t.id === wanted);
      if (wanted !== id()) return;
      if (!found) {
        throw new StudioError('not_found', 'This playback is not there any more: choose an example to make it again.');
      }
      info.value = found;
      await read(early);
    } catch (problem) {
      error.value = problem;
    }
  }
  watch(id, load, { immediate: true });
  onScopeDispose(
    client.on('trace.changed', (changed) => {
      if (changed.id !== id()) return;
      info.value = changed;
      void read();
    }),
  );
  const waiting = computed(() => info.value !== null && ['queued', 'running', 'paused'].includes(info.value.status));
  const failed = computed(() =>
    error.value === null && info.value !== null && ['failed', 'stopped'].includes(info.value.status)
      ? (info.value.error ?? 'The playback failed; the log has the details.')
      : error.value,
  );
  return { info, trace, file, waiting, failed };
}
