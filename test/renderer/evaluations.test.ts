import { flushPromises, mount, type VueWrapper } from '@vue/test-utils';
import { createPinia, setActivePinia } from 'pinia';
import { TooltipProvider } from 'reka-ui';
import { afterEach, describe, expect, it } from 'vitest';
import { h, nextTick, reactive, ref, type Component } from 'vue';
import { createMemoryHistory, createRouter, type Router } from 'vue-router';
import { provideClient } from '../../src/renderer/kernel/client';
import CompareEvaluationsView from '../../src/renderer/evaluations/CompareEvaluationsView.vue';
import EvaluateDialog from '../../src/renderer/evaluations/EvaluateDialog.vue';
import EvaluationsView from '../../src/renderer/evaluations/EvaluationsView.vue';
import EvaluationView from '../../src/renderer/evaluations/EvaluationView.vue';
import InputResult from '../../src/renderer/evaluations/InputResult.vue';
import { useSettings } from '../../src/renderer/kernel/stores/settings';
import ConfirmHost from '../../src/renderer/ui/ConfirmHost.vue';
import type { EvaluationTaskSummary } from '../../src/shared/contract/evaluations';
import type { CheckpointInfo } from '../../src/shared/contract/runs';
import { createFixtureClient, fixtureRun, type FixtureClient, type FixtureOptions } from './fixtures/client';
import { evaluation } from './fixtures/evaluation';

let client: FixtureClient;
let router: Router;
let wrapper: VueWrapper | undefined;

function prepare(answers: FixtureOptions['answers']): void {
  setActivePinia(createPinia());
  client = createFixtureClient({ answers });
  provideClient(client);
  router = createRouter({
    history: createMemoryHistory(),
    routes: [{ path: '/:rest(.*)*', component: { template: '<i />' } }],
  });
}

async function show(component: Component, props: Record<string, unknown> = {}): Promise<void> {
  await router.push('/');
  await useSettings().load();
  const root = { render: () => h(TooltipProvider, () => [h(component, props), h(ConfirmHost)]) };
  wrapper = mount(root, { global: { plugins: [router] }, attachTo: document.body });
  await flushPromises();
}

afterEach(() => {
  wrapper?.unmount();
  wrapper = undefined;
  sessionStorage.clear();
  document.body.innerHTML = '';
});

const text = (): string => document.body.textContent?.replace(/\s+/g, ' ') ?? '';
const button = (name: string): HTMLButtonElement => {
  const found = [...document.querySelectorAll('button')].find((b) =>
    (b.getAttribute('aria-label') ?? b.textContent)?.trim().startsWith(name),
  );
  if (!found) throw new Error(`no button "${name}"`);
  return found;
};

const tasks: EvaluationTaskSummary[] = (['solved', 'solved', 'close', 'missed'] as const).map((outcome, position) => ({
  position,
  name: `task-${'abcd'[position]}`,
  outcome,
  input: '12/34',
  target: '21/43',
  attempt: position === 3 ? null : '21/43',
}));

describe('the list of evaluations', () => {
  it('says what belongs there while there is none', async () => {
    prepare({});
    await show(EvaluationsView);
    expect(text()).toContain('No evaluations yet');
    button('All runs').click();
    await flushPromises();
    expect(router.currentRoute.value.path).toBe('/runs');
  });

  it('follows progress, and compares two', async () => {
    prepare({
      'evaluations.list': () => [
        evaluation(),
        evaluation({ id: 'e2', status: 'running', done: 0, total: 0, metrics: {}, created: '2026-11-24T11:00:00Z' }),
      ],
    });
    await show(EvaluationsView);
    expect(text()).toContain('40.0 %');
    client.emit('evaluation.progress', { evaluation: 'e2', done: 450, total: 900, seconds_left: 30 });
    await nextTick();
    expect(text()).toContain('450 of 900 examples · 30 s left');
    expect(button('Compare').disabled).toBe(true);
    client.emit('evaluation.changed', evaluation({ id: 'e2', run_name: 'other', created: '2026-11-24T11:00:00Z' }));
    await nextTick();
    for (const box of document.querySelectorAll<HTMLInputElement>('input[type=checkbox]')) box.click();
    await nextTick();
    button('Compare').click();
    await flushPromises();
    expect(router.currentRoute.value.query).toEqual({ a: 'e2', b: 'e1' });
    client.emit('evaluation.deleted', { evaluation: 'e2' });
    await nextTick();
    expect(text()).not.toContain('other');
    expect(text()).not.toMatch(/NaN|undefined|null/);
  });
});

describe('an evaluation', () => {
  it('shows its scores by name and filters its tasks', async () => {
    prepare({ 'evaluations.list': () => [evaluation()], 'evaluations.tasks': () => tasks });
    await show(EvaluationView, { id: 'e1' });
    expect(text()).toContain('ARC Prize score');
    expect(text()).toContain('pass@2');
    const shown = () => [...document.querySelectorAll('.wall a')].map((a) => a.textContent?.trim());
    expect(shown()).toHaveLength(4);
    button('Missed').click();
    await nextTick();
    expect(shown()).toEqual(['task-d, missed']);
    button('In the first 10').click();
    await nextTick();
    expect(document.querySelector('.wall a')?.getAttribute('href')).toBe('/evaluations/e1/tasks/2?outcome=close');
    button('All').click();
    await nextTick();
    const chart = document.querySelector<SVGElement>('svg[aria-label^="Score by views"]');
    expect(chart?.getAttribute('aria-label')).toContain('pass@2 50.0 %');
    chart?.dispatchEvent(new KeyboardEvent('keydown', { key: 'Home', bubbles: true }));
    await nextTick();
    expect(chart?.getAttribute('aria-label')).toContain('pass@2 20.0 %, pass@1 20.0 % at views 1');
  });

  it('tells what paths with noise gain, and what is known without labels', async () => {
    const metrics = {
      exact_accuracy: 0.81,
      'rollouts/exact_one_path': 0.81,
      'rollouts/exact_by_q': 0.96,
      'rollouts/exact_by_vote': 0.93,
      'rollouts/agreement': 0.725,
      'rollouts/distinct': 2.5,
    };
    const rollouts = { paths: 8, noise: 0.6, choose: 'q' as const, seed: 0 };
    prepare({ 'evaluations.list': () => [evaluation({ kind: 'sudoku', metrics, rollouts })] });
    await show(EvaluationView, { id: 'e1' });
    expect(text()).toContain('8 paths, σ 0.6, seed 0: the most confident one answers');
    expect(text()).toContain('Choosing by q_halt solves 15.0 % of the examples more than one path.');
    expect(text()).toMatch(/Best by q_halt.*96\.0 %.*By vote.*93\.0 %.*Agreement.*72\.5 %.*2\.5/);
    expect(text()).not.toContain('q ranks right');
  });

  it('keeps its filter in its address, and to itself', async () => {
    prepare({ 'evaluations.list': () => [evaluation(), evaluation({ id: 'e2' })], 'evaluations.tasks': () => tasks });
    const address = reactive({ id: 'e1' });
    await show(EvaluationView, address);
    const names = () => [...document.querySelectorAll('.wall .name')].map((name) => name.textContent);
    button('Solved').click();
    await flushPromises();
    expect(router.currentRoute.value.query).toEqual({ outcome: 'solved' });
    expect(names()).toEqual(['task-a', 'task-b']);
    // A link to another evaluation has no filter in it.
    await router.push('/evaluations/e2');
    address.id = 'e2';
    await flushPromises();
    expect(names()).toHaveLength(4);
    // Back to the first one, its filter is there again.
    await router.push('/evaluations/e1?outcome=missed&q=TASK-D');
    address.id = 'e1';
    await flushPromises();
    expect(names()).toEqual(['task-d']);
  });

  it('is cancelled and continued', async () => {
    const running = evaluation({ status: 'running', done: 9, metrics: {} });
    prepare({
      'evaluations.list': () => [running],
      'evaluations.cancel': () => ({ ...running, status: 'stopped' }),
      'evaluations.resume': () => running,
    });
    await show(EvaluationView, { id: 'e1' });
    button('Cancel').click();
    await flushPromises();
    client.emit('evaluation.changed', { ...running, status: 'stopped' });
    await nextTick();
    button('Continue').click();
    await flushPromises();
    expect(client.calls.filter((c) => /cancel|resume/.test(c.method)).map((c) => c.method)).toEqual([
      'evaluations.cancel',
      'evaluations.resume',
    ]);
  });

  it('followed by another shows the tasks of that one', async () => {
    prepare({
      'evaluations.list': () => [evaluation(), evaluation({ id: 'e2', kind: 'sudoku', dataset_name: 'Sudoku' })],
      'evaluations.tasks': ({ evaluation: of }) =>
        of === 'e1' ? tasks : [{ ...tasks[0], name: 'test 7', input: '1200/0034', target: '1234/1234' }],
    });
    const address = reactive({ id: 'e1' });
    await show(EvaluationView, address);
    expect(text()).toContain('task-a');
    address.id = 'e2';
    await flushPromises();
    expect(text()).toContain('test 7');
    expect(text()).not.toContain('task-a');
  });

  it('that is gone says so', async () => {
    prepare({});
    await show(EvaluationView, { id: 'nobody' });
    expect(text()).toContain('There is no such evaluation');
  });
});

describe('a test input', () => {
  it('names its candidates, their votes and what is wrong with them', async () => {
    prepare({});
    const candidate = { votes: 5, mean_q: 0.25, views: ['t|||t2|||0123456789'] };
    await show(InputResult, {
      kind: 'arc',
      title: 'Test input',
      input: {
        input: '1',
        target: '12/34',
        votes: 9,
        distinct: 3,
        rank: 2,
        candidates: [
          { ...candidate, grid: '12/35' },
          { ...candidate, grid: '', votes: 3, views: [] },
          { ...candidate, grid: '12/34', votes: 1, views: [] },
        ],
      },
    });
    expect(text()).toContain('9 views voted for 3 grids');
    // A bar is the candidate's share of the votes, in a result and in a solve alike.
    const bars = [...document.querySelectorAll<HTMLElement>('.votes .bar i')].map((bar) => parseFloat(bar.style.width));
    expect(bars.map((width) => Math.round(width))).toEqual([56, 33, 11]);
    expect(text()).toContain('The answer stands at place 3.');
    expect(text()).toContain('1 of 4 cells wrong');
    expect(text()).toContain('no grid');
    expect(text()).toContain('Right');
    button('Views that vote for').click();
    await nextTick();
    expect(text()).toContain('turned 180°');
    expect(text()).toContain('and 4 more');
  });
});

describe('starting one', () => {
  const checkpoint = (id: number, step: number, best: boolean): CheckpointInfo => ({
    id,
    run: 'r1',
    step,
    created: '',
    path: '',
    bytes: 1,
    sha256: '',
    reason: 'evaluation',
    exact_accuracy: 0.3,
    best,
  });

  it.each([
    ['the best checkpoint', 5],
    ['the checkpoint that took the place of the best while one was choosing', 6],
  ])('takes %s and the run’s own data, and refuses a wrong number beside its field', async (_what, best) => {
    prepare({
      'evaluations.create': () => evaluation({ id: 'new' }),
      'runs.checkpoints': () => [checkpoint(7, 9000, false), checkpoint(best, 6000, true)],
    });
    const open = ref(false);
    await show({
      render: () =>
        h(EvaluateDialog, {
          open: open.value,
          'onUpdate:open': (value: boolean) => (open.value = value),
          run: fixtureRun(),
          checkpoints: [checkpoint(7, 9000, false), checkpoint(5, 6000, true)],
        }),
    });
    open.value = true;
    await flushPromises();
    const field = (label: string): HTMLInputElement => {
      const found = [...document.querySelectorAll('label')].find((l) => l.textContent === label);
      return document.getElementById(found?.htmlFor ?? '') as HTMLInputElement;
    };
    const type = async (label: string, value: string) => {
      field(label).value = value;
      field(label).dispatchEvent(new Event('input'));
      await nextTick();
    };
    await type('Augmentations that vote', '1.5');
    expect(text()).toContain('1.5 does not fit');
    await type('Augmentations that vote', '100');
    await type('ACT steps', '32');
    document.querySelector<HTMLFormElement>('#evaluate')?.dispatchEvent(new Event('submit', { cancelable: true }));
    await flushPromises();
    expect(client.calls.find((c) => c.method === 'evaluations.create')?.input).toEqual({
      checkpoint: best,
      dataset: 'd1',
      split: 'test',
      weights: 'ema',
      augmentations: 100,
      act_steps: 32,
      pool_votes: false,
      rollouts: null,
    });
    expect(router.currentRoute.value.path).toBe('/evaluations/new');
    // Along paths with noise.
    open.value = true;
    await flushPromises();
    await type('Paths', '16');
    await type('Noise', '-1');
    expect(text()).toContain('-1 does not fit: a number above 0');
    await type('Noise', '0.2');
    document.querySelector<HTMLFormElement>('#evaluate')?.dispatchEvent(new Event('submit', { cancelable: true }));
    await flushPromises();
    expect(client.calls.filter((c) => c.method === 'evaluations.create')[1]?.input).toMatchObject({
      rollouts: { paths: 16, noise: 0.2 },
    });
  });
});

describe('two evaluations', () => {
  it('tell what was won and lost', async () => {
    const [a, b] = [evaluation(), evaluation({ id: 'e2', run_name: 'better', metrics: { 'ARC/pass@2': 0.75 } })];
    const won = tasks.map((t) => ({ ...t, outcome: t.position === 3 ? ('solved' as const) : t.outcome }));
    prepare({
      'evaluations.list': () => [a, b],
      'evaluations.compare': () => ({
        a,
        b,
        tasks: tasks.map((t, i) => ({ name: t.name, a: t, b: won[i] })),
        won: ['task-d'],
        lost: [],
        only_a: 1,
        only_b: 0,
      }),
    });
    await show(CompareEvaluationsView, { a: 'e1', b: 'e2' });
    expect(text()).toContain('+25.0');
    expect(button('Won').textContent?.replace(/\s+/g, ' ').trim()).toBe('Won 1');
    expect([...document.querySelectorAll('.wall .title')].map((t) => t.textContent)).toEqual(['task-d']);
    expect(text()).toContain('1 task in only one of them');
    button('Swap').click();
    await flushPromises();
    expect(router.currentRoute.value.query).toEqual({ a: 'e2', b: 'e1' });
  });
});
