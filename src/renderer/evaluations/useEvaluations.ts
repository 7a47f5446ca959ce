import { computed, onScopeDispose, ref, shallowReactive, shallowRef, watch } from 'vue';
import type { EvaluationInfo } from '@shared/contract/evaluations';
import { isActive } from '@shared/jobs';
import { useClient } from '../kernel/client';
import { useApp } from '../kernel/stores/app';

/** Evaluations, newest first, kept fresh by events for as long as the caller lives. `run` null means those of all runs. */
export function useEvaluations(run: string | null = null) {
  const client = useClient();
  const byId = shallowReactive(new Map<string, EvaluationInfo>());
  const secondsLeft = shallowReactive(new Map<string, number | null>());
  const loaded = ref(false);
  const error = shallowRef<unknown>(null);
  const list = computed(() =>
    [...byId.values()].sort((a, b) => b.created.localeCompare(a.created) || a.id.localeCompare(b.id)),
  );

  async function load(): Promise<void> {
    try {
      const found = await client.call('evaluations.list', run === null ? {} : { run });
      byId.clear();
      for (const info of found) byId.set(info.id, info);
      error.value = null;
      loaded.value = true;
    } catch (problem) {
      error.value = problem;
    }
  }
  const off = [
    client.on('evaluation.changed', (info) => {
      if (run !== null && info.run !== run) return;
      byId.set(info.id, info);
      if (!isActive(info.status)) secondsLeft.delete(info.id);
    }),
    client.on('evaluation.deleted', ({ evaluation }) => byId.delete(evaluation)),
    client.on('run.deleted', ({ run: gone }) => {
      for (const info of byId.values()) if (info.run === gone) byId.delete(info.id);
    }),
    client.on('evaluation.progress', ({ evaluation, done, total, seconds_left }) => {
      const info = byId.get(evaluation);
      if (!info) return;
      byId.set(evaluation, { ...info, done, total });
      secondsLeft.set(evaluation, seconds_left);
    }),
  ];
  onScopeDispose(() => off.forEach((stop) => stop()));
  const app = useApp();
  watch(
    () => app.connected,
    (up) => up && loaded.value && void load(),
  );
  void load();
  return { byId, list, secondsLeft, loaded, error, load };
}
