/** Solves in the studio: queued, computed, kept with their answers, cancelled, lost. */
import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterEach, beforeAll, describe, expect, it } from 'vitest';
import { parseHeader } from '../../src/core/checkpoint/formats/safetensors';
import { mapBack } from '../../src/core/solve/compare';
import { packGrid, type Task } from '../../src/shared/arc';
import { IDENTITY, parseAugmentedName } from '../../src/shared/arc-augment';
import { cropGrid } from '../../src/shared/arc-canvas';
import { unflattenGrid } from '../../src/shared/arc-grid';
import { SolveOptionsSchema, type Candidate, type SolveResult } from '../../src/shared/solve';
import type { TraceMeta } from '../../src/shared/trace';
import { forkCompute } from '../../src/studio/compute-fork';
import { openStudio, type Studio } from '../../src/studio/studio';
import { builtEntries } from './build';
import { checkpointFile, runRecord } from './fixtures';
import { freshFolder } from './home';
import { eventually, ScriptedCompute } from './scripted-compute';

let entry: string;
beforeAll(async () => {
  entry = join(await builtEntries(), 'compute.js');
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
const check = { step: 25, seconds: 1, held_out: 0.5, fitted: 1, support: [0.75], networks: [] };

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
    const [best] = result.candidates[0];
    const voters = best.voters?.map(({ views }) => views.length) ?? [best.views.length];
    expect(voters.reduce((sum, count) => sum + count)).toBe(best.votes);
    const { votes, distinct } = done.test[0];
    expect([[votes], [distinct]]).toEqual([done.checks.at(-1)?.votes, done.checks.at(-1)?.distinct]);
    expect(distinct).toBe(result.candidates[0].length);
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

  it('end by hand with a last vote, so that what is kept is what voted', async () => {
    const studio = await start(freshFolder());
    const asked = options({ max_steps: 100_000, budget_seconds: 600, seed: 1 });
    // Nothing to learn: it never settles.
    const noise = (n: number) => ({ input: [[n, n]], output: [[(7 * n) % 10, (3 * n) % 10]] });
    const task: Task = { name: 'noise', train: [1, 2, 3, 4, 5].map(noise), test: [{ input: [[6, 9]] }] };
    const [{ id }] = studio.solves.create([task], { checkpoint: null, options: asked });
    // The first check makes the graphs of the later ones, which are quick.
    await eventually(() => studio.solves.get(id).checks.length > 0, 'the first check');
    await eventually(() => studio.solves.get(id).checks.length > 1, 'the second check');
    await studio.dispatch('solves.cancel', { solve: id });
    const done = await studio.solves.ended(id);
    expect(done.status).toBe('stopped');
    expect(done.checks.at(-1)?.step).toBe(done.step);
    expect(done.kept_bytes).not.toBeNull();
    // Its playbacks belong to this answer: another try is another solve.
    expect(() => studio.solves.resume(id)).toThrow('is stopped: solve the task again instead');
  }, 60_000);

  it('keep the run that they start from while they wait', async () => {
    const home = freshFolder();
    const studio = await start(home, new ScriptedCompute());
    const { store } = studio.context;
    const run = runRecord();
    store.runs.insert(run);
    const file = checkpointFile(join(home, 'runs', run.id), 5);
    const { id: checkpoint } = store.checkpoints.record(run.id, file, file.path);
    const made = studio.solves.create([TASK, TASK], { checkpoint, options: options() });
    await expect(studio.dispatch('runs.delete', { run: run.id })).rejects.toThrow(
      `starts from ${run.name}: cancel it, or let it end, before the run is deleted`,
    );
    // Ended, and then begun anew without the checkpoint.
    for (const { id } of made) store.solves.update(id, { status: 'failed', error: 'x', owner: null });
    await studio.dispatch('runs.delete', { run: run.id });
    await expect(studio.dispatch('solves.resume', { solve: made[0].id })).rejects.toThrow('has been removed');
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
      result: {
        kind: 'solve',
        path: 'x',
        bytes: 1,
        sha256: 'y',
        kept: { fault: 'The disk is full.' },
        notes: ['Only 3 steps fit into 5 s here.'],
      },
    });
    expect(await studio.solves.ended(id)).toMatchObject({
      status: 'done',
      correct: false,
      kept_bytes: null,
      error: 'Only 3 steps fit into 5 s here. Its playback cannot be made. The disk is full.',
    });
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

  it('of a studio that died are stopped, say so, and run again at a click; those that waited begin', async () => {
    const home = freshFolder();
    const studio = await start(home, new ScriptedCompute());
    const [{ id }, waiting] = studio.solves.create([TASK, TASK], { checkpoint: null, options: options() });
    const killed = { owner: '999999999' };
    studio.context.store.solves.update(id, { ...killed, checks: [check], candidates: [[grid(9)]] });
    studio.context.store.solves.update(waiting.id, killed);
    const scripted = new ScriptedCompute();
    const later = await start(home, scripted, true);
    expect(later.solves.get(id)).toMatchObject({
      status: 'stopped',
      error: expect.stringContaining('run it again'),
      attempt: '99',
    });
    expect(later.solves.get(waiting.id)).toMatchObject({ status: 'running', error: null });
    const again = await later.dispatch('solves.resume', { solve: id });
    expect(again).toMatchObject({ status: 'queued', error: null, step: 0, check: null, attempt: null });
    await expect(later.dispatch('solves.resume', { solve: id })).rejects.toThrow('is queued');
  });

  it('begin again at the next start after a regular quit, in their order', async () => {
    const home = freshFolder();
    const scripted = new ScriptedCompute();
    scripted.onPost = (port, message) => {
      const result = { kind: 'solve' as const, path: 'x', bytes: 1, sha256: 'y', kept: null, notes: [] };
      if (message.type === 'stop') port.say({ type: 'done', job: message.job, status: 'stopped', step: 26, result });
      if (message.type === 'exit') port.exit();
    };
    const studio = await start(home, scripted);
    const made = studio.solves.create([TASK, TASK, TASK], { checkpoint: null, options: options() });
    await studio.dispatch('solves.cancel', { solve: made[2].id });
    await studio.close();
    const status = (of: Studio) => made.map(({ id }) => of.solves.get(id).status);
    const line = await start(home, new ScriptedCompute());
    expect(status(line)).toEqual(['stopped', 'stopped', 'stopped']);
    expect(line.solves.get(made[0].id).error).toContain('begins again at the next start');
    await line.close();
    const app = await start(home, new ScriptedCompute(), true);
    // What somebody cancelled stays so.
    expect(status(app)).toEqual(['running', 'queued', 'stopped']);
    expect(app.solves.get(made[0].id)).toMatchObject({ step: 0, error: null });
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

describe('the playback of a solve', () => {
  it('shows the views that voted, tells where cells look, outlives the studio, and goes with the solve', async () => {
    const home = freshFolder();
    const first = await start(home);
    const [{ id }] = first.solves.create([TASK], { checkpoint: null, options: options({ views: 6 }) });
    const done = await first.solves.ended(id);
    expect(done.views).toHaveLength(6);
    expect(done.views[0]).toBe('fill');
    // Two networks of 0.22 M parameters and 7 rows of 96 numbers, 4 bytes each, and little else.
    expect(done.kept_bytes).toBeGreaterThan(1_000_000);
    expect(done.kept_bytes).toBeLessThan(2_500_000);
    expect(done.networks).toEqual(done.checks.at(-1)?.networks?.map(({ name }) => name));
    await first.close();

    const studio = await start(home);
    // The question of the third view: one test input per view.
    const made = await studio.dispatch('traces.create', {
      of: { solve: id },
      example: { split: 'test', index: 2 },
      inner: true,
      views: 63,
    });
    expect(made).toMatchObject({ run: null, solve: id, name: 'fill', checkpoint: null, checkpoint_step: 30 });
    const record = await eventually(() => {
      const trace = studio.context.store.traces.get(made.id);
      return trace?.status === 'done' && trace;
    }, 'the trace');
    expect(record.puzzle).toBe(done.views[2]);
    const { meta, tensors } = await traceOf(studio, made.id);
    expect(meta).toMatchObject({ run: '', run_name: 'solve of fill', rows: 3, columns: 3, act_steps: 2, index: 2 });
    expect(meta.updates).toHaveLength(3);
    expect(meta.views.map(({ puzzle }) => puzzle).sort()).toEqual([...done.views].sort());
    // It is of the network that led: what the trace's views answer at the end, turned back and counted, is its support.
    const votes = new Map<string, number>();
    meta.views.forEach(({ puzzle }, v) => {
      const tokens = tensors('views.tokens').subarray((v * 2 + 1) * 9, (v * 2 + 2) * 9);
      const view = { augmentation: parseAugmentedName(puzzle).augmentation ?? IDENTITY };
      const grid = packGrid(unflattenGrid(mapBack(cropGrid(tokens, 3), view as never)));
      votes.set(grid, (votes.get(grid) ?? 0) + 1);
    });
    const { candidates } = done.test[0];
    expect(votes.get(candidates[0].grid) ?? 0).toBe(
      Math.round((done.checks.at(-1)?.support[0] ?? 0) * done.views.length),
    );
    // The other network's votes are among the candidates'.
    for (const { grid, votes: count } of candidates) expect(count).toBeGreaterThanOrEqual(votes.get(grid) ?? 0);
    expect([...votes.keys()].filter((grid) => grid && !candidates.some((c) => c.grid === grid))).toEqual([]);
    const looked = await studio.dispatch('traces.attention', { trace: made.id, step: 1, cell: 0 });
    expect(looked).toMatchObject({ step: 1, cell: 0, heads: 4 });
    // The other network has playbacks of its own, of the same question.
    const rival = await studio.dispatch('traces.create', {
      of: { solve: id, network: done.networks[1] },
      example: { split: 'test', index: 2 },
      inner: true,
      views: 63,
    });
    expect([made.network, rival.network]).toEqual(done.networks);
    await eventually(() => studio.context.store.traces.get(rival.id)?.status === 'done', 'the other trace');
    const heads = { [done.networks[0]]: meta.heads, [done.networks[1]]: (await traceOf(studio, rival.id)).meta.heads };
    expect(heads).toEqual({ attention: 4, mlp: 0 });
    // A demonstration is a question too; beyond the last there is none.
    const shown = await studio.dispatch('traces.create', {
      of: { solve: id },
      example: { split: 'train', index: 11 },
    });
    expect(shown.example).toEqual({ split: 'train', index: 11 });
    await expect(
      studio.dispatch('traces.create', { of: { solve: id }, example: { split: 'test', index: 6 } }),
    ).rejects.toThrow('Example 6 is not in the test split of the solve of fill, which has 6.');
    expect(await studio.dispatch('traces.list', { solve: id })).toHaveLength(3);
    expect(await studio.dispatch('traces.list', { run: 'x' })).toEqual([]);

    await studio.dispatch('solves.delete', { solve: id });
    expect(await studio.dispatch('traces.list', {})).toEqual([]);
    expect(readdirSync(studio.home.solves)).toEqual([]);
    // One was still being made: what it wrote in its last moment goes when it has ended.
    await eventually(() => readdirSync(studio.home.traces).length === 0, 'the last trace to go');
  }, 60_000);

  it('is refused while there is nothing to play', async () => {
    const scripted = new ScriptedCompute();
    const studio = await start(freshFolder(), scripted);
    const [{ id }] = studio.solves.create([TASK], { checkpoint: null, options: options() });
    const ask = { of: { solve: id }, example: { split: 'test' as const, index: 0 } };
    await expect(studio.dispatch('traces.create', ask)).rejects.toThrow('can be made when it has ended');
    scripted.latest('tensor').say({
      type: 'failed',
      job: scripted.latest('tensor').job('solve').job,
      error: { code: 'bad_input', message: 'No.' },
      step: null,
    });
    await studio.solves.ended(id);
    await expect(studio.dispatch('traces.create', ask)).rejects.toThrow('solve it again');
  });
});

/** A trace's meta data, and its tensors of bytes by name. */
async function traceOf(studio: Studio, trace: number) {
  const file = Buffer.from(await studio.dispatch('traces.read', { trace }));
  const header = parseHeader(file, file.length, 'trace');
  const from = 8 + Number(file.readBigUInt64LE(0));
  const tensors = (name: string): Uint8Array => {
    const tensor = header.tensors.get(name);
    if (!tensor) throw new Error(`no ${name}`);
    const [begin, end] = tensor.data_offsets;
    return file.subarray(from + begin, from + end);
  };
  return { meta: JSON.parse(header.metadata.trace) as TraceMeta, tensors };
}
