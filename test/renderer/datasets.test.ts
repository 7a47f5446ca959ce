import { flushPromises, mount, type VueWrapper } from '@vue/test-utils';
import { createPinia, setActivePinia } from 'pinia';
import { TooltipProvider } from 'reka-ui';
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { h, nextTick } from 'vue';
import { createMemoryHistory, createRouter } from 'vue-router';
import type { DatasetReport, DatasetSummary } from '@shared/contract/datasets';
import type { TaskSummary } from '@shared/contract/tasks';
import type { DataWarning } from '@shared/dataset';
import { ROUTES } from '@renderer/app/router';
import BuildDialog from '@renderer/datasets/BuildDialog.vue';
import { provideClient } from '@renderer/kernel/client';
import LeaksCard from '@renderer/datasets/LeaksCard.vue';
import StatisticsCard from '@renderer/datasets/StatisticsCard.vue';
import { bars, sizeWords } from '@renderer/datasets/statistics';
import { mazeIssues, newDraft, toRecipe } from '@renderer/datasets/draft';
import WarningList from '@renderer/datasets/WarningList.vue';
import { useTasks } from '@renderer/tasks/useTasks';
import { createFixtureClient } from './fixtures/client';
import { createFixtureStudio } from './fixtures/studio';

beforeEach(() => {
  setActivePinia(createPinia());
  provideClient(createFixtureStudio({ subsets: [] }));
});

const SPLIT: DatasetReport['splits'][number] = {
  split: 'train',
  examples: 90,
  puzzles: 27,
  groups: 3,
  examples_per_puzzle: [
    [3, 9],
    [4, 18],
  ],
  puzzles_per_group: [[9, 3]],
  looked_at: 10,
  input_sizes: [
    { rows: 3, columns: 3, count: 6 },
    { rows: 2, columns: 5, count: 4 },
  ],
  output_sizes: [{ rows: 1, columns: 1, count: 10 }],
  same_size: 4,
  tokens: [10, 10, 10, 5, 0, 0, 0, 0, 0, 0, 0, 1],
};

describe('statistics', () => {
  it('keep few values as they are and put many into ranges that leave none out', () => {
    expect(bars([[3, 9]])).toEqual([{ label: '3', count: 9 }]);
    const many = Array.from({ length: 40 }, (_, i): [number, number] => [i + 5, 2]);
    const binned = bars(many, 12);
    expect(binned.length).toBeLessThanOrEqual(12);
    expect(binned[0].label).toBe('5–8');
    expect(binned.reduce((sum, b) => sum + b.count, 0)).toBe(80);
    expect(bars([])).toEqual([]);
  });

  it('tell sizes in words', () => {
    expect(sizeWords(SPLIT.input_sizes)).toBe('3 × 3 (6), 2 × 5 (4)');
    expect(sizeWords(SPLIT.input_sizes, 1)).toBe('3 × 3 (6) and 1 more sizes');
  });

  it('draw the splits of a dataset, readable without seeing', async () => {
    const dataset = { kind: 'arc', rows: 10, columns: 10 } as DatasetSummary;
    const report = { splits: [SPLIT, { ...SPLIT, split: 'test', examples: 7 }] } as DatasetReport;
    const view = mount(StatisticsCard, { props: { dataset, report } });
    expect(view.get('svg').attributes('aria-label')).toBe('Inputs sizes: 3 × 3 (6), 2 × 5 (4)');
    expect(view.findAll('svg')[0].findAll('.cell')).toHaveLength(2);
    const colours = view.get('[aria-label="Colours"]').findAll('li');
    expect(colours.map((li) => li.text().replace(/\s+/g, ' '))).toEqual(
      expect.arrayContaining(['black100 %', 'blue50 %', 'maroon10 %']),
    );
    expect(view.text()).toContain('40 %');
    await view.findAll('button')[1].trigger('click');
    await flushPromises();
    expect(view.text()).toContain('Examples7');
  });
});

describe('the build dialog', () => {
  const warning: DataWarning = { kind: 'leak', message: 'One task is in both.', subsets: [], tasks: ['aa'] };
  const text = (): string => document.body.textContent?.replace(/\s+/g, ' ') ?? '';
  const field = (name: string): HTMLInputElement => {
    const label = [...document.querySelectorAll('label')].find((l) => l.textContent?.trim().startsWith(name));
    return document.getElementById(label?.htmlFor ?? '') as HTMLInputElement;
  };
  const type = async (name: string, value: string): Promise<void> => {
    field(name).value = value;
    field(name).dispatchEvent(new Event('input', { bubbles: true }));
    await nextTick();
  };
  async function open(
    only: { subset: string; task: string } | null = null,
    tasks: TaskSummary[] = [],
  ): Promise<VueWrapper> {
    provideClient(
      createFixtureClient({
        answers: { 'tasks.list': () => tasks, 'datasets.check': () => ({ warnings: [warning] }) as never },
      }),
    );
    const router = createRouter({ history: createMemoryHistory(), routes: ROUTES });
    const view = mount(
      { render: () => h(TooltipProvider, () => h(BuildDialog, { only })) },
      { global: { plugins: [router] }, attachTo: document.body },
    );
    await flushPromises();
    return view;
  }
  afterEach(() => vi.useRealTimers());

  it('takes warnings away as soon as something else is chosen', async () => {
    vi.useFakeTimers({ toFake: ['setTimeout', 'clearTimeout'] });
    const view = await open();
    await vi.advanceTimersByTimeAsync(400);
    expect(text()).toContain('One task is in both.');
    await type('Canvas', '17');
    expect(text()).not.toContain('One task is in both.');
    await vi.advanceTimersByTimeAsync(400);
    expect(text()).toContain('One task is in both.');
    view.unmount();
  });

  it('begins with the canvas that its one task needs', async () => {
    const task = { id: 1, subset: 'training', name: '3x7', max_side: 7 } as TaskSummary;
    const { tasks, reload } = useTasks();
    await flushPromises();
    const view = await open({ subset: 'training', task: '3x7' }, [task]);
    await reload();
    await flushPromises();
    expect(tasks.value).toHaveLength(1);
    expect(text()).toContain('Canvas 7 × 7');
    view.unmount();
  });

  it('names a wrong number as it is typed, without Build', async () => {
    const view = await open();
    expect(document.querySelector('[role="alert"]')).toBeNull();
    await type('Augmentations', 'many');
    expect(text()).toContain('Augmentations is "many": use a whole number from 0 to 10,000.');
    await type('Augmentations', '8');
    expect(text()).not.toContain('Augmentations is');
    view.unmount();
  });
});

describe('leakage', () => {
  it('is named by example, or said not to be there', async () => {
    const none = mount(LeaksCard, { props: { leaks: { tested: 50, found: 0, examples: [] } } });
    expect(none.text()).toContain('None of 50 test examples stands in the training split');
    const leak = {
      puzzle: 'aa',
      example: { split: 'test', index: 4 },
      how: 'transformed',
      train_puzzle: 'bb',
      train_example: { split: 'train', index: 9 },
    } as const;
    const some = mount(LeaksCard, { props: { leaks: { tested: 50, found: 1, examples: [leak] } } });
    expect(some.text()).toContain('1 of 50 test examples');
    expect(some.get('li').text()).toMatch(/aa\s*as bb\s*turned or recoloured/);
    await some.get('li button').trigger('click');
    expect(some.emitted('open')).toEqual([[leak]]);
  });

  it('comes first among warnings, with all names', () => {
    const names = ['a', 'b', 'c', 'd', 'e'];
    const warnings: DataWarning[] = [
      { kind: 'same_task', message: 'one', tasks: ['a'], subsets: ['x', 'y'] },
      { kind: 'leak', message: 'two', tasks: names, subsets: ['x', 'y'] },
    ];
    const lines = mount(WarningList, { props: { warnings } }).findAll('li');
    expect(lines.map((li) => li.text().slice(0, 10))).toEqual(['Leakage. t', 'The same t']);
    expect(lines[0].get('.names').text()).toBe('a, b, c, d, e');
  });
});

describe('mazes', () => {
  it('are refused with the value, or become a recipe', () => {
    const draft = { ...newDraft(null), kind: 'maze' as const, rows: '2', columns: '31', min_path: '0' };
    expect(mazeIssues(draft)).toEqual({
      rows: 'Rows is "2": use a whole number from 3 to 30.',
      columns: 'Columns is "31": use a whole number from 3 to 30.',
      min_path: 'The shortest path is "0": use a whole number from 1 to 450.',
    });
    expect(mazeIssues({ ...draft, rows: '10', columns: '10', min_path: '51' })).toEqual({
      min_path: 'The shortest path is "51": use a whole number from 1 to 50.',
    });
    const right = { ...draft, rows: '10', columns: '12', min_path: '20' };
    expect(mazeIssues(right)).toEqual({});
    expect(toRecipe(right)).toMatchObject({ kind: 'maze', rows: 10, columns: 12, min_path: 20, train: 2000 });
  });
});
