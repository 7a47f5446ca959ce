/**
 * Takes out of training subsets what a model would have seen of the test set. Without `leave_out_leaks` a recipe keeps it,
 * as the reference does.
 */
import type { Task } from '../../shared/arc';
import type { DatasetSidecar } from '../../shared/dataset';
import { taskKeys, type TaskKeys } from './overlap';
import { Breather, type WorkOptions } from '../lib/work';

export interface NamedTasks {
  name: string;
  tasks: readonly Task[];
}

/**
 * A task of a training subset is left out if a test subset has its name, all of its grids, or one of its pairs as an
 * answer; grids are the same also where they are turned or recoloured.
 *
 * @param isTest whether a subset is one to test on; those stay whole
 * @returns the subsets in their order, and what is left out, with the reason
 * @throws StudioError `cancelled`
 */
export async function leaveOutLeaks(
  subsets: readonly NamedTasks[],
  isTest: (subset: string) => boolean,
  options: WorkOptions = {},
): Promise<{ subsets: { name: string; tasks: Task[] }[]; leftOut: DatasetSidecar['left_out'] }> {
  const breather = new Breather(options, 'The search for leaks');
  const total = subsets.reduce((sum, { tasks }) => sum + tasks.length, 0);
  let done = 0;
  const tested = new Tested();
  for (const { name, tasks } of subsets) {
    if (!isTest(name)) continue;
    for (const task of tasks) {
      await breather.breathe(done++, total, 'tasks compared');
      tested.add(name, task.name, taskKeys(task));
    }
  }
  const leftOut: DatasetSidecar['left_out'] = [];
  const kept: { name: string; tasks: Task[] }[] = [];
  for (const { name, tasks } of subsets) {
    const rest: Task[] = [];
    for (const task of tasks) {
      if (isTest(name)) {
        rest.push(task);
        continue;
      }
      await breather.breathe(done++, total, 'tasks compared');
      const seen = tested.seenBy(task.name, taskKeys(task));
      if (seen === null) rest.push(task);
      else leftOut.push({ name: task.name, reason: `Of ${name}: ${seen}.` });
    }
    kept.push({ name, tasks: rest });
  }
  return { subsets: kept, leftOut };
}

/** The test subsets, by what gives their tasks away. Values are "NAME of SUBSET". */
class Tested {
  private readonly names = new Map<string, string>();
  private readonly contents = new Map<string, string>();
  private readonly answers = new Map<string, string>();

  add(subset: string, name: string, { content, answers }: TaskKeys): void {
    const place = `${name} of ${subset}`;
    this.names.set(name, place);
    this.contents.set(content, place);
    for (const key of answers) this.answers.set(key, place);
  }

  /** What a model would see of them in this task, as the end of a sentence; null for nothing. */
  seenBy(name: string, { content, solved }: TaskKeys): string | null {
    const same = this.contents.get(content);
    if (same !== undefined) return `all its grids are those of ${same}, as they are, or turned or recoloured`;
    const answer = solved.map((key) => this.answers.get(key)).find((place) => place !== undefined);
    if (answer !== undefined) return `one of its pairs is a test pair of ${answer}, as it is, or turned or recoloured`;
    const namesake = this.names.get(name);
    return namesake === undefined ? null : `it has the name of ${namesake}`;
  }
}
