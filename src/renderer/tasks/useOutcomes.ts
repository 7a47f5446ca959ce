import { ref, shallowReactive, shallowRef, watch } from 'vue';
import type { EvaluationInfo } from '@shared/contract/evaluations';
import type { TaskOutcome } from '@shared/evaluation';
import { useClient } from '../kernel/client';
import { formatCount } from '../ui/format';

/** How each task did in one evaluation, by the task's name. */
export type Outcomes = ReadonlyMap<string, { outcome: TaskOutcome; position: number }>;

const evaluations = shallowRef<EvaluationInfo[]>([]);
const loaded = ref(false);
const known = shallowReactive(new Map<string, Outcomes>());
let listening = false;

const usable = (e: EvaluationInfo): boolean => e.kind === 'arc' && e.status === 'done';

async function load(): Promise<void> {
  try {
    evaluations.value = (await useClient().call('evaluations.list', {})).filter(usable);
    loaded.value = true;
  } catch {
    // The gallery is whole without them; the next change tries again.
  }
}

/** "arc-small-3 at step 31,000". */
export const evaluationTitle = (e: EvaluationInfo): string => `${e.run_name} at step ${formatCount(e.checkpoint_step)}`;

/** The finished evaluations of ARC datasets, newest first, and their results once they were asked for. */
export function useOutcomes() {
  if (!listening) {
    listening = true;
    const client = useClient();
    // Asked for again when one ends or goes, not at every step of one that is going.
    client.on('evaluation.changed', (e) => {
      if (usable(e) || evaluations.value.some((old) => old.id === e.id)) void load();
    });
    client.on('evaluation.deleted', ({ evaluation }) => {
      evaluations.value = evaluations.value.filter((e) => e.id !== evaluation);
      known.delete(evaluation);
    });
    void load();
  }

  async function outcomesOf(evaluation: string): Promise<Outcomes> {
    const kept = known.get(evaluation);
    if (kept) return kept;
    const tasks = await useClient().call('evaluations.tasks', { evaluation });
    const found = new Map(tasks.map(({ name, outcome, position }) => [name, { outcome, position }]));
    known.set(evaluation, found);
    return found;
  }

  /** Follows the chosen evaluation; null while its results are not there, or none is chosen. */
  function follow(chosen: () => string, failed: (error: unknown) => void) {
    const outcomes = shallowRef<Outcomes | null>(null);
    watch(
      [chosen, evaluations],
      async ([id]) => {
        if (!id) {
          outcomes.value = null;
          return;
        }
        try {
          const found = await outcomesOf(id);
          if (id === chosen()) outcomes.value = found;
        } catch (error) {
          if (id === chosen()) {
            outcomes.value = null;
            failed(error);
          }
        }
      },
      { immediate: true },
    );
    return outcomes;
  }

  return { evaluations, loaded, outcomesOf, follow };
}
