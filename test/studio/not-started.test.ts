/** A compute process that cannot be started: whatever wanted it fails with a sentence, and nothing stays in the way. */
import { expect, it } from 'vitest';
import { bench, create, status } from './bench';
import { evaluable, TINY_RECIPE } from './fixtures';
import { eventually } from './scripted-compute';

const NO_MEMORY = 'could not be started (spawn ENOMEM)';
const refused = () => Object.assign(new Error('spawn ENOMEM'), { code: 'ENOMEM' });

it('fails an evaluation and its playback, and the next ones begin', async () => {
  const { studio, compute } = await bench();
  const checkpoint = evaluable(studio.context);
  compute.refusal = refused();
  const first = await studio.dispatch('evaluations.create', { checkpoint });
  expect((await studio.evaluations.ended(first.id)).error).toContain(NO_MEMORY);
  const trace = await studio.dispatch('traces.create', {
    of: { checkpoint },
    example: { split: 'test', index: 0 },
  });
  await eventually(() => studio.context.store.traces.get(trace.id)?.status === 'failed', 'its failure');
  expect(studio.context.store.traces.get(trace.id)).toMatchObject({ error: expect.stringContaining(NO_MEMORY) });
  compute.refusal = null;
  const second = await studio.dispatch('evaluations.create', { checkpoint });
  expect(second.status).toBe('running');
});

it('fails a build, and the next one begins', async () => {
  const { studio, compute } = await bench();
  compute.refusal = refused();
  const first = await studio.dispatch('datasets.build', { name: 'first', recipe: TINY_RECIPE });
  await eventually(() => studio.datasets.get(first.id).status === 'failed', 'its failure');
  expect(studio.datasets.get(first.id).error).toContain(NO_MEMORY);
  compute.refusal = null;
  const second = await studio.dispatch('datasets.build', { name: 'second', recipe: { ...TINY_RECIPE, seed: 2 } });
  expect(compute.latest('build').job('build').out).toContain(second.id);
});

it('fails a run, and the next one begins', async () => {
  const { studio, compute } = await bench();
  compute.refusal = refused();
  const first = await create(studio, 'first');
  await eventually(() => status(studio, first) === 'failed', 'its failure');
  expect(studio.runs.get(first.id).reason).toContain(NO_MEMORY);
  compute.refusal = null;
  const second = await create(studio, 'second');
  await eventually(() => status(studio, second) === 'running', 'the next one');
});
