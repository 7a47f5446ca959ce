/**
 * Jobs of one kind, one behind the other, in the compute process that holds tensors: between the steps of whatever trains,
 * and taken up again in the next process where the present one is renewed for a training run.
 */
import type { ComputeJob, FromCompute } from '../../shared/compute';
import type { Context } from '../context';
import { newId } from '../ids';

/** When a compute process that is being renewed is looked at again. */
const AGAIN_MS = 1000;

type JobDone = Extract<FromCompute, { type: 'done' }>;

export type QueueEnd =
  | { status: 'done'; result: JobDone['result'] }
  /** It was asked to stop. */
  | { status: 'stopped'; result: JobDone['result'] }
  | { status: 'failed'; error: string };

/** What the queue's owner keeps of its items. Ids are the owner's; a job gets a new name at every start. */
export interface QueueOwner {
  /** The oldest item of this process that waits, or null. */
  next(): { id: string; job: (name: string) => ComputeJob } | null;
  started(id: string): void;
  /** Everything that its job says before its end. */
  heard(id: string, message: FromCompute): void;
  /** Its process is being renewed: it waits again. */
  requeued(id: string): void;
  ended(id: string, end: QueueEnd): void | Promise<void>;
}

interface Current {
  id: string;
  job: string;
  /** A stop was asked for. */
  asked: boolean;
  /** It was started while its last process was ending, and nothing was heard of it yet. */
  early: boolean;
}

export class TensorQueue {
  private current: Current | null = null;
  private closing = false;
  private readonly listeners = new Set<() => void>();

  constructor(
    private readonly context: Pick<Context, 'supervisor' | 'log'>,
    private readonly owner: QueueOwner,
  ) {}

  /** The item whose job is in the compute process. */
  get running(): string | null {
    return this.current?.id ?? null;
  }

  /** Starts the next item, if none runs. */
  pump(early = false): void {
    if (this.current || this.closing) return;
    const next = this.owner.next();
    if (!next) return;
    const current: Current = { id: next.id, job: newId(), asked: false, early };
    this.current = current;
    this.owner.started(next.id);
    this.context.supervisor.tensor.run(next.job(current.job) as never, {
      onMessage: (message) => {
        if (this.current === current) void this.receive(current, message);
      },
      onLost: (error) =>
        current.early ? this.again(current, false) : void this.end(current, { status: 'failed', error }),
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

  /** Forgets the item's job; what it still says is not heard. */
  drop(id: string): void {
    if (this.current?.id !== id) return;
    const { tensor } = this.context.supervisor;
    tensor.send({ type: 'stop', job: this.current.job });
    tensor.drop(this.current.job);
    this.current = null;
    this.notify();
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

  private async receive(current: Current, message: FromCompute): Promise<void> {
    current.early = false;
    if (message.type === 'failed') {
      const { code, message: error, data } = message.error;
      const recycle = data?.recycle === true;
      if (recycle || (code === 'unavailable' && !this.closing)) this.again(current, recycle);
      else await this.end(current, { status: 'failed', error });
    } else if (message.type === 'done') {
      const asked = current.asked || this.closing;
      // A stop that nobody asked for: its process is being renewed for a training run.
      if (message.status === 'stopped' && !asked) this.again(current, false);
      else await this.end(current, { status: message.status, result: message.result });
    } else this.owner.heard(current.id, message);
  }

  /** Goes on in the next process, once this one is gone. */
  private again(current: Current, renew: boolean): void {
    if (this.current !== current) return;
    const { supervisor } = this.context;
    this.current = null;
    this.owner.requeued(current.id);
    this.notify();
    setTimeout(() => this.pump(true), AGAIN_MS).unref();
    // A training run meets the same limit at its next step, and renews the process itself.
    if (renew && supervisor.running === null) void supervisor.tensor.renew().then(() => this.pump());
  }

  private async end(current: Current, end: QueueEnd): Promise<void> {
    if (this.current !== current) return;
    try {
      await this.owner.ended(current.id, end);
    } catch (error) {
      this.context.log.error(`the end of ${current.id} cannot be recorded`, error);
    }
    if (this.current === current) this.current = null;
    this.notify();
    this.pump();
  }

  private notify(): void {
    for (const listener of [...this.listeners]) listener();
  }
}
