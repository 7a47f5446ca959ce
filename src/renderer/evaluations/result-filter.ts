/** Which of an evaluation's tasks are looked at. The address says it, so that a task's page steps through the same ones. */
import type { LocationQuery } from 'vue-router';
import type { EvaluationTaskSummary } from '@shared/contract/evaluations';
import { TASK_OUTCOMES, type TaskOutcome } from '@shared/evaluation';

export interface ResultFilter {
  outcome: TaskOutcome | 'all';
  /** Part of the task's name. */
  search: string;
}

/** The tasks that pass, in their order. An outcome that no task has filters nothing. */
export function filterResults(
  tasks: readonly EvaluationTaskSummary[],
  { outcome, search }: ResultFilter,
): EvaluationTaskSummary[] {
  const text = search.trim().toLowerCase();
  const any = !tasks.some((task) => task.outcome === outcome);
  return tasks.filter((task) => (any || task.outcome === outcome) && task.name.toLowerCase().includes(text));
}

/** Only what is chosen, e.g. `?outcome=missed&q=00d`. */
export function resultQuery({ outcome, search }: ResultFilter): Record<string, string> {
  const text = search.trim();
  return { ...(outcome === 'all' ? {} : { outcome }), ...(text ? { q: text } : {}) };
}

/** What the address says; a word that it cannot mean is passed over. */
export function queryResults({ outcome, q }: LocationQuery): ResultFilter {
  return {
    outcome: TASK_OUTCOMES.find((known) => known === outcome) ?? 'all',
    search: typeof q === 'string' ? q : '',
  };
}
