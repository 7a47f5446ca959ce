/** Tasks drawn in the window: one collection of their own, made with the first of them. */
import { unpackGrid, type Task } from '../shared/arc';
import { checkTask } from '../shared/arc-task';
import type { Parsed } from '../shared/contract';
import type { TaskDetail } from '../shared/contract/tasks';
import { StudioError } from '../shared/errors';
import { SubsetNames } from '../core/data/subsets';
import type { Context } from './context';
import { OWN_SOURCE } from './repositories/subsets';
import { taskDetail } from './tasks';

/**
 * Stores a drawn task, or what became of one.
 * @throws StudioError `bad_input` with every fault in `data.faults`, by the rules of the import; `conflict` if another
 *   drawn task has that name; `not_found` if the one to replace is gone, or is none that was drawn here
 */
export function saveTask(context: Context, input: Parsed<'tasks.save'>): TaskDetail {
  const { store, events } = context;
  const task = readTask(input);
  const id = store.db
    .transaction(() => {
      const subset = ownSubset(context);
      if (input.id !== null && store.tasks.subsetOf(input.id) !== subset) throw notDrawn(input.id);
      const other = store.tasks.idOf(subset, task.name);
      if (other !== null && other !== input.id) {
        throw new StudioError('conflict', `Another of your tasks is called ${task.name}: choose another name.`);
      }
      const stored = input.id ?? store.tasks.insert(subset, task);
      if (input.id !== null) store.tasks.replace(input.id, task);
      store.subsets.touch(subset);
      return stored;
    })
    .immediate();
  events.emit('tasks.changed', { subsets: store.subsets.list() });
  return taskDetail(context, id);
}

/** @throws StudioError `not_found` for a task that was not drawn here */
export function deleteTask({ store, events }: Context, id: number): Record<string, never> {
  store.db
    .transaction(() => {
      const subset = store.subsets.own();
      if (subset === null || store.tasks.subsetOf(id) !== subset) throw notDrawn(id);
      store.tasks.delete(id);
      if (store.tasks.count(subset) === 0) store.subsets.delete(subset);
      else store.subsets.touch(subset);
    })
    .immediate();
  events.emit('tasks.changed', { subsets: store.subsets.list() });
  return {};
}

const notDrawn = (id: number): StudioError =>
  new StudioError('not_found', `Task ${id} is not among the tasks drawn here: save it as a new task.`);

function readTask({ name, train, test }: Parsed<'tasks.save'>): Task {
  const { task, faults } = checkTask(
    name.trim(),
    {
      train: train.map((pair) => ({ input: unpackGrid(pair.input), output: unpackGrid(pair.output) })),
      test: test.map((pair) => ({
        input: unpackGrid(pair.input),
        ...(pair.output === null ? {} : { output: unpackGrid(pair.output) }),
      })),
    },
    'This task',
  );
  if (!task) throw new StudioError('bad_input', faults[0], { faults });
  return task;
}

function ownSubset({ store }: Context): string {
  const own = store.subsets.own();
  if (own !== null) return own;
  // An import may have taken the name.
  const { name } = new SubsetNames(store.subsets.list().map((s) => s.name)).take('my-tasks');
  store.subsets.insert({ name, title: 'My tasks', source: OWN_SOURCE, bundled: false, licence: null });
  return name;
}
