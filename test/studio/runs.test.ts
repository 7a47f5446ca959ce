/** The life of runs, with a compute process that does as the test says: queue, crash, deadline, full disk. */
import { cpSync, existsSync, readdirSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { behave, bench, create, data, save, status, train } from './bench';
import { tinyConfig } from './fixtures';
import { eventually } from './scripted-compute';

describe('runs', () => {
  it('watch training puzzles where the data has no test split, and keep their predictions', async () => {
    const { studio, compute, home } = await bench();
    const folder = join(home, 'train only');
    cpSync(data, folder, { recursive: true });
    rmSync(join(folder, 'test'), { recursive: true });
    const config = { ...tinyConfig(), data_paths: [folder] };
    const run = await studio.dispatch('runs.create', { name: 'x', preset: null, config, dataset: null, recipe: null });
    await eventually(() => studio.runs.get(run.id).total_steps === 100);
    const port = compute.latest('tensor');
    const { job, pinned } = port.job('train');
    expect(pinned.map(({ split }) => split)).toEqual(Array(6).fill('train'));
    const cells = new Uint8Array(16);
    const predictions = pinned.map((example) => {
      return { example, puzzle: 'x', tokens: cells, confidence: cells, q_halt: 0, wrong: 1 };
    });
    port.say({ type: 'evaluation', job, step: 4, seconds: 4, metrics: {}, predictions });
    const [set] = await studio.dispatch('runs.predictions', { run: run.id });
    expect(set.predictions.map(({ example }) => example)).toEqual(pinned);
    expect(await studio.dispatch('runs.metrics', { run: run.id })).toEqual([]);
  });

  it('start at once, record what is told, and finish', async () => {
    const { studio, compute } = await bench();
    const events: string[] = [];
    studio.events.onAny((name) => events.push(name));
    const run = await create(studio, 'one');
    await eventually(() => studio.runs.get(run.id).total_steps === 100);
    const port = compute.latest('tensor');
    expect(port.job('train')).toMatchObject({
      run: run.id,
      data_paths: [data],
      resume_from: null,
      run_dir: join(studio.home.runs, run.id),
    });
    // Nobody chose examples to watch: some of the test split are.
    expect(port.job('train').pinned).toHaveLength(6);
    train(port, 1, 4);
    port.say({
      type: 'evaluation',
      job: port.job('train').job,
      step: 4,
      seconds: 4,
      metrics: { exact_accuracy: 0.5, accuracy: 0.75 },
      predictions: [],
    });
    save(port, 4);
    port.say({ type: 'done', job: port.job('train').job, status: 'done', step: 4, result: null });
    const detail = await studio.dispatch('runs.get', { run: run.id });
    expect(detail).toMatchObject({
      status: 'done',
      step: 4,
      total_steps: 100,
      seconds: 4,
      steps_per_s: 2,
      best_exact_accuracy: 0.5,
      last_lm_loss: 0.25,
      has_checkpoint: true,
      parameters: 10,
      rows: 4,
      columns: 4,
    });
    const metrics = await studio.dispatch('runs.metrics', { run: run.id });
    expect(metrics.map((m) => m.name).sort()).toEqual([
      'eval/accuracy',
      'eval/exact_accuracy',
      'lm_loss',
      'machine/memory_bytes',
      'machine/tensors',
      'steps_per_s',
    ]);
    expect(await studio.dispatch('runs.checkpoints', { run: run.id })).toMatchObject([
      { step: 4, exact_accuracy: 0.5, best: true },
    ]);
    for (const name of ['run.changed', 'run.metrics', 'run.checkpoint', 'run.event'])
      expect(events, name).toContain(name);
  });

  it('wait for one another, in their order', async () => {
    const { studio, compute } = await bench();
    const [a, b, c] = [await create(studio, 'a'), await create(studio, 'b'), await create(studio, 'c')];
    await eventually(() => status(studio, a) === 'running');
    expect([status(studio, b), status(studio, c)]).toEqual(['queued', 'queued']);
    await studio.dispatch('runs.stop', { run: b.id });
    expect(status(studio, b)).toBe('stopped');
    await studio.dispatch('runs.stop', { run: a.id });
    await eventually(() => status(studio, c) === 'running');
    expect(compute.ports.filter((p) => p.role === 'tensor')).toHaveLength(1);
    await expect(studio.dispatch('runs.pause', { run: b.id })).rejects.toMatchObject({
      code: 'conflict',
      message: expect.stringContaining('stopped'),
    });
  });

  it('pause and resume in place', async () => {
    const { studio, compute } = await bench();
    const run = await create(studio, 'one');
    await eventually(() => status(studio, run) === 'running');
    expect((await studio.dispatch('runs.pause', { run: run.id })).status).toBe('paused');
    await expect(studio.dispatch('runs.delete', { run: run.id })).rejects.toMatchObject({ code: 'conflict' });
    expect((await studio.dispatch('runs.resume', { run: run.id })).status).toBe('running');
    expect(compute.latest('tensor').posted.filter((m) => m.type === 'train')).toHaveLength(1);
    expect((await studio.dispatch('runs.events', { run: run.id })).map((e) => e.message)).toEqual([
      'Paused.',
      'Continues.',
    ]);
  });

  it('that are paused make room for the next in the queue, and go on behind it', async () => {
    const { studio, compute } = await bench();
    const a = await create(studio, 'a');
    await eventually(() => studio.runs.get(a.id).total_steps === 100);
    const port = compute.latest('tensor');
    train(port, 1, 3);
    const path = save(port, 3);
    const b = await create(studio, 'b');
    expect(status(studio, b)).toBe('queued');
    await studio.dispatch('runs.pause', { run: a.id });
    await eventually(() => status(studio, b) === 'running');
    expect(status(studio, a)).toBe('paused');
    await studio.dispatch('runs.resume', { run: a.id });
    expect([status(studio, a), status(studio, b)]).toEqual(['queued', 'running']);
    await studio.dispatch('runs.stop', { run: b.id });
    await eventually(() => status(studio, a) === 'running');
    expect(port.job('train')).toMatchObject({ run: a.id, resume_from: path });
    // A paused run without a place in the process can be stopped too.
    const c = await create(studio, 'c');
    await studio.dispatch('runs.pause', { run: a.id });
    await eventually(() => status(studio, c) === 'running');
    expect((await studio.dispatch('runs.stop', { run: a.id })).status).toBe('stopped');
    expect(status(studio, c)).toBe('running');
  });

  it('that end while nothing can be written are seen as ended, and written down when there is space', async () => {
    const { studio, compute } = await bench();
    const run = await create(studio, 'full');
    await eventually(() => studio.runs.get(run.id).total_steps === 100);
    const port = compute.latest('tensor');
    const { runs, events } = studio.context.store;
    const [update, append] = [runs.update.bind(runs), events.append.bind(events)];
    runs.update = events.append = () => {
      throw Object.assign(new Error('full'), { code: 'SQLITE_FULL' });
    };
    port.say({
      type: 'failed',
      job: port.job('train').job,
      step: 1,
      error: { code: 'disk_full', message: 'The disk is full.' },
    });
    expect(studio.runs.get(run.id)).toMatchObject({ status: 'failed', reason: 'The disk is full.' });
    expect(runs.get(run.id)?.status).toBe('running');
    await studio.runs.idle();
    Object.assign(runs, { update });
    Object.assign(events, { append });
    await eventually(() => runs.get(run.id)?.status === 'failed', 'the end, written');
    expect((await studio.dispatch('runs.resume', { run: run.id })).status).toBe('queued');
  });

  it('fail with a sentence when their process is killed, and go on from the last checkpoint in a new one', async () => {
    const { studio, compute } = await bench();
    const run = await create(studio, 'one');
    await eventually(() => studio.runs.get(run.id).total_steps === 100);
    const port = compute.latest('tensor');
    train(port, 1, 5);
    const path = save(port, 5);
    train(port, 6, 9);
    port.exit({ code: null, signal: 'SIGKILL' });
    expect(studio.runs.get(run.id)).toMatchObject({
      status: 'failed',
      step: 9,
      reason: expect.stringContaining('memory'),
    });
    await studio.dispatch('runs.resume', { run: run.id });
    await eventually(() => status(studio, run) === 'running');
    const second = compute.latest('tensor');
    expect(second).not.toBe(port);
    expect(second.job('train').resume_from).toBe(path);
    expect(studio.runs.get(run.id)).toMatchObject({ step: 5, reason: null });
    const [loss] = await studio.dispatch('runs.metrics', { run: run.id, names: ['lm_loss'] });
    expect([...loss.steps]).toEqual([1, 2, 3, 4, 5]);
  });

  it('are ended when they do not stop in time, and said to be', async () => {
    const { studio, compute } = await bench(undefined, { stopDeadlineMs: 30 });
    compute.onPost = (port, message) => message.type !== 'stop' && behave(port, message);
    const run = await create(studio, 'deaf');
    await eventually(() => status(studio, run) === 'running');
    expect((await studio.dispatch('runs.stop', { run: run.id })).status).toBe('stopped');
    expect(compute.latest('tensor').killed).toBe(true);
    expect((await studio.dispatch('runs.events', { run: run.id })).at(-1)?.message).toContain(
      'did not stop in time'.replace('did', 'Did'),
    );
  });

  it('go on by themselves in a new process when the old one has used up its handles', async () => {
    const { studio, compute } = await bench();
    const run = await create(studio, 'long');
    await eventually(() => studio.runs.get(run.id).total_steps === 100);
    const port = compute.latest('tensor');
    train(port, 1, 2);
    const path = save(port, 2);
    const seen: string[] = [];
    studio.events.on('run.changed', (changed) => seen.push(changed.status));
    const told = (await studio.dispatch('runs.events', { run: run.id })).length;
    port.say({
      type: 'failed',
      job: port.job('train').job,
      step: 2,
      error: { code: 'unavailable', message: 'Handles are used up.', data: { recycle: true } },
    });
    await eventually(
      () => compute.latest('tensor') !== port && compute.latest('tensor').posted.some((m) => m.type === 'train'),
    );
    expect(compute.latest('tensor').job('train').resume_from).toBe(path);
    train(compute.latest('tensor'), 3, 4);
    // Nobody sees it: neither in the status, nor in the events, nor in the curves.
    expect(new Set(seen)).toEqual(new Set(['running']));
    expect(await studio.dispatch('runs.events', { run: run.id })).toHaveLength(told);
    const [loss] = await studio.dispatch('runs.metrics', { run: run.id, names: ['lm_loss'] });
    expect([...loss.steps]).toEqual([1, 2, 3, 4]);
  });

  it.each(['pause', 'stop'] as const)('hear a %s that comes while their process is renewed', async (word) => {
    const { studio, compute } = await bench();
    const run = await create(studio, 'long');
    await eventually(() => studio.runs.get(run.id).total_steps === 100);
    const port = compute.latest('tensor');
    train(port, 1, 2);
    save(port, 2);
    compute.onPost = (to, message) => (to === port ? undefined : behave(to, message));
    port.say({
      type: 'failed',
      job: port.job('train').job,
      step: 2,
      error: { code: 'unavailable', message: 'Handles are used up.', data: { recycle: true } },
    });
    const asked = studio.dispatch(`runs.${word}`, { run: run.id });
    port.exit();
    expect((await asked).status).toBe(word === 'pause' ? 'paused' : 'stopped');
  });

  it('that cannot be written down are stopped with the reason, and what was saved stays', async () => {
    const { studio, compute } = await bench();
    const run = await create(studio, 'full');
    await eventually(() => studio.runs.get(run.id).total_steps === 100);
    const port = compute.latest('tensor');
    train(port, 1, 2);
    save(port, 2);
    const append = studio.context.store.metrics.append;
    studio.context.store.metrics.append = () => {
      throw Object.assign(new Error('database or disk is full'), { code: 'SQLITE_FULL' });
    };
    train(port, 3, 4);
    studio.context.store.metrics.append = append;
    await eventually(() => status(studio, run) === 'stopped');
    expect(studio.runs.get(run.id).reason).toMatch(/disk.*is full/);
    expect(studio.context.store.checkpoints.list(run.id)).toHaveLength(1);
  });

  it('fall back on the checkpoint before a damaged one, setting that aside', async () => {
    const { studio, compute } = await bench();
    const run = await create(studio, 'hurt');
    await eventually(() => studio.runs.get(run.id).total_steps === 100);
    const port = compute.latest('tensor');
    train(port, 1, 6);
    const good = save(port, 2);
    const bad = save(port, 4);
    const gone = save(port, 6);
    const leftover = join(join(studio.home.runs, run.id, 'checkpoints'), 'step_9.safetensors.partial');
    writeFileSync(leftover, 'half');
    await studio.dispatch('runs.stop', { run: run.id });
    writeFileSync(bad, 'checkpoint X');
    rmSync(gone);
    await studio.dispatch('runs.resume', { run: run.id });
    await eventually(() => status(studio, run) === 'running');
    expect(port.job('train').resume_from).toBe(good);
    const warnings = (await studio.dispatch('runs.events', { run: run.id }))
      .filter((e) => e.level === 'warning')
      .map((e) => e.message);
    expect(warnings[0]).toMatch(/step 6 is missing/);
    expect(warnings[1]).toMatch(/step 4 is damaged/);
    expect(readdirSync(join(studio.home.runs, run.id, 'checkpoints')).sort()).toEqual([
      'step_2.safetensors',
      'step_4.safetensors.damaged',
    ]);
  });

  it('are refused where no checkpoint can be read any more', async () => {
    const { studio, compute } = await bench();
    const run = await create(studio, 'lost');
    await eventually(() => studio.runs.get(run.id).total_steps === 100);
    const port = compute.latest('tensor');
    train(port, 1, 2);
    writeFileSync(save(port, 2), 'x');
    await studio.dispatch('runs.stop', { run: run.id });
    await studio.dispatch('runs.resume', { run: run.id });
    await eventually(() => status(studio, run) === 'failed');
    expect(studio.runs.get(run.id)).toMatchObject({ reason: expect.stringContaining('None of the checkpoints') });
    // The curves stay.
    expect(studio.context.store.metrics.lastStep(run.id)).toBe(2);
  });

  it('keep the newest checkpoints and the best', async () => {
    const { studio, compute } = await bench();
    const run = await create(studio, 'many');
    await eventually(() => studio.runs.get(run.id).total_steps === 100);
    const port = compute.latest('tensor');
    for (let step = 1; step <= 8; step++) {
      train(port, step, step);
      if (step === 2)
        port.say({
          type: 'evaluation',
          job: port.job('train').job,
          step,
          seconds: 1,
          metrics: { exact_accuracy: 0.9 },
          predictions: [],
        });
      save(port, step);
    }
    expect(studio.context.store.checkpoints.list(run.id).map((c) => c.step)).toEqual([8, 7, 6, 5, 4, 2]);
    expect(readdirSync(join(studio.home.runs, run.id, 'checkpoints'))).toHaveLength(6);
  });

  it('are deleted with their files', async () => {
    const { studio, compute } = await bench();
    const run = await create(studio, 'gone');
    await eventually(() => studio.runs.get(run.id).total_steps === 100);
    save(compute.latest('tensor'), 1);
    await studio.dispatch('runs.stop', { run: run.id });
    await studio.dispatch('runs.delete', { run: run.id });
    expect(existsSync(join(studio.home.runs, run.id))).toBe(false);
    expect(await studio.dispatch('runs.list', {})).toEqual([]);
    expect(existsSync(data)).toBe(true);
  });
});
