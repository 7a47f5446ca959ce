/**
 * What other processes on the same home do: a run started by `trm train` is followed live in the app, and so is what
 * `trm eval` and `trm solve` make. SQLite's
 * data_version changes when another connection has written; only then anything is read.
 */
import type { Context } from './context';
import { datasetSummary } from './datasets/facts';
import { checkpointInfos, runSummary } from './runs/summary';

const EVERY_MS = 1000;

export class Watcher {
  private readonly timer: NodeJS.Timeout;
  private version: unknown;
  /** By run: `updated`, last step of metrics, last event and prediction that were told. */
  private readonly seen = new Map<
    string,
    { updated: string; step: number; event: number; prediction: number; checkpoint: number }
  >();
  /** Runs of this process: told as they happen, also after they have ended. */
  private readonly own = new Set<string>();
  private readonly datasets = new Map<string, string>();
  private subsets: string;

  constructor(
    private readonly context: Context,
    /** Evaluations and solves. */
    private readonly jobs: readonly { tellOthers(silent?: boolean): void }[],
    /** Told when another process has written: a dataset may be ready that a run here waits for. */
    private readonly onWritten: () => void,
  ) {
    this.version = this.dataVersion();
    this.subsets = JSON.stringify(context.store.subsets.list());
    for (const run of context.store.runs.list()) this.seen.set(run.id, this.mark(run.id, run.updated));
    for (const kind of jobs) kind.tellOthers(true);
    for (const d of context.store.datasets.list()) this.datasets.set(d.id, d.status);
    context.events.on('run.changed', ({ id }) => {
      if (context.store.runs.get(id)?.owner === context.owner) this.own.add(id);
    });
    this.timer = setInterval(() => this.look(), EVERY_MS);
    this.timer.unref();
  }

  close(): void {
    clearInterval(this.timer);
  }

  private look(): void {
    try {
      const version = this.dataVersion();
      if (version === this.version) return;
      this.version = version;
      this.tell();
      this.onWritten();
    } catch (error) {
      this.context.log.error('watching the database', error);
    }
  }

  private tell(): void {
    const { store, events, owner, home } = this.context;
    const ids = new Set<string>();
    for (const run of store.runs.list()) {
      ids.add(run.id);
      const before = this.seen.get(run.id) ?? { updated: '', step: 0, event: 0, prediction: -1, checkpoint: 0 };
      if (before.updated === run.updated) continue;
      const now = this.mark(run.id, run.updated);
      this.seen.set(run.id, now);
      if (run.owner === owner) this.own.add(run.id);
      else if (run.owner !== null) this.own.delete(run.id);
      if (run.owner === owner) continue;
      events.emit('run.changed', runSummary(store, run));
      if (this.own.has(run.id)) continue;
      for (const batch of store.metrics.batchesAfter(run.id, before.step))
        events.emit('run.metrics', { run: run.id, batch });
      for (const event of store.events.list(run.id, before.event)) events.emit('run.event', event);
      for (const set of store.predictions.list(run.id, before.prediction)) events.emit('run.prediction', set);
      for (const c of checkpointInfos(home, store.checkpoints.list(run.id))) {
        if (c.id > before.checkpoint) events.emit('run.checkpoint', c);
      }
    }
    for (const id of [...this.seen.keys()]) {
      if (ids.has(id)) continue;
      this.seen.delete(id);
      events.emit('run.deleted', { run: id });
    }
    this.tellDatasets();
    for (const kind of this.jobs) kind.tellOthers();
    const subsets = store.subsets.list();
    if (JSON.stringify(subsets) !== this.subsets) {
      this.subsets = JSON.stringify(subsets);
      events.emit('tasks.changed', { subsets });
    }
  }

  private tellDatasets(): void {
    const { store, events, home, owner } = this.context;
    const list = store.datasets.list();
    for (const d of list) {
      if (this.datasets.get(d.id) === d.status) continue;
      this.datasets.set(d.id, d.status);
      if (d.owner !== owner) events.emit('dataset.changed', datasetSummary(home, d));
    }
    for (const id of [...this.datasets.keys()]) {
      if (list.some((d) => d.id === id)) continue;
      this.datasets.delete(id);
      events.emit('dataset.deleted', { dataset: id });
    }
  }

  private mark(run: string, updated: string) {
    const { store } = this.context;
    return {
      updated,
      step: store.metrics.lastStep(run),
      event: store.events.lastId(run),
      prediction: store.predictions.lastStep(run),
      checkpoint: store.checkpoints.list(run).reduce((n, c) => Math.max(n, c.id), 0),
    };
  }

  private dataVersion(): unknown {
    return this.context.store.db.pragma('data_version', { simple: true });
  }
}
