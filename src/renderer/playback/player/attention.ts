/** Attention maps by update, layer and head, and asking for them while somebody scrubs. */
import { onScopeDispose, ref, shallowRef, watch } from 'vue';
import type { AttentionMap } from '@shared/trace';

/** Weights of one update: `of(layer, head)` is [prefix + S]. */
export interface LayerWeights {
  layers: number;
  heads: number;
  of: (layer: number, head: number) => Float32Array;
}

/** @param update number in `map.updates` */
export function weightsOf(map: AttentionMap, update: number): LayerWeights {
  const tokens = map.updates.reduce((n, { layers }) => n + layers, 0) * map.heads;
  const length = map.weights.length / tokens;
  const before = map.updates.slice(0, update).reduce((n, { layers }) => n + layers, 0);
  return {
    layers: map.updates[update].layers,
    heads: map.heads,
    of: (layer, head) => {
      const from = ((before + layer) * map.heads + head) * length;
      return map.weights.subarray(from, from + length);
    },
  };
}

/** Waits until the step has stood still for this long: scrubbing asks nothing. */
const SETTLED_MS = 160;

/** @param ask the studio; @param question null while no cell is chosen */
export function useAttention(
  ask: (at: { step: number; cell: number }) => Promise<AttentionMap>,
  question: () => { key: string; step: number; cell: number } | null,
) {
  const map = shallowRef<AttentionMap | null>(null);
  const error = shallowRef<unknown>(null);
  const waiting = ref(false);
  const known = new Map<string, AttentionMap>();
  let timer: ReturnType<typeof setTimeout> | undefined;
  let asked = '';

  watch(
    () => JSON.stringify(question()),
    () => {
      clearTimeout(timer);
      const at = question();
      asked = at ? JSON.stringify(at) : '';
      error.value = null;
      map.value = known.get(asked) ?? null;
      waiting.value = at !== null && map.value === null;
      if (!at || map.value) return;
      const mine = asked;
      timer = setTimeout(async () => {
        try {
          const found = await ask({ step: at.step, cell: at.cell });
          if (known.size >= 64) known.delete(known.keys().next().value as string);
          known.set(mine, found);
          if (asked === mine) map.value = found;
        } catch (problem) {
          if (asked === mine) error.value = problem;
        } finally {
          if (asked === mine) waiting.value = false;
        }
      }, SETTLED_MS);
    },
    { immediate: true },
  );
  onScopeDispose(() => {
    clearTimeout(timer);
    asked = '';
  });
  return { map, error, waiting };
}
