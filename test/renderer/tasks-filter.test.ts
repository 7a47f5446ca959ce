import { describe, expect, it } from 'vitest';
import type { TaskSummary } from '@shared/contract/tasks';
import {
  EMPTY_FILTER,
  countChosen,
  countFacets,
  filterQuery,
  filterTasks,
  fitsColours,
  queryFilter,
  readFilter,
  type TaskFilter,
} from '@renderer/tasks/filter';

function task(id: number, over: Partial<TaskSummary> = {}): TaskSummary {
  return {
    id,
    subset: 'training',
    name: `t${id}`,
    train_pairs: 3,
    test_pairs: 1,
    max_side: 10,
    colours: 0b11,
    same_shape: true,
    has_solutions: true,
    input: '0',
    output: '1',
    ...over,
  };
}
const TASKS = [
  task(1, { colours: 0b0000000111, train_pairs: 2 }),
  task(2, { colours: 0b0000000101, max_side: 20, same_shape: false }),
  task(3, { colours: 0b1000000001, subset: 'concept', train_pairs: 7 }),
];
const filter = (over: Partial<TaskFilter>): TaskFilter => ({ ...EMPTY_FILTER, ...over });
const ids = (over: Partial<TaskFilter>): number[] => filterTasks(TASKS, filter(over)).map((t) => t.id);

describe('filters of the gallery', () => {
  it('take tasks by colours: all of them, one of them, or no others', () => {
    expect(ids({ colours: 0b110 })).toEqual([1]);
    expect(ids({ colours: 0b110, colour_mode: 'any' })).toEqual([1, 2]);
    expect(ids({ colours: 0b101, colour_mode: 'only' })).toEqual([2]);
    expect(fitsColours(0b1, 0, 'only')).toBe(true);
  });

  it('take tasks by demonstrations and by the size of their outputs', () => {
    expect(ids({ pairs: 2 })).toEqual([1]);
    expect(ids({ pairs: 6 })).toEqual([3]);
    expect(ids({ shape: 'same' })).toEqual([1, 3]);
    expect(ids({ shape: 'other' })).toEqual([2]);
  });

  it('count for every choice what it would show, with the others as they are', () => {
    const all = countFacets(TASKS, EMPTY_FILTER);
    expect([...all.subsets]).toEqual([
      ['training', 2],
      ['concept', 1],
    ]);
    expect([all.sides[10], all.sides[20], all.same, all.other]).toEqual([2, 1, 2, 1]);
    expect(all.colours).toEqual([3, 1, 2, 0, 0, 0, 0, 0, 0, 1]);
    expect([0, 2, 3, 6].map((n) => all.pairs.get(n))).toEqual([3, 1, 1, 1]);
    // One filter leaves its own choices countable and narrows the others.
    const some = countFacets(TASKS, filter({ subsets: ['concept'] }));
    expect([some.subsets.get('training'), some.same, some.other, some.pairs.get(0)]).toEqual([2, 1, 0, 1]);
    const none = countFacets(TASKS, filter({ subsets: ['concept'], shape: 'other' }));
    expect([none.subsets.get('training'), none.same, none.other]).toEqual([1, 1, 0]);
    expect(countFacets(TASKS, filter({ search: 't3' })).subsets.get('training')).toBeUndefined();
  });

  it('take tasks by how they did in an evaluation', () => {
    const outcomes = new Map([
      ['t1', { outcome: 'solved' as const, position: 0 }],
      ['t2', { outcome: 'close' as const, position: 1 }],
    ]);
    const by = (result: TaskFilter['result']): number[] =>
      filterTasks(TASKS, filter({ evaluation: 'e1', result }), outcomes).map((t) => t.id);
    expect([by('solved'), by('close'), by('unsolved'), by('all')]).toEqual([[1], [2], [2], [1, 2]]);
    expect(countFacets(TASKS, filter({ evaluation: 'e1' }), outcomes).results).toEqual({
      all: 2,
      solved: 1,
      close: 1,
      unsolved: 1,
    });
    // Nothing is left out before the results are there.
    expect(ids({ evaluation: 'e1' })).toEqual([1, 2, 3]);
  });

  it('go into the address and come back', () => {
    expect(filterQuery(EMPTY_FILTER)).toEqual({});
    expect(queryFilter({})).toBeNull();
    const full = filter({
      search: '0ca9',
      subsets: ['training', 'my-tasks'],
      max_side: 12,
      colours: 0b1000010010,
      colour_mode: 'only',
      pairs: 4,
      shape: 'same',
      evaluation: 'e7',
      result: 'unsolved',
      order: 'size',
    });
    const query = filterQuery(full);
    expect(query).toMatchObject({ q: '0ca9', subset: 'training,my-tasks', colours: '1.4.9', mode: 'only', pairs: '4' });
    expect(queryFilter(query)).toEqual(full);
    expect(readFilter(JSON.parse(JSON.stringify(full)))).toEqual(full);
    expect(countChosen(full)).toBe(6);
  });

  it('pass over what an address or a memory cannot mean', () => {
    expect(queryFilter({ q: 'x', size: '99', colours: '1.x.44', mode: 'some', pairs: '9', shape: 'round' })).toEqual(
      filter({ search: 'x', colours: 0b10 }),
    );
    expect(readFilter({ colours: 4096, pairs: 2.5, subsets: [1, 'a'], max_side: 0 })).toEqual(
      filter({ subsets: ['a'] }),
    );
  });
});
