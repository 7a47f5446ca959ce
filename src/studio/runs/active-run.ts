/** The one run whose tensors are in the compute process: what it tells is recorded, what it is asked is sent. */
import type { FromCompute, ToCompute, TrainJob } from '../../shared/compute';
import { ownerOf } from '../owner';
import type { RunRecorder } from './recorder';
import type { RunStates } from './run-states';

/** Why a run was asked to leave the compute process. */
export type Leaving =
  | { to: 'stop'; reason: string | null; resumeAtStart: boolean }
  /** A paused run makes room for a queued one: it stays paused, and goes on from its checkpoint. */
  | { to: 'park' };

export class ActiveRun {
  private leaving: Leaving | null = null;
  private deadline: NodeJS.Timeout | null = null;
  private ended = false;
  /** What was said while one process took the run over from another; null when its process hears it. */
  private unheard: (() => void)[] | null = null;

  constructor(
    private readonly states: RunStates,
    private readonly recorder: RunRecorder,
    private job: TrainJob,
    private readonly stopDeadlineMs: number,
    /** The job that goes on from the newest checkpoint. */
    private readonly nextJob: () => Promise<TrainJob>,
    /** Told once, when the compute process is free again. */
    private readonly onEnd: () => void,
  ) {}

  get run(): string {
    return this.job.run;
  }

  get isLeaving(): boolean {
    return this.leaving !== null;
  }

  start(): void {
    this.states.context.supervisor.running = this.run;
    this.states.act(this.run, 'start', 'started', { queued_at: null, reason: null });
    this.begin();
  }

  private begin(): void {
    this.states.context.supervisor.tensor.run(this.job, {
      onMessage: (message) => this.receive(message),
      onLost: (sentence) => this.lost(sentence),
    });
    this.rememberProcess();
  }

  /** A word to the job: pause, resume, save, pin. */
  send(word: 'pause' | 'resume' | 'save'): void {
    if (this.unheard) this.unheard.push(() => this.send(word));
    else this.post({ type: word, job: this.job.job });
  }

  pin(pinned: TrainJob['pinned']): void {
    if (this.unheard) this.unheard.push(() => this.pin(pinned));
    else this.post({ type: 'pin', job: this.job.job, pinned });
  }

  /** Asks it to save and leave; its process is ended if it does not in time. The first word counts, but a stop outdoes a parking. */
  leave(leaving: Leaving): void {
    if (this.ended || this.leaving?.to === 'stop') return;
    const asked = this.leaving !== null;
    this.leaving = leaving;
    if (asked) return;
    this.post({ type: 'stop', job: this.job.job });
    const { log, supervisor } = this.states.context;
    this.deadline = setTimeout(() => {
      log.warn(`run ${this.run} did not stop within ${this.stopDeadlineMs / 1000} s: its process is killed`);
      supervisor.tensor.kill();
    }, this.stopDeadlineMs);
  }

  private post(message: ToCompute): void {
    this.states.context.supervisor.tensor.send(message);
  }

  private receive(message: FromCompute): void {
    if (this.ended) return;
    try {
      this.apply(message);
    } catch (error) {
      // The store cannot be written (a full disk, most likely). What was saved stays; training on would be lost work.
      this.states.context.log.error(`run ${this.run} cannot be recorded`, error);
      this.leave({ to: 'stop', reason: this.states.sentence(error), resumeAtStart: false });
    }
  }

  private apply(message: FromCompute): void {
    const { recorder, states, run } = this;
    switch (message.type) {
      case 'started':
        this.rememberProcess();
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
        if (message.status === states.get(run).status) return;
        const paused = message.status === 'paused';
        recorder.event('info', paused ? 'Paused.' : 'Continues.', message.step);
        return states.act(run, paused ? 'pause' : 'resume', message.status, {});
      }
      case 'done':
        return message.status === 'done' ? this.finished(message.step) : this.stopped(message.step);
      case 'failed':
        return this.failed(message);
      default:
        return;
    }
  }

  private finished(step: number): void {
    this.over(() =>
      this.states.end(this.run, 'finish', { step, reason: null, resume_at_start: false }, () =>
        this.recorder.event('info', `Finished at step ${step}.`, step),
      ),
    );
  }

  private stopped(step: number): void {
    const { leaving } = this;
    this.over(() => {
      if (leaving?.to === 'park') return this.parked();
      const patch = { step, reason: leaving?.reason ?? null, resume_at_start: leaving?.resumeAtStart ?? false };
      this.states.end(this.run, 'stop', patch, () => this.recorder.event('info', `Stopped at step ${step}.`, step));
    });
  }

  private failed({ error }: Extract<FromCompute, { type: 'failed' }>): void {
    if (error.data?.recycle === true && !this.leaving) {
      this.renew(error.message).catch((fault: unknown) =>
        this.states.context.log.error(`run ${this.run} cannot go on in a new process`, fault),
      );
      return;
    }
    this.over(() => this.states.fail(this.run, error.message));
  }

  /**
   * The compute process has come to the end of what one process can do, and has saved. The run goes on in a new one, and
   * nobody sees it: it is running all the while.
   */
  private async renew(why: string): Promise<void> {
    const { log, supervisor } = this.states.context;
    log.info(`run ${this.run} goes on in a new process: ${why}`);
    this.unheard = [];
    try {
      await supervisor.tensor.renew();
      const job = this.leaving ? null : await this.nextJob();
      const words = this.unheard;
      this.unheard = null;
      if (this.leaving || !job) return this.stopped(this.states.get(this.run).step);
      this.job = job;
      this.begin();
      for (const say of words) say();
    } catch (error) {
      this.unheard = null;
      this.lost(this.states.sentence(error));
    }
  }

  /** The compute process died with the run in it. */
  private lost(sentence: string): void {
    if (this.ended) return;
    const { leaving } = this;
    this.over(() => {
      if (!leaving) return this.states.fail(this.run, sentence);
      if (leaving.to === 'park') return this.parked();
      const patch = { reason: leaving.reason, resume_at_start: leaving.resumeAtStart };
      this.states.end(this.run, 'stop', patch, () =>
        this.recorder.event('warning', 'Did not stop in time and was ended; goes on from its last checkpoint.'),
      );
    });
  }

  /** Its time in the compute process is over. Others get their turn also where that cannot be written down. */
  private over(write: () => void): void {
    this.release();
    try {
      write();
    } finally {
      this.onEnd();
    }
  }

  private parked(): void {
    this.states.changed(this.run);
  }

  /** So that a process that outlives this one can be found and ended. Electron knows a pid only after a while. */
  private rememberProcess(): void {
    const { supervisor, store, log } = this.states.context;
    const { pid } = supervisor.tensor;
    if (pid === undefined || this.ended) return;
    try {
      store.runs.update(this.run, { compute_owner: ownerOf(pid) });
    } catch (error) {
      // Its job is on its way already, and says by itself what cannot be written down.
      log.error(`the process of run ${this.run} cannot be written down`, error);
    }
  }

  private release(): void {
    this.ended = true;
    if (this.deadline) clearTimeout(this.deadline);
    this.states.context.supervisor.running = null;
  }
}
