import { computed, shallowRef } from 'vue';

const MOST = 300;

/** Undo and redo over values that are never changed in place. */
export function useHistory<T>(initial: T) {
  const past = shallowRef<readonly T[]>([]);
  const future = shallowRef<readonly T[]>([]);
  const present = shallowRef(initial);
  /** Edits of one kind that follow each other (typing a name) are one step back. */
  let last: string | null = null;

  function push(next: T, kind: string | null = null): void {
    if (next === present.value) return;
    if (kind === null || kind !== last) past.value = [...past.value.slice(1 - MOST), present.value];
    last = kind;
    future.value = [];
    present.value = next;
  }
  function undo(): void {
    const before = past.value[past.value.length - 1];
    if (before === undefined) return;
    past.value = past.value.slice(0, -1);
    future.value = [present.value, ...future.value];
    present.value = before;
    last = null;
  }
  function redo(): void {
    const [after] = future.value;
    if (after === undefined) return;
    future.value = future.value.slice(1);
    past.value = [...past.value, present.value];
    present.value = after;
    last = null;
  }
  function reset(value: T): void {
    past.value = [];
    future.value = [];
    present.value = value;
    last = null;
  }
  return {
    present,
    canUndo: computed(() => past.value.length > 0),
    canRedo: computed(() => future.value.length > 0),
    push,
    undo,
    redo,
    reset,
  };
}
