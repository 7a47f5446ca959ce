/** The queue of evaluations and solves: renewed processes, a regular quit, a killed app, and the order of both kinds. */
import { afterEach, describe, expect, it } from 'vitest';
import type { Task } from '../../src/shared/arc';
import type { ToCompute } from '../../src/shared/compute';
import type { EvaluationReport } from '../../src/shared/evaluation';
import { SolveOptionsSchema } from '../../src/shared/solve';
import { openStudio, type Studio } from '../../src/studio/studio';
import { evaluable } from './fixtures';
import { freshFolder } from './home';
import { eventually, ScriptedCompute, type ScriptedPort } from './scripted-compute';

const open: Studio[] = [];
afterEach(async () => {
  for (const studio of open.splice(0)) await studio.close();
});

async function start(home: string, scripted: ScriptedCompute, resumeAtStart = false): Promise<Studio> {
  const studio = await openStudio({
    home,
    transport: 'web',
    compute: () => scripted.factory,
    resources: null,
    resumeAtStart,
  });
  open.push(studio);
  return studio;
}

describe('the queue of evaluations', () => {
  it('goes on by itself when its process was renewed, and stops for good only when asked', async () => {
    const scripted = new ScriptedCompute();
    const studio = await start(freshFolder(), scripted);
    const checkpoint = evaluable(studio.context);
    const { id } = await studio.dispatch('evaluations.create', { checkpoint });
    const first = scripted.latest('tensor').job('evaluate');
    expect(first.plan.resume).toBe(false);
    scripted.latest('tensor').say({ type: 'done', job: first.job, status: 'stopped', step: 0, result: null });
    expect(studio.evaluations.get(id).status).toBe('queued');
    const second = await eventually(() => {
      const job = scripted.latest('tensor').job('evaluate');
      return job.job !== first.job && job;
    }, 'the second start');
    expect(second.plan).toMatchObject({ resume: true, out: first.plan.out });
    // The process ended before it heard of the job: that is no failure yet.
    scripted.latest('tensor').exit({ code: 0, signal: null });
    const third = await eventually(() => {
      const job = scripted.ports.length > 1 && scripted.latest('tensor').job('evaluate');
      return job && job.job !== second.job && job;
    }, 'the third start');
    scripted.latest('tensor').say({ type: 'progress', job: third.job, done: 1, total: 84, what: 'examples' });
    scripted.onPost = (port, message) => {
      if (message.type === 'stop') {
        port.say({ type: 'done', job: message.job, status: 'stopped', step: 0, result: null });
      }
      if (message.type === 'exit') port.exit();
    };
    expect(await studio.dispatch('evaluations.cancel', { evaluation: id })).toMatchObject({
      status: 'stopped',
      done: 1,
    });
    await expect(studio.dispatch('evaluations.cancel', { evaluation: id })).rejects.toThrow('nothing to cancel');
    expect((await studio.dispatch('evaluations.resume', { evaluation: id })).status).toBe('running');
    scripted.latest('tensor').exit({ code: null, signal: 'SIGSEGV' });
    expect(studio.evaluations.get(id)).toMatchObject({ status: 'failed' });
    expect(studio.evaluations.get(id).error).toContain('SIGSEGV');
    await expect(studio.dispatch('evaluations.compare', { a: id, b: id })).rejects.toThrow('is failed');
  });

  it('keeps checkpoints that are being evaluated, and marks what a dead process left', async () => {
    const home = freshFolder();
    const scripted = new ScriptedCompute();
    const studio = await start(home, scripted);
    const checkpoint = evaluable(studio.context);
    const { id } = await studio.dispatch('evaluations.create', { checkpoint });
    studio.context.store.evaluations.update(id, { owner: '999999999' });
    const again = await start(home, new ScriptedCompute(), true);
    expect(again.evaluations.get(id)).toMatchObject({ status: 'stopped' });
    expect(again.evaluations.get(id).error).toContain('continue it');
    again.context.store.checkpoints.delete(checkpoint);
    await expect(again.dispatch('evaluations.resume', { evaluation: id })).rejects.toThrow('has been removed');
  });

  it('goes on at the next start after a regular quit, at its old place, and waits for the app to be it', async () => {
    const home = freshFolder();
    const scripted = new ScriptedCompute();
    const stops = (port: ScriptedPort, message: ToCompute) => {
      if (message.type === 'stop') {
        port.say({ type: 'done', job: message.job, status: 'stopped', step: 0, result: null });
      }
      if (message.type === 'exit') port.exit();
    };
    scripted.onPost = stops;
    const studio = await start(home, scripted);
    const checkpoint = evaluable(studio.context);
    const [first, second] = [
      await studio.dispatch('evaluations.create', { checkpoint }),
      await studio.dispatch('evaluations.create', { checkpoint, weights: 'raw' }),
    ];
    expect([first.status, second.status]).toEqual(['running', 'queued']);
    await studio.close();

    const line = await start(home, new ScriptedCompute());
    for (const { id } of [first, second]) {
      expect(line.evaluations.get(id)).toMatchObject({
        status: 'stopped',
        error: expect.stringContaining('goes on at the next start'),
      });
    }
    await line.close();

    const later = new ScriptedCompute();
    const app = await start(home, later, true);
    const job = later.latest('tensor').job('evaluate');
    expect(job.plan).toMatchObject({ resume: true, weights: 'ema' });
    expect([app.evaluations.get(first.id).status, app.evaluations.get(second.id).status]).toEqual([
      'running',
      'queued',
    ]);
    // Killed: what ran is only told, as it may have been the cause; what waited is taken up.
    for (const { id } of [first, second]) app.context.store.evaluations.update(id, { owner: '999999999' });
    const after = new ScriptedCompute();
    const again = await start(home, after, true);
    expect(again.evaluations.get(first.id)).toMatchObject({
      status: 'stopped',
      error: expect.stringContaining('continue it'),
    });
    expect(again.evaluations.get(second.id)).toMatchObject({ status: 'running', error: null });
    expect(after.latest('tensor').job('evaluate').plan.weights).toBe('raw');
    // One click.
    await again.dispatch('evaluations.resume', { evaluation: first.id });
    expect(again.evaluations.get(first.id).status).toBe('queued');
  });

  it('is one for evaluations and solves: the oldest comes first, and two never run beside each other', async () => {
    const scripted = new ScriptedCompute();
    const studio = await start(freshFolder(), scripted);
    const checkpoint = evaluable(studio.context);
    const evaluation = await studio.dispatch('evaluations.create', { checkpoint });
    const task: Task = { name: 't', train: [{ input: [[1]], output: [[2]] }], test: [{ input: [[3]] }] };
    const [solve] = studio.solves.create([task], { checkpoint: null, options: SolveOptionsSchema.parse({}) });
    const last = await studio.dispatch('evaluations.create', { checkpoint });
    expect([evaluation.status, solve.status, last.status]).toEqual(['running', 'queued', 'queued']);
    const port = scripted.latest('tensor');
    const failed = { code: 'internal' as const, message: 'No.' };
    port.say({ type: 'failed', job: port.job('evaluate').job, error: failed, step: null });
    await eventually(() => studio.solves.get(solve.id).status === 'running', 'the solve');
    expect(studio.evaluations.get(last.id).status).toBe('queued');
    port.say({ type: 'failed', job: port.job('solve').job, error: failed, step: null });
    await eventually(() => studio.evaluations.get(last.id).status === 'running', 'the last one');
  });

  it('is all or nothing in the store', async () => {
    const studio = await start(freshFolder(), new ScriptedCompute());
    const { id } = await studio.dispatch('evaluations.create', { checkpoint: evaluable(studio.context) });
    const { evaluations } = studio.context.store;
    const inputs = [{ input: '1', target: '2', votes: 1, distinct: 0, rank: null, candidates: [] }];
    const task = { name: 'a', outcome: 'missed' as const, inputs };
    const report: EvaluationReport = {
      schema: 1,
      question: null,
      kind: 'arc',
      rows: 4,
      columns: 4,
      source: '',
      dataset: '',
      options: null,
      step: 5,
      examples: 1,
      seconds: 1,
      metrics: { 'ARC/pass@2': 0 },
      act_steps: [],
      by_views: [],
      notes: [],
      tasks: [task, { ...task, outcome: 'nonsense' as never }],
    };
    expect(() => evaluations.finish(id, report)).toThrow();
    expect(evaluations.get(id)).toMatchObject({ status: 'running', metrics: {} });
    expect(evaluations.tasks(id)).toEqual([]);
    evaluations.finish(id, { ...report, tasks: [task] });
    expect(evaluations.get(id)).toMatchObject({
      status: 'done',
      metrics: { 'ARC/pass@2': 0 },
      outcomes: { missed: 1 },
    });
    expect(evaluations.task(id, 0)).toEqual(task);
    expect(evaluations.task(id, 1)).toBeNull();
    studio.context.store.runs.delete(evaluations.get(id)?.run ?? '');
    expect(evaluations.get(id)).toBeNull();
    expect(evaluations.tasks(id)).toEqual([]);
  });
});
