/** Evaluations in the studio: kept task by task, stopped, continued, compared, deleted; and through `trm eval`. */
import { existsSync, mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest';
import { buildArc } from '../../src/core/data/arc-builder';
import type { Task } from '../../src/shared/arc';
import type { EvaluationInfo } from '../../src/shared/contract/evaluations';
import type { EvaluationReport } from '../../src/shared/evaluation';
import { isActive } from '../../src/shared/jobs';
import { forkCompute } from '../../src/studio/compute-fork';
import { openStudio, type Studio } from '../../src/studio/studio';
import { builtEntries } from './build';
import { tinyConfig } from './fixtures';
import { freshFolder } from './home';
import { jsonLines, runCli, startEntry } from './processes';
import { eventually } from './scripted-compute';

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

async function start(home: string): Promise<Studio> {
  const studio = await openStudio({
    home,
    transport: 'web',
    compute: (log) => forkCompute(entry, log),
    resources: null,
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
    [
      ['eval', '--checkpoint', 'a', '--out', 'x', '--split', 'train', '--pool-votes'],
      '--pool-votes does not go with --split train',
    ],
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
