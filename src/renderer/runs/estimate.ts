import type { TrainConfig } from '@shared/config';
import type { Estimate } from '@shared/contract/runs';
import type { DatasetRecipe } from '@shared/dataset';
import { onScopeDispose, ref, shallowRef, watch, type Ref, type ShallowRef } from 'vue';
import { useClient } from '../kernel/client';

export interface EstimateInput {
  config: TrainConfig;
  dataset: string | null;
  recipe: DatasetRecipe | null;
}

/** Follows `input` with the studio's estimate, a quarter of a second after the last change; null input asks nothing. */
export function useEstimate(input: () => EstimateInput | null): {
  estimate: ShallowRef<Estimate | null>;
  error: Ref<unknown>;
  pending: Ref<boolean>;
} {
  const estimate = shallowRef<Estimate | null>(null);
  const error = ref<unknown>(null);
  const pending = ref(false);
  let timer: ReturnType<typeof setTimeout> | undefined;
  let latest = 0;
  onScopeDispose(() => clearTimeout(timer));

  watch(
    input,
    (now) => {
      clearTimeout(timer);
      const mine = ++latest;
      pending.value = now !== null;
      if (!now) {
        estimate.value = null;
        return;
      }
      timer = setTimeout(() => {
        useClient()
          .call('runs.estimate', now)
          .then(
            (found) => {
              if (mine !== latest) return;
              estimate.value = found;
              error.value = null;
            },
            (cause: unknown) => {
              if (mine !== latest) return;
              estimate.value = null;
              error.value = cause;
            },
          )
          .finally(() => mine === latest && (pending.value = false));
      }, 250);
    },
    { immediate: true, deep: true },
  );
  return { estimate, error, pending };
}
