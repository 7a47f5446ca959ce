/** Training runs: made, queued one after another, paused, stopped, continued. */
import type { RunSummary } from '../../shared/contract/runs';
import type { ExampleRef } from '../../shared/dataset';
import { StudioError } from '../../shared/errors';
import { isActive } from '../../shared/jobs';
import { timestamp } from '../clock';
import type { Context } from '../context';
import { isAlive, pidOf } from '../owner';
import type { RunRecord } from '../repositories/runs';
import { ActiveRun } from './active-run';
import { RunRecorder } from './recorder';
import { RunStates } from './run-states';
import { prepareJob } from './start';

/** How long a run may take to save and stop before its process is ended: a step or an evaluation may be under way. */
const STOP_DEADLINE_MS = 90_000;

const CLOSED = 'TRM Studio was closed';

export class Runs {
  /** The run whose tensors are in the compute process. */
  private current: ActiveRun | null = null;
  private pumping = false;
  private closing = false;
  private readonly states: RunStates;

  constructor(
    private readonly context: Context,
    /** Whether a run's dataset is ready; an error fails the run. */
    private readonly datasetState: (run: RunRecord) => { ready: boolean; error: string | null },
    private readonly stopDeadlineMs = STOP_DEADLINE_MS,
  ) {
    this.states = new RunStates(context);
  }

  /** @throws StudioError `not_found` */
  get(id: string): RunRecord {
    return this.states.get(id);
  }

  /** Stores a new run at the end of the queue. */
  enqueue(run: RunRecord): RunSummary {
    this.context.store.runs.insert(run);
    this.states.changed(run.id);
    this.pump();
    return this.states.summary(run.id);
  }

  /** Continues a run: at once from a pause, through the queue from its newest checkpoint otherwise. */
  async resume(id: string): Promise<RunSummary> {
    const run = this.get(id);
    this.states.refuseForeign(run, 'resumed');
    if (this.current?.run === id && this.current.isLeaving) await this.states.until(() => this.current?.run !== id);
    if (run.status === 'paused' && this.current?.run === id) {
      this.current.send('resume');
      await this.states.until(() => this.get(id).status !== 'paused');
      return this.states.summary(id);
    }
    if (run.status === 'done' && run.total_steps > 0 && run.step >= run.total_steps) {
      throw new StudioError(
        'conflict',
        `${run.name} has finished all of its ${run.total_steps} steps: start a new run, or give it more with trm train --resume ${id} --max-steps N.`,
      );
    }
    this.states.act(id, 'start', 'resumed', {
      reason: null,
      queued_at: timestamp(),
      owner: this.context.owner,
      compute_owner: null,
      resume_at_start: false,
    });
    this.pump();
    return this.states.summary(id);
  }

  async pause(id: string): Promise<RunSummary> {
    const run = this.get(id);
    this.states.refuseForeign(run, 'paused');
    if (run.status !== 'running' || this.current?.run !== id) throw this.states.unfit(run, 'paused');
    this.current.send('pause');
    await this.states.until(() => this.get(id).status !== 'running');
    this.pump();
    return this.states.summary(id);
  }

  async stop(id: string, reason: string | null = null): Promise<RunSummary> {
    const run = this.get(id);
    this.states.refuseForeign(run, 'stopped');
    if (!isActive(run.status)) throw this.states.unfit(run, 'stopped');
    if (this.current?.run === id) {
      this.current.leave({ to: 'stop', reason, resumeAtStart: false });
      await this.states.until(() => !isActive(this.get(id).status));
    } else {
      this.states.end(id, 'stop', { reason, resume_at_start: false });
      this.pump();
    }
    return this.states.summary(id);
  }

  save(id: string): void {
    const run = this.get(id);
    this.states.refuseForeign(run, 'saved');
    if (this.current?.run !== id) throw this.states.unfit(run, 'saved');
    this.current.send('save');
  }

  pin(id: string, pinned: ExampleRef[]): void {
    this.get(id);
    this.context.store.runs.update(id, { pinned });
    if (this.current?.run === id) this.current.pin(pinned);
    this.states.changed(id);
  }

  /** @throws StudioError `conflict` while the run is active, here or in another process. */
  refuseActive(run: RunRecord, verb: string): void {
    this.states.refuseForeign(run, verb);
    if (isActive(run.status)) {
      throw new StudioError('conflict', `${run.name} is ${run.status}: stop it before it is ${verb}.`);
    }
  }

  /**
   * Starts the next queued run of this process whose dataset is ready, when nothing trains. A paused run that still has
   * its tensors in the compute process makes room for it.
   */
  pump(): void {
    if (this.pumping || this.closing) return;
    if (this.current && this.get(this.current.run).status !== 'paused') return;
    for (const run of this.states.mine()) {
      if (run.status !== 'queued') continue;
      const { ready, error } = this.datasetState(run);
      if (error !== null) this.states.fail(run.id, error);
      else if (ready) {
        if (this.current) this.current.leave({ to: 'park' });
        else this.begin(run);
        return;
      }
    }
  }

  /** Asks what runs to save and stop, to be taken up again at the next start; queued runs keep their place. */
  close(): void {
    this.closing = true;
    for (const run of this.states.mine()) {
      // A paused run was paused on purpose: it is there to be resumed, but does not start by itself.
      const paused = run.status === 'paused';
      const reason = `${CLOSED}${paused ? ' while it was paused' : ''}.`;
      if (this.current?.run === run.id) this.current.leave({ to: 'stop', reason, resumeAtStart: !paused });
      else this.states.act(run.id, 'stop', 'stopped', { reason, owner: null, resume_at_start: !paused });
    }
  }

  /** Resolves when no run of this process is active any more. */
  async idle(): Promise<void> {
    await this.states.until(() => !this.pumping && this.states.mine().length === 0, null);
  }

  /** Called last, when the compute processes are gone. */
  closed(): void {
    this.states.close();
  }

  private begin(run: RunRecord): void {
    this.pumping = true;
    this.start(run.id)
      .finally(() => {
        this.pumping = false;
        this.states.notify();
        this.pump();
      })
      .catch((error: unknown) => this.context.log.error(`run ${run.id} cannot be started`, error));
  }

  private async start(id: string): Promise<void> {
    const recorder = new RunRecorder(this.context, id);
    try {
      // Read anew: what its dataset brought (canvas, pinned examples) has just been stored.
      const job = await prepareJob(this.context, this.get(id), recorder);
      // It may have been stopped, or the studio closed, while its checkpoint was verified.
      if (this.closing || this.get(id).status !== 'queued') return;
      this.tellOthers(recorder);
      const again = () => prepareJob(this.context, this.get(id), recorder, { silent: true });
      this.current = new ActiveRun(this.states, recorder, job, this.stopDeadlineMs, again, () => {
        this.current = null;
        this.pump();
      });
      this.current.start();
    } catch (error) {
      this.current = null;
      this.context.supervisor.running = null;
      this.states.fail(id, this.states.sentence(error));
    }
  }

  /** Two trainings share the machine's cores and memory: allowed, but worth a word. */
  private tellOthers(recorder: RunRecorder): void {
    const { store, owner } = this.context;
    const other = store.runs
      .active()
      .find((run) => run.status === 'running' && run.owner !== null && run.owner !== owner && isAlive(run.owner));
    if (!other) return;
    const where = `another TRM Studio (process ${pidOf(other.owner ?? '')})`;
    recorder.event('warning', `${other.name} is being trained by ${where} at the same time: both are slower.`);
  }
}
