import { flushPromises, mount, type VueWrapper } from '@vue/test-utils';
import { createPinia, setActivePinia } from 'pinia';
import { TooltipProvider } from 'reka-ui';
import { afterEach, describe, expect, it } from 'vitest';
import { h, reactive, type Component } from 'vue';
import { createMemoryHistory, createRouter, type Router } from 'vue-router';
import { provideClient } from '../../src/renderer/kernel/client';
import TaskResultView from '../../src/renderer/evaluations/TaskResultView.vue';
import { useSettings } from '../../src/renderer/kernel/stores/settings';
import type { EvaluationTaskSummary } from '../../src/shared/contract/evaluations';
import { createFixtureClient, type FixtureOptions } from './fixtures/client';
import { evaluation } from './fixtures/evaluation';

let router: Router;
let wrapper: VueWrapper | undefined;

function prepare(answers: FixtureOptions['answers']): void {
  setActivePinia(createPinia());
  provideClient(createFixtureClient({ answers }));
  router = createRouter({
    history: createMemoryHistory(),
    routes: [{ path: '/:rest(.*)*', component: { template: '<i />' } }],
  });
}

async function show(component: Component, props: Record<string, unknown> = {}): Promise<void> {
  await router.push('/');
  await useSettings().load();
  const root = { render: () => h(TooltipProvider, () => h(component, props)) };
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

describe('a task of an evaluation', () => {
  const answers: FixtureOptions['answers'] = {
    'evaluations.get': () => evaluation({ kind: 'sudoku' }),
    'evaluations.tasks': () => tasks,
    'evaluations.task': ({ position }) => ({ ...tasks[position], inputs: [] }),
  };
  /** Shows task `position` and follows the address as the app's routes do. */
  async function open(position: number, query: string): Promise<void> {
    prepare(answers);
    const props = reactive({ id: 'e1', position });
    router.afterEach((to) => {
      const at = /tasks\/(\d+)$/.exec(to.path);
      if (at) props.position = Number(at[1]);
    });
    await show(TaskResultView, props);
    await router.push(`/evaluations/e1/tasks/${position}${query}`);
    await flushPromises();
  }
  const title = (): string | null | undefined => document.querySelector('h1')?.textContent;

  it('is followed by the next one that passes the filter', async () => {
    await open(1, '?outcome=solved');
    expect(text()).toContain('2 of 2');
    expect(button('Next task').disabled).toBe(true);
    window.dispatchEvent(new KeyboardEvent('keydown', { key: 'ArrowRight' }));
    await flushPromises();
    expect(title()).toBe('task-b');
    button('Task before').click();
    await flushPromises();
    expect(title()).toBe('task-a');
    expect(router.currentRoute.value.query).toEqual({ outcome: 'solved' });
    expect(document.querySelector('header a')?.getAttribute('href')).toBe('/evaluations/e1?outcome=solved');
  });

  it('that does not pass the filter itself has neighbours that do', async () => {
    await open(2, '?outcome=missed');
    expect(button('Task before').disabled).toBe(true);
    button('Next task').click();
    await flushPromises();
    expect(title()).toBe('task-d');
  });
});
