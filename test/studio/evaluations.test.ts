/** Evaluations in the studio: kept task by task, stopped, continued, compared, deleted; and through `trm eval`. */
import { existsSync, mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest';
import { buildArc } from '../../src/core/data/arc-builder';
import type { Task } from '../../src/shared/arc';
import type { EvaluationInfo } from '../../src/shared/contract/evaluations';
import type { EvaluationReport } from '../../src/shared/evaluation';
import type { ToCompute } from '../../src/shared/compute';
import { isActive } from '../../src/shared/jobs';
import { SolveOptionsSchema } from '../../src/shared/solve';
import { forkCompute } from '../../src/studio/compute-fork';
import { openStudio, type Studio } from '../../src/studio/studio';
import { builtEntries } from './build';
import { checkpointFile, runRecord, tinyConfig } from './fixtures';
import { freshFolder } from './home';
import { jsonLines, runCli, startEntry } from './processes';
import { eventually, ScriptedCompute, type ScriptedPort } from './scripted-compute';

let entry: string;
let folder: string;
let data: string;
afterAll(() => rmSync(folder, { recursive: true, force: true }));
beforeAll(async () => {
  entry = join(await builtEntries(), 'compute.js');
  const task = (n: number): Task => {
    const pair = (seed: number) => ({ input: [[n, seed, 1]], output: [[1, seed, n]] });
    return { name: `task${n}`, train: [pair(2), pair(3)], test: [pair(4)] };
  };
  folder = mkdtempSync(join(tmpdir(), 'trm-evaluations-'));
  data = join(folder, 'arc');
  const recipe = { kind: 'arc' as const, subsets: ['s'], test_set: 's', num_aug: 20, canvas: 4, seed: 1 };
  await buildArc(recipe, [{ name: 's', tasks: [5, 6, 7, 8].map(task) }], data);
});

const open: Studio[] = [];
afterEach(async () => {
  for (const studio of open.splice(0)) await studio.close();
});

async function start(home: string, scripted?: ScriptedCompute, resumeAtStart = false): Promise<Studio> {
  const studio = await openStudio({
    home,
    transport: 'web',
    compute: (log) => scripted?.factory ?? forkCompute(entry, log),
    resources: null,
    resumeAtStart,
  });
  open.push(studio);
  return studio;
}

/** A run of a few steps on the ARC data, and its newest checkpoint. */
async function trained(studio: Studio, name: string, seed: number) {
  const config = tinyConfig({ data_paths: [data], seed, epochs: 8, studio: { max_steps: 12 } });
  const run = await studio.dispatch('runs.create', { name, preset: null, config, dataset: null, recipe: null });
  await eventually(() => !isActive(studio.runs.get(run.id).status), 'the end of the run');
  expect(studio.runs.get(run.id).reason).toBeNull();
  const [checkpoint] = await studio.dispatch('runs.checkpoints', { run: run.id });
  return { run: run.id, checkpoint };
}

describe('evaluations', () => {
  it('are computed, kept with every task, compared, and found by the command line', async () => {
    const home = freshFolder();
    const studio = await start(home);
    const a = await trained(studio, 'first', 1);
    const b = await trained(studio, 'second', 2);
    const changes: EvaluationInfo[] = [];
    const progress: number[] = [];
    studio.events.on('evaluation.changed', (e) => changes.push(e));
    studio.events.on('evaluation.progress', (p) => progress.push(p.done));
    const first = await studio.dispatch('evaluations.create', { checkpoint: a.checkpoint.id });
    const second = await studio.dispatch('evaluations.create', { checkpoint: b.checkpoint.id, augmentations: 5 });
    expect(['queued', 'running']).toContain(first.status);
    expect(second.status).toBe('queued');
    const done = await studio.evaluations.ended(first.id);
    expect(done.error).toBeNull();
    expect(done).toMatchObject({
      status: 'done',
      done: 84,
      total: 84,
      run_name: 'first',
      split: 'test',
      weights: 'ema',
    });
    expect(done.metrics['ARC/tasks']).toBe(4);
    expect(Object.values(done.outcomes).reduce((x, y) => x + y)).toBe(4);
    expect(progress.at(-1)).toBe(84);
    expect(changes.map((e) => e.status)).toContain('running');

    const tasks = await studio.dispatch('evaluations.tasks', { evaluation: first.id });
    expect(tasks.map((t) => t.name).sort()).toEqual(['task5', 'task6', 'task7', 'task8']);
    const five = tasks.find((t) => t.name === 'task5');
    expect(five).toMatchObject({ input: '541', target: '145' });
    const task = await studio.dispatch('evaluations.task', { evaluation: first.id, position: five?.position ?? -1 });
    expect(task.inputs[0].votes).toBe(21);
    expect(task.inputs[0].candidates[0].views[0]).toMatch(/^task5/);
    const report = JSON.parse(readFileSync(join(done.path, 'evaluation.json'), 'utf8')) as EvaluationReport;
    expect(task).toEqual(report.tasks[five?.position ?? -1]);

    expect((await studio.evaluations.ended(second.id)).total).toBe(24);
    const asked5 = await studio.dispatch('evaluations.of_task', { name: 'task5' });
    expect(asked5.map((o) => [o.evaluation, o.run_name, o.outcome])).toEqual([
      [second.id, 'second', expect.any(String)],
      [first.id, 'first', task.outcome],
    ]);
    expect(await studio.dispatch('evaluations.of_task', { name: 'nobody' })).toEqual([]);
    const comparison = await studio.dispatch('evaluations.compare', { a: first.id, b: second.id });
    expect(comparison.tasks).toHaveLength(4);
    expect(comparison.won.length - comparison.lost.length).toBe(
      comparison.b.outcomes.solved - comparison.a.outcomes.solved,
    );
    await studio.close();
    open.pop();

    const env = { TRM_HOME: home };
    const compared = await runCli(['runs', 'compare', 'first', 'second', '--json'], { env });
    expect(jsonLines(compared.stdout).at(-1)).toMatchObject({ event: 'comparison', tasks: 4, won: comparison.won });
    expect((await runCli(['runs', 'compare', 'first', 'second'], { env })).stdout).toContain('ARC/pass@2');

    // The command line's own evaluation of a run's checkpoint is kept too, by its file or by the run's name.
    const out = join(freshFolder(), 'out');
    const asked = [
      'eval',
      '--checkpoint',
      a.checkpoint.path,
      '--out',
      out,
      '--save-outputs',
      'preds,q_halt_logits',
      '--json',
    ];
    const ended = await runCli(asked, { env });
    expect(ended.stderr).toContain('84 examples');
    expect(ended.code).toBe(0);
    const [said] = jsonLines(ended.stdout);
    expect(said).toMatchObject({ event: 'evaluation', metrics: done.metrics });
    for (const file of ['metrics.json', 'submission.json', 'outputs.safetensors']) {
      expect(existsSync(join(out, file)), file).toBe(true);
    }
    const scored = join(freshFolder(), 'scored');
    const predictions = join(out, 'outputs.safetensors');
    const again = await runCli(['eval', '--predictions', predictions, '--data', data, '--out', scored], { env });
    expect(again.stderr).toContain('examples');
    expect(again.code).toBe(0);
    expect(again.stdout).toContain('ARC Prize/score');
    expect(readFileSync(join(scored, 'submission.json'))).toEqual(readFileSync(join(out, 'submission.json')));

    const back = await start(home);
    const kept = (await back.dispatch('evaluations.list', { run: a.run })).map((e) => [e.id, e.path]);
    expect(kept[0]).toEqual([said.evaluation, out]);
    await back.dispatch('evaluations.delete', { evaluation: String(said.evaluation) });
    expect(existsSync(join(out, 'metrics.json'))).toBe(true);
    await back.dispatch('runs.delete', { run: a.run });
    expect(existsSync(done.path)).toBe(false);
    expect((await back.dispatch('evaluations.list', {})).map((e) => e.run)).toEqual([b.run]);
  });

  it('interrupted on the command line go on with --resume', async () => {
    const home = freshFolder();
    const studio = await start(home);
    const { checkpoint } = await trained(studio, 'run', 1);
    await studio.close();
    open.pop();
    const env = { TRM_HOME: home };
    const args = ['eval', '--checkpoint', 'run', '--batch-size', '1', '--act-steps', '16', '--num-aug', '4', '--out'];
    const whole = join(freshFolder(), 'whole');
    expect((await runCli([...args, whole], { env })).code).toBe(0);
    const cut = join(freshFolder(), 'cut');
    const running = await startEntry('cli', [...args, cut], { env });
    // It has begun to compute when its folder is there.
    await eventually(() => existsSync(cut), 'the start');
    running.child.kill('SIGINT');
    const ended = await running.ended;
    expect(ended.stderr).toContain('--resume');
    expect(ended.code).toBe(130);
    const refused = await runCli([...args, cut], { env });
    if (existsSync(join(cut, 'progress.safetensors'))) {
      expect(refused.code).toBe(1);
      expect(refused.stderr).toContain('unfinished evaluation');
    }
    expect((await runCli([...args, cut, '--resume'], { env })).code).toBe(0);
    expect(readFileSync(join(cut, 'submission.json'))).toEqual(readFileSync(join(whole, 'submission.json')));
    // A copy of the checkpoint is nobody's: only files are written, and the data must be named.
    const nobody = await runCli(['eval', '--checkpoint', checkpoint.path, '--out', cut], {
      env: { TRM_HOME: freshFolder() },
    });
    expect(nobody.stderr).toContain('name its dataset with --data');
    expect(nobody.code).toBe(2);
    const other = join(freshFolder(), 'other');
    const alone = await runCli(['eval', '--checkpoint', checkpoint.path, '--data', data, '--out', other], {
      env: { TRM_HOME: freshFolder() },
    });
    expect(alone.code).toBe(0);
    expect(existsSync(join(other, 'metrics.json'))).toBe(true);
  });

  it.each([
    [['eval', '--out', 'x'], 'either --checkpoint or --predictions'],
    [['eval', '--checkpoint', 'a', '--predictions', 'b', '--out', 'x'], 'either --checkpoint or --predictions'],
    [['eval', '--predictions', 'b', '--out', 'x'], '--predictions needs --data'],
    [['eval', '--predictions', 'b', '--data', 'c', '--out', 'x', '--pool-votes'], '--pool-votes does not go with'],
    [['eval', '--checkpoint', 'a', '--out', 'x', '--weights', 'emma'], 'did you mean ema?'],
    [['eval', '--checkpoint', 'a', '--out', 'x', '--save-outputs', 'pred'], 'did you mean preds?'],
    [['eval', '--checkpoint', 'a', '--out', 'x', '--act-steps', '0'], '--act-steps is 0'],
    [['eval', '--checkpoint', 'a'], 'Required option'],
  ])('%j is wrong', async (args, says) => {
    const ended = await runCli(args, { env: { TRM_HOME: freshFolder() } });
    expect(ended.stderr).toContain(says);
    expect(ended.code).toBe(2);
  });

  it('of what is not there are told in a sentence', async () => {
    const env = { TRM_HOME: freshFolder() };
    const out = join(freshFolder(), 'out');
    for (const [args, says] of [
      [['--checkpoint', 'no/such.safetensors'], 'no/such.safetensors does not exist'],
      [['--checkpoint', 'nobody'], 'There is no run "nobody"'],
      [['--predictions', 'nothing.safetensors', '--data', data], 'nothing.safetensors does not exist'],
    ] as const) {
      const ended = await runCli(['eval', ...args, '--out', out], { env });
      expect(ended.stderr).toContain(says);
      expect(ended.code).toBe(1);
    }
  });
});

describe('the queue of evaluations', () => {
  const stored = (studio: Studio) => {
    const { store, owner } = studio.context;
    store.datasets.insert({
      id: 'data',
      name: 'data',
      kind: 'arc',
      status: 'ready',
      error: null,
      created: '2026-01-01',
      path: data,
      adopted: true,
      recipe: null,
      facts: null,
      owner,
    });
    const run = runRecord({ dataset: 'data' });
    store.runs.insert(run);
    return store.checkpoints.record(run.id, checkpointFile(freshFolder(), 5), 'x').id;
  };

  it('goes on by itself when its process was renewed, and stops for good only when asked', async () => {
    const scripted = new ScriptedCompute();
    const studio = await start(freshFolder(), scripted);
    const checkpoint = stored(studio);
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
    const checkpoint = stored(studio);
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
    const checkpoint = stored(studio);
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
    const checkpoint = stored(studio);
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
    const { id } = await studio.dispatch('evaluations.create', { checkpoint: stored(studio) });
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
