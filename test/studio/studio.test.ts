/** The whole way through a real compute process: data built, trained, watched, traced, closed, taken up again. */
import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterEach, beforeAll, describe, expect, it } from 'vitest';
import type { Events } from '../../src/shared/contract';
import { isActive } from '../../src/shared/jobs';
import { forkCompute } from '../../src/studio/compute-fork';
import { openStudio, type Studio } from '../../src/studio/studio';
import { builtEntries } from './build';
import { TINY_RECIPE, tinyConfig } from './fixtures';
import { freshFolder } from './home';
import { eventually } from './scripted-compute';

let entry: string;
beforeAll(async () => {
  entry = join(await builtEntries(), 'compute.js');
});

const open: Studio[] = [];
afterEach(async () => {
  for (const studio of open.splice(0)) await studio.close();
});

async function start(home = freshFolder(), resumeAtStart = false): Promise<Studio> {
  const studio = await openStudio({
    home,
    transport: 'web',
    compute: (log) => forkCompute(entry, log),
    resources: null,
    resumeAtStart,
  });
  open.push(studio);
  return studio;
}

const ended = (studio: Studio, run: string) =>
  eventually(() => !isActive(studio.runs.get(run).status) && studio.runs.get(run), 'the end of the run');

describe('a run in a real compute process', () => {
  it('builds its data, trains, evaluates, predicts, saves; a trace of it plays', async () => {
    const studio = await start();
    const batches: Events['run.metrics'][] = [];
    studio.events.on('run.metrics', (m) => batches.push(m));
    const run = await studio.dispatch('runs.create', {
      name: 'tiny',
      preset: null,
      config: tinyConfig(),
      dataset: null,
      recipe: TINY_RECIPE,
    });
    expect((await ended(studio, run.id)).status).toBe('done');

    const detail = await studio.dispatch('runs.get', { run: run.id });
    expect(detail).toMatchObject({
      step: 80,
      total_steps: 80,
      kind: 'sudoku',
      rows: 4,
      columns: 4,
      has_checkpoint: true,
      reason: null,
    });
    expect(detail.pinned).toHaveLength(6);
    const metrics = new Map((await studio.dispatch('runs.metrics', { run: run.id })).map((m) => [m.name, m]));
    expect(metrics.get('lm_loss')?.steps).toHaveLength(80);
    expect(Array.from(metrics.get('eval/exact_accuracy')?.steps ?? [])).toEqual([16, 32, 48, 64, 80]);
    // What subscribers heard is what is stored.
    expect(batches.flatMap(({ batch }) => batch.values.lm_loss ?? []).map(Math.fround)).toEqual([
      ...(metrics.get('lm_loss')?.values ?? []),
    ]);
    const sets = await studio.dispatch('runs.predictions', { run: run.id });
    expect(sets.map((s) => s.step)).toEqual([16, 32, 48, 64, 80]);
    expect(sets[0].predictions[0].tokens).toHaveLength(16);

    const [newest] = await studio.dispatch('runs.checkpoints', { run: run.id });
    expect(newest.step).toBe(80);
    const made = await studio.dispatch('traces.create', {
      of: { checkpoint: newest.id },
      example: { split: 'test', index: 3 },
      act_steps: 5,
    });
    const done = await eventually(() => {
      const info = studio.context.store.traces.get(made.id);
      return info?.status === 'done' && info;
    }, 'the trace');
    expect(done.puzzle).toBe('test 3');
    const bytes = await studio.dispatch('traces.read', { trace: made.id });
    const header = JSON.parse(
      Buffer.from(
        bytes.subarray(8, 8 + Number(new DataView(bytes.buffer, bytes.byteOffset).getBigUint64(0, true))),
      ).toString(),
    ) as Record<string, { shape: number[] }>;
    expect(header['tokens.z_H'].shape).toEqual([5, 16]);
    // The same question is not computed twice.
    expect(
      (
        await studio.dispatch('traces.create', {
          of: { checkpoint: newest.id },
          example: { split: 'test', index: 3 },
          act_steps: 5,
        })
      ).id,
    ).toBe(made.id);
    await expect(
      studio.dispatch('traces.create', { of: { checkpoint: newest.id }, example: { split: 'test', index: 99 } }),
    ).rejects.toMatchObject({ code: 'bad_input' });
    await studio.dispatch('traces.delete', { trace: made.id });
    expect(readdirSync(studio.home.traces)).toEqual([]);

    // A second run of the same recipe takes the same dataset; a finished one is not resumed.
    const again = await studio.dispatch('runs.create', {
      name: 'again',
      preset: null,
      config: tinyConfig({ epochs: 4 }),
      dataset: null,
      recipe: TINY_RECIPE,
    });
    expect(again.dataset).toBe(run.dataset);
    await ended(studio, again.id);
    await expect(studio.dispatch('runs.resume', { run: again.id })).rejects.toMatchObject({ code: 'conflict' });
    // Now there is a measured speed.
    const { seconds, basis } = await studio.dispatch('runs.estimate', {
      config: tinyConfig(),
      dataset: run.dataset,
      recipe: null,
    });
    expect(seconds).toBeGreaterThan(0);
    expect(basis).toMatch(/tiny|again/);
    expect(readFileSync(studio.log.file as string, 'utf8')).not.toMatch(/ error /);
  });

  it('is saved by a regular end of the studio and goes on at the next start', async () => {
    const home = freshFolder();
    const studio = await start(home);
    const run = await studio.dispatch('runs.create', {
      name: 'long',
      preset: null,
      config: tinyConfig({ epochs: 400 }),
      dataset: null,
      recipe: TINY_RECIPE,
    });
    await eventually(() => studio.runs.get(run.id).step >= 10);
    await studio.close();
    const second = await start(home, true);
    const saved = second.context.store.checkpoints.list(run.id)[0];
    await eventually(() => second.runs.get(run.id).step > saved.step + 5, 'steps beyond the checkpoint');
    expect((await second.dispatch('runs.pause', { run: run.id })).status).toBe('paused');
    const { step } = second.runs.get(run.id);
    expect((await second.dispatch('runs.resume', { run: run.id })).status).toBe('running');
    await eventually(() => second.runs.get(run.id).step > step);
    expect((await second.dispatch('runs.stop', { run: run.id })).status).toBe('stopped');
    const [loss] = await second.dispatch('runs.metrics', { run: run.id, names: ['lm_loss'] });
    expect([...loss.steps]).toEqual(Array.from({ length: loss.steps.length }, (_, i) => i + 1));
  });

  it('fails in one sentence when its compute process is killed, and another one takes over', async () => {
    const studio = await start();
    const run = await studio.dispatch('runs.create', {
      name: 'killed',
      preset: null,
      config: tinyConfig({ epochs: 400, studio: { checkpoint_every_steps: 5 } }),
      dataset: null,
      recipe: TINY_RECIPE,
    });
    await eventually(() => studio.context.store.checkpoints.list(run.id).length > 0);
    process.kill(studio.context.supervisor.tensor.pid as number, 'SIGKILL');
    expect(await ended(studio, run.id)).toMatchObject({ status: 'failed', reason: expect.stringContaining('killed') });
    await studio.dispatch('runs.resume', { run: run.id });
    await eventually(() => studio.runs.get(run.id).status === 'running' && studio.runs.get(run.id).step > 5);
    await studio.dispatch('runs.stop', { run: run.id });
  });

  it('tells what is wrong with its config in the run’s reason', async () => {
    const studio = await start();
    const config = tinyConfig({ global_batch_size: 4096 });
    const run = await studio.dispatch('runs.create', {
      name: 'too large',
      preset: null,
      config,
      dataset: null,
      recipe: TINY_RECIPE,
    });
    const { status, reason, step } = await ended(studio, run.id);
    // A batch that no iteration can fill trains nothing: either refused, or over at once; never a hang.
    expect(['failed', 'done']).toContain(status);
    if (status === 'failed') expect(reason).toMatch(/[.]$/);
    expect(step).toBe(0);
  });
});

describe('datasets', () => {
  it('are built with progress, cancelled without a trace, and built again', async () => {
    const studio = await start();
    const recipe = { ...TINY_RECIPE, size: 9 as const, train: 20_000, test: 100, blanks: [40, 50] as [number, number] };
    const progress: Events['dataset.progress'][] = [];
    studio.events.on('dataset.progress', (p) => progress.push(p));
    const dataset = await studio.dispatch('datasets.build', { name: 'Large one', recipe });
    const run = await studio.dispatch('runs.create', {
      name: 'waits',
      preset: null,
      config: tinyConfig(),
      dataset: dataset.id,
      recipe: null,
    });
    expect(run.status).toBe('queued');
    await eventually(
      () => progress.length > 2 && progress[progress.length - 1].seconds_left !== null,
      'progress with time left',
    );
    await expect(studio.dispatch('datasets.delete', { dataset: dataset.id })).rejects.toMatchObject({
      code: 'conflict',
    });
    await studio.dispatch('datasets.cancel', { dataset: dataset.id });
    await eventually(() => studio.context.store.datasets.get(dataset.id) === null, 'the end of the build');
    await eventually(() => readdirSync(studio.home.datasets).length === 0, 'an empty folder');
    expect(await ended(studio, run.id)).toMatchObject({ status: 'failed', reason: expect.stringContaining('gone') });

    const ready = await studio.dispatch('datasets.build', { name: 'Small one', recipe: TINY_RECIPE });
    await eventually(() => studio.context.store.datasets.get(ready.id)?.status === 'ready');
    const info = await studio.dispatch('datasets.get', { dataset: ready.id });
    expect(info).toMatchObject({
      rows: 4,
      columns: 4,
      vocab_size: 6,
      train_examples: 32,
      test_examples: 16,
      train_groups: 32,
    });
    expect(info.path).toMatch(/small-one-/);
    const { total, examples } = await studio.dispatch('datasets.examples', {
      dataset: ready.id,
      split: 'test',
      offset: 14,
    });
    expect([total, examples.map((e) => e.puzzle)]).toEqual([16, ['test 14', 'test 15']]);
    expect(
      await studio.dispatch('datasets.read', {
        dataset: ready.id,
        examples: [examples[1].example, examples[0].example],
      }),
    ).toEqual([examples[1], examples[0]]);
    await expect(
      studio.dispatch('datasets.read', { dataset: ready.id, examples: [{ split: 'test', index: 16 }] }),
    ).rejects.toMatchObject({ code: 'not_found' });
    await studio.dispatch('datasets.delete', { dataset: ready.id });
    expect(existsSync(info.path)).toBe(false);
    await expect(
      studio.dispatch('datasets.build', { name: 'x', recipe: { ...TINY_RECIPE, blanks: [9, 3] } }),
    ).rejects.toMatchObject({ code: 'bad_input' });
    await expect(
      studio.dispatch('datasets.build', {
        name: 'x',
        recipe: { kind: 'arc', subsets: ['nowhere'], test_set: 'nowhere', num_aug: 0, canvas: 5, seed: 0 },
      }),
    ).rejects.toMatchObject({ code: 'not_found' });
  });

  it('whose build was cut off are built again for the run that waits', async () => {
    const home = freshFolder();
    const studio = await start(home);
    const run = await studio.dispatch('runs.create', {
      name: 'r',
      preset: null,
      config: tinyConfig(),
      dataset: null,
      recipe: { ...TINY_RECIPE, size: 9, train: 20_000, test: 10, blanks: [40, 50] },
    });
    const { dataset } = run;
    await eventually(() => studio.context.supervisor.build.alive);
    await studio.close();
    const second = await start(home, true);
    expect(second.runs.get(run.id).status).toBe('queued');
    expect(second.context.store.datasets.get(dataset as string)).toMatchObject({
      status: 'building',
      owner: second.context.owner,
    });
    await second.dispatch('datasets.cancel', { dataset: dataset as string });
  });
});
