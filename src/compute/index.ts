/**
 * The compute process: the only place where tensors live. It hears `ToCompute` and says `FromCompute`; what it imports at
 * the top is small, and TensorFlow is loaded by the first job that needs it.
 */
import type { ComputeJob, ToCompute } from '../shared/compute';
import { StudioError, toWireError } from '../shared/errors';
import type { JobEnd, RunningJob } from './jobs';
import { openPort } from './port';

/** How long a stop may take once the studio is gone. */
const FAREWELL_MS = 60_000;

const port = openPort();
const running = new Map<string, { type: ComputeJob['type']; job: RunningJob }>();
let leaving = false;

const log = (error: unknown): void => {
  process.stderr.write(`${error instanceof Error ? (error.stack ?? error.message) : String(error)}\n`);
};

function fail(job: string, error: unknown, step: number | null): void {
  // A chain of causes goes to the log whole; people get the sentence.
  if (error instanceof StudioError && error.cause) log(error.cause);
  port.post({ type: 'failed', job, error: toWireError(error, log), step });
}

async function start(message: ComputeJob): Promise<void> {
  const { job: id, type } = message;
  let job: RunningJob | null = null;
  try {
    if (leaving) throw new StudioError('unavailable', 'The compute process is ending: start the job again.');
    if (running.has(id)) throw new StudioError('conflict', `Job ${id} is running already.`);
    if (type === 'train' && [...running.values()].some((other) => other.type === 'train')) {
      throw new StudioError('conflict', 'Another run is being trained: stop or pause it first, then start this one.');
    }
    job = begin(message);
    running.set(id, { type, job });
    const end = await job.ended;
    port.post({ type: 'done', job: id, ...end });
  } catch (error) {
    fail(id, error, job?.step() ?? null);
  } finally {
    if (job) running.delete(id);
    if (leaving && running.size === 0) await leave();
  }
}

/** Registered at once, so that a stop that follows on the heels of the start finds the job. */
function begin(message: ComputeJob): RunningJob {
  switch (message.type) {
    case 'train':
      return deferred(async () => {
        const { startTraining } = await import('./train-job');
        return startTraining(message, port.post);
      });
    case 'trace':
      return deferred(async () => {
        const { startTrace } = await import('./trace-job');
        return startTrace(message, port.post);
      });
    case 'attention':
      return simple(async () => (await import('./trace-job')).runAttention(message));
    case 'evaluate':
      return deferred(async () => {
        const { startEvaluation } = await import('./evaluate-job');
        return startEvaluation(message, port.post);
      });
    case 'solve':
      return deferred(async () => {
        const { startSolve } = await import('./solve-job');
        return startSolve(message, port.post);
      });
    case 'build':
      return deferred(async () => {
        const { startBuild } = await import('./build-job');
        return startBuild(message, port.post);
      });
    case 'import':
    case 'export':
      return deferred(async () => {
        const { startExchange } = await import('./exchange-job');
        return startExchange(message, port.post);
      });
  }
}

/** A job without controls. */
function simple(run: () => Promise<JobEnd>): RunningJob {
  return { ended: run(), control: () => undefined, step: () => null };
}

/** A job whose code is still being loaded; words that arrive meanwhile are handed on in their order. */
function deferred(load: () => Promise<RunningJob>): RunningJob {
  const waiting: Parameters<RunningJob['control']>[0][] = [];
  let loaded: RunningJob | null = null;
  return {
    ended: load().then((job) => {
      loaded = job;
      waiting.forEach((message) => job.control(message));
      return job.ended;
    }),
    control: (message) => (loaded ? loaded.control(message) : waiting.push(message)),
    step: () => loaded?.step() ?? null,
  };
}

async function tellBackend(job: string): Promise<void> {
  try {
    const { loadBackend } = await import('../core/backend/load');
    port.post({ type: 'backend', job, backend: await loadBackend() });
  } catch (error) {
    fail(job, error, null);
  }
}

function receive(message: ToCompute): void {
  switch (message.type) {
    case 'probe':
      seen(tellBackend(message.job));
      return;
    case 'exit':
      shutDown();
      return;
    case 'train':
    case 'trace':
    case 'evaluate':
    case 'attention':
    case 'solve':
    case 'build':
    case 'import':
    case 'export':
      seen(start(message));
      return;
    default:
      // A word to a job that has just ended is no error: it crossed the job's own last message.
      running.get(message.job)?.job.control(message);
  }
}

/** Stops every job, which saves, and ends the process when the last one has ended. */
function shutDown(): void {
  if (leaving) return;
  leaving = true;
  for (const [id, { job }] of running) job.control({ type: 'stop', job: id });
  if (running.size === 0) seen(leave());
}

async function leave(): Promise<void> {
  await port.drained();
  process.exit(0);
}

/** Fails what runs, in a sentence each, and ends: what they saved is on the disk, and the studio says how to go on. */
function crash(error: unknown): void {
  log(error);
  for (const [id, { job }] of running) fail(id, error, job.step());
  const end = () => process.exit(1);
  port.drained().then(end, end);
}

/** What is done here is told over the port; should even that fail, the process ends. */
function seen(work: Promise<void>): void {
  work.catch(crash);
}

port.onMessage(receive);
port.onClose(() => {
  shutDown();
  setTimeout(() => process.exit(1), FAREWELL_MS).unref();
});
process.on('SIGTERM', shutDown);
// Ctrl-C reaches the whole process group; the studio decides what becomes of it, and its end closes the port.
process.on('SIGINT', () => undefined);
// The studio's end of these pipes may go first.
for (const stream of [process.stdout, process.stderr]) stream.on('error', () => undefined);
for (const event of ['uncaughtException', 'unhandledRejection'] as const) {
  process.on(event, crash);
}

port.post({ type: 'ready', pid: process.pid });
