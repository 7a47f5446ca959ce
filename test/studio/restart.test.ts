/** Runs over the end of their studio: a regular quit, a death, another studio on the same home. */
import { describe, expect, it } from 'vitest';
import type { Events } from '../../src/shared/contract';
import { ownerOf } from '../../src/studio/owner';
import { bench, create, save, status, train } from './bench';
import { eventually } from './scripted-compute';

describe('closing and opening', () => {
  it('saves, stops, and goes on at the next start in the same order; a paused run waits', async () => {
    const { studio, home } = await bench();
    const [a, b] = [await create(studio, 'a'), await create(studio, 'b')];
    await eventually(() => status(studio, a) === 'running');
    await studio.close();
    const { studio: again } = await bench(home, { resumeAtStart: true });
    await eventually(() => status(again, a) === 'running');
    expect(status(again, b)).toBe('queued');
    await again.dispatch('runs.pause', { run: a.id });
    await again.close();
    const { studio: third } = await bench(home, { resumeAtStart: true });
    await eventually(() => status(third, b) === 'running');
    expect(third.runs.get(a.id)).toMatchObject({ status: 'stopped', reason: expect.stringContaining('paused') });
  });

  it('does not start by itself what the command line opens', async () => {
    const { studio, home } = await bench();
    const run = await create(studio, 'a');
    await eventually(() => status(studio, run) === 'running');
    await studio.close();
    const { studio: again } = await bench(home);
    expect(again.runs.get(run.id)).toMatchObject({
      status: 'stopped',
      reason: 'TRM Studio was closed.',
      resume_at_start: true,
    });
  });

  it('marks runs whose process died, with what can be resumed', async () => {
    const { studio, compute, home } = await bench();
    const [a, b] = [await create(studio, 'a'), await create(studio, 'b')];
    await eventually(() => studio.runs.get(a.id).total_steps === 100);
    train(compute.latest('tensor'), 1, 3);
    save(compute.latest('tensor'), 2);
    // As if the machine had been switched off: another process wrote this, and it is no more.
    const dead = '999999999:1';
    for (const run of [a, b]) studio.context.store.runs.update(run.id, { owner: dead });
    const { studio: again } = await bench(home, { resumeAtStart: true });
    expect(again.runs.get(a.id)).toMatchObject({
      status: 'stopped',
      owner: null,
      reason: expect.stringContaining('step 2'),
    });
    expect(again.runs.get(b.id)).toMatchObject({ status: 'stopped', reason: expect.stringContaining('starts again') });
  });

  it('leaves the runs of another living process alone, and follows them', async () => {
    const { studio, home } = await bench();
    const { studio: other, compute } = await bench(home);
    // Both are this process; the one run is made to belong to the parent, which lives.
    const parent = ownerOf(process.ppid);
    (other.context as { owner: string }).owner = parent;
    const heard: { [E in keyof Events]?: Events[E][] } = {};
    studio.events.onAny((name, payload) => ((heard[name] ??= []) as unknown[]).push(payload));
    const run = await create(other, 'theirs');
    await eventually(() => other.runs.get(run.id).total_steps === 100);
    train(compute.latest('tensor'), 1, 2);
    save(compute.latest('tensor'), 2);
    await eventually(() => heard['run.checkpoint']?.length, 'the checkpoint of the other process');
    expect(heard['run.metrics']?.flatMap((m) => m.batch.values.lm_loss ?? [])).toEqual([1, 0.5]);
    await expect(studio.dispatch('runs.stop', { run: run.id })).rejects.toMatchObject({
      code: 'conflict',
      message: expect.stringContaining(`process ${process.ppid}`),
    });
    await expect(studio.dispatch('runs.delete', { run: run.id })).rejects.toMatchObject({ code: 'conflict' });
    const { studio: third } = await bench(home, { resumeAtStart: true });
    expect(third.runs.get(run.id).status).toBe('running');
  });
});
