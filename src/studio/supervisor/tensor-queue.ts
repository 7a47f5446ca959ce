/**
 * Evaluations and solves, one behind the other, in the compute process that holds tensors: between the steps of whatever
 * trains, and taken up again in the next process where the present one is renewed for a training run.
 */
import type { ComputeJob, FromCompute } from '../../shared/compute';
import type { Context } from '../context';
import { newId } from '../ids';

/** When a compute process that is being renewed is looked at again. */
const AGAIN_MS = 1000;

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

/** What one kind of items is to its owner. Ids are unique among all owners; a job gets a new name at every start. */
export interface QueueOwner {
  /** The oldest item of this process that waits, or null. */
  next(): QueueItem | null;
  started(id: string): void;
  /** Everything that its job says before its end. */
  heard(id: string, message: FromCompute): void;
  /** Its process is being renewed: it waits again. */
  requeued(id: string): void;
  ended(id: string, end: QueueEnd): void | Promise<void>;
}

interface Current {
  id: string;
  owner: QueueOwner;
  job: string;
  /** A stop was asked for. */
  asked: boolean;
  /** It was started while its last process was ending, and nothing was heard of it yet. */
  early: boolean;
}

export class TensorQueue {
  private current: Current | null = null;
  private closing = false;
  private readonly owners: QueueOwner[] = [];
  private readonly listeners = new Set<() => void>();

  constructor(private readonly context: Pick<Context, 'supervisor' | 'log'>) {}

  serve(owner: QueueOwner): void {
    this.owners.push(owner);
  }

  /** The item whose job is in the compute process. */
  get running(): string | null {
    return this.current?.id ?? null;
  }

  /** Starts the oldest item, if none runs. */
  pump(early = false): void {
    if (this.current || this.closing) return;
    const waiting = this.owners.flatMap((owner) => {
      const item = owner.next();
      return item ? [{ owner, ...item }] : [];
    });
    if (waiting.length === 0) return;
    const next = waiting.reduce((a, b) => (b.created < a.created ? b : a));
    const current: Current = { id: next.id, owner: next.owner, job: newId(), asked: false, early };
    this.current = current;
    next.owner.started(next.id);
    this.context.supervisor.tensor.run(next.job(current.job) as never, {
      onMessage: (message) => {
        if (this.current === current) void this.receive(current, message);
      },
      onLost: (error) => {
        if (current.early) this.again(current, false);
        else if (this.closing) void this.end(current, { status: 'stopped', result: null, closing: true });
        else void this.end(current, { status: 'failed', error });
      },
    });
  }

  /** Asks the item's job to stop and waits for it. @returns false if it does not run */
  async stop(id: string): Promise<boolean> {
    const { current } = this;
    if (current?.id !== id) return false;
    current.asked = true;
    this.context.supervisor.tensor.send({ type: 'stop', job: current.job });
    await this.until(() => this.current !== current);
    return true;
  }

  /** Asks what runs to stop; nothing is started any more. */
  close(): void {
    this.closing = true;
    if (this.current) this.context.supervisor.tensor.send({ type: 'stop', job: this.current.job });
  }

  /** Resolves when `condition` holds; looked at whenever an item has ended. */
  until(condition: () => boolean): Promise<void> {
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

  /** Looks again at what `until` waits for: an item has ended without having run. */
  notify(): void {
    for (const listener of [...this.listeners]) listener();
  }

  private async receive(current: Current, message: FromCompute): Promise<void> {
    current.early = false;
    if (message.type === 'failed') {
      const { code, message: error, data } = message.error;
      const recycle = data?.recycle === true;
      if (code === 'unavailable' && this.closing) {
        await this.end(current, { status: 'stopped', result: null, closing: true });
      } else if (recycle || code === 'unavailable') this.again(current, recycle);
      else await this.end(current, { status: 'failed', error });
    } else if (message.type === 'done') {
      const { status, result } = message;
      // A stop that nobody asked for: its process is being renewed for a training run.
      if (status === 'done') await this.end(current, { status, result });
      else if (current.asked || this.closing) {
        await this.end(current, { status, result, closing: !current.asked });
      } else this.again(current, false);
    } else current.owner.heard(current.id, message);
  }

  /** Goes on in the next process, once this one is gone. */
  private again(current: Current, renew: boolean): void {
    if (this.current !== current) return;
    const { supervisor } = this.context;
    this.current = null;
    current.owner.requeued(current.id);
    this.notify();
    setTimeout(() => this.pump(true), AGAIN_MS).unref();
    // A training run meets the same limit at its next step, and renews the process itself.
    if (renew && supervisor.running === null) void supervisor.tensor.renew().then(() => this.pump());
  }

  private async end(current: Current, end: QueueEnd): Promise<void> {
    if (this.current !== current) return;
    try {
      await current.owner.ended(current.id, end);
    } catch (error) {
      this.context.log.error(`the end of ${current.id} cannot be recorded`, error);
    }
    if (this.current === current) this.current = null;
    this.notify();
    this.pump();
  }
}
