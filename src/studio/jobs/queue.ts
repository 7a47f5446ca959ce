/**
 * Jobs that wait for each other, one behind the other, in the compute process that holds tensors: between the steps of
 * whatever trains, and taken up again in the next process where the present one is renewed for a training run.
 */
import type { ComputeJob, FromCompute } from '../../shared/compute';
import { toWireError } from '../../shared/errors';
import type { Context } from '../context';
import { asStudioError } from '../db/open';
import { newId } from '../ids';

/** When a compute process that is being renewed is looked at again. */
const AGAIN_MS = 1000;
/** When an end that could not be written down (a full disk) is tried again. */
const RETRY_MS = 2000;
/** So often a job may be lost before its process said a word, until that is the job's fault. */
const EARLY_LOSSES = 3;
/** How long a job may take to save and stop before it is ended: a batch of a large model may be under way. */
const STOP_DEADLINE_MS = 90_000;

type JobDone = Extract<FromCompute, { type: 'done' }>;

export type QueueEnd =
  | { status: 'done'; result: JobDone['result'] }
  /** It was asked to stop; `closing`: because the studio closes. */
  | { status: 'stopped'; result: JobDone['result']; closing: boolean }
  | { status: 'failed'; error: string };

/** What waits in an owner's list. */
export interface QueueItem {
  id: string;
  /** ISO time: the oldest of all owners comes first. */
  created: string;
  job: (name: string) => ComputeJob;
}

/**
 * What one kind of items is to its owner. Ids are unique among all owners; a job gets a new name at every start. Whatever
 * an owner throws ends the item that it was about, and nothing else.
 */
export interface QueueOwner {
  /** The oldest item of this process that waits and is not `taken`, or null. */
  next(taken: (id: string) => boolean): QueueItem | null;
  started(id: string): void;
  /** Everything that its job says before its end. */
  heard(id: string, message: FromCompute): void;
  /** Its process is being renewed: it waits again. */
  requeued(id: string): void;
  ended(id: string, end: QueueEnd): void | Promise<void>;
  /** Its end could not be written down; `unrecorded` says what is known. */
  lost(id: string): void;
}

interface Current {
  id: string;
  owner: QueueOwner;
  job: string;
  /** A stop was asked for. */
  asked: boolean;
  /** Why its owner could not go on with it. */
  fault: string | null;
  /** Its end is known, and is being written down. */
  over: boolean;
  /** Nothing was heard of it yet, and its last process may have been ending when it was started. */
  early: boolean;
  deadline: NodeJS.Timeout | null;
}

/** An end that is being written down. `error` is why that did not work, once it is known. */
interface Unrecorded {
  owner: QueueOwner;
  end: QueueEnd;
  error: string | null;
}

export class JobQueue {
  private current: Current | null = null;
  private closing = false;
  private earlyLosses = 0;
  private retry: NodeJS.Timeout | null = null;
  private readonly owners: QueueOwner[] = [];
  private readonly open = new Map<string, Unrecorded>();
  private readonly listeners = new Set<() => void>();

  constructor(
    private readonly context: Pick<Context, 'supervisor' | 'log' | 'home'>,
    private readonly stopDeadlineMs = STOP_DEADLINE_MS,
  ) {}

  serve(owner: QueueOwner): void {
    this.owners.push(owner);
  }

  /** The item whose job is in the compute process. */
  get running(): string | null {
    return this.current?.id ?? null;
  }

  /** Why the end of this item is not in the store, as a sentence; null for all others. */
  unrecorded(id: string): string | null {
    return this.open.get(id)?.error ?? null;
  }

  /** Its owner has written something newer about it, or has deleted it. */
  forget(id: string): void {
    this.open.delete(id);
  }

  /** Starts the oldest item, if none runs. */
  pump(early = false): void {
    for (;;) {
      if (this.current || this.closing) return;
      const next = this.oldest();
      if (!next) return;
      if (this.start(next.owner, next.item, early)) return;
    }
  }

  /** Asks the item's job to stop and waits for its end. @returns false if it does not run */
  async stop(id: string): Promise<boolean> {
    const { current } = this;
    if (current?.id !== id) return false;
    this.ask(current);
    await this.until(() => this.current !== current);
    return true;
  }

  /** Asks what runs to stop; nothing is started any more. */
  close(): void {
    this.closing = true;
    if (this.retry) clearTimeout(this.retry);
    if (!this.current) return;
    if (this.current.deadline) clearTimeout(this.current.deadline);
    this.context.supervisor.tensor.send({ type: 'stop', job: this.current.job });
  }

  /** Resolves when `condition` holds; looked at whenever an item has ended. Rejects with what it throws. */
  until(condition: () => boolean): Promise<void> {
    return new Promise((resolve, reject) => {
      const look = () => {
        try {
          if (!condition()) return;
          resolve();
        } catch (error) {
          reject(error);
        }
        this.listeners.delete(look);
      };
      this.listeners.add(look);
      look();
    });
  }

  /** Looks again at what `until` waits for: an item has ended without having run. */
  notify(): void {
    for (const listener of [...this.listeners]) listener();
  }

  private oldest(): { owner: QueueOwner; item: QueueItem } | null {
    const waiting = this.owners.flatMap((owner) => {
      try {
        const item = owner.next((id) => this.open.has(id));
        return item ? [{ owner, item }] : [];
      } catch (error) {
        this.context.log.error('the queue cannot be read', error);
        this.later();
        return [];
      }
    });
    return waiting.length ? waiting.reduce((a, b) => (b.item.created < a.item.created ? b : a)) : null;
  }

  /** @returns false if its owner cannot start it, which is its end */
  private start(owner: QueueOwner, item: QueueItem, early: boolean): boolean {
    const { id } = item;
    const current: Current = {
      id,
      owner,
      job: newId(),
      asked: false,
      fault: null,
      over: false,
      early,
      deadline: null,
    };
    let job: ComputeJob;
    try {
      job = item.job(current.job);
      owner.started(id);
    } catch (error) {
      this.settle(owner, id, { status: 'failed', error: this.sentence(id, error) });
      return false;
    }
    this.current = current;
    this.context.supervisor.tensor.run(job, {
      onMessage: (message) => {
        if (!current.over) this.receive(current, message);
      },
      onLost: (error) => this.lost(current, error),
    });
    return true;
  }

  private receive(current: Current, message: FromCompute): void {
    current.early = false;
    this.earlyLosses = 0;
    if (message.type === 'failed') {
      const { code, message: error, data } = message.error;
      const recycle = data?.recycle === true;
      if (recycle || code === 'unavailable') this.again(current, recycle);
      else this.end(current, { status: 'failed', error });
    } else if (message.type === 'done') {
      const { status, result } = message;
      if (status === 'done') this.end(current, { status, result });
      else if (this.stopping(current)) this.end(current, { status, result, closing: !current.asked });
      // A stop that nobody asked for: its process is being renewed for a training run.
      else this.again(current, false);
    } else {
      try {
        current.owner.heard(current.id, message);
      } catch (error) {
        // What cannot be written down is not worth computing.
        current.fault ??= this.sentence(current.id, error);
        this.ask(current);
      }
    }
  }

  /** Its process is gone. */
  private lost(current: Current, error: string): void {
    if (current.over) return;
    if (this.stopping(current)) this.end(current, { status: 'stopped', result: null, closing: !current.asked });
    else if (current.early && ++this.earlyLosses < EARLY_LOSSES) this.again(current, false);
    else {
      // Given up: the next one has all its tries.
      this.earlyLosses = 0;
      this.end(current, { status: 'failed', error });
    }
  }

  private stopping({ asked }: Current): boolean {
    return asked || this.closing;
  }

  /** Goes on in the next process, once this one is gone; for good at its end if it was to stop meanwhile. */
  private again(current: Current, renew: boolean): void {
    if (this.stopping(current)) {
      this.end(current, { status: 'stopped', result: null, closing: !current.asked });
      return;
    }
    const { supervisor } = this.context;
    try {
      current.owner.requeued(current.id);
    } catch (error) {
      this.end(current, { status: 'failed', error: this.sentence(current.id, error) });
      return;
    }
    current.over = true;
    this.current = null;
    this.notify();
    setTimeout(() => this.pump(true), AGAIN_MS).unref();
    // A training run meets the same limit at its next step, and renews the process itself.
    if (renew && supervisor.running === null) {
      supervisor.tensor.refresh();
      this.pump();
    }
  }

  private ask(current: Current): void {
    if (current.asked || current.over) return;
    current.asked = true;
    this.context.supervisor.tensor.send({ type: 'stop', job: current.job });
    current.deadline = setTimeout(() => this.overdue(current), this.stopDeadlineMs);
  }

  /** It does not stop. Its process is ended for that, unless a run is being trained in it, which goes on. */
  private overdue(current: Current): void {
    if (current.over) return;
    const { supervisor, log } = this.context;
    log.warn(`${current.id} did not stop within ${this.stopDeadlineMs / 1000} s and is ended`);
    supervisor.tensor.drop(current.job);
    if (supervisor.running === null) {
      supervisor.tensor.kill('The compute process was ended because a job in it did not stop: try it again.');
    }
    this.end(current, { status: 'stopped', result: null, closing: false });
  }

  private end(current: Current, end: QueueEnd): void {
    if (current.over) return;
    current.over = true;
    if (current.deadline) clearTimeout(current.deadline);
    const { fault } = current;
    const whole: QueueEnd = fault !== null && end.status !== 'failed' ? { status: 'failed', error: fault } : end;
    this.settle(current.owner, current.id, whole);
  }

  /** Has an end written down. Whether that works or not, the next item follows. */
  private settle(owner: QueueOwner, id: string, end: QueueEnd): void {
    const open: Unrecorded = { owner, end, error: this.unrecorded(id) };
    this.open.set(id, open);
    const written = () => {
      if (this.open.get(id) === open) this.open.delete(id);
    };
    const after = () => {
      if (this.current?.id === id && this.current.over) this.current = null;
      this.notify();
      this.pump();
    };
    const failed = (error: unknown) => {
      const first = open.error === null;
      open.error = this.sentence(id, error, first);
      this.later();
      if (!first) return;
      try {
        owner.lost(id);
      } catch (fault) {
        this.context.log.error(`telling the end of ${id}`, fault);
      }
    };
    let done: void | Promise<void>;
    try {
      done = owner.ended(id, end);
    } catch (error) {
      done = Promise.reject(error as Error);
    }
    if (done === undefined) {
      written();
      after();
    } else {
      done.then(written, failed).then(after, (error: unknown) => this.context.log.error('the queue', error));
    }
  }

  /** What could not be written or read is tried again after a while. */
  private later(): void {
    if (this.closing) return;
    this.retry ??= setTimeout(() => {
      this.retry = null;
      for (const [id, { owner, end, error }] of [...this.open]) if (error !== null) this.settle(owner, id, end);
      this.pump();
    }, RETRY_MS).unref();
  }

  /** An owner's fault as a sentence; the whole of it goes to the log. */
  private sentence(id: string, error: unknown, log = true): string {
    if (log) this.context.log.error(`job ${id}`, error);
    return toWireError(asStudioError(error, this.context.home.database)).message;
  }
}
