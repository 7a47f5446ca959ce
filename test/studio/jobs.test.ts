/** Jobs whatever happens to them: cancelled while their process is renewed, not to be written down, not to be stopped. */
import { afterEach, describe, expect, it, vi } from 'vitest';
import type { Task } from '../../src/shared/arc';
import type { FromCompute, ToCompute } from '../../src/shared/compute';
import { SolveOptionsSchema } from '../../src/shared/solve';
import { ownerOf } from '../../src/studio/owner';
import { openStudio, type Studio } from '../../src/studio/studio';
import { evaluable } from './fixtures';
import { freshFolder } from './home';
import { eventually, ScriptedCompute, type ScriptedPort } from './scripted-compute';

const open: Studio[] = [];
const rejections: unknown[] = [];
const rejected = (error: unknown) => rejections.push(error);
process.on('unhandledRejection', rejected);
afterEach(async () => {
  vi.restoreAllMocks();
  for (const studio of open.splice(0)) await studio.close();
  expect(rejections.splice(0)).toEqual([]);
});

async function start(scripted: ScriptedCompute, home = freshFolder(), resumeAtStart = false): Promise<Studio> {
  const studio = await openStudio({
    home,
    transport: 'web',
    compute: () => scripted.factory,
    resources: null,
    resumeAtStart,
    stopDeadlineMs: 50,
  });
  open.push(studio);
  return studio;
}

const TASK: Task = { name: 't', train: [{ input: [[1]], output: [[2]] }], test: [{ input: [[3]] }] };
const full = () => Object.assign(new Error('database or disk is full'), { code: 'SQLITE_FULL' });

type Kind = 'evaluate' | 'solve';

/** One kind of jobs in the same words. */
function ofKind(kind: Kind, studio: Studio) {
  const { store } = studio.context;
  if (kind === 'evaluate') {
    const checkpoint = evaluable(studio.context);
    return {
      store: store.evaluations,
      make: async () => (await studio.dispatch('evaluations.create', { checkpoint })).id,
      get: (id: string) => studio.evaluations.get(id),
      cancel: (id: string) => studio.evaluations.cancel(id),
      ended: (id: string) => studio.evaluations.ended(id),
      resume: (id: string) => studio.evaluations.resume(id),
    };
  }
  const options = SolveOptionsSchema.parse({});
  return {
    store: store.solves,
    make: async () => studio.solves.create([TASK], { checkpoint: null, options })[0].id,
    get: (id: string) => studio.solves.get(id),
    cancel: (id: string) => studio.solves.cancel(id),
    ended: (id: string) => studio.solves.ended(id),
    resume: (id: string) => studio.solves.resume(id),
  };
}

/** A word of a job in its middle, which the studio writes down. */
const middle = (kind: Kind, job: string): FromCompute =>
  kind === 'evaluate'
    ? { type: 'progress', job, done: 1, total: 2, what: 'examples' }
    : { type: 'solve-step', job, step: 1, seconds: 1, loss: 1 };

const jobsOf = (scripted: ScriptedCompute, kind: Kind) =>
  scripted.ports.flatMap((port) => port.posted.filter((message) => message.type === kind));

describe.each<Kind>(['evaluate', 'solve'])('a job to %s', (kind) => {
  const ending: [string, (port: ScriptedPort, job: string) => void][] = [
    [
      'its process has come to its limit',
      (port, job) =>
        port.say({
          type: 'failed',
          job,
          step: null,
          error: { code: 'unavailable', message: 'Full.', data: { recycle: true } },
        }),
    ],
    [
      'its process is ending',
      (port, job) =>
        port.say({ type: 'failed', job, step: null, error: { code: 'unavailable', message: 'It is ending.' } }),
    ],
    ['its process ends', (port) => port.exit()],
  ];
  it.each(ending)('is cancelled for good while %s', async (_what, happens) => {
    const scripted = new ScriptedCompute();
    const studio = await start(scripted);
    const jobs = ofKind(kind, studio);
    const id = await jobs.make();
    const port = scripted.latest('tensor');
    const { job } = port.job(kind);
    scripted.onPost = (at, message) => {
      if (message.type === 'stop') happens(at, job);
      if (message.type === 'exit') at.exit();
    };
    expect(await jobs.cancel(id)).toMatchObject({ status: 'stopped' });
    expect(jobs.store.get(id)).toMatchObject({ status: 'stopped', owner: null, resume_at_start: false });
    // The next one has its turn at once, so the queue is free; the cancelled one is never started again.
    const next = await jobs.make();
    expect(jobs.get(next).status).toBe('running');
    expect(jobsOf(scripted, kind)).toHaveLength(2);
  });

  it('that does not stop is ended with its process when the time is up', async () => {
    const scripted = new ScriptedCompute();
    const studio = await start(scripted);
    const jobs = ofKind(kind, studio);
    const id = await jobs.make();
    const waiting = await jobs.make();
    const port = scripted.latest('tensor');
    scripted.onPost = (at, message) => {
      if (message.type === 'exit') at.exit();
    };
    expect(await jobs.cancel(id)).toMatchObject({ status: 'stopped', error: null });
    expect(port.killed).toBe(true);
    // The other one begins in a new process, not in the one that is going.
    const fresh = await eventually(() => scripted.latest('tensor') !== port && scripted.latest('tensor'), 'a process');
    expect(fresh.job(kind)).toBeTruthy();
    expect(jobs.get(waiting).status).toBe('running');
    expect(port.posted.filter(({ type }) => type === kind)).toHaveLength(1);
  });

  it('that does not stop costs a run that is being trained nothing', async () => {
    const scripted = new ScriptedCompute();
    const studio = await start(scripted);
    const jobs = ofKind(kind, studio);
    const id = await jobs.make();
    studio.context.supervisor.running = 'a run';
    expect(await jobs.cancel(id)).toMatchObject({ status: 'stopped' });
    expect(scripted.latest('tensor').killed).toBe(false);
    studio.context.supervisor.running = null;
  });

  it('that cannot be marked as started fails, and the next one follows when there is space again', async () => {
    const scripted = new ScriptedCompute();
    const studio = await start(scripted);
    const jobs = ofKind(kind, studio);
    const write = vi.spyOn(jobs.store, 'update').mockImplementation(() => {
      throw full();
    });
    const id = await jobs.make();
    await expect(jobs.ended(id)).resolves.toMatchObject({
      status: 'failed',
      error: expect.stringContaining('is full: free some space'),
    });
    expect(jobsOf(scripted, kind)).toHaveLength(0);
    write.mockRestore();
    const next = await jobs.make();
    expect(jobs.get(next).status).toBe('running');
    // What could not be written down is, by itself.
    await eventually(() => jobs.store.get(id)?.status === 'failed', 'the row');
    expect(jobs.store.get(id)?.error).toContain('is full');
    expect(jobs.resume(id).status).toBe('queued');
  });

  it('whose progress cannot be written down is stopped and fails', async () => {
    const scripted = new ScriptedCompute();
    scripted.onPost = (at, message: ToCompute) => {
      if (message.type === 'stop') at.say({ type: 'done', job: message.job, status: 'stopped', step: 0, result: null });
      if (message.type === 'exit') at.exit();
    };
    const studio = await start(scripted);
    const jobs = ofKind(kind, studio);
    const id = await jobs.make();
    const port = scripted.latest('tensor');
    const write = vi.spyOn(jobs.store, 'update').mockImplementation(() => {
      throw full();
    });
    port.say(middle(kind, port.job(kind).job));
    expect(await jobs.ended(id)).toMatchObject({ status: 'failed', error: expect.stringContaining('is full') });
    // Told to everybody, though the row still says otherwise.
    expect(jobs.store.get(id)?.status).toBe('running');
    write.mockRestore();
    const next = await jobs.make();
    await eventually(() => jobs.get(next).status === 'running', 'the next one');
    await eventually(() => jobs.store.get(id)?.status === 'failed', 'the row');
  });

  it('whose renewal cannot be written down fails instead of staying in the way', async () => {
    const scripted = new ScriptedCompute();
    const studio = await start(scripted);
    const jobs = ofKind(kind, studio);
    const id = await jobs.make();
    const port = scripted.latest('tensor');
    vi.spyOn(jobs.store, 'update').mockImplementationOnce(() => {
      throw full();
    });
    port.say({ type: 'done', job: port.job(kind).job, status: 'stopped', step: 0, result: null });
    expect(await jobs.ended(id)).toMatchObject({ status: 'failed', error: expect.stringContaining('is full') });
    expect(jobs.get(await jobs.make()).status).toBe('running');
  });

  it('is not in the way where the queue cannot be read for a moment', async () => {
    const scripted = new ScriptedCompute();
    const studio = await start(scripted);
    const jobs = ofKind(kind, studio);
    vi.spyOn(jobs.store, 'active').mockImplementationOnce(() => {
      throw full();
    });
    const id = await jobs.make();
    expect(jobs.get(id).status).toBe('queued');
    await eventually(() => jobs.get(id).status === 'running', 'its start');
  });

  it('that is lost before it says a word is given up after some tries', async () => {
    const scripted = new ScriptedCompute();
    const studio = await start(scripted);
    const jobs = ofKind(kind, studio);
    const id = await jobs.make();
    const port = scripted.latest('tensor');
    port.say({ type: 'done', job: port.job(kind).job, status: 'stopped', step: 0, result: null });
    // Every later process dies as soon as it is given the job.
    scripted.onPost = (at, message) => {
      if (message.type === kind) at.exit({ code: null, signal: 'SIGSEGV' });
      if (message.type === 'exit') at.exit();
    };
    expect(await jobs.ended(id)).toMatchObject({ status: 'failed', error: expect.stringContaining('SIGSEGV') });
  });

  it('is kept for the next start when the studio closes on a full disk, and the studio does close', async () => {
    const scripted = new ScriptedCompute();
    const home = freshFolder();
    const studio = await start(scripted, home);
    const jobs = ofKind(kind, studio);
    const ids = [await jobs.make(), await jobs.make()];
    vi.spyOn(jobs.store, 'update').mockImplementation(() => {
      throw full();
    });
    await studio.close();
    vi.restoreAllMocks();
    expect(studio.context.store.db.open).toBe(false);
    const later = await start(new ScriptedCompute(), home);
    const list = kind === 'evaluate' ? later.evaluations.list() : later.solves.list();
    expect(list.map(({ id }) => id).sort()).toEqual(ids.sort());
  });
});

describe('two studios on one home', () => {
  it('show each other’s evaluations and solves: new, changed, ended, deleted', async () => {
    const home = freshFolder();
    const [scripted, others] = [new ScriptedCompute(), new ScriptedCompute()];
    const window = await start(others, home);
    const line = await start(scripted, home);
    // Both are of this process: the command line is another one.
    line.context.owner = ownerOf(process.ppid);
    const told: string[] = [];
    window.events.on('evaluation.changed', ({ id, status, done }) => told.push(`${id} ${status} ${done}`));
    window.events.on('evaluation.deleted', ({ evaluation }) => told.push(`${evaluation} deleted`));
    window.events.on('solve.changed', ({ id, status, step }) => told.push(`${id} ${status} ${step}`));
    window.events.on('solve.deleted', ({ solve }) => told.push(`${solve} deleted`));
    for (const kind of ['evaluate', 'solve'] as const) {
      const jobs = ofKind(kind, line);
      const id = await jobs.make();
      await eventually(() => told.includes(`${id} running 0`), 'the start');
      const port = scripted.latest('tensor');
      const { job } = port.job(kind);
      port.say(middle(kind, job));
      await eventually(() => told.includes(`${id} running 1`), 'the progress');
      port.say({ type: 'failed', job, step: null, error: { code: 'internal', message: 'No.' } });
      await eventually(() => told.includes(`${id} failed 1`), 'the end');
      await (kind === 'evaluate' ? line.evaluations : line.solves).delete(id);
      await eventually(() => told.includes(`${id} deleted`), 'the deletion');
    }
    // Nothing of it was begun here.
    expect(others.ports).toEqual([]);
  });
});

describe('a compute process', () => {
  it('that is ending takes no job: it waits for the next one, with what it was told meanwhile', async () => {
    const scripted = new ScriptedCompute();
    scripted.onPost = () => undefined;
    const studio = await start(scripted);
    const { tensor } = studio.context.supervisor;
    const heard: string[] = [];
    const listener = {
      onMessage: (m: FromCompute) => heard.push(m.type),
      onLost: (sentence: string) => heard.push(sentence),
    };
    tensor.run({ type: 'probe', job: 'a' }, listener);
    const first = scripted.latest('tensor');
    const gone = tensor.renew();
    tensor.run({ type: 'probe', job: 'b' }, listener);
    tensor.send({ type: 'stop', job: 'b' });
    expect(first.posted.map(({ type }) => type)).toEqual(['probe', 'exit']);
    first.exit();
    await gone;
    expect(scripted.latest('tensor').posted).toEqual([
      { type: 'probe', job: 'b' },
      { type: 'stop', job: 'b' },
    ]);
    scripted.onPost = (port, message) => {
      if (message.type === 'exit') port.exit();
    };
  });

  it('goes on where one of its listeners throws', async () => {
    const scripted = new ScriptedCompute();
    const studio = await start(scripted);
    const { tensor } = studio.context.supervisor;
    const heard: string[] = [];
    const bad = () => {
      throw full();
    };
    tensor.run({ type: 'probe', job: 'a' }, { onMessage: bad, onLost: bad });
    tensor.run({ type: 'probe', job: 'b' }, { onMessage: (m) => heard.push(m.type), onLost: (s) => heard.push(s) });
    const port = scripted.latest('tensor');
    expect(() => port.say({ type: 'note', job: 'a', level: 'info', message: '' })).not.toThrow();
    expect(() => port.exit({ code: 1, signal: null })).not.toThrow();
    expect(heard).toEqual([expect.stringContaining('exit code 1')]);
  });
});
