import { describe, expect, it, vi } from 'vitest';
import type { DatasetRecipe } from '../../src/shared/dataset';
import { bench } from './bench';
import { TINY_RECIPE } from './fixtures';

describe('the queue of builds', () => {
  it('goes on where one of them cannot be started', async () => {
    const { studio, compute } = await bench();
    const { store } = studio.context;
    const arc = { kind: 'arc' as const, subsets: ['s'], test_set: 's', num_aug: 1, canvas: 4, seed: 1 };
    const record = (id: string, recipe: DatasetRecipe) => ({
      id,
      name: id,
      kind: 'sudoku' as const,
      status: 'building' as const,
      error: null,
      created: '2026-01-01',
      path: `datasets/${id}`,
      adopted: false,
      recipe,
      facts: null,
      owner: studio.context.owner,
    });
    store.datasets.insert(record('first', arc));
    store.datasets.insert(record('second', TINY_RECIPE));
    vi.spyOn(store.tasks, 'tasksOf').mockImplementationOnce(() => {
      throw Object.assign(new Error('disk I/O error'), { code: 'SQLITE_IOERR_READ' });
    });
    for (const id of ['first', 'second']) studio.datasets.builds.enqueue(id);
    expect(store.datasets.get('first')).toMatchObject({ status: 'failed' });
    expect(compute.latest('build').job('build').out).toContain('second');
  });

  it('ends no other build where one is cancelled twice', async () => {
    const { studio, compute } = await bench();
    compute.onPost = (port, message) => {
      if (message.type === 'exit') port.exit();
    };
    const build = async (name: string, seed: number) =>
      (await studio.dispatch('datasets.build', { name, recipe: { ...TINY_RECIPE, seed } })).id;
    const [first, second] = [await build('first', 1), await build('second', 2)];
    const port = compute.latest('build');
    const { job } = port.job('build');
    vi.useFakeTimers({ toFake: ['setTimeout', 'clearTimeout'] });
    try {
      studio.datasets.cancel(first);
      studio.datasets.cancel(first);
      port.say({ type: 'done', job, status: 'stopped', step: 0, result: null });
      expect(port.job('build').out).toContain(second);
      vi.advanceTimersByTime(60_000);
      expect(port.killed).toBe(false);
    } finally {
      vi.useRealTimers();
    }
  });
});
