import type { TaskSummary } from '@shared/contract/tasks';

export type TaskOrder = 'name' | 'size' | 'pairs';

export interface TaskFilter {
  search: string;
  /** Names of subsets; none means all. */
  subsets: string[];
  /** Largest side of any grid; 30 means any. */
  max_side: number;
  order: TaskOrder;
}

export const EMPTY_FILTER: TaskFilter = { search: '', subsets: [], max_side: 30, order: 'name' };

/** Whether anything is left out by the filter. */
export const isFiltered = (f: TaskFilter): boolean => f.search.trim() !== '' || f.subsets.length > 0 || f.max_side < 30;

/** The tasks that pass, in the chosen order; by name they keep their order in the store (subset by subset). */
export function filterTasks(tasks: readonly TaskSummary[], f: TaskFilter): TaskSummary[] {
  const needle = f.search.trim().toLowerCase();
  const subsets = new Set(f.subsets);
  const out = tasks.filter(
    (t) =>
      t.max_side <= f.max_side &&
      (subsets.size === 0 || subsets.has(t.subset)) &&
      (needle === '' || t.name.toLowerCase().includes(needle)),
  );
  if (f.order === 'size') out.sort((a, b) => a.max_side - b.max_side);
  if (f.order === 'pairs') out.sort((a, b) => b.train_pairs - a.train_pairs);
  return out;
}

/** A filter as it was remembered; whatever does not fit is as if nothing had been. */
export function readFilter(value: unknown): TaskFilter {
  const kept = (typeof value === 'object' && value !== null ? value : {}) as Partial<Record<keyof TaskFilter, unknown>>;
  const { search, subsets, max_side, order } = kept;
  return {
    search: typeof search === 'string' ? search : '',
    subsets: Array.isArray(subsets) ? subsets.filter((s): s is string => typeof s === 'string') : [],
    max_side: typeof max_side === 'number' && max_side >= 1 && max_side <= 30 ? Math.round(max_side) : 30,
    order: order === 'size' || order === 'pairs' ? order : 'name',
  };
}
