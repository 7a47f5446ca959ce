/** Evaluations: a kind of job that is taken up again where it was left, and kept with every task's result. */
import { readReport } from '../../core/evaluate/report';
import type { ComputeJob, FromCompute } from '../../shared/compute';
import type { Parsed } from '../../shared/contract';
import type { EvaluationComparison, EvaluationInfo } from '../../shared/contract/evaluations';
import { StudioError, toWireError } from '../../shared/errors';
import type { EvaluatedTask } from '../../shared/evaluation';
import { timestamp } from '../clock';
import type { Context } from '../context';
import { ProgressMeter } from '../datasets/progress';
import { absolutePath, storedPath } from '../home';
import { newId } from '../ids';
import { Jobs } from '../jobs/jobs';
import type { JobQueue, QueueEnd } from '../jobs/queue';
import { evaluationInfo, type EvaluationWithRun } from '../repositories/evaluations';
import { compareEvaluations } from './compare';
import { planEvaluation, type EvaluationExtras } from './plan';

const WORDS = {
  noun: 'evaluation',
  closed: 'TRM Studio was closed before it was finished: it goes on at the next start.',
  lost: 'TRM Studio ended before it was finished: continue it.',
  resumed: 'continued',
};

export class Evaluations extends Jobs<EvaluationWithRun, EvaluationInfo> {
  private meter: ProgressMeter | null = null;

  constructor(context: Context, queue: JobQueue) {
    super(context, queue, context.store.evaluations, WORDS);
  }

  /** Those of one run, newest first. */
  listOf(run: string): EvaluationInfo[] {
    return this.list().filter((e) => e.run === run);
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
      created: timestamp(),
    });
    this.changed(id);
    this.queue.pump();
    return this.get(id);
  }

  /** Ends those of a run that is going to be deleted. @returns the files that go once the rows have gone with it */
  async detachFrom(run: string): Promise<string[]> {
    const { store, owner } = this.context;
    for (;;) {
      const records = store.evaluations.list(run);
      // What waits would be started as soon as the one that runs has stopped.
      for (const { id, status, owner: its } of records) {
        if (status === 'queued' && its === owner) this.update(id, { status: 'stopped', error: null, owner: null });
      }
      this.queue.notify();
      const { running } = this.queue;
      if (running === null || !records.some(({ id }) => id === running)) {
        for (const { id } of records) this.queue.forget(id);
        return records.flatMap((record) => this.files(record));
      }
      await this.queue.stop(running);
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

  protected job({ plan }: EvaluationWithRun, job: string): ComputeJob {
    return { type: 'evaluate', job, plan };
  }

  protected override begun(id: string): void {
    this.meter = new ProgressMeter((done, total, _what, seconds_left) => {
      this.context.events.emit('evaluation.progress', { evaluation: id, done, total, seconds_left });
    });
  }

  protected heard(id: string, message: FromCompute): void {
    if (message.type !== 'progress') return;
    this.context.store.evaluations.update(id, { done: message.done, total: message.total });
    this.meter?.update(message.done, message.total, message.what);
  }

  protected async finish(id: string, end: Exclude<QueueEnd, { status: 'failed' }>): Promise<void> {
    const { store, home, log } = this.context;
    if (end.status === 'stopped') {
      return this.update(id, { status: 'stopped', error: null, owner: null, resume_at_start: false });
    }
    let report;
    try {
      report = await readReport(absolutePath(home, this.record(id).path));
    } catch (error) {
      const { message } = toWireError(error, (e) => log.error(`evaluation ${id} cannot be read`, e));
      return this.update(id, { status: 'failed', error: message, owner: null });
    }
    store.evaluations.finish(id, report);
    this.update(id, { resume_at_start: false });
  }

  /** It goes on from what was saved. */
  protected fresh({ plan }: EvaluationWithRun) {
    return { plan: { ...plan, resume: true } };
  }

  protected refuseResume(record: EvaluationWithRun): void {
    if (record.status !== 'stopped' && record.status !== 'failed') {
      throw new StudioError('conflict', `The evaluation is ${record.status}: there is nothing to continue.`);
    }
    if (record.checkpoint !== null && this.context.store.checkpoints.get(record.checkpoint)) return;
    throw new StudioError(
      'not_found',
      `The checkpoint of step ${record.checkpoint_step} has been removed for a newer one: evaluate that one.`,
    );
  }

  protected missing({ checkpoint }: EvaluationWithRun): string | null {
    return checkpoint === null ? 'Its checkpoint has been removed.' : null;
  }

  protected files({ outside, path }: EvaluationWithRun): string[] {
    return outside ? [] : [absolutePath(this.context.home, path)];
  }

  protected info(record: EvaluationWithRun): EvaluationInfo {
    return evaluationInfo(record, absolutePath(this.context.home, record.path));
  }

  protected detail(record: EvaluationWithRun): EvaluationInfo {
    return this.info(record);
  }

  protected emitChanged(info: EvaluationInfo): void {
    this.context.events.emit('evaluation.changed', info);
  }

  protected emitDeleted(evaluation: string): void {
    this.context.events.emit('evaluation.deleted', { evaluation });
  }
}
