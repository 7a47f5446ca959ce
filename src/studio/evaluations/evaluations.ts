/**
 * Evaluations: queued one behind the other, computed between the steps of whatever trains, taken up again where they
 * were left, and kept with every task's result.
 */
import { copyFileSync, existsSync, mkdirSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { FILES, readReport } from '../../core/evaluate/report';
import type { Parsed } from '../../shared/contract';
import type { EvaluationComparison, EvaluationInfo } from '../../shared/contract/evaluations';
import { StudioError, toWireError } from '../../shared/errors';
import type { EvaluatedTask, EvaluationPlan } from '../../shared/evaluation';
import type { FromCompute } from '../../shared/compute';
import type { Context } from '../context';
import { ProgressMeter } from '../datasets/progress';
import { absolutePath, storedPath } from '../home';
import { newId } from '../ids';
import { isAlive } from '../owner';
import { evaluationInfo } from '../repositories/evaluations';
import { removeFile } from '../runs/checkpoints';
import { compareEvaluations } from './compare';

/** When a compute process that is being renewed is looked at again. */
const AGAIN_MS = 1000;
const SAVE_EVERY_S = 20;

/** What the command line may choose beyond what the window does. */
export type EvaluationExtras = Partial<Pick<EvaluationPlan, 'out' | 'save_outputs' | 'batch_size' | 'resume'>> & {
  /** A folder, if it is no dataset of the studio. */
  data_path?: string;
};

/** The one whose job is in the compute process. */
interface Current {
  id: string;
  job: string;
  /** A stop was asked for. */
  asked: boolean;
  /** It was started while its last process was ending, and nothing was heard of it yet. */
  early: boolean;
}

export class Evaluations {
  private current: Current | null = null;
  private closing = false;
  private readonly listeners = new Set<() => void>();

  constructor(private readonly context: Context) {}

  list(run?: string): EvaluationInfo[] {
    return this.context.store.evaluations.list(run).map((e) => this.info(e));
  }

  get(id: string): EvaluationInfo {
    return this.info(this.record(id));
  }

  /** @throws StudioError `not_found` if the checkpoint or its data is gone */
  create(input: Parsed<'evaluations.create'>, extras: EvaluationExtras = {}): EvaluationInfo {
    const { store, home, owner } = this.context;
    const checkpoint = store.checkpoints.get(input.checkpoint);
    const run = checkpoint ? store.runs.get(checkpoint.run) : null;
    if (!checkpoint || !run) {
      throw new StudioError(
        'not_found',
        `There is no checkpoint ${input.checkpoint}: it may have been removed for a newer one.`,
      );
    }
    // A run with test data of its own is evaluated on that.
    const own = input.dataset === null ? run.config.data_paths_test[0] : undefined;
    const data = this.data(input.dataset ?? run.dataset, run.name, extras.data_path ?? own);
    const id = newId();
    const out = extras.out ?? join(home.evaluations, id);
    const plan: EvaluationPlan = {
      checkpoint: absolutePath(home, checkpoint.path),
      data_path: data.path,
      out,
      split: input.split,
      weights: input.weights,
      act_steps: input.act_steps,
      augmentations: input.augmentations,
      save_outputs: extras.save_outputs ?? [],
      pool_votes: input.pool_votes,
      batch_size: extras.batch_size ?? null,
      resume: extras.resume ?? false,
      save_every_s: SAVE_EVERY_S,
    };
    if (input.pool_votes && extras.out === undefined) this.copyVotes(run.id, data.path, out);
    store.evaluations.insert({
      id,
      run: run.id,
      checkpoint: checkpoint.id,
      checkpoint_step: checkpoint.step,
      dataset: data.id,
      dataset_name: data.name,
      kind: run.kind,
      grid_rows: run.grid_rows,
      grid_columns: run.grid_columns,
      status: 'queued',
      error: null,
      done: 0,
      total: 0,
      seconds: 0,
      plan,
      metrics: {},
      curves: { act_steps: [], by_views: [] },
      notes: [],
      path: storedPath(home, out),
      outside: extras.out !== undefined,
      owner,
      created: new Date().toISOString(),
    });
    this.changed(id);
    this.pump();
    return this.get(id);
  }

  /** Stops it, saving how far it has come. */
  async cancel(id: string): Promise<EvaluationInfo> {
    const record = this.record(id);
    this.refuseForeign(id, 'cancelled');
    if (record.status !== 'queued' && record.status !== 'running') {
      throw new StudioError('conflict', `The evaluation is ${record.status}: there is nothing to cancel.`);
    }
    if (this.current?.id === id) {
      this.current.asked = true;
      this.context.supervisor.tensor.send({ type: 'stop', job: this.current.job });
      await this.until(() => this.current?.id !== id);
    } else this.update(id, { status: 'stopped', error: null, owner: null });
    return this.get(id);
  }

  /** Queues a stopped or failed one again; it goes on from what was saved. */
  resume(id: string): EvaluationInfo {
    const record = this.record(id);
    this.refuseForeign(id, 'continued');
    if (record.status !== 'stopped' && record.status !== 'failed') {
      throw new StudioError('conflict', `The evaluation is ${record.status}: there is nothing to continue.`);
    }
    const checkpoint = record.checkpoint === null ? null : this.context.store.checkpoints.get(record.checkpoint);
    if (!checkpoint) {
      throw new StudioError(
        'not_found',
        `The checkpoint of step ${record.checkpoint_step} has been removed for a newer one: evaluate that one.`,
      );
    }
    this.update(id, {
      status: 'queued',
      error: null,
      owner: this.context.owner,
      plan: { ...record.plan, resume: true },
    });
    this.pump();
    return this.get(id);
  }

  delete(id: string): void {
    const record = this.record(id);
    this.refuseForeign(id, 'deleted');
    this.drop(id);
    this.context.store.evaluations.delete(id);
    if (!record.outside) removeFile(this.context, absolutePath(this.context.home, record.path));
    this.context.events.emit('evaluation.deleted', { evaluation: id });
    this.pump();
  }

  /** Ends and removes what belongs to a run; the rows go with it. */
  removeFilesOf(run: string): void {
    for (const record of this.context.store.evaluations.list(run)) {
      this.drop(record.id);
      if (!record.outside) removeFile(this.context, absolutePath(this.context.home, record.path));
    }
  }

  tasks(id: string) {
    return this.context.store.evaluations.tasks(this.record(id).id);
  }

  task(id: string, position: number): EvaluatedTask {
    const task = this.context.store.evaluations.task(this.record(id).id, position);
    if (task) return task;
    throw new StudioError('not_found', `The evaluation has no task ${position}.`);
  }

  /** @throws StudioError `conflict` if one is not done, `bad_input` if they have no task in common */
  compare(a: string, b: string): EvaluationComparison {
    return compareEvaluations([this.get(a), this.tasks(a)], [this.get(b), this.tasks(b)]);
  }

  /** Those whose process died are stopped; they go on when asked. */
  recover(): void {
    for (const e of this.context.store.evaluations.active()) {
      if (e.owner !== null && isAlive(e.owner)) continue;
      const error = 'TRM Studio ended before it was finished: continue it.';
      this.context.store.evaluations.update(e.id, { status: 'stopped', error, owner: null });
    }
  }

  /** Resolves when this evaluation is over. */
  async ended(id: string): Promise<EvaluationInfo> {
    await this.until(() => !['queued', 'running'].includes(this.get(id).status));
    return this.get(id);
  }

  /** Asks what runs to save and stop. */
  close(): void {
    this.closing = true;
    const { store, owner, supervisor } = this.context;
    for (const e of store.evaluations.active()) {
      if (e.owner !== owner || this.current?.id === e.id) continue;
      this.update(e.id, { status: 'stopped', error: 'TRM Studio was closed: continue it.', owner: null });
    }
    if (this.current) supervisor.tensor.send({ type: 'stop', job: this.current.job });
  }

  /** Starts the oldest queued one of this process, if none runs. */
  private pump(early = false): void {
    const { store, owner } = this.context;
    if (this.current || this.closing) return;
    const next = store.evaluations.active().find((e) => e.status === 'queued' && e.owner === owner);
    if (next) this.start(next.id, next.plan, early);
  }

  private start(id: string, plan: EvaluationPlan, early: boolean): void {
    const { supervisor, events } = this.context;
    const current: Current = { id, job: newId(), asked: false, early };
    this.current = current;
    const meter = new ProgressMeter((done, total, _what, seconds_left) => {
      events.emit('evaluation.progress', { evaluation: id, done, total, seconds_left });
    });
    this.update(id, { status: 'running' });
    supervisor.tensor.run(
      { type: 'evaluate', job: current.job, plan },
      {
        onMessage: (message) => {
          if (this.current !== current) return;
          if (message.type === 'progress') {
            current.early = false;
            this.context.store.evaluations.update(id, { done: message.done, total: message.total });
            meter.update(message.done, message.total, message.what);
          } else void this.receive(current, message);
        },
        onLost: (error) =>
          current.early ? this.again(current, false) : this.end(current, { status: 'failed', error, owner: null }),
      },
    );
  }

  private async receive(current: Current, message: FromCompute): Promise<void> {
    const { id } = current;
    const { store, log } = this.context;
    if (message.type === 'failed') {
      const { code, message: error, data } = message.error;
      if (data?.recycle === true || (code === 'unavailable' && !this.closing))
        return this.again(current, data?.recycle === true);
      this.end(current, { status: 'failed', error, owner: null });
    } else if (message.type === 'done') {
      if (message.status === 'stopped') {
        // Not asked: its process is being renewed for a training run.
        if (!current.asked && !this.closing) return this.again(current, false);
        const error = this.closing ? 'TRM Studio was closed: continue it.' : null;
        return this.end(current, { status: 'stopped', error, owner: null });
      }
      try {
        const report = await readReport(absolutePath(this.context.home, this.record(id).path));
        store.evaluations.finish(id, report);
        this.end(current, {});
      } catch (error) {
        log.error(`evaluation ${id} cannot be recorded`, error);
        this.end(current, { status: 'failed', error: toWireError(error).message, owner: null });
      }
    }
  }

  /** Goes on in the next process, once this one is gone. */
  private again(current: Current, renew: boolean): void {
    const { supervisor } = this.context;
    const plan = { ...this.record(current.id).plan, resume: true };
    this.end(current, { status: 'queued', plan });
    // A training run meets the same limit at its next step, and renews the process itself.
    if (renew && supervisor.running === null) void supervisor.tensor.renew().then(() => this.pump());
  }

  private end(current: object, patch: Parameters<Context['store']['evaluations']['update']>[1]): void {
    if (this.current !== current) return;
    const { id } = this.current;
    this.current = null;
    this.update(id, patch);
    if (patch.status === 'queued') setTimeout(() => this.pump(true), AGAIN_MS).unref();
    else this.pump();
  }

  /** Forgets its job; what the job still says is not heard. */
  private drop(id: string): void {
    if (this.current?.id !== id) return;
    const { supervisor } = this.context;
    supervisor.tensor.send({ type: 'stop', job: this.current.job });
    supervisor.tensor.drop(this.current.job);
    this.current = null;
    this.notify();
  }

  private data(dataset: string | null, run: string, folder: string | undefined) {
    const { store, home } = this.context;
    if (folder !== undefined) {
      const path = resolve(folder);
      const known = store.datasets.byPath(storedPath(home, path));
      return { id: known?.id ?? null, name: known?.name ?? path, path };
    }
    const record = dataset === null ? null : store.datasets.get(dataset);
    if (record?.status === 'ready') return { id: record.id, name: record.name, path: absolutePath(home, record.path) };
    throw new StudioError(
      'not_found',
      record
        ? `The dataset ${record.name} is ${record.status}: wait until it is ready, or choose another.`
        : `The dataset of ${run} has been deleted: choose another to evaluate it on.`,
    );
  }

  /** The votes of the run's latest evaluation of the same data, as the start of the new one's. */
  private copyVotes(run: string, dataPath: string, out: string): void {
    const { store, home } = this.context;
    const earlier = store.evaluations.list(run).find((e) => e.status === 'done' && e.plan.data_path === dataPath);
    const votes = earlier ? join(absolutePath(home, earlier.path), FILES.votes) : null;
    if (votes === null || !existsSync(votes)) return;
    mkdirSync(out, { recursive: true });
    copyFileSync(votes, join(out, FILES.votes));
  }

  private refuseForeign(id: string, verb: string): void {
    const { owner, status } = this.record(id);
    if (status !== 'queued' && status !== 'running') return;
    if (owner === null || owner === this.context.owner || !isAlive(owner)) return;
    throw new StudioError('conflict', `Another TRM Studio runs this evaluation: it can only be ${verb} there.`);
  }

  private record(id: string) {
    const record = this.context.store.evaluations.get(id);
    if (!record) throw new StudioError('not_found', `There is no evaluation ${id}: it may have been deleted.`);
    return record;
  }

  private info(record: Parameters<typeof evaluationInfo>[0]): EvaluationInfo {
    return evaluationInfo(record, absolutePath(this.context.home, record.path));
  }

  private update(id: string, patch: Parameters<Context['store']['evaluations']['update']>[1]): void {
    try {
      this.context.store.evaluations.update(id, patch);
      this.changed(id);
    } catch (error) {
      this.context.log.error(`evaluation ${id}`, error);
    }
    this.notify();
  }

  private changed(id: string): void {
    const record = this.context.store.evaluations.get(id);
    if (record) this.context.events.emit('evaluation.changed', this.info(record));
  }

  private notify(): void {
    for (const listener of [...this.listeners]) listener();
  }

  private until(condition: () => boolean): Promise<void> {
    return new Promise((done) => {
      const look = () => {
        if (!condition()) return;
        this.listeners.delete(look);
        done();
      };
      this.listeners.add(look);
      look();
    });
  }
}
