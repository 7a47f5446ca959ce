/** Jobs whose rows go while they run or wait: a run that is deleted takes its evaluations with it. */
import { expect, it, vi } from 'vitest';
import { SolveOptionsSchema } from '../../src/shared/solve';
import { bench, behave } from './bench';
import { evaluable } from './fixtures';
import { freshFolder } from './home';

/** A run with one evaluation that runs and one that waits. */
async function evaluated(home = freshFolder()) {
  const at = await bench(home);
  const { studio } = at;
  const checkpoint = evaluable(studio.context);
  const ids: string[] = [];
  for (let i = 0; i < 2; i++) ids.push((await studio.dispatch('evaluations.create', { checkpoint })).id);
  return { ...at, run: studio.evaluations.get(ids[0]).run, ids };
}

it('a deleted run does not start the evaluations that wait when the one that runs has stopped', async () => {
  const { studio, compute, run } = await evaluated();
  await studio.dispatch('runs.delete', { run });
  expect(studio.evaluations.list()).toEqual([]);
  expect(compute.latest('tensor').posted.filter(({ type }) => type === 'evaluate')).toHaveLength(1);
});

it('drops the end of a job whose row is gone', async () => {
  const { studio, compute } = await bench();
  const task = { name: 't', train: [{ input: [[1]], output: [[2]] }], test: [{ input: [[3]] }] };
  const [{ id }] = studio.solves.create([task], { checkpoint: null, options: SolveOptionsSchema.parse({}) });
  const port = compute.latest('tensor');
  const { job } = port.job('solve');
  // By another process, as this one ends it first.
  studio.context.store.solves.delete(id);
  const errors = vi.spyOn(studio.log, 'error');
  port.say({ type: 'done', job, status: 'done', step: 0, result: null });
  await new Promise((resolve) => setImmediate(resolve));
  expect(errors).not.toHaveBeenCalled();
});

it('a run is not deleted where it has been taken up while its evaluation was stopping', async () => {
  const { studio, compute, run } = await evaluated();
  compute.onPost = (port, message) => {
    if (message.type === 'stop') studio.context.store.runs.update(run, { status: 'running' });
    behave(port, message);
  };
  await expect(studio.dispatch('runs.delete', { run })).rejects.toThrow(/running/);
  expect(studio.context.store.runs.get(run)).not.toBeNull();
  studio.context.store.runs.update(run, { status: 'stopped' });
});

it('a cancelled evaluation does not start again by itself after a quit', async () => {
  const { studio, compute, ids, home } = await evaluated();
  // It stops only once the studio is closing.
  compute.onPost = () => undefined;
  const cancelled = studio.dispatch('evaluations.cancel', { evaluation: ids[0] });
  compute.onPost = (port, message) => {
    if (message.type === 'exit') {
      port.say({ type: 'done', job: port.job('evaluate').job, status: 'stopped', step: 0, result: null });
      port.exit();
    }
  };
  await studio.close();
  await cancelled.catch(() => undefined);
  const later = await bench(home, { resumeAtStart: true });
  expect(later.studio.evaluations.get(ids[0]).status).toBe('stopped');
  expect(later.studio.evaluations.get(ids[1]).status).toBe('running');
});
