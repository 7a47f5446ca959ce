import { flushPromises, mount, type VueWrapper } from '@vue/test-utils';
import { createPinia, setActivePinia } from 'pinia';
import { TooltipProvider } from 'reka-ui';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { h, nextTick, type Component } from 'vue';
import { createMemoryHistory, createRouter, type Router } from 'vue-router';
import { provideClient } from '../../src/renderer/kernel/client';
import { rank } from '../../src/renderer/app/rank';
import NewRunView from '../../src/renderer/runs/NewRunView.vue';
import RunHeader from '../../src/renderer/runs/RunHeader.vue';
import RunsView from '../../src/renderer/runs/RunsView.vue';
import { useRunActions } from '../../src/renderer/runs/actions';
import { changedPaths, configLines, knownPreset } from '../../src/renderer/config/config-lines';
import { progressText, secondsLeft, timeLeftText } from '../../src/renderer/runs/status';
import { useRuns } from '../../src/renderer/kernel/stores/runs';
import { useSettings } from '../../src/renderer/kernel/stores/settings';
import ConfirmHost from '../../src/renderer/ui/ConfirmHost.vue';
import type { RunDetail } from '../../src/shared/contract/runs';
import { createFixtureClient, fixtureRun, type FixtureClient } from './fixtures/client';

let client: FixtureClient;
let router: Router;
let wrapper: VueWrapper | undefined;

function prepare(runs: RunDetail[]): void {
  setActivePinia(createPinia());
  client = createFixtureClient({ runs });
  provideClient(client);
  const empty = { template: '<i />' };
  router = createRouter({ history: createMemoryHistory(), routes: [{ path: '/:rest(.*)*', component: empty }] });
}

async function show(component: Component, props: Record<string, unknown> = {}, at = '/'): Promise<VueWrapper> {
  await router.push(at);
  await useRuns().load();
  useRuns().listen();
  await useSettings().load();
  const root = { render: () => h(TooltipProvider, () => [h(component, props), h(ConfirmHost)]) };
  wrapper = mount(root, { global: { plugins: [router] }, attachTo: document.body });
  await flushPromises();
  return wrapper;
}

const button = (name: string) => {
  const found = [...document.querySelectorAll('button')].find(
    (b) => (b.getAttribute('aria-label') ?? b.textContent)?.trim() === name,
  );
  if (!found) throw new Error(`no button "${name}"`);
  return found;
};
const text = (): string => document.body.textContent?.replace(/\s+/g, ' ') ?? '';
const made = (method: string): unknown[] =>
  client.calls.filter((call) => call.method === method).map((call) => call.input);

afterEach(() => {
  wrapper?.unmount();
  wrapper = undefined;
  sessionStorage.clear();
  document.body.innerHTML = '';
});

describe('the list of runs', () => {
  it('says what belongs there while there is none, and offers the one action', async () => {
    prepare([]);
    await show(RunsView);
    expect(text()).toContain('Runs stand here');
    button('New run').click();
    await flushPromises();
    expect(router.currentRoute.value.path).toBe('/runs/new');
  });

  it('follows events', async () => {
    prepare([fixtureRun({ id: 'a', name: 'first' })]);
    await show(RunsView);
    expect(text()).toContain('31,208 of 50,000');
    client.emit('run.changed', fixtureRun({ id: 'a', name: 'first', step: 31_300 }));
    client.emit('run.changed', fixtureRun({ id: 'b', name: 'second', status: 'failed', best_exact_accuracy: null }));
    await nextTick();
    expect(text()).toContain('31,300 of 50,000');
    expect(text()).toContain('second');
    client.emit('run.deleted', { run: 'a' });
    await nextTick();
    expect(text()).not.toContain('first');
    expect(text()).not.toMatch(/NaN|undefined|null/);
  });

  it('compares what was selected, and keeps the selection for the next start', async () => {
    prepare(['a', 'b', 'c'].map((id) => fixtureRun({ id, name: `run ${id}`, status: 'done' })));
    await show(RunsView);
    const tick = (name: string): void =>
      document.querySelector<HTMLInputElement>(`input[aria-label="Select ${name}"]`)!.click();
    tick('run c');
    await nextTick();
    expect(button('Compare').disabled).toBe(true);
    tick('run a');
    await nextTick();
    button('Compare').click();
    await flushPromises();
    expect(new Set(String(router.currentRoute.value.query.runs).split(','))).toEqual(new Set(['a', 'c']));
    expect(useSettings().settings.view['runs.selection']).toEqual(['c', 'a']);
  });

  it('deletes only after a question that names what goes', async () => {
    prepare([
      fixtureRun({ id: 'a', name: 'keeper', status: 'done' }),
      fixtureRun({ id: 'b', name: 'goner', status: 'stopped' }),
    ]);
    await show(RunsView);
    document.querySelector<HTMLInputElement>('input[aria-label="Select goner"]')!.click();
    await nextTick();
    button('Delete…').click();
    await flushPromises();
    expect(text()).toContain('Delete goner?');
    button('Cancel').click();
    await flushPromises();
    expect(made('runs.delete')).toEqual([]);
    button('Delete…').click();
    await flushPromises();
    button('Delete run').click();
    await flushPromises();
    expect(made('runs.delete')).toEqual([{ run: 'b' }]);
    expect(useRuns().list.map((run) => run.name)).toEqual(['keeper']);
  });
});

describe('the head of a run', () => {
  const Head = (run: RunDetail) => ({
    setup: () => () => h(RunHeader, { run, checkpoints: [], actions: useRunActions() }),
  });

  it('offers what fits the status', async () => {
    const offered = async (run: RunDetail): Promise<string[]> => {
      prepare([run]);
      await show(Head(run));
      const names = [...document.querySelectorAll('.buttons > button')]
        .map((b) => b.textContent?.trim() ?? '')
        .filter(Boolean);
      wrapper?.unmount();
      return names;
    };
    expect(await offered(fixtureRun({ status: 'running' }))).toEqual([
      'Pause',
      'Stop',
      'Compare',
      'Evaluate…',
      'Play back',
      'Export',
    ]);
    expect(await offered(fixtureRun({ status: 'paused' }))).toEqual([
      'Resume',
      'Stop',
      'Compare',
      'Evaluate…',
      'Play back',
      'Export',
    ]);
    expect(await offered(fixtureRun({ status: 'stopped' }))).toEqual([
      'Resume',
      'Compare',
      'Evaluate…',
      'Play back',
      'Export',
    ]);
    expect(await offered(fixtureRun({ status: 'failed', has_checkpoint: false }))).toEqual([
      'Start again',
      'Compare',
      'Evaluate…',
      'Play back',
      'Export',
    ]);
    expect(await offered(fixtureRun({ status: 'done' }))).toEqual(['Compare', 'Evaluate…', 'Play back', 'Export']);
  });

  it('pauses through the studio', async () => {
    prepare([fixtureRun()]);
    await show(Head(fixtureRun()));
    button('Pause').click();
    await flushPromises();
    expect(made('runs.pause')).toEqual([{ run: 'r1' }]);
    expect(useRuns().byId.get('r1')?.status).toBe('paused');
  });

  it('says how far it is and why it failed', async () => {
    prepare([]);
    await show(Head(fixtureRun({ status: 'failed', reason: 'The disk is full: free some space.', steps_per_s: null })));
    expect(text()).toContain('step 31,208 of 50,000');
    expect(text()).toContain('The disk is full');
  });
});

describe('a new run', () => {
  beforeEach(() => prepare([fixtureRun({ name: 'sudoku-4x4-1' })]));

  it('starts the preset as it is, with a name that is free', async () => {
    await show(NewRunView);
    expect(text()).toContain('Learns 4 × 4 Sudoku');
    button('Start training').click();
    await flushPromises();
    const [input] = made('runs.create') as {
      name: string;
      preset: string;
      dataset: null;
      recipe: { kind: string };
      config: { run_name: string };
    }[];
    expect(input).toMatchObject({
      name: 'sudoku-4x4-2',
      preset: 'sudoku-4x4',
      dataset: null,
      recipe: { kind: 'sudoku' },
      config: { run_name: 'sudoku-4x4-2' },
    });
    expect(router.currentRoute.value.path).toBe('/runs/r2');
  });

  it('refuses a value beside its field, and does not start', async () => {
    await show(NewRunView, {}, '/?preset=arc-small');
    const field = [...document.querySelectorAll('label')].find((label) => label.textContent === 'epochs')!;
    const input = document.getElementById(field.htmlFor) as HTMLInputElement;
    input.value = '0.5';
    input.dispatchEvent(new Event('input'));
    await nextTick();
    const row = input.closest('.config-row')!;
    expect(row.querySelector('[role=alert]')?.textContent).toMatch(/epochs is 0\.5/);
    expect(input.getAttribute('aria-invalid')).toBe('true');
    expect(button('Start training').disabled).toBe(true);
    row.querySelector<HTMLButtonElement>('button[aria-label^="Back to"]')!.click();
    await nextTick();
    expect(input.value).toBe('2000');
    expect(button('Start training').disabled).toBe(false);
  });

  it('asks for a dataset where the preset brings none', async () => {
    await show(NewRunView, {}, '/?preset=maze-hard');
    expect(text()).toContain('Choose a dataset first.');
    expect(button('Start training').disabled).toBe(true);
  });

  it('keeps what was being written', async () => {
    await show(NewRunView, {}, '/?preset=arc-small');
    const label = [...document.querySelectorAll('label')].find((l) => l.textContent === 'epochs')!;
    const input = document.getElementById(label.htmlFor) as HTMLInputElement;
    input.value = '40';
    input.dispatchEvent(new Event('input'));
    await nextTick();
    wrapper?.unmount();
    await router.push('/');
    const root = { render: () => h(TooltipProvider, () => h(NewRunView)) };
    wrapper = mount(root, { global: { plugins: [router] }, attachTo: document.body });
    await flushPromises();
    expect(document.querySelector('#preset-arc-small')?.getAttribute('aria-checked')).toBe('true');
    expect(text()).toMatch(/epochs ?2,000 40/);
  });
});

describe('what is said about a run', () => {
  it('never claims 100 % before it is done', () => {
    expect(progressText(fixtureRun({ step: 49_999 }))).toBe('99 %');
    expect(progressText(fixtureRun({ step: 50_000, status: 'done' }))).toBe('100 %');
    expect(progressText(fixtureRun({ total_steps: 0 }))).toBe('0 %');
  });

  it('tells the time left only while it runs at a known speed', () => {
    expect(timeLeftText(fixtureRun())).toBe('1 h 16 min left');
    expect(secondsLeft(fixtureRun({ steps_per_s: null }))).toBeNull();
    expect(secondsLeft(fixtureRun({ status: 'paused' }))).toBeNull();
  });

  it('marks what differs from the preset, with the preset’s value', () => {
    const run = fixtureRun();
    expect(changedPaths(run.config, knownPreset('arc-small'))).toEqual(['global_batch_size', 'lr']);
    const line = configLines(run, false).find(({ path }) => path === 'lr');
    expect(line).toMatchObject({ value: '3e-4', changed: true, preset: '1e-3' });
    expect(knownPreset('gone')).toBeNull();
  });
});

describe('the command palette', () => {
  const command = (title: string, keywords?: string) => ({
    id: title,
    title,
    group: 'Do',
    keywords,
    run: () => undefined,
  });
  const all = [command('Settings'), command('New run', 'train start'), command('Theme: dark'), command('Runs')];
  it('puts the closest first and drops what does not fit', () => {
    expect(rank(all, 'run').map((c) => c.title)).toEqual(['Runs', 'New run']);
    expect(rank(all, 'train').map((c) => c.title)).toEqual(['New run']);
    expect(rank(all, 'dark the').map((c) => c.title)).toEqual(['Theme: dark']);
    expect(rank(all, 'xyz')).toEqual([]);
    expect(rank(all, ' ')).toHaveLength(4);
  });
});
