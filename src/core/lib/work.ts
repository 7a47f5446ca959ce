/** Long pieces of work: cancelled between pieces, told how far they are, and others of the process get their turn. */
import { StudioError } from '../../shared/errors';

/** What every long-running piece of work here takes. */
export interface WorkOptions {
  /** Checked between pieces; aborting rejects with StudioError `cancelled`. */
  signal?: AbortSignal;
  /** Called now and then; `done` of `total` units of `what`. */
  progress?: (done: number, total: number, what: string) => void;
  /** The longest stretch of work without letting others of the process run; 40 ms where it is not said. */
  sliceMs?: number;
}

export function checkCancelled(signal: AbortSignal | undefined, what: string): void {
  if (signal?.aborted) throw new StudioError('cancelled', `${what} was cancelled: nothing was left behind.`);
}

/**
 * Lets other work of the process run (a stop message, a heartbeat) at most every few milliseconds; builders call it
 * after every puzzle, and most calls cost a clock reading.
 */
export class Breather {
  private last = performance.now();

  constructor(
    private readonly options: WorkOptions,
    private readonly work: string,
  ) {}

  /** @throws StudioError `cancelled` */
  async breathe(done: number, total: number, what: string): Promise<void> {
    const now = performance.now();
    if (now - this.last < (this.options.sliceMs ?? 40) && done !== total) return;
    this.options.progress?.(done, total, what);
    await new Promise<void>((resolve) => setImmediate(resolve));
    this.last = performance.now();
    checkCancelled(this.options.signal, this.work);
  }
}
