/**
 * A kind of job in the queue: who owns it, and how it is cancelled, taken up again, recovered and deleted. A kind (an
 * evaluation, a solve) is one class that says what is its own.
 */
import type { ComputeJob, FromCompute } from '../../shared/compute';
import { StudioError } from '../../shared/errors';
import type { JobStatus } from '../../shared/jobs';
import type { Context } from '../context';
import { isAlive } from '../owner';
import { deleteWithFiles } from '../unfinished';
import type { JobQueue, QueueEnd } from './queue';

/** What the row of a job holds, whatever its kind. */
export interface JobRecord {
  id: string;
  status: JobStatus;
  error: string | null;
  /** The studio process that has it queued or running. */
  owner: string | null;
  /** Stopped only because the studio was closed: goes on at the next start. */
  resume_at_start: boolean;
  created: string;
}

/** Where the jobs of a kind are kept. */
export interface JobStore<R extends JobRecord> {
  /** Newest first. */
  list(): R[];
  get(id: string): R | null;
  /** Queued and running ones, oldest first. */
  active(): R[];
  update(id: string, patch: Partial<Omit<R, 'id' | 'created'>>): void;
  delete(id: string): void;
  /** Of each job what changes while others work on it, as a text that is compared. */
  marks(): JobMark[];
}

export interface JobMark {
  id: string;
  owner: string | null;
  mark: string;
}

/** How a kind is spoken of. */
export interface JobWords {
  /** "evaluation" */
  noun: string;
  /** Why it is stopped after the studio was closed. */
  closed: string;
  /** The same after the studio died. */
  lost: string;
  /** What resuming it is called where another studio has it: "continued". */
  resumed: string;
}

const isOpen = ({ status }: JobRecord): boolean => status === 'queued' || status === 'running';

/**
 * @typeParam Info a job as in lists
 * @typeParam Detail a job by itself
 */
export abstract class Jobs<R extends JobRecord, Info, Detail extends Info = Info> {
  /** By job, as it was when `tellOthers` last looked. */
  private seen = new Map<string, string>();

  protected constructor(
    protected readonly context: Context,
    protected readonly queue: JobQueue,
    private readonly store: JobStore<R>,
    private readonly words: JobWords,
  ) {
    queue.serve({
      next: (taken) => {
        const next = this.mine().find(({ id, status }) => status === 'queued' && !taken(id));
        if (!next) return null;
        return { id: next.id, created: next.created, job: (name) => this.job(next, name) };
      },
      started: (id) => {
        this.update(id, { status: 'running', error: null, resume_at_start: false } as Partial<R>);
        this.begun(id);
      },
      heard: (id, message) => this.heard(id, message),
      requeued: (id) => this.wait(this.record(id)),
      ended: (id, end) => this.end(id, end),
      lost: (id) => this.changed(id),
    });
  }

  /** What the compute process is given. */
  protected abstract job(record: R, name: string): ComputeJob;
  /** What its job says before its end. A throw ends it. */
  protected abstract heard(id: string, message: FromCompute): void;
  /** Its work is over, or it was asked to stop: writes down what came of it. A throw is tried again later. */
  protected abstract finish(id: string, end: Exclude<QueueEnd, { status: 'failed' }>): void | Promise<void>;
  /** What is changed in one that waits again. */
  protected abstract fresh(record: R): Partial<R>;
  /** @throws StudioError if it cannot be taken up again */
  protected abstract refuseResume(record: R): void;
  /** Why one that was cut off by a quit cannot go on by itself at the next start; null where it can. */
  protected abstract missing(record: R): string | null;
  /** What belongs to one and goes once its row has gone. */
  protected abstract files(record: R): string[];
  protected abstract info(record: R): Info;
  protected abstract detail(record: R): Detail;
  protected abstract emitChanged(info: Info): void;
  protected abstract emitDeleted(id: string): void;

  /** It was started. Most kinds have nothing to do. */
  protected begun(_id: string): void {}

  /** It is going to be deleted: ends what hangs on its row, and names the files of that. Most kinds have nothing. */
  protected detach(_id: string): string[] {
    return [];
  }

  list(): Info[] {
    return this.store.list().map((record) => this.info(this.known(record)));
  }

  /** @throws StudioError `not_found` */
  get(id: string): Detail {
    return this.detail(this.record(id));
  }

  /** Ends it for good, whatever its process is doing; what it has by then is kept. */
  async cancel(id: string): Promise<Info> {
    const record = this.record(id);
    this.refuseForeign(record, 'cancelled');
    if (!isOpen(record)) {
      throw new StudioError('conflict', `The ${this.words.noun} is ${record.status}: there is nothing to cancel.`);
    }
    if (!(await this.queue.stop(id))) {
      this.update(id, { status: 'stopped', error: null, owner: null } as Partial<R>);
      this.queue.notify();
    }
    return this.info(this.record(id));
  }

  /** Queues one again that was stopped or has failed. @throws StudioError if it cannot go on */
  resume(id: string): Info {
    const record = this.record(id);
    this.refuseForeign(record, this.words.resumed);
    this.refuseResume(record);
    this.wait(record);
    this.queue.forget(id);
    this.queue.pump();
    return this.info(this.record(id));
  }

  /** Ends it first if it runs: what it writes at its end must not outlive it. */
  async delete(id: string): Promise<void> {
    const record = this.record(id);
    this.refuseForeign(record, 'deleted');
    await this.queue.stop(id);
    const files = [...this.detach(id), ...this.files(record)];
    deleteWithFiles(this.context, files, () => this.store.delete(id));
    this.queue.forget(id);
    this.emitDeleted(id);
    this.queue.notify();
  }

  /** Resolves when it is over. @throws StudioError `not_found` if it is deleted meanwhile */
  async ended(id: string): Promise<Detail> {
    await this.queue.until(() => !isOpen(this.record(id)));
    return this.get(id);
  }

  /**
   * What a dead process left behind is stopped, and told. What only waited, or was cut off by a regular quit, goes on at
   * once if `resume`: something that may have ended the studio does not start by itself. Of two studios that start at
   * once the second looks when the first has taken what it takes.
   */
  recover(resume: boolean): void {
    this.context.store.db.transaction(() => this.takeUp(resume)).immediate();
  }

  private takeUp(resume: boolean): void {
    const { closed, lost } = this.words;
    for (const { id, owner, status, resume_at_start } of this.store.active()) {
      if (owner !== null && isAlive(owner)) continue;
      const waited = status === 'queued' || resume_at_start;
      const left = { status: 'stopped', error: waited ? closed : lost, owner: null, resume_at_start: waited };
      this.store.update(id, left as Partial<R>);
    }
    if (!resume) return;
    for (const record of this.store.list()) {
      if (!record.resume_at_start || record.status !== 'stopped') continue;
      const missing = this.missing(record);
      if (missing === null) this.wait(record);
      else this.store.update(record.id, { resume_at_start: false, error: missing } as Partial<R>);
    }
  }

  /** Before the queue is closed: what waits, or runs, goes on at the next start. */
  close(): void {
    for (const { id } of this.mine()) {
      // The one that runs says for itself how it ends; should it never come to that, it is known that it may go on.
      if (this.queue.running === id) this.store.update(id, { resume_at_start: true } as Partial<R>);
      else this.update(id, this.cutOff());
    }
  }

  /**
   * Tells what other processes on this home have made, changed or deleted since it was last called.
   * @param silent only looks: what is there at the start is no news
   */
  tellOthers(silent = false): void {
    const before = this.seen;
    const now = this.store.marks();
    this.seen = new Map(now.map(({ id, mark }) => [id, mark]));
    if (silent) return;
    for (const { id, owner, mark } of now) {
      if (before.get(id) !== mark && owner !== this.context.owner) this.changed(id);
    }
    for (const id of before.keys()) if (!this.seen.has(id)) this.emitDeleted(id);
    this.queue.notify();
  }

  /** Tells how it is now. */
  changed(id: string): void {
    const record = this.store.get(id);
    if (record) this.emitChanged(this.info(this.known(record)));
  }

  /** @throws StudioError `not_found` */
  protected record(id: string): R {
    const record = this.store.get(id);
    if (record) return this.known(record);
    throw new StudioError('not_found', `There is no ${this.words.noun} ${id}: it may have been deleted.`);
  }

  protected update(id: string, patch: Partial<R>): void {
    this.store.update(id, patch);
    this.changed(id);
  }

  /** One whose end cannot be written down has failed for everybody here. */
  private known(record: R): R {
    const error = this.queue.unrecorded(record.id);
    return error === null ? record : { ...record, status: 'failed', error, owner: null };
  }

  private mine(): R[] {
    return this.store.active().filter(({ owner }) => owner === this.context.owner);
  }

  private wait(record: R): void {
    const { owner } = this.context;
    const waiting = { status: 'queued', error: null, owner, resume_at_start: false };
    this.update(record.id, { ...waiting, ...this.fresh(record) } as Partial<R>);
  }

  private cutOff(): Partial<R> {
    return { status: 'stopped', error: this.words.closed, owner: null, resume_at_start: true } as Partial<R>;
  }

  private end(id: string, end: QueueEnd): void | Promise<void> {
    // Deleted meanwhile, with its run or by another process: there is nothing left to write to.
    if (!this.store.get(id)) return;
    if (end.status === 'failed') {
      this.update(id, { status: 'failed', error: end.error, owner: null } as Partial<R>);
      return;
    }
    // Not its end: it goes on at the next start. Until then it shows what it had.
    if (end.status === 'stopped' && end.closing) this.update(id, this.cutOff());
    else return this.finish(id, end);
  }

  private refuseForeign(record: R, verb: string): void {
    const { owner } = record;
    if (!isOpen(record) || owner === null || owner === this.context.owner || !isAlive(owner)) return;
    throw new StudioError('conflict', `Another TRM Studio runs this ${this.words.noun}: it can only be ${verb} there.`);
  }
}
