import { shallowReactive } from 'vue';
import type { EvaluationInfo } from '@shared/contract/evaluations';
import { isActive } from '@shared/jobs';
import { useLiveList } from '../kernel/useLiveList';

/** Evaluations, newest first, kept fresh by events for as long as the caller lives. `run` null means those of all runs. */
export function useEvaluations(run: string | null = null) {
  const secondsLeft = shallowReactive(new Map<string, number | null>());
  const live = useLiveList<string, EvaluationInfo>({
    id: (info) => info.id,
    fetch: (client) => client.call('evaluations.list', run === null ? {} : { run }),
    events: (client, byId) => [
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
    ],
  });
  return { ...live, secondsLeft };
}
