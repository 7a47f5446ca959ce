import { describe, expect, it } from 'vitest';
import type { Subset, TaskSummary } from '@shared/contract/tasks';
import { arcIssues, newDraft, sudokuIssues, toRecipe } from '@renderer/datasets/draft';
import { forecastArc, recipeWords, suggestName } from '@renderer/datasets/recipe';
import { EMPTY_FILTER, filterTasks, isFiltered, readFilter } from '@renderer/tasks/filter';
import { freeName } from '@renderer/welcome/free-name';

function task(id: number, over: Partial<TaskSummary> = {}): TaskSummary {
  return {
    id,
    subset: 'training',
    name: `t${id}`,
    train_pairs: 3,
    test_pairs: 1,
    max_side: 10,
    colours: 3,
    same_shape: true,
    has_solutions: true,
    input: '0',
    output: '1',
    ...over,
  };
}
const ids = (tasks: TaskSummary[]): number[] => tasks.map((t) => t.id);

describe('the filter of the gallery', () => {
  const tasks = [
    task(1, { name: '00d62c1b', max_side: 20 }),
    task(2, { name: '0ca9ddb6', train_pairs: 5 }),
    task(3, { name: '0CA9ffff', subset: 'evaluation', max_side: 3 }),
  ];

  it('passes everything when empty', () => {
    expect(ids(filterTasks(tasks, EMPTY_FILTER))).toEqual([1, 2, 3]);
    expect(isFiltered(EMPTY_FILTER)).toBe(false);
  });

  it('searches ids without regard to case, and joins its conditions', () => {
    expect(ids(filterTasks(tasks, { ...EMPTY_FILTER, search: ' 0ca9 ' }))).toEqual([2, 3]);
    expect(ids(filterTasks(tasks, { ...EMPTY_FILTER, search: '0ca9', subsets: ['training'] }))).toEqual([2]);
    expect(ids(filterTasks(tasks, { ...EMPTY_FILTER, max_side: 10 }))).toEqual([2, 3]);
  });

  it('orders without losing the store’s order among equals', () => {
    expect(ids(filterTasks(tasks, { ...EMPTY_FILTER, order: 'size' }))).toEqual([3, 2, 1]);
    expect(ids(filterTasks(tasks, { ...EMPTY_FILTER, order: 'pairs' }))).toEqual([2, 1, 3]);
    expect(ids(tasks)).toEqual([1, 2, 3]);
  });

  it('reads what was remembered, and nothing else', () => {
    const kept = { search: 'a', subsets: ['x'], max_side: 8, order: 'size' };
    expect(readFilter(JSON.parse(JSON.stringify(kept)))).toEqual({ ...EMPTY_FILTER, ...kept });
    expect(readFilter(null)).toEqual(EMPTY_FILTER);
    expect(readFilter({ search: 3, subsets: [1, 'y'], max_side: 99, order: 'up' })).toEqual({
      ...EMPTY_FILTER,
      subsets: ['y'],
    });
  });
});

describe('the forecast of a dataset', () => {
  const tasks = [
    task(1),
    task(2, { max_side: 12 }),
    task(3, { subset: 'evaluation', name: 't1', test_pairs: 2 }),
    task(4, { subset: 'evaluation' }),
    task(5, { subset: 'concept' }),
  ];
  const recipe = { subsets: ['training', 'evaluation'], test_set: 'evaluation', num_aug: 9, canvas: 10 };

  it('counts as the reference’s builder: test pairs are tested only in the test set', () => {
    const f = forecastArc(recipe, tasks);
    expect(f).toMatchObject({ tasks: 4, fitting: 3, tested: 2 });
    expect(f.train_examples).toBe((4 + 3 + 3) * 10);
    expect(f.test_examples).toBe(3 * 10);
    expect(f.bytes).toBe(130 * 200);
  });

  it('tells which subset gives the test away', () => {
    expect(forecastArc(recipe, tasks).leaks).toEqual([{ subset: 'training', count: 1 }]);
    expect(forecastArc({ ...recipe, subsets: ['evaluation'] }, tasks).leaks).toEqual([]);
  });

  it('takes only the named tasks', () => {
    expect(forecastArc({ ...recipe, tasks: ['t4'] }, tasks)).toMatchObject({ tasks: 1, fitting: 1, tested: 1 });
  });
});

describe('the build dialog’s draft', () => {
  const tasks = [task(1, { name: '00d62c1b', max_side: 20 })];

  it('becomes a recipe of the contract', () => {
    const draft = newDraft({ subset: 'training', task: '00d62c1b' });
    expect(arcIssues(draft, tasks)).toEqual({});
    expect(toRecipe(draft)).toEqual({
      kind: 'arc',
      subsets: ['training'],
      test_set: 'training',
      num_aug: 100,
      canvas: 30,
      tasks: ['00d62c1b'],
      seed: 42,
    });
    expect(toRecipe({ ...draft, kind: 'sudoku', train: '2,000' })).toMatchObject({
      kind: 'sudoku',
      train: 2000,
      blanks: [6, 10],
    });
  });

  it('is refused beside the field, with the value and the range', () => {
    const draft = { ...newDraft(null), num_aug: '1.5', seed: '-1', canvas: 8 };
    const issues = arcIssues(draft, tasks);
    expect(issues.num_aug).toBe('Augmentations is "1.5": use a whole number from 0 to 10,000.');
    expect(issues.seed).toMatch(/^Seed is "-1"/);
    expect(issues.canvas).toBe('No task fits 8 × 8: use a larger canvas.');
    expect(arcIssues({ ...draft, subsets: [] }, tasks).subsets).toMatch(/choose at least one/);
  });

  it('knows how many blanks a size allows', () => {
    const draft = { ...newDraft(null), kind: 'sudoku' as const, least_blanks: '10', most_blanks: '6' };
    expect(sudokuIssues(draft).most_blanks).toMatch(/must not be below the fewest, 10/);
    expect(sudokuIssues({ ...draft, most_blanks: '13' }).most_blanks).toMatch(/from 1 to 12/);
    expect(sudokuIssues({ ...draft, size: 9, most_blanks: '50' })).toEqual({});
    expect(sudokuIssues({ ...draft, train: '' }).train).toMatch(/is empty/);
  });
});

describe('recipes in words', () => {
  const subsets = [
    { name: 'training', title: 'ARC-AGI-1 training' },
    { name: 'concept', title: 'ConceptARC' },
  ] as Subset[];

  it('name subsets by title and the test', () => {
    const recipe = {
      kind: 'arc' as const,
      subsets: ['training', 'concept'],
      test_set: 'concept',
      num_aug: 1000,
      canvas: 30,
      seed: 42,
    };
    expect(recipeWords(recipe, subsets)).toBe(
      'ARC-AGI-1 training and ConceptARC; tested on ConceptARC; 1,000 augmentations a puzzle; seed 42',
    );
    expect(recipeWords({ ...recipe, subsets: ['training'], test_set: 'training' }, subsets)).toMatch(
      /tested on its own test pairs/,
    );
    expect(recipeWords(null, subsets)).toMatch(/Made elsewhere/);
  });

  it('suggest a name that is free', () => {
    const recipe = {
      kind: 'sudoku' as const,
      size: 4 as const,
      train: 1,
      test: 1,
      blanks: [1, 2] as [number, number],
      seed: 0,
    };
    expect(suggestName(recipe, [])).toBe('sudoku-4x4');
    expect(suggestName(recipe, ['sudoku-4x4', 'sudoku-4x4-2'])).toBe('sudoku-4x4-3');
    expect(freeName('arc-small', ['arc-small'])).toBe('arc-small-2');
  });
});
