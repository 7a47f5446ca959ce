/** Training runs: made, queued one after another, paused, stopped, continued. */
import type { FromCompute } from '../../shared/compute';
import type { RunSummary } from '../../shared/contract';
import type { ExampleRef } from '../../shared/dataset';
import { StudioError, toWireError } from '../../shared/errors';
import { isActive, nextStatus, type JobAction } from '../../shared/jobs';
import type { Context } from '../context';
import { asStudioError } from '../db/open';
import { isAlive, ownerOf, pidOf } from '../owner';
import type { RunRecord } from '../repositories/runs';
import { RunRecorder } from './recorder';
import { prepareJob } from './start';
import { runSummary } from './summary';

/** How long a run may take to save and stop before its process is ended: a step or an evaluation may be under way. */
const STOP_DEADLINE_MS = 90_000;
/** How long a call waits for the compute process to do what was asked before it answers with the state of now. */
const ANSWER_MS = 5_000;

interface Current {
  run: string;
  job: string;
  recorder: RunRecorder;
  /** What a stop was asked for; becomes the run's reason. */
  stopping: { reason: string | null; resumeAtStart: boolean } | null;
  deadline: NodeJS.Timeout | null;
}

export class Runs {
  /** The run whose tensors are in the compute process. */
  private current: Current | null = null;
  private pumping = false;
  private closing = false;
  private readonly waiters = new Set<() => void>();

  constructor(
    private readonly context: Context,
    /** Makes sure that a run's dataset is ready or being built; a failure fails the run. */
    private readonly datasetState: (run: RunRecord) => { ready: boolean; error: string | null },
    private readonly stopDeadlineMs = STOP_DEADLINE_MS,
  ) {}

  get(id: string): RunRecord {
    const run = this.context.store.runs.get(id);
    if (!run) throw new StudioError('not_found', `There is no run ${id}: it may have been deleted.`);
    return run;
  }

  /** Stores a new run at the end of the queue. */
  enqueue(run: RunRecord): RunSummary {
    this.context.store.runs.insert(run);
    this.changed(run.id);
    this.pump();
    return this.summary(run.id);
  }

  /** Continues a run: at once from a pause, through the queue from its newest checkpoint otherwise. */
  async resume(id: string): Promise<RunSummary> {
    const run = this.get(id);
    this.refuseForeign(run, 'resumed');
    if (run.status === 'paused' && this.current?.run === id) {
      this.context.supervisor.tensor.send({ type: 'resume', job: this.current.job });
      await this.settled(() => this.get(id).status !== 'paused');
      return this.summary(id);
    }
    if (run.status === 'done' && run.total_steps > 0 && run.step >= run.total_steps) {
      throw new StudioError(
        'conflict',
        `${run.name} has finished all of its ${run.total_steps} steps: start a new run, or give it more with trm train --resume ${id} --max-steps N.`,
      );
    }
    this.act(run, 'start', 'resumed', {
      reason: null,
      queued_at: new Date().toISOString(),
      owner: this.context.owner,
      compute_owner: null,
      resume_at_start: false,
    });
    this.pump();
    return this.summary(id);
  }

  async pause(id: string): Promise<RunSummary> {
    const run = this.get(id);
    this.refuseForeign(run, 'paused');
    if (run.status !== 'running' || this.current?.run !== id) throw this.unfit(run, 'paused');
    this.context.supervisor.tensor.send({ type: 'pause', job: this.current.job });
    await this.settled(() => this.get(id).status !== 'running');
    return this.summary(id);
  }

  async stop(id: string, reason: string | null = null): Promise<RunSummary> {
    const run = this.get(id);
    this.refuseForeign(run, 'stopped');
    if (!isActive(run.status)) throw this.unfit(run, 'stopped');
    if (this.current?.run !== id) {
      this.act(run, 'stop', 'stopped', { reason, owner: null, queued_at: null, resume_at_start: false });
      this.pump();
      return this.summary(id);
    }
    this.askToStop(this.current, reason, false);
    await this.settled(() => !isActive(this.get(id).status));
    return this.summary(id);
  }

  save(id: string): void {
    const run = this.get(id);
    this.refuseForeign(run, 'saved');
    if (this.current?.run !== id) throw this.unfit(run, 'saved');
    this.context.supervisor.tensor.send({ type: 'save', job: this.current.job });
  }

  pin(id: string, pinned: ExampleRef[]): void {
    this.get(id);
    this.context.store.runs.update(id, { pinned });
    if (this.current?.run === id) this.context.supervisor.tensor.send({ type: 'pin', job: this.current.job, pinned });
    this.changed(id);
  }

  /** @throws StudioError `conflict` while the run is active, here or in another process. */
  refuseActive(run: RunRecord, verb: string): void {
    this.refuseForeign(run, verb);
    if (isActive(run.status)) {
      throw new StudioError('conflict', `${run.name} is ${run.status}: stop it before it is ${verb}.`);
    }
  }

  /** Starts the next queued run of this process when nothing trains and its dataset is ready. */
  pump(): void {
    if (this.current || this.pumping || this.closing) return;
    for (const run of this.context.store.runs.active()) {
      if (run.status !== 'queued' || run.owner !== this.context.owner) continue;
      const { ready, error } = this.datasetState(run);
      if (error !== null) this.fail(run, error);
      else if (ready) {
        this.pumping = true;
        void this.start(run).finally(() => {
          this.pumping = false;
          this.notify();
          this.pump();
        });
        return;
      }
    }
  }

  /** Asks what runs to save and stop, to be taken up again at the next start; queued runs keep their place. */
  close(): void {
    this.closing = true;
    for (const run of this.context.store.runs.active()) {
      if (run.owner !== this.context.owner) continue;
      if (this.current?.run === run.id) {
        // A paused run was paused on purpose: it is there to be resumed, but does not start by itself.
        const paused = run.status === 'paused';
        this.askToStop(this.current, `TRM Studio was closed${paused ? ' while it was paused' : ''}.`, !paused);
      } else {
        this.act(run, 'stop', 'stopped', { reason: 'TRM Studio was closed.', owner: null, resume_at_start: true });
      }
    }
  }

  /** Resolves when no run of this process is active any more. */
  async idle(): Promise<void> {
    const mine = () => this.context.store.runs.active().some((run) => run.owner === this.context.owner);
    while (mine() || this.pumping) await new Promise<void>((resolve) => this.waiters.add(resolve));
  }

  private async start(run: RunRecord): Promise<void> {
    const { context } = this;
    const recorder = new RunRecorder(context, run.id);
    try {
      // Read anew: what its dataset brought (canvas, pinned examples) has just been stored.
      const job = await prepareJob(context, this.get(run.id), recorder);
      // It may have been stopped, or the studio closed, while its checkpoint was verified.
      if (this.closing || this.get(run.id).status !== 'queued') return;
      this.current = { run: run.id, job: job.job, recorder, stopping: null, deadline: null };
      context.supervisor.running = run.id;
      this.act(this.get(run.id), 'start', 'started', { queued_at: null, reason: null });
      context.supervisor.tensor.run(job, {
        onMessage: (message) => this.receive(message),
        onLost: (sentence) => this.lost(sentence),
      });
      const { pid } = context.supervisor.tensor;
      if (pid !== undefined && this.current) context.store.runs.update(run.id, { compute_owner: ownerOf(pid) });
    } catch (error) {
      this.release();
      this.fail(this.get(run.id), this.sentence(error));
    }
  }

  private receive(message: FromCompute): void {
    const { current } = this;
    if (!current) return;
    try {
      this.apply(current, message);
    } catch (error) {
      // The store cannot be written (a full disk, most likely). What was saved stays; training on would be lost work.
      const sentence = this.sentence(error);
      this.context.log.error(`run ${current.run} cannot be recorded`, error);
      this.askToStop(current, sentence, false);
    }
  }

  private apply(current: Current, message: FromCompute): void {
    const { recorder } = current;
    switch (message.type) {
      case 'started':
        return recorder.started(message.started);
      case 'metrics':
        return recorder.metrics(message);
      case 'evaluation':
        return recorder.evaluation(message);
      case 'checkpoint':
        return recorder.checkpoint(message.checkpoint);
      case 'note':
        return recorder.event(message.level, message.message);
      case 'status': {
        const run = this.get(current.run);
        if (message.status === run.status) return;
        recorder.event('info', message.status === 'paused' ? 'Paused.' : 'Continues.', message.step);
        return this.act(run, message.status === 'paused' ? 'pause' : 'resume', message.status, {});
      }
      case 'done': {
        const { stopping } = current;
        this.release();
        const run = this.get(current.run);
        const stopped = message.status === 'stopped';
        recorder.event(
          'info',
          stopped ? `Stopped at step ${message.step}.` : `Finished at step ${message.step}.`,
          message.step,
        );
        this.act(run, stopped ? 'stop' : 'finish', message.status, {
          step: message.step,
          reason: stopped ? (stopping?.reason ?? null) : null,
          owner: null,
          compute_owner: null,
          resume_at_start: stopped && (stopping?.resumeAtStart ?? false),
        });
        return this.pump();
      }
      case 'failed': {
        this.release();
        if (message.error.data?.recycle === true && !current.stopping)
          return this.renew(current, message.error.message);
        this.fail(this.get(current.run), message.error.message);
        return this.pump();
      }
      default:
        return;
    }
  }

  /** The compute process has come to the end of what one process can do: the run goes on in a new one. */
  private renew(current: Current, why: string): void {
    current.recorder.event('info', why);
    this.act(this.get(current.run), 'lost', 'stopped', { compute_owner: null });
    this.act(this.get(current.run), 'start', 'continued', { queued_at: new Date(0).toISOString() });
    this.pumping = true;
    void this.context.supervisor.tensor.renew().finally(() => {
      this.pumping = false;
      this.pump();
    });
  }

  /** The compute process died with the run in it. */
  private lost(sentence: string): void {
    const { current } = this;
    if (!current) return;
    this.release();
    const run = this.get(current.run);
    try {
      if (current.stopping) {
        current.recorder.event('warning', 'Did not stop in time and was ended; goes on from its last checkpoint.');
        this.act(run, 'stop', 'stopped', {
          reason: current.stopping.reason,
          owner: null,
          compute_owner: null,
          resume_at_start: current.stopping.resumeAtStart,
        });
      } else this.fail(run, sentence);
    } catch (error) {
      this.context.log.error(`run ${run.id} cannot be marked`, error);
    }
    this.pump();
  }

  private fail(run: RunRecord, reason: string): void {
    new RunRecorder(this.context, run.id).event('error', reason, run.step);
    this.act(run, 'fail', 'failed', { reason, owner: null, compute_owner: null, queued_at: null });
  }

  private askToStop(current: Current, reason: string | null, resumeAtStart: boolean): void {
    if (current.stopping) return;
    current.stopping = { reason, resumeAtStart };
    const { tensor } = this.context.supervisor;
    tensor.send({ type: 'stop', job: current.job });
    current.deadline = setTimeout(() => {
      this.context.log.warn(
        `run ${current.run} did not stop within ${this.stopDeadlineMs / 1000} s: its process is killed`,
      );
      tensor.kill();
    }, this.stopDeadlineMs);
  }

  private release(): void {
    if (this.current?.deadline) clearTimeout(this.current.deadline);
    this.current = null;
    this.context.supervisor.running = null;
  }

  private act(run: RunRecord, action: JobAction['type'], verb: string, patch: Partial<RunRecord>): void {
    const status = nextStatus(run.status, action);
    if (status === null) throw this.unfit(run, verb);
    this.context.store.runs.update(run.id, { ...patch, status });
    this.changed(run.id);
  }

  private changed(id: string): void {
    this.context.events.emit('run.changed', this.summary(id));
    this.notify();
  }

  private notify(): void {
    for (const waiter of [...this.waiters]) {
      this.waiters.delete(waiter);
      waiter();
    }
  }

  /** Waits until `done` holds, at most as long as a caller should. */
  private async settled(done: () => boolean): Promise<void> {
    const until = Date.now() + ANSWER_MS;
    while (!done() && Date.now() < until) {
      await new Promise<void>((resolve) => {
        const timer = setTimeout(resolve, until - Date.now());
        this.waiters.add(() => {
          clearTimeout(timer);
          resolve();
        });
      });
    }
  }

  private summary(id: string): RunSummary {
    return runSummary(this.context.store, this.get(id));
  }

  private unfit(run: RunRecord, verb: string): StudioError {
    return new StudioError('conflict', `${run.name} is ${run.status}, so it cannot be ${verb} now.`);
  }

  private refuseForeign(run: RunRecord, verb: string): void {
    if (!isActive(run.status) || run.owner === null || run.owner === this.context.owner || !isAlive(run.owner)) return;
    throw new StudioError(
      'conflict',
      `${run.name} belongs to another TRM Studio (process ${pidOf(run.owner)}), so it cannot be ${verb} here: do it there, or close that one.`,
    );
  }

  private sentence(error: unknown): string {
    return toWireError(asStudioError(error, this.context.home.database), (e) => this.context.log.error('run', e))
      .message;
  }
}
