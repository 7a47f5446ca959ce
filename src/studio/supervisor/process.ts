/** One compute process: started when first needed, ended when idle, its jobs told when it dies. */
import { setPriority } from 'node:os';
import type { ComputeJob, FromCompute, ToCompute } from '../../shared/compute';
import type { Log } from '../log';
import { residentBytes } from '../owner';
import { computeEnv } from './env';
import type { ComputeExit, ComputeFactory, ComputePort, ComputeRole } from './port';

export interface JobListener {
  onMessage(message: FromCompute): void;
  /** The process ended with the job in it. `sentence` says how; nothing more will come. */
  onLost(sentence: string): void;
}

export interface ProcessOptions {
  factory: ComputeFactory;
  log: Log;
  onMessage?: (message: FromCompute) => void;
  onChange?: () => void;
  /** The environment that it is started with beside the studio's own. */
  env?: (role: ComputeRole) => Record<string, string>;
  /** A process without jobs is ended after this long, to give its memory back. */
  idleMs?: number;
  /** The same for one that holds more than `heavyBytes` after heavy work. */
  heavyIdleMs?: number;
  heavyBytes?: number;
}

const IDLE_MS = 5 * 60_000;
/** The same for one that holds much memory: time for the next job of a person who is at work, and no more. */
const HEAVY_IDLE_MS = 3000;
/** What a process may hold after it has trained, evaluated or solved: TensorFlow keeps what it once had. */
const HEAVY_BYTES = 2 ** 30;
/** And after lighter work, whose process is wanted for the next click. */
const LIGHT_BYTES = 4 * 2 ** 30;
const HEAVY_JOBS: ReadonlySet<string> = new Set(['train', 'evaluate', 'solve']);
/** How long a process that was asked to end may take to save and go. */
const EXIT_MS = 20_000;

type Job = ComputeJob | Extract<ToCompute, { type: 'probe' }>;

/** A job for the next process, and what it is told before that has started. */
interface Waiting {
  job: Job;
  listener: JobListener;
  words: ToCompute[];
}

export class ComputeProcess {
  private port: ComputePort | null = null;
  private readonly jobs = new Map<string, JobListener>();
  private idle: NodeJS.Timeout | null = null;
  private closed = false;
  private exits: (() => void)[] = [];
  /** The process was asked to end, or killed, and is still there. */
  private ending = false;
  private deadline: NodeJS.Timeout | null = null;
  private waiting: Waiting[] = [];
  /** It has trained, evaluated or solved. */
  private worked = false;
  /** What the jobs of a process that is killed on purpose are told. */
  private killed: string | null = null;

  constructor(
    readonly role: ComputeRole,
    private readonly options: ProcessOptions,
  ) {}

  get pid(): number | undefined {
    return this.port?.pid;
  }

  get alive(): boolean {
    return this.port !== null;
  }

  /**
   * Starts `job`; every message of it goes to `listener` until `done`, `failed` or `onLost`. While a process is ending, a
   * job waits for the next one.
   */
  run(job: Job, listener: JobListener): void {
    if (this.closed) {
      listener.onLost('TRM Studio is closing.');
      return;
    }
    if (this.idle) clearTimeout(this.idle);
    this.idle = null;
    if (this.ending) {
      this.waiting.push({ job, listener, words: [] });
      return;
    }
    this.jobs.set(job.job, listener);
    let port: ComputePort;
    try {
      port = this.port ?? this.start();
    } catch (error) {
      this.notStarted(job.job, listener, error);
      return;
    }
    this.worked ||= HEAVY_JOBS.has(job.type);
    port.post(job);
  }

  /** No memory for another process, most likely. Told as the death of one would be: later, to whoever has set out. */
  private notStarted(job: string, listener: JobListener, error: unknown): void {
    this.jobs.delete(job);
    this.options.log.error(`the ${this.role} process cannot be started`, error);
    const why = error instanceof Error ? error.message : String(error);
    queueMicrotask(() =>
      this.tell(() =>
        listener.onLost(`The compute process could not be started (${why}): close other programs, then try again.`),
      ),
    );
  }

  /** A word to a job that runs or waits; dropped if the process has gone. */
  send(message: ToCompute): void {
    const waiting = 'job' in message ? this.waiting.find(({ job }) => job.job === message.job) : undefined;
    if (waiting) waiting.words.push(message);
    else this.port?.post(message);
  }

  /** Forgets a job without waiting for it. */
  drop(job: string): void {
    this.jobs.delete(job);
    this.waiting = this.waiting.filter((w) => w.job.job !== job);
    this.rest();
  }

  /** @param why what its jobs are told, if it is not for want of memory that they are lost */
  kill(why: string | null = null): void {
    if (!this.port) return;
    this.killed = why;
    this.ending = true;
    this.port.kill();
  }

  /** Asks the process to stop what it does, saving, and to end; kills it after `deadlineMs`. Resolves when it is gone. */
  async close(deadlineMs: number): Promise<void> {
    this.closed = true;
    await this.renew(deadlineMs);
  }

  /** Ends the process, with what else it may be doing, so that the next job gets a new one. Resolves when it is gone. */
  renew(deadlineMs = EXIT_MS): Promise<void> {
    if (this.idle) clearTimeout(this.idle);
    this.idle = null;
    if (!this.port) return Promise.resolve();
    const gone = new Promise<void>((resolve) => this.exits.push(resolve));
    this.leave(deadlineMs);
    return gone;
  }

  /** Ends the process if it has nothing to do, so that the next job gets one with new settings. */
  refresh(): void {
    if (this.jobs.size === 0) this.leave(EXIT_MS);
  }

  /** Asks the process to end, and ends it if it does not. */
  private leave(deadlineMs: number): void {
    const { port } = this;
    if (!port) return;
    this.ending = true;
    if (this.deadline) clearTimeout(this.deadline);
    this.deadline = setTimeout(() => {
      this.options.log.warn(`${this.role} process ${port.pid} did not end within ${deadlineMs / 1000} s: killed`);
      port.kill();
    }, deadlineMs);
    port.post({ type: 'exit' });
  }

  private start(): ComputePort {
    const port = this.options.factory(this.role, this.options.env?.(this.role) ?? computeEnv(this.role));
    this.port = port;
    if (this.role === 'build') giveWay(port.pid);
    this.options.log.info(`${this.role} process ${port.pid ?? '?'} started`);
    port.onMessage((message) => {
      if (this.port === port) this.receive(message);
    });
    port.onExit((exit) => this.exited(port, exit));
    this.options.onChange?.();
    return port;
  }

  private receive(message: FromCompute): void {
    this.options.onMessage?.(message);
    if (message.type === 'ready') return;
    const listener = this.jobs.get(message.job);
    if (!listener) return;
    const last = message.type === 'done' || message.type === 'failed' || message.type === 'backend';
    if (last) this.jobs.delete(message.job);
    this.tell(() => listener.onMessage(message));
    if (last) this.rest();
  }

  private exited(port: ComputePort, exit: ComputeExit): void {
    if (this.port !== port) return;
    this.port = null;
    if (this.deadline) clearTimeout(this.deadline);
    this.ending = false;
    this.worked = false;
    const jobs = [...this.jobs.values()];
    this.jobs.clear();
    const sentence = this.killed ?? exitSentence(exit, jobs.length > 0);
    this.killed = null;
    this.options.log[jobs.length ? 'warn' : 'info'](`${this.role} process ${port.pid ?? '?'}: ${sentence}`);
    for (const job of jobs) this.tell(() => job.onLost(sentence));
    for (const resolve of this.exits.splice(0)) resolve();
    this.options.onChange?.();
    for (const { job, listener, words } of this.waiting.splice(0)) {
      this.run(job, listener);
      for (const word of words) this.send(word);
    }
  }

  /** A listener's fault is its own: neither the studio nor the other jobs end with it. */
  private tell(say: () => void): void {
    try {
      say();
    } catch (error) {
      this.options.log.error(`a job of the ${this.role} process`, error);
    }
  }

  private rest(): void {
    if (this.jobs.size || !this.port || this.closed || this.idle || this.ending) return;
    this.idle = setTimeout(() => {
      this.idle = null;
      this.refresh();
    }, this.idleTime());
    this.idle.unref();
  }

  /** Memory goes back to the machine only with the process that had it; a small one is kept, as a new one takes a second. */
  private idleTime(): number {
    const { idleMs = IDLE_MS, heavyIdleMs = HEAVY_IDLE_MS, heavyBytes = HEAVY_BYTES } = this.options;
    const bytes = this.pid === undefined ? null : residentBytes(this.pid);
    const heavy = bytes === null ? this.worked : bytes > (this.worked ? heavyBytes : LIGHT_BYTES);
    return heavy ? Math.min(heavyIdleMs, idleMs) : idleMs;
  }
}

/** Datasets are built on what training leaves over. */
function giveWay(pid: number | undefined): void {
  try {
    if (pid !== undefined) setPriority(pid, 10);
  } catch {
    // Not allowed, or gone already: it works at the usual priority.
  }
}

/** @param working whether it had jobs: a process that ends well has none left */
function exitSentence({ code, signal }: ComputeExit, working: boolean): string {
  if (signal === 'SIGKILL' || code === 137) {
    return 'The compute process was killed, most likely because memory ran out: close other programs, or make the batch or the model smaller.';
  }
  if (signal) return `The compute process ended unexpectedly (${signal}); the log has the details.`;
  // Electron has been seen to give 0 for a process that was killed.
  if (code === 0 && working) {
    return 'The compute process ended in the middle of its work, perhaps killed because memory ran out: close other programs, or make the batch or the model smaller.';
  }
  if (code === 0) return 'The compute process ended.';
  return `The compute process ended unexpectedly (exit code ${code}); the log has the details.`;
}
