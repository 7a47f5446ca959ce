/** Playbacks whose end the store does not take. */
import { expect, it, vi } from 'vitest';
import { bench } from './bench';
import { evaluable } from './fixtures';
import { eventually } from './scripted-compute';

it('the end of a playback that cannot be written is shown, and written when there is space again', async () => {
  const { studio, compute } = await bench();
  const { store } = studio.context;
  const checkpoint = evaluable(studio.context);
  const { id } = await studio.dispatch('traces.create', { of: { checkpoint }, example: { split: 'test', index: 0 } });
  const told: string[] = [];
  studio.events.on('trace.changed', ({ status }) => told.push(status));
  const update = vi.spyOn(store.traces, 'update').mockImplementation(() => {
    throw Object.assign(new Error('database or disk is full'), { code: 'SQLITE_FULL' });
  });
  const port = compute.latest('tensor');
  const { job } = port.job('trace');
  const error = { code: 'internal' as const, message: 'No.' };
  port.say({ type: 'failed', job, step: null, error });
  expect(told).toEqual(['failed']);
  expect((await studio.dispatch('traces.list', {}))[0]).toMatchObject({ status: 'failed', error: 'No.' });
  expect(store.traces.get(id)?.status).toBe('running');
  update.mockRestore();
  await eventually(() => store.traces.get(id)?.status === 'failed', 'its end');
  expect(store.traces.get(id)).toMatchObject({ error: 'No.', owner: null });
});
