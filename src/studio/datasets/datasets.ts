/** Datasets: built in the compute process one after another, adopted from folders made elsewhere, read for the window. */
import { existsSync } from 'node:fs';
import { readdir } from 'node:fs/promises';
import { basename, join, resolve } from 'node:path';
import { checkSudokuRecipe } from '../../core/data/sudoku-builder';
import type { DatasetExample, DatasetSummary } from '../../shared/contract/datasets';
import type { Parsed } from '../../shared/contract';
import type { DatasetRecipe, ExampleRef } from '../../shared/dataset';
import { StudioError, toWireError, type WireError } from '../../shared/errors';
import { isActive } from '../../shared/jobs';
import type { Context } from '../context';
import { absolutePath, storedPath } from '../home';
import { newId, slug } from '../ids';
import { isAlive, pidOf } from '../owner';
import type { DatasetRecord } from '../repositories/datasets';
import { removeFile } from '../runs/checkpoints';
import { datasetSummary, readFacts, recipeKey } from './facts';
import { ProgressMeter } from './progress';
import { DatasetReader } from './reader';

const CANCEL_DEADLINE_MS = 5_000;

export class Datasets {
  private readonly reader = new DatasetReader();
  private readonly queue: string[] = [];
  private closing = false;
  private building: { dataset: string; job: string; cancelled: boolean; deadline: NodeJS.Timeout | null } | null = null;

  constructor(
    private readonly context: Context,
    /** Told when a dataset became ready, failed or went away: runs may be waiting for it. */
    private readonly onSettled: () => void,
  ) {}

  list(): DatasetSummary[] {
    return this.context.store.datasets.list().map((d) => datasetSummary(this.context.home, d));
  }

  get(id: string): DatasetSummary {
    return datasetSummary(this.context.home, this.record(id));
  }

  record(id: string): DatasetRecord {
    const record = this.context.store.datasets.get(id);
    if (!record) throw new StudioError('not_found', `There is no dataset ${id}: it may have been deleted.`);
    return record;
  }

  /** Builds a dataset, or gives back an equal one that is there or on its way. */
  build(name: string, recipe: DatasetRecipe): DatasetSummary {
    this.checkRecipe(recipe);
    const equal = this.findEqual(recipe);
    if (equal && equal.status !== 'failed') return datasetSummary(this.context.home, equal);
    if (equal) {
      this.context.store.datasets.setBuilding(equal.id, this.context.owner);
      return this.enqueue(equal.id);
    }
    const id = newId();
    this.context.store.datasets.insert({
      id,
      name,
      kind: recipe.kind,
      status: 'building',
      error: null,
      created: new Date().toISOString(),
      path: storedPath(this.context.home, join(this.context.home.datasets, `${slug(name)}-${id}`)),
      adopted: false,
      recipe,
      facts: null,
      owner: this.context.owner,
    });
    return this.enqueue(id);
  }

  /** Takes a folder that a builder wrote elsewhere into the list; deleting it later leaves the folder. */
  adopt(folder: string): DatasetSummary {
    const path = storedPath(this.context.home, resolve(folder));
    const known = this.context.store.datasets.byPath(path);
    if (known?.status === 'ready') return datasetSummary(this.context.home, known);
    const { kind, facts } = readFacts(resolve(folder));
    const id = newId();
    this.context.store.datasets.insert({
      id,
      name: basename(resolve(folder)),
      kind,
      status: 'ready',
      error: null,
      created: new Date().toISOString(),
      path,
      adopted: true,
      recipe: null,
      facts,
      owner: null,
    });
    return this.changed(id);
  }

  /** Ends a build; nothing of it is left. */
  async cancel(id: string): Promise<void> {
    const record = this.record(id);
    this.refuseForeign(record);
    if (record.status !== 'building')
      throw new StudioError('conflict', `${record.name} is ${record.status}: there is nothing to cancel.`);
    const waiting = this.queue.indexOf(id);
    if (waiting >= 0) {
      this.queue.splice(waiting, 1);
      this.forget(record);
      return;
    }
    const { building } = this;
    if (building?.dataset !== id) throw new StudioError('conflict', `${record.name} is not being built here.`);
    building.cancelled = true;
    this.context.supervisor.build.send({ type: 'stop', job: building.job });
    building.deadline = setTimeout(() => this.context.supervisor.build.kill(), CANCEL_DEADLINE_MS);
  }

  /** @throws StudioError `conflict` while it is being built or a run that is active uses it */
  async delete(id: string): Promise<void> {
    const { store, home } = this.context;
    const record = this.record(id);
    if (record.status === 'building')
      throw new StudioError('conflict', `${record.name} is being built: cancel that first.`);
    const user = store.runs.list().find((run) => run.dataset === id && isActive(run.status));
    if (user)
      throw new StudioError(
        'conflict',
        `${record.name} is used by the run ${user.name}, which is ${user.status}: stop it first.`,
      );
    this.reader.forget(absolutePath(home, record.path));
    this.forget(record);
    if (!record.adopted) removeFile(this.context, absolutePath(home, record.path));
  }

  examples(input: Parsed<'datasets.examples'>): { total: number; examples: DatasetExample[] } {
    const { dataset, split, ...page } = input;
    return this.reader.list(this.readyPath(dataset), split, page);
  }

  read(id: string, examples: readonly ExampleRef[]): DatasetExample[] {
    return this.reader.read(this.readyPath(id), examples);
  }

  /**
   * Builds whose process died: those that a run waits for are built again if this studio takes work up (`takeUp`), and
   * otherwise left to the next one that does; the others are marked.
   */
  async recover(takeUp: boolean): Promise<void> {
    const { store, home } = this.context;
    for (const d of store.datasets.list()) {
      if (d.status !== 'building' || (d.owner !== null && isAlive(d.owner))) continue;
      const waited = store.runs
        .list()
        .some((run) => run.dataset === d.id && (run.resume_at_start || isActive(run.status)));
      if (waited && !takeUp) continue;
      const path = absolutePath(home, d.path);
      await this.removePartial(path);
      // A folder in place is whole: the studio died, or closed, before it heard of it.
      const whole = existsSync(path) ? this.factsOf(path) : null;
      if (whole) store.datasets.setReady(d.id, whole.kind, whole.facts);
      else if (waited && d.recipe) {
        store.datasets.setBuilding(d.id, this.context.owner);
        this.enqueue(d.id);
      } else {
        store.datasets.setFailed(d.id, 'TRM Studio ended before it was built: build it again.');
      }
    }
  }

  /** A build that a run here waits for, and whose process has died, is built here. */
  takeOver(record: DatasetRecord): void {
    const { store, owner } = this.context;
    if (this.closing || record.owner === owner || (record.owner !== null && isAlive(record.owner))) return;
    store.datasets.setBuilding(record.id, owner);
    this.enqueue(record.id);
  }

  private factsOf(path: string): ReturnType<typeof readFacts> | null {
    try {
      return readFacts(path);
    } catch (error) {
      this.context.log.error(`reading ${path}`, error);
      removeFile(this.context, path);
      return null;
    }
  }

  /** From here on an ending build is not a failed one: the next start takes it up again. */
  beginClose(): void {
    this.closing = true;
    this.queue.length = 0;
  }

  close(): void {
    this.reader.close();
  }

  private enqueue(id: string): DatasetSummary {
    this.queue.push(id);
    const summary = this.changed(id);
    this.next();
    return summary;
  }

  private next(): void {
    if (this.building) return;
    const id = this.queue.shift();
    if (id === undefined) return;
    const { store, home, supervisor, events } = this.context;
    const record = this.record(id);
    const recipe = record.recipe as DatasetRecipe;
    const job = newId();
    this.building = { dataset: id, job, cancelled: false, deadline: null };
    const meter = new ProgressMeter((done, total, what, seconds_left) =>
      events.emit('dataset.progress', { dataset: id, done, total, what, seconds_left }),
    );
    const subsets =
      recipe.kind === 'arc' ? recipe.subsets.map((name) => ({ name, tasks: store.tasks.tasksOf(name) })) : [];
    supervisor.build.run(
      { type: 'build', job, recipe, subsets, out: absolutePath(home, record.path) },
      {
        onMessage: (m) => {
          if (m.type === 'progress') meter.update(m.done, m.total, m.what);
          else if (m.type === 'failed') this.settle(record, m.error);
          else if (m.type === 'done')
            this.settle(record, m.status === 'done' ? null : { code: 'cancelled', message: 'Cancelled.' });
        },
        onLost: (sentence) => this.settle(record, { code: 'unavailable', message: sentence }),
      },
    );
  }

  private settle(record: DatasetRecord, error: WireError | null): void {
    const { store, home, log } = this.context;
    const cancelled = this.building?.cancelled ?? false;
    if (this.building?.deadline) clearTimeout(this.building.deadline);
    this.building = null;
    try {
      const path = absolutePath(home, record.path);
      if (cancelled) {
        // It may have been finished in the same moment; cancelled is what was asked for.
        removeFile(this.context, path);
        void this.removePartial(path);
        this.forget(record);
      } else if (error && this.closing) {
        store.datasets.setBuilding(record.id, null);
        return;
      } else if (error) {
        store.datasets.setFailed(record.id, error.message);
        void this.removePartial(path);
        this.changed(record.id);
      } else {
        const { kind, facts } = readFacts(path);
        store.datasets.setReady(record.id, kind, facts);
        this.changed(record.id);
      }
    } catch (fault) {
      const { message } = toWireError(fault, (e) => log.error(`dataset ${record.id}`, e));
      store.datasets.setFailed(record.id, message);
      this.changed(record.id);
    }
    this.onSettled();
    this.next();
  }

  private forget(record: DatasetRecord): void {
    this.context.store.datasets.delete(record.id);
    this.context.events.emit('dataset.deleted', { dataset: record.id });
    this.onSettled();
  }

  /** What a killed build left beside its target. */
  private async removePartial(path: string): Promise<void> {
    const prefix = `.${basename(path)}.building-`;
    const names = await readdir(this.context.home.datasets).catch(() => [] as string[]);
    for (const name of names)
      if (name.startsWith(prefix)) removeFile(this.context, join(this.context.home.datasets, name));
  }

  private changed(id: string): DatasetSummary {
    const summary = this.get(id);
    this.context.events.emit('dataset.changed', summary);
    return summary;
  }

  /** An equal recipe gives equal files, unless one of its collections was imported anew since. */
  private findEqual(recipe: DatasetRecipe): DatasetRecord | null {
    const key = recipeKey(recipe);
    const { datasets, subsets } = this.context.store;
    const since =
      recipe.kind === 'arc' ? Math.max(...recipe.subsets.map((s) => Date.parse(subsets.createdAt(s) ?? ''))) : 0;
    const order = { ready: 0, building: 1, failed: 2 };
    return (
      datasets
        .list()
        .filter((d) => d.recipe !== null && recipeKey(d.recipe) === key && Date.parse(d.created) >= since)
        .sort((a, b) => order[a.status] - order[b.status])[0] ?? null
    );
  }

  private checkRecipe(recipe: DatasetRecipe): void {
    if (recipe.kind === 'sudoku') return checkSudokuRecipe(recipe);
    const known = this.context.store.subsets.list().map((s) => s.name);
    for (const name of recipe.subsets) {
      if (!known.includes(name)) {
        throw new StudioError(
          'not_found',
          `There are no tasks named "${name}": choose from ${known.join(', ')}, or import them first.`,
        );
      }
    }
  }

  private readyPath(id: string): string {
    const record = this.record(id);
    if (record.status !== 'ready') {
      throw new StudioError(
        'conflict',
        `${record.name} is ${record.status === 'building' ? 'still being built' : `not there: ${record.error}`}.`,
      );
    }
    return absolutePath(this.context.home, record.path);
  }

  private refuseForeign(record: DatasetRecord): void {
    if (record.owner === null || record.owner === this.context.owner || !isAlive(record.owner)) return;
    throw new StudioError(
      'conflict',
      `${record.name} is being built by another TRM Studio (process ${pidOf(record.owner)}): cancel it there.`,
    );
  }
}
