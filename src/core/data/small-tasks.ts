/** Tasks small enough for a laptop: a rule instead of a list, so that anyone can see why a task is in. */
import type { Task } from '../../shared/arc';
import { largestSide } from '../../shared/arc-task';

/** The canvas of the preset `arc-small`: 46 of ARC-AGI-1's 400 training tasks fit it (25 fit 5×5, 178 fit 10×10). */
export const SMALL_CANVAS = 6;

/** The tasks all of whose grids, inputs and outputs of every pair, have at most `side` rows and columns. */
export function smallTasks(tasks: readonly Task[], side: number = SMALL_CANVAS): Task[] {
  return tasks.filter((task) => largestSide(task) <= side);
}
