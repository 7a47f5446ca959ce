import type { EvaluationComparison, EvaluationInfo, EvaluationTaskSummary } from '../../shared/contract/evaluations';
import { StudioError } from '../../shared/errors';

type Side = [info: EvaluationInfo, tasks: readonly EvaluationTaskSummary[]];

/** Task by task, by name. @throws StudioError if one is not done or they have no task in common */
export function compareEvaluations([a, tasksA]: Side, [b, tasksB]: Side): EvaluationComparison {
  for (const { status, run_name, checkpoint_step } of [a, b]) {
    if (status === 'done') continue;
    throw new StudioError(
      'conflict',
      `The evaluation of ${run_name} at step ${checkpoint_step} is ${status}: it can be compared when it is done.`,
    );
  }
  const byName = new Map(tasksB.map((task) => [task.name, task]));
  const tasks = tasksA.flatMap((task) => {
    const other = byName.get(task.name);
    return other ? [{ name: task.name, a: task, b: other }] : [];
  });
  if (tasks.length === 0) {
    throw new StudioError(
      'bad_input',
      `${a.dataset_name} and ${b.dataset_name} have no task in common: compare evaluations of the same data.`,
    );
  }
  const solvedOnly = (mine: 'a' | 'b', other: 'a' | 'b') =>
    tasks.filter((t) => t[mine].outcome === 'solved' && t[other].outcome !== 'solved').map(({ name }) => name);
  return {
    a,
    b,
    tasks,
    won: solvedOnly('b', 'a'),
    lost: solvedOnly('a', 'b'),
    only_a: tasksA.length - tasks.length,
    only_b: tasksB.length - tasks.length,
  };
}
