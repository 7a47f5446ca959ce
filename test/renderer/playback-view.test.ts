import { flushPromises, mount, type VueWrapper } from '@vue/test-utils';
import { createPinia, setActivePinia } from 'pinia';
import { TooltipProvider } from 'reka-ui';
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { defineComponent, h, type Component } from 'vue';
import { createMemoryHistory, createRouter } from 'vue-router';
import type { RunDetail } from '@shared/contract/runs';
import { provideClient } from '@renderer/kernel/client';
import { ROUTES } from '@renderer/app/router';
import PinnedStrip from '@renderer/runs/pinned/PinnedStrip.vue';
import PlaybackView from '@renderer/playback/PlaybackView.vue';
import { createFixtureStudio, type FixtureStudio } from './fixtures/studio';

let studio: FixtureStudio;
let view: VueWrapper | null = null;
const router = createRouter({ history: createMemoryHistory(), routes: ROUTES });

async function show(component: Component, props: Record<string, unknown>): Promise<VueWrapper> {
  const host = defineComponent({ setup: () => () => h(TooltipProvider, () => h(component, props)) });
  view = mount(host, { global: { plugins: [router] }, attachTo: document.body });
  await flushPromises();
  return view;
}
const press = async (key: string): Promise<void> => {
  window.dispatchEvent(new KeyboardEvent('keydown', { key, cancelable: true }));
  await flushPromises();
};

beforeEach(() => {
  setActivePinia(createPinia());
  studio = createFixtureStudio({ subsets: [] });
  provideClient(studio);
  vi.spyOn(HTMLCanvasElement.prototype, 'getContext').mockReturnValue(null);
});
afterEach(() => {
  view?.unmount();
  view = null;
  vi.restoreAllMocks();
});

describe('playback', () => {
  const step = (v: VueWrapper): string | undefined => v.get('[role="slider"]').attributes('aria-valuenow');
  async function opened(): Promise<VueWrapper> {
    vi.useFakeTimers({ toFake: ['setTimeout'] });
    const made = await studio.call('traces.create', { of: { checkpoint: 11 }, example: { split: 'test', index: 2 } });
    vi.runAllTimers();
    vi.useRealTimers();
    const shown = await show(PlaybackView, { trace: made.id });
    await flushPromises();
    return shown;
  }

  it('opens on the answer and scrubs by keys without asking the studio anything', async () => {
    const shown = await opened();
    expect(shown.text()).toContain('Solved');
    expect(step(shown)).toBe('8');
    const before = studio.calls.length;
    await press('Home');
    expect(step(shown)).toBe('1');
    for (let i = 0; i < 4; i++) await press('ArrowRight');
    expect(step(shown)).toBe('5');
    await press('End');
    expect(step(shown)).toBe('8');
    expect(studio.calls.slice(before)).toEqual([]);
    expect(shown.text()).toContain('Training would have halted at step 5');
  });

  it('leaves keys alone while one types', async () => {
    const shown = await opened();
    const field = document.body.appendChild(document.createElement('input'));
    field.dispatchEvent(new KeyboardEvent('keydown', { key: 'Home', bubbles: true }));
    await flushPromises();
    expect(step(shown)).toBe('8');
    field.remove();
  });

  it('says in a sentence that a playback is gone', async () => {
    const shown = await show(PlaybackView, { trace: 99 });
    expect(shown.get('[role="alert"]').text()).toContain('not there any more');
  });

  it('waits for a trace that is being made, and shows it when it is done', async () => {
    const made = await studio.call('traces.create', { of: { checkpoint: 11 }, example: { split: 'test', index: 2 } });
    const shown = await show(PlaybackView, { trace: made.id });
    expect(shown.find('[role="progressbar"]').exists()).toBe(true);
    await vi.waitFor(() => expect(shown.find('[role="slider"]').exists()).toBe(true), { timeout: 3000 });
  });
});

describe('pinned tasks', () => {
  const run = async (): Promise<RunDetail> => studio.call('runs.get', { run: 'run-1' });
  const slider = (v: VueWrapper) => v.get<HTMLInputElement>('input[type="range"]');

  it('show the last evaluation, go back in time, and follow new ones only from the end', async () => {
    const shown = await show(PinnedStrip, { run: await run() });
    expect(shown.findAll('.pin-button')).toHaveLength(4);
    expect(slider(shown).element.value).toBe('19');
    expect(shown.text()).toContain('the last evaluation, step 3,000');
    const [last] = (await studio.call('runs.predictions', { run: 'run-1' })).slice(-1);
    studio.emit('run.prediction', { ...last, step: 3150 });
    await flushPromises();
    expect(shown.text()).toContain('step 3,150');
    await slider(shown).setValue('3');
    expect(shown.text()).toContain('evaluation 4 of 21, step 600');
    studio.emit('run.prediction', { ...last, step: 3300 });
    await flushPromises();
    expect(shown.text()).toContain('evaluation 4 of 22, step 600');
  });

  it('count wrong cells as the studio did, and leave out what was pinned later', async () => {
    const detail = await run();
    const sets = await studio.call('runs.predictions', { run: 'run-1' });
    const wrong = sets[19].predictions.map((p) => (p.wrong ? `${p.wrong} wrong` : 'solved'));
    const pinned = [...detail.pinned, { split: 'train' as const, index: 5 }];
    const old = sets.map((set) => ({ ...set, predictions: [...set.predictions] }));
    studio.handle('runs.predictions', () => old);
    const shown = await show(PinnedStrip, { run: { ...detail, pinned } });
    expect(shown.findAll('.verdict').map((v) => v.text())).toEqual([...wrong, 'not yet']);
  });

  it('say which of them the run trains on', async () => {
    const detail = await run();
    const train = { split: 'train' as const, index: 5 };
    const some = await show(PinnedStrip, { run: { ...detail, pinned: [...detail.pinned, train] } });
    expect(some.text()).toContain('1 from the training split');
    const all = await show(PinnedStrip, { run: { ...detail, pinned: [train] } });
    expect(all.text()).toContain('from the training split');
    expect((await show(PinnedStrip, { run: detail })).text()).not.toContain('training');
  });

  it('open the playback of the one that is clicked', async () => {
    const shown = await show(PinnedStrip, { run: await run() });
    await shown.findAll('.pin-button')[1].trigger('click');
    await flushPromises();
    expect(router.currentRoute.value.fullPath).toBe('/runs/run-1/playback?example=test:1');
  });
});
