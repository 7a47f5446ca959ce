/** The status of runs: its changes by the one reducer, who may make them, and waiting for them. */
import type { RunSummary } from '../../shared/contract/runs';
import { StudioError, toWireError } from '../../shared/errors';
import { isActive, nextStatus, type JobAction } from '../../shared/jobs';
import type { Context } from '../context';
import { asStudioError } from '../db/open';
import { isAlive, pidOf } from '../owner';
import type { RunRecord } from '../repositories/runs';
import { RunRecorder } from './recorder';
import { runSummary } from './summary';

/** How long a call waits for the compute process to do what was asked before it answers with the state of now. */
const ANSWER_MS = 5_000;
const RETRY_MS = 2_000;

export class RunStates {
  private readonly waiters = new Set<() => void>();
  /** Ends that could not be written down (a full disk): seen by everybody here, and tried again. */
  private readonly unwritten = new Map<string, Partial<RunRecord>>();
  /** Runs as they were read last: a disk that is gone must not keep a run of this process from ending. */
  private readonly known = new Map<string, RunRecord>();
  private retry: NodeJS.Timeout | null = null;

  constructor(readonly context: Context) {}

  get(id: string): RunRecord {
    const run = this.read(
      () => this.context.store.runs.get(id),
      () => this.known.get(id),
    );
    if (!run) throw new StudioError('not_found', `There is no run ${id}: it may have been deleted.`);
    this.known.set(id, run);
    return { ...run, ...this.unwritten.get(id) };
  }

  summary(id: string): RunSummary {
    return runSummary(this.context.store, this.get(id));
  }

  /** Those of this process that are queued, running or paused, in the order of the queue. */
  mine(): RunRecord[] {
    return this.read(
      () => this.context.store.runs.active(),
      () => [...this.known.values()].filter((run) => isActive(run.status)),
    ).filter((run) => run.owner === this.context.owner && !this.unwritten.has(run.id));
  }

  /** @throws StudioError `conflict` if the action does not fit the run's status */
  act(id: string, action: JobAction['type'], verb: string, patch: Partial<RunRecord>): void {
    const run = this.get(id);
    const status = nextStatus(run.status, action);
    if (status === null) throw this.unfit(run, verb);
    this.context.store.runs.update(id, { ...patch, status });
    this.changed(id);
  }

  /** The end of a run's time in this process. What cannot be written now is remembered and written when it can be. */
  end(id: string, action: JobAction['type'], patch: Partial<RunRecord>, event?: () => void): void {
    const status = nextStatus(this.get(id).status, action);
    if (status === null) return;
    const whole = { ...patch, status, owner: null, compute_owner: null, queued_at: null };
    try {
      event?.();
      this.context.store.runs.update(id, whole);
    } catch (error) {
      this.context.log.error(`the end of run ${id} cannot be written`, error);
      this.unwritten.set(id, whole);
      this.retry ??= setInterval(() => this.writeDown(), RETRY_MS).unref();
    }
    this.changed(id);
  }

  fail(id: string, reason: string): void {
    const run = this.get(id);
    this.end(id, 'fail', { reason }, () => new RunRecorder(this.context, id).event('error', reason, run.step));
  }

  changed(id: string): void {
    try {
      this.context.events.emit('run.changed', this.summary(id));
    } catch (error) {
      this.context.log.error(`run ${id} cannot be told`, error);
    }
    this.notify();
  }

  notify(): void {
    for (const waiter of [...this.waiters]) {
      this.waiters.delete(waiter);
      waiter();
    }
  }

  /** Waits until `done` holds, at most as long as a caller should; with no limit if `ms` is null. */
  async until(done: () => boolean, ms: number | null = ANSWER_MS): Promise<void> {
    const end = ms === null ? Infinity : performance.now() + ms;
    while (!done() && performance.now() < end) {
      await new Promise<void>((resolve) => {
        const timer = ms === null ? null : setTimeout(resolve, end - performance.now());
        this.waiters.add(() => {
          if (timer) clearTimeout(timer);
          resolve();
        });
      });
    }
  }

  unfit(run: RunRecord, verb: string): StudioError {
    return new StudioError('conflict', `${run.name} is ${run.status}, so it cannot be ${verb} now.`);
  }

  /** @throws StudioError `conflict` if another living process has the run queued, running or paused */
  refuseForeign(run: RunRecord, verb: string): void {
    if (!isActive(run.status) || run.owner === null || run.owner === this.context.owner || !isAlive(run.owner)) return;
    throw new StudioError(
      'conflict',
      `${run.name} belongs to another TRM Studio (process ${pidOf(run.owner)}), so it cannot be ${verb} here: do it there, or close that one.`,
    );
  }

  /** An error as the sentence that becomes a run's reason; the whole of it goes to the log. */
  sentence(error: unknown): string {
    const { context } = this;
    return toWireError(asStudioError(error, context.home.database), (e) => context.log.error('run', e)).message;
  }

  close(): void {
    this.writeDown();
    if (this.retry) clearInterval(this.retry);
  }

  /** @param known what is taken where the store cannot be read; undefined throws what went wrong */
  private read<T>(ask: () => T, known: () => T | undefined): T {
    try {
      return ask();
    } catch (error) {
      const before = known();
      if (before === undefined) throw error;
      this.context.log.error('the runs cannot be read', error);
      return before;
    }
  }

  private writeDown(): void {
    for (const [id, patch] of this.unwritten) {
      try {
        this.context.store.runs.update(id, patch);
        this.unwritten.delete(id);
      } catch {
        // Still full; the next start marks the run as lost, which can be resumed too.
        return;
      }
    }
    if (this.retry) clearInterval(this.retry);
    this.retry = null;
  }
}
