import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import type { Input } from '../../src/shared/contract';
import { openStudio, type Studio } from '../../src/studio/studio';
import { freshFolder } from './home';
import { ScriptedCompute } from './scripted-compute';

let studio: Studio;
beforeEach(async () => {
  studio = await openStudio({
    home: freshFolder(),
    transport: 'web',
    compute: () => new ScriptedCompute().factory,
    resources: null,
  });
});
afterEach(() => studio.close());

const drawn = (name: string, colour = 3): Input<'tasks.save'> => ({
  name,
  train: [{ input: `00/0${colour}`, output: `${colour}` }],
  test: [{ input: '012', output: null }],
});

describe('tasks drawn here', () => {
  it('make a collection of their own with the first, and are changed in their place', async () => {
    const told: unknown[] = [];
    studio.events.on('tasks.changed', (payload) => told.push(payload));
    const first = await studio.dispatch('tasks.save', drawn(' first '));
    const second = await studio.dispatch('tasks.save', drawn('second'));
    expect(first).toMatchObject({
      name: 'first',
      subset: 'my-tasks',
      train_pairs: 1,
      test_pairs: 1,
      max_side: 3,
      colours: 0b1111,
      same_shape: false,
      has_solutions: false,
      train: [{ input: '00/03', output: '3' }],
      test: [{ input: '012', output: null }],
    });
    expect(await studio.dispatch('tasks.subsets', {})).toMatchObject([
      { name: 'my-tasks', title: 'My tasks', own: true, bundled: false, count: 2 },
    ]);
    const changed = await studio.dispatch('tasks.save', { ...drawn('renamed', 9), id: first.id });
    expect(changed).toMatchObject({ id: first.id, name: 'renamed', train: [{ input: '00/09', output: '9' }] });
    expect((await studio.dispatch('tasks.list', {})).map((t) => [t.id, t.name])).toEqual([
      [first.id, 'renamed'],
      [second.id, 'second'],
    ]);
    expect(told).toHaveLength(3);
  });

  it('are held to the rules of the import, with every fault', async () => {
    const wrong = studio.dispatch('tasks.save', { name: 'a|||b', train: [], test: [{ input: '00/0', output: null }] });
    await expect(wrong).rejects.toMatchObject({
      code: 'bad_input',
      data: {
        faults: [
          'This task: the task name "a|||b" holds "|||", which marks augmented puzzles: rename the task.',
          'This task: "train" is empty: give at least one demonstration, a pair of input and output.',
          'This task: test[0].input row 2 has 1 cell where row 1 has 2: give every row the same length.',
        ],
      },
    });
    await expect(studio.dispatch('tasks.save', { ...drawn('x'), test: [{ input: '', output: null }] })).rejects.toThrow(
      'test[0].input row 1 is empty',
    );
    await expect(
      studio.dispatch('tasks.save', { ...drawn('x'), test: [{ input: '0a', output: null }] }),
    ).rejects.toThrow('column 2');
    await expect(studio.dispatch('tasks.save', drawn(' '))).rejects.toThrow('empty name');
    expect(await studio.dispatch('tasks.subsets', {})).toEqual([]);
  });

  it('have one name each', async () => {
    const first = await studio.dispatch('tasks.save', drawn('same'));
    await expect(studio.dispatch('tasks.save', drawn('same'))).rejects.toMatchObject({ code: 'conflict' });
    const other = await studio.dispatch('tasks.save', drawn('other'));
    await expect(studio.dispatch('tasks.save', { ...drawn('same'), id: other.id })).rejects.toThrow('called same');
    expect(await studio.dispatch('tasks.save', { ...drawn('same', 5), id: first.id })).toMatchObject({ id: first.id });
  });

  it('are the only ones that can be changed or deleted one by one', async () => {
    const begun = (await studio.dispatch('import.begin', {})).import;
    const content = new TextEncoder().encode(
      JSON.stringify({ train: [{ input: [[1]], output: [[2]] }], test: [{ input: [[3]], output: [[4]] }] }),
    );
    // The import takes the name that the drawn ones would have had.
    await studio.dispatch('import.add_files', { import: begun, files: [{ path: 'my-tasks.json', content }] });
    await studio.dispatch('import.commit', { import: begun });
    const [imported] = await studio.dispatch('tasks.list', {});
    await expect(studio.dispatch('tasks.delete', { id: imported.id })).rejects.toMatchObject({ code: 'not_found' });
    await expect(studio.dispatch('tasks.save', { ...drawn('x'), id: imported.id })).rejects.toThrow('save it as a new');
    expect(await studio.dispatch('tasks.subsets', {})).toHaveLength(1);

    const own = await studio.dispatch('tasks.save', drawn('mine'));
    expect(own.subset).toBe('my-tasks-2');
    const another = await studio.dispatch('tasks.save', drawn('mine too'));
    await studio.dispatch('tasks.delete', { id: own.id });
    const third = await studio.dispatch('tasks.save', drawn('third'));
    const names = async () => (await studio.dispatch('tasks.list', { subsets: ['my-tasks-2'] })).map((t) => t.name);
    expect(await names()).toEqual(['mine too', 'third']);
    for (const { id } of [another, third]) await studio.dispatch('tasks.delete', { id });
    expect((await studio.dispatch('tasks.subsets', {})).map((s) => s.own)).toEqual([false]);
    await expect(studio.dispatch('tasks.save', { ...drawn('third'), id: third.id })).rejects.toMatchObject({
      code: 'not_found',
    });
  });
});
