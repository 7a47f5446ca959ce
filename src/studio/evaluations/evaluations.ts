/**
 * Evaluations: queued one behind the other, computed between the steps of whatever trains, taken up again where they
 * were left, and kept with every task's result.
 */
import { readReport } from '../../core/evaluate/report';
import type { Parsed } from '../../shared/contract';
import type { EvaluationComparison, EvaluationInfo } from '../../shared/contract/evaluations';
import { StudioError, toWireError } from '../../shared/errors';
import type { EvaluatedTask, EvaluationPlan } from '../../shared/evaluation';
import type { Context } from '../context';
import { ProgressMeter } from '../datasets/progress';
import { absolutePath, storedPath } from '../home';
import { newId } from '../ids';
import { isAlive } from '../owner';
import { evaluationInfo } from '../repositories/evaluations';
import { removeFile } from '../runs/checkpoints';
import { stopLeftBehind } from '../supervisor/left-behind';
import type { QueueEnd, TensorQueue } from '../supervisor/tensor-queue';
import { compareEvaluations } from './compare';
import { planEvaluation, type EvaluationExtras } from './plan';

const CLOSED = 'TRM Studio was closed before it was finished: it goes on at the next start.';
const LOST = 'TRM Studio ended before it was finished: continue it.';

type Patch = Parameters<Context['store']['evaluations']['update']>[1];

export class Evaluations {
  private meter: ProgressMeter | null = null;

  constructor(
    private readonly context: Context,
    private readonly queue: TensorQueue,
  ) {
    queue.serve({
      next: () => {
        const next = this.mine().find(({ status }) => status === 'queued');
        if (!next) return null;
        const { id, created, plan } = next;
        return { id, created, job: (job) => ({ type: 'evaluate', job, plan }) };
      },
      started: (id) => {
        this.meter = new ProgressMeter((done, total, _what, seconds_left) => {
          context.events.emit('evaluation.progress', { evaluation: id, done, total, seconds_left });
        });
        this.update(id, { status: 'running', error: null, resume_at_start: false });
      },
      heard: (id, message) => {
        if (message.type !== 'progress') return;
        context.store.evaluations.update(id, { done: message.done, total: message.total });
        this.meter?.update(message.done, message.total, message.what);
      },
      requeued: (id) => this.update(id, { status: 'queued', plan: { ...this.record(id).plan, resume: true } }),
      ended: (id, end) => this.end(id, end),
    });
  }

  list(run?: string): EvaluationInfo[] {
    return this.context.store.evaluations.list(run).map((e) => this.info(e));
  }

  get(id: string): EvaluationInfo {
    return this.info(this.record(id));
  }

  /** @throws StudioError `not_found` if the checkpoint or its data is gone */
  create(input: Parsed<'evaluations.create'>, extras: EvaluationExtras = {}): EvaluationInfo {
    const { store, home, owner } = this.context;
    const id = newId();
    const { run, checkpoint, data, plan } = planEvaluation(this.context, id, input, extras);
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
      path: storedPath(home, plan.out),
      outside: extras.out !== undefined,
      owner,
      resume_at_start: false,
      created: new Date().toISOString(),
    });
    this.changed(id);
    this.queue.pump();
    return this.get(id);
  }

  /** Stops it, saving how far it has come. */
  async cancel(id: string): Promise<EvaluationInfo> {
    const record = this.record(id);
    this.refuseForeign(id, 'cancelled');
    if (record.status !== 'queued' && record.status !== 'running') {
      throw new StudioError('conflict', `The evaluation is ${record.status}: there is nothing to cancel.`);
    }
    if (!(await this.queue.stop(id))) this.update(id, { status: 'stopped', error: null, owner: null });
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
    this.requeue(record);
    this.queue.pump();
    return this.get(id);
  }

  /** Ends it first if it runs: what it saves at its end must not outlive it. */
  async delete(id: string): Promise<void> {
    const record = this.record(id);
    this.refuseForeign(id, 'deleted');
    await this.queue.stop(id);
    this.context.store.evaluations.delete(id);
    if (!record.outside) removeFile(this.context, absolutePath(this.context.home, record.path));
    this.context.events.emit('evaluation.deleted', { evaluation: id });
  }

  /** Ends and removes what belongs to a run; the rows go with it. */
  async removeFilesOf(run: string): Promise<void> {
    for (const record of this.context.store.evaluations.list(run)) {
      await this.queue.stop(record.id);
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

  /**
   * What a dead process left behind is stopped, and told. What only waited, or was cut off by a regular quit, goes on at
   * once if `resume`: something that may have ended the studio does not start by itself.
   */
  recover(resume: boolean): void {
    const { evaluations } = this.context.store;
    stopLeftBehind(evaluations, { closed: CLOSED, lost: LOST });
    if (!resume) return;
    for (const record of evaluations.list()) {
      if (!record.resume_at_start || record.status !== 'stopped') continue;
      // Its checkpoint may have been removed meanwhile.
      if (record.checkpoint !== null) this.requeue(record);
      else evaluations.update(record.id, { resume_at_start: false, error: 'Its checkpoint has been removed.' });
    }
  }

  /** Resolves when this evaluation is over. */
  async ended(id: string): Promise<EvaluationInfo> {
    await this.queue.until(() => !['queued', 'running'].includes(this.get(id).status));
    return this.get(id);
  }

  /** Before the queue is closed. */
  close(): void {
    for (const { id } of this.mine()) {
      // The one that runs says for itself how it ends; should it never come to that, it is known that it may go on.
      if (this.queue.running === id) this.context.store.evaluations.update(id, { resume_at_start: true });
      else this.update(id, { status: 'stopped', error: CLOSED, owner: null, resume_at_start: true });
    }
  }

  private mine() {
    const { store, owner } = this.context;
    return store.evaluations.active().filter((e) => e.owner === owner);
  }

  private requeue({ id, plan }: { id: string; plan: EvaluationPlan }): void {
    const { owner } = this.context;
    this.update(id, { status: 'queued', error: null, owner, resume_at_start: false, plan: { ...plan, resume: true } });
  }

  private async end(id: string, end: QueueEnd): Promise<void> {
    const { store, home, log } = this.context;
    if (end.status === 'failed') this.update(id, { status: 'failed', error: end.error, owner: null });
    else if (end.status === 'stopped') {
      const error = end.closing ? CLOSED : null;
      this.update(id, { status: 'stopped', error, owner: null, resume_at_start: end.closing });
    } else {
      try {
        store.evaluations.finish(id, await readReport(absolutePath(home, this.record(id).path)));
        this.update(id, { resume_at_start: false });
      } catch (error) {
        log.error(`evaluation ${id} cannot be recorded`, error);
        this.update(id, { status: 'failed', error: toWireError(error).message, owner: null });
      }
    }
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

  private update(id: string, patch: Patch): void {
    try {
      this.context.store.evaluations.update(id, patch);
      this.changed(id);
    } catch (error) {
      this.context.log.error(`evaluation ${id}`, error);
    }
    this.queue.notify();
  }

  private changed(id: string): void {
    const record = this.context.store.evaluations.get(id);
    if (record) this.context.events.emit('evaluation.changed', this.info(record));
  }
}
