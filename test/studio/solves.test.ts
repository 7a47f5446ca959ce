/** Solves in the studio: queued, computed, kept with their answers, cancelled, lost; and through `trm solve`. */
import { mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterEach, beforeAll, describe, expect, it } from 'vitest';
import type { Task } from '../../src/shared/arc';
import { SolveOptionsSchema, type Candidate, type SolveResult } from '../../src/shared/solve';
import { forkCompute } from '../../src/studio/compute-fork';
import { openStudio, type Studio } from '../../src/studio/studio';
import { builtEntries } from './build';
import { freshFolder } from './home';
import { jsonLines, runCli } from './processes';
import { eventually, ScriptedCompute } from './scripted-compute';

let entry: string;
beforeAll(async () => {
  entry = join(await builtEntries(), 'compute.js');
});

const open: Studio[] = [];
afterEach(async () => {
  for (const studio of open.splice(0)) await studio.close();
});

async function start(home: string, scripted?: ScriptedCompute): Promise<Studio> {
  const studio = await openStudio({
    home,
    transport: 'web',
    compute: (log) => scripted?.factory ?? forkCompute(entry, log),
    resources: null,
  });
  open.push(studio);
  return studio;
}

/** Every cell of the output is colour 3. */
const TASK: Task = {
  name: 'fill',
  train: [
    { input: [[1, 2]], output: [[3, 3]] },
    { input: [[2, 5]], output: [[3, 3]] },
  ],
  test: [{ input: [[4, 1]], output: [[3, 3]] }],
};
const options = (values: object = {}) => SolveOptionsSchema.parse({ views: 4, max_steps: 30, ...values });
const grid = (colour: number): Candidate => ({ grid: [[colour, colour]], votes: 3, q: 0.5, views: ['fill'] });
const check = { step: 25, seconds: 1, held_out: 0.5, fitted: 1, support: [0.75] };

describe('solves', () => {
  it('are computed one behind the other and kept with their answers', async () => {
    const studio = await start(freshFolder());
    const [first, second] = studio.solves.create([TASK, { ...TASK, name: 'again' }], {
      checkpoint: null,
      options: options(),
    });
    expect([first.status, second.status]).toEqual(['running', 'queued']);
    const done = await studio.solves.ended(second.id);
    expect(studio.solves.get(first.id).status).toBe('done');
    expect(done).toMatchObject({ status: 'done', error: null, task: 'again', start: 'from nothing' });
    expect(done.checks.map(({ step }) => step)).toEqual([25, 30]);
    const result = JSON.parse(readFileSync(done.path, 'utf8')) as SolveResult;
    expect(result.attempts).toHaveLength(1);
    expect(result).toMatchObject({ ended: 'steps', steps: 30, canvas: 3, correct: [done.correct] });
    expect(result.candidates[0][0]?.views.length ?? 0).toBe(result.candidates[0][0]?.votes ?? 0);
  }, 60_000);

  it('give the same answer for the same seed and number of steps', async () => {
    const studio = await start(freshFolder());
    const solve = async (seed: number) => {
      const [{ id }] = studio.solves.create([TASK], { checkpoint: null, options: options({ seed }) });
      const { test } = await studio.solves.ended(id);
      return test.map(({ candidates }) => candidates);
    };
    const first = await solve(7);
    expect(await solve(7)).toEqual(first);
    expect(await solve(8)).not.toEqual(first);
  }, 60_000);

  it('keep what the last check said when they are cancelled, and can be made again', async () => {
    const scripted = new ScriptedCompute();
    scripted.onPost = (port, message) => {
      if (message.type === 'stop')
        port.say({ type: 'done', job: message.job, status: 'stopped', step: 26, result: null });
      if (message.type === 'exit') port.exit();
    };
    const studio = await start(freshFolder(), scripted);
    const [{ id }] = studio.solves.create([TASK], { checkpoint: null, options: options() });
    const port = scripted.latest('tensor');
    const { job } = port.job('solve');
    port.say({ type: 'solve-check', job, check, candidates: [[grid(9), grid(3), grid(1)]] });
    expect(await studio.dispatch('solves.cancel', { solve: id })).toMatchObject({ status: 'stopped', correct: true });
    expect(studio.solves.get(id).test[0].candidates.map((c) => c.grid)).toEqual(['99', '33', '11']);
    await expect(studio.dispatch('solves.cancel', { solve: id })).rejects.toThrow('nothing to cancel');
    const again = await studio.dispatch('solves.again', { solve: id, options: { seed: 3 } });
    expect(again).toMatchObject({ task: 'fill', status: 'running', options: { seed: 3, budget_seconds: 60 } });
    await studio.dispatch('solves.delete', { solve: id });
    await expect(studio.dispatch('solves.get', { solve: id })).rejects.toThrow('may have been deleted');
  });

  it('count as right only by one of their two attempts', async () => {
    const scripted = new ScriptedCompute();
    const studio = await start(freshFolder(), scripted);
    const [{ id }] = studio.solves.create([TASK], { checkpoint: null, options: options() });
    const port = scripted.latest('tensor');
    const { job } = port.job('solve');
    port.say({ type: 'solve-check', job, check, candidates: [[grid(9), grid(1), grid(3)]] });
    port.say({
      type: 'done',
      job,
      status: 'done',
      step: 30,
      result: { kind: 'solve', path: 'x', bytes: 1, sha256: 'y' },
    });
    expect(await studio.solves.ended(id)).toMatchObject({ status: 'done', correct: false });
  });

  it('start again from the beginning where their process is renewed for a training run', async () => {
    const scripted = new ScriptedCompute();
    const studio = await start(freshFolder(), scripted);
    const [{ id }] = studio.solves.create([TASK], { checkpoint: null, options: options() });
    const first = scripted.latest('tensor').job('solve');
    const port = scripted.latest('tensor');
    port.say({ type: 'solve-check', job: first.job, check, candidates: [[grid(9)]] });
    port.say({ type: 'done', job: first.job, status: 'stopped', step: 26, result: null });
    expect(studio.solves.get(id)).toMatchObject({ status: 'queued', step: 0, checks: [] });
    await eventually(() => scripted.latest('tensor').job('solve').job !== first.job, 'the second start');
    expect(studio.solves.get(id).status).toBe('running');
  });

  it('of a studio that died are stopped, and say so', async () => {
    const home = freshFolder();
    const studio = await start(home, new ScriptedCompute());
    const [{ id }] = studio.solves.create([TASK], { checkpoint: null, options: options() });
    studio.context.store.solves.update(id, { owner: '999999999' });
    const later = await start(home, new ScriptedCompute());
    expect(later.solves.get(id)).toMatchObject({ status: 'stopped', error: expect.stringContaining('solve it again') });
  });

  it('need a checkpoint that is there, and one to learn embeddings only', async () => {
    const studio = await start(freshFolder());
    expect(() => studio.solves.create([TASK], { checkpoint: 5, options: options() })).toThrow('no checkpoint 5');
    expect(studio.solves.list()).toEqual([]);
    const [{ id }] = studio.solves.create([TASK], { checkpoint: null, options: options({ learn: 'embeddings' }) });
    const failed = await studio.solves.ended(id);
    expect(failed).toMatchObject({ status: 'failed', error: expect.stringContaining('cannot learn from nothing') });
  });
});

describe('trm solve', () => {
  it('writes an answer per task and a submission', async () => {
    const home = freshFolder();
    const tasks = freshFolder();
    mkdirSync(tasks, { recursive: true });
    const { name: _name, ...content } = TASK;
    writeFileSync(join(tasks, 'fill.json'), JSON.stringify(content));
    const out = join(freshFolder(), 'answers');
    const line = ['solve', tasks, '--out', out, '--max-steps', '30', '--views', '4', '--json', '--home', home];
    const ended = await runCli(line, {});
    expect(ended.code).toBe(0);
    expect(jsonLines(ended.stdout)).toMatchObject([{ event: 'solve', task: 'fill', status: 'done', step: 30 }]);
    const result = JSON.parse(readFileSync(join(out, 'fill.json'), 'utf8')) as SolveResult;
    expect(JSON.parse(readFileSync(join(out, 'submission.json'), 'utf8'))).toEqual({ fill: result.attempts });
  }, 60_000);

  it.each([
    [['solve', 'nowhere.json', '--out', 'x'], 1, 'does not exist'],
    [['solve', 'a.json', '--out', 'x', '--budget', 'soon'], 2, '--budget is soon'],
    [['solve', 'a.json', '--out', 'x', '--learn', 'some'], 2, '--learn is some'],
    [['solve', 'a.json'], 2, '--out'],
  ])('%j is refused in one sentence', async (line, code, says) => {
    const ended = await runCli([...line, '--home', freshFolder()], {});
    expect([ended.code, ended.stderr]).toEqual([code, expect.stringContaining(says)]);
  });
});
