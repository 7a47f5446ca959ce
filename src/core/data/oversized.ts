/** Tasks with larger grids than a task may have: whole collections hold some, and each needs no sentence of its own. */
import { MAX_GRID } from '../../shared/arc';
import { isRecord } from '../arc/kaggle';

const isLarge = (grid: unknown): boolean =>
  Array.isArray(grid) && (grid.length > MAX_GRID || grid.some((row) => Array.isArray(row) && row.length > MAX_GRID));

/** Whether any grid of a task, which is not checked yet, is too large. */
export function isOversized(task: unknown): boolean {
  if (!isRecord(task)) return false;
  return [task.train, task.test].some(
    (pairs) => Array.isArray(pairs) && pairs.some((pair) => isRecord(pair) && (isLarge(pair.input) || isLarge(pair.output))),
  ); // prettier-ignore
}
