import { ref, watch, type Ref } from 'vue';
import { useSettings } from './stores/settings';

/**
 * A ref that survives a restart: starts from what was remembered under `key` (if `accept` takes it), and is remembered
 * at every change. Keys are "screen.what", e.g. `runs.selection`.
 */
export function useViewState<T>(key: string, initial: T, accept?: (value: unknown) => value is T): Ref<T> {
  const store = useSettings();
  const kept = store.settings.view[key];
  const fits = kept !== undefined && (accept ? accept(kept) : typeof kept === typeof initial);
  const state = ref(fits ? (kept as T) : initial) as Ref<T>;
  watch(state, (value) => store.remember(key, value), { deep: true });
  return state;
}
