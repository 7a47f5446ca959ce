import { computed, onScopeDispose, ref, shallowReactive, shallowRef } from 'vue';
import type { StudioClient } from '@shared/contract';
import { useClient } from './client';

export interface LiveListOptions<K, T> {
  id: (item: T) => K;
  /** Everything there is. */
  fetch: (client: StudioClient) => Promise<T[]>;
  /** Subscribes to what changes an entry of `byId`; each returns how to end it. */
  events: (client: StudioClient, byId: Map<K, T>) => (() => void)[];
}

/**
 * A list that the studio keeps: loaded now, kept fresh by events, and loaded again when a lost connection is back, since
 * what happened meanwhile was not reported. For as long as the calling scope lives. Newest first.
 */
export function useLiveList<K extends string | number, T extends { created: string }>({
  id,
  fetch,
  events,
}: LiveListOptions<K, T>) {
  const client = useClient();
  const byId = shallowReactive(new Map<K, T>());
  const loaded = ref(false);
  const error = shallowRef<unknown>(null);
  const list = computed(() =>
    [...byId.values()].sort((a, b) => b.created.localeCompare(a.created) || tieOf(id(a), id(b))),
  );

  async function load(): Promise<void> {
    try {
      const found = await fetch(client);
      byId.clear();
      for (const item of found) byId.set(id(item), item);
      error.value = null;
      loaded.value = true;
    } catch (problem) {
      error.value = problem;
    }
  }
  const off = [...events(client, byId), client.onConnection((up) => void (up && loaded.value && load()))];
  onScopeDispose(() => off.forEach((stop) => stop()));
  void load();
  return { byId, list, loaded, error, load };
}

/** Made in the same millisecond: numbers count up, so the higher one is newer; random ids only need to keep their order. */
const tieOf = (a: string | number, b: string | number): number =>
  typeof a === 'number' && typeof b === 'number' ? b - a : String(a).localeCompare(String(b));
