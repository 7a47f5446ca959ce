/** The queue of builds: one after another in the compute process that has no tensors. */
import { existsSync } from 'node:fs';
import { readdir } from 'node:fs/promises';
import { basename, join } from 'node:path';
import type { DatasetRecipe } from '../../shared/dataset';
import { StudioError, toWireError, type WireError } from '../../shared/errors';
import { isActive } from '../../shared/jobs';
import type { Context } from '../context';
import { asStudioError } from '../db/open';
import { absolutePath } from '../home';
import { newId } from '../ids';
import { isAlive, pidOf } from '../owner';
import type { DatasetRecord } from '../repositories/datasets';
import { removeFile } from '../runs/checkpoints';
import { readFacts } from './facts';
import { ProgressMeter } from './progress';

const CANCEL_DEADLINE_MS = 5_000;

export interface BuildListener {
  changed(id: string): void;
  /** Takes the record away and says so. */
  forget(record: DatasetRecord): void;
  /** A build has ended, whichever way. */
  settled(): void;
}

export class Builds {
  private readonly queue: string[] = [];
  private closing = false;
  private building: { dataset: string; job: string; cancelled: boolean; deadline: NodeJS.Timeout | null } | null = null;

  constructor(
    private readonly context: Context,
    private readonly listener: BuildListener,
  ) {}

  enqueue(id: string): void {
    this.queue.push(id);
    this.listener.changed(id);
    this.next();
  }

  /** Ends a build; nothing of it is left. */
  cancel(record: DatasetRecord): void {
    this.refuseForeign(record);
    if (record.status !== 'building')
      throw new StudioError('conflict', `${record.name} is ${record.status}: there is nothing to cancel.`);
    const waiting = this.queue.indexOf(record.id);
    if (waiting >= 0) {
      this.queue.splice(waiting, 1);
      this.listener.forget(record);
      return;
    }
    const { building } = this;
    if (building?.dataset !== record.id) throw new StudioError('conflict', `${record.name} is not being built here.`);
    if (building.cancelled) return;
    building.cancelled = true;
    this.context.supervisor.build.send({ type: 'stop', job: building.job });
    building.deadline = setTimeout(() => this.context.supervisor.build.kill(), CANCEL_DEADLINE_MS);
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

  /** From here on an ending build is not a failed one: the next start takes it up again. */
  beginClose(): void {
    this.closing = true;
    this.queue.length = 0;
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

  /** Starts the next one, if none is built. One that cannot be started has failed, and the next one follows. */
  private next(): void {
    while (!this.building) {
      const id = this.queue.shift();
      if (id === undefined) return;
      try {
        this.start(id);
      } catch (error) {
        const { home, log } = this.context;
        const said = toWireError(asStudioError(error, home.database), (e) => log.error(`dataset ${id}`, e));
        this.fail(id, said.message);
      }
    }
  }

  private start(id: string): void {
    const { store, home, supervisor, events } = this.context;
    const record = store.datasets.get(id) as DatasetRecord;
    const recipe = record.recipe as DatasetRecipe;
    const job = newId();
    const meter = new ProgressMeter((done, total, what, seconds_left) =>
      events.emit('dataset.progress', { dataset: id, done, total, what, seconds_left }),
    );
    const subsets =
      recipe.kind === 'arc' ? recipe.subsets.map((name) => ({ name, tasks: store.tasks.tasksOf(name) })) : [];
    this.building = { dataset: id, job, cancelled: false, deadline: null };
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
        this.removePartialSoon(path);
        this.listener.forget(record);
      } else if (error && this.closing) {
        store.datasets.setBuilding(record.id, null);
        return;
      } else if (error) {
        store.datasets.setFailed(record.id, error.message);
        this.removePartialSoon(path);
        this.listener.changed(record.id);
      } else {
        const { kind, facts } = readFacts(path);
        store.datasets.setReady(record.id, kind, facts);
        this.listener.changed(record.id);
      }
    } catch (fault) {
      const { message } = toWireError(asStudioError(fault, home.database), (e) => log.error(`dataset ${record.id}`, e));
      this.fail(record.id, message);
    }
    this.listener.settled();
    this.next();
  }

  /** On a full disk the row stays as it is: the next start finds it, and builds or marks it. The queue goes on. */
  private fail(id: string, message: string): void {
    try {
      this.context.store.datasets.setFailed(id, message);
      this.listener.changed(id);
    } catch (error) {
      this.context.log.error(`dataset ${id} cannot be marked as failed`, error);
    }
  }

  private removePartialSoon(path: string): void {
    this.removePartial(path).catch((error: unknown) =>
      this.context.log.error(`removing what is left of ${path}`, error),
    );
  }

  /** What a killed build left next to its target. */
  private async removePartial(path: string): Promise<void> {
    const prefix = `.${basename(path)}.building-`;
    const names = await readdir(this.context.home.datasets).catch(() => [] as string[]);
    for (const name of names)
      if (name.startsWith(prefix)) removeFile(this.context, join(this.context.home.datasets, name));
  }

  private refuseForeign(record: DatasetRecord): void {
    if (record.owner === null || record.owner === this.context.owner || !isAlive(record.owner)) return;
    throw new StudioError(
      'conflict',
      `${record.name} is being built by another TRM Studio (process ${pidOf(record.owner)}): cancel it there.`,
    );
  }
}
