/** The tasks in the store: bundled ones put there at the first start, imported ones beside them. */
import { BUNDLED, readBundled } from '../core/data/bundled';
import type { Subset, TaskDetail } from '../shared/contract/tasks';
import { BUNDLED_SUBSETS } from '../shared/dataset';
import { StudioError } from '../shared/errors';
import type { Context } from './context';

export function listSubsets({ store }: Context): Subset[] {
  return store.subsets.list();
}

export function taskDetail({ store }: Context, id: number): TaskDetail {
  const task = store.tasks.get(id);
  if (!task) throw new StudioError('not_found', `There is no task ${id}: its collection may have been deleted.`);
  return task;
}

/** Removes an imported collection with its tasks. @throws StudioError `conflict` for a bundled one */
export function deleteSubset({ store, events }: Context, name: string): { deleted: number } {
  const subset = store.subsets.list().find((s) => s.name === name);
  if (!subset) throw new StudioError('not_found', `There is no collection "${name}": it may have been deleted.`);
  if (subset.bundled) throw new StudioError('conflict', `${subset.title} comes with TRM Studio and cannot be deleted.`);
  store.subsets.delete(name);
  events.emit('tasks.changed', { subsets: store.subsets.list() });
  return { deleted: subset.count };
}

/** Stores the bundled collections that are not there yet; at every start but the first there is nothing to do. */
export async function loadBundled({ store, log }: Context, resources: string): Promise<void> {
  const missing = BUNDLED_SUBSETS.filter((name) => !store.subsets.has(name));
  if (!missing.length) return;
  const started = performance.now();
  const read = await Promise.all(missing.map(async (name) => ({ name, tasks: await readBundled(resources, name) })));
  store.db
    .transaction(() => {
      for (const { name, tasks } of read) {
        // Another studio may have been started on this home in the same moment.
        if (store.subsets.has(name)) continue;
        const { title, licence } = BUNDLED[name];
        store.subsets.insert({ name, title, source: 'bundled', bundled: true, licence });
        store.tasks.insertAll(name, tasks);
      }
    })
    .immediate();
  // The log has grown to the size of all that; it would stay so while the studio is open.
  store.db.pragma('wal_checkpoint(TRUNCATE)');
  log.info(
    `stored ${read.reduce((n, { tasks }) => n + tasks.length, 0)} bundled tasks in ${Math.round(performance.now() - started)} ms`,
  );
}
