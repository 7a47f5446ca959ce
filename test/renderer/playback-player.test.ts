/** The player on a real trace: inside the steps, cells, views, and two traces on one transport. */
import { flushPromises, mount, type VueWrapper } from '@vue/test-utils';
import { createPinia, setActivePinia } from 'pinia';
import { TooltipProvider } from 'reka-ui';
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { defineComponent, h } from 'vue';
import { createMemoryHistory, createRouter } from 'vue-router';
import type { AttentionMap } from '@shared/trace';
import { StudioError } from '@shared/errors';
import { provideClient } from '@renderer/kernel/client';
import { ROUTES } from '@renderer/app/router';
import { readTrace, type Trace } from '@renderer/playback/player/trace';
import TracePlayer from '@renderer/playback/player/TracePlayer.vue';
import golden from '../golden/trace/v2.json';
import { createFixtureStudio } from './fixtures/studio';

const trace = (): Trace => readTrace(Uint8Array.from(atob(golden.base64), (c) => c.charCodeAt(0)));
const router = createRouter({ history: createMemoryHistory(), routes: ROUTES });
let view: VueWrapper | null = null;

type Ask = (at: { step: number; cell: number }) => Promise<AttentionMap>;

async function show(traces: { trace: Trace; name: string }[], ask: Ask | null = null): Promise<VueWrapper> {
  const host = defineComponent({
    setup: () => () => h(TooltipProvider, () => h(TracePlayer, { traces, ask })),
  });
  view = mount(host, { global: { plugins: [router] }, attachTo: document.body });
  await flushPromises();
  return view;
}
const press = async (key: string, shiftKey = false): Promise<void> => {
  window.dispatchEvent(new KeyboardEvent('keydown', { key, shiftKey, cancelable: true }));
  await flushPromises();
};
const image = (v: VueWrapper, name: RegExp) =>
  v.findAll('[role="img"]').find((at) => name.test(at.attributes('aria-label') ?? ''));

beforeEach(() => {
  setActivePinia(createPinia());
  provideClient(createFixtureStudio({ subsets: [] }));
  vi.spyOn(HTMLCanvasElement.prototype, 'getContext').mockReturnValue(null);
});
afterEach(() => {
  view?.unmount();
  view = null;
  vi.restoreAllMocks();
  vi.useRealTimers();
});

/** One update of one layer and two heads that look at the puzzle, and at cells in equal parts. */
const mapOf = ({ step, cell }: { step: number; cell: number }): AttentionMap => ({
  step,
  cell,
  prefix: 1,
  heads: 2,
  updates: trace().meta.updates.map((update) => ({ ...update, layers: 1 })),
  weights: new Float32Array(8 * 2 * 17).fill(1 / 17),
});

describe('the player', () => {
  it('shows both latents, and what each is inside a step', async () => {
    const shown = await show([{ trace: trace(), name: 'a' }]);
    expect(image(shown, /^Prediction at step 2/)).toBeDefined();
    expect(image(shown, /^Decoded z_L at step 2/)).toBeDefined();
    await press('Home');
    await press('ArrowDown');
    expect(shown.text()).toContain('update 1 of 8');
    expect(shown.text()).toContain('z_H, not written yet');
    expect(shown.find('.readout').text()).toMatch(/^The prediction is not written yet/);
    expect(shown.text()).not.toContain('No target is known');
    for (let i = 0; i < 3; i++) await press('ArrowRight');
    expect(shown.text()).toContain('update 4 of 8');
    expect(shown.text()).toContain('z_L, as it was');
    const on = shown.findAll('.update[aria-pressed="true"]');
    expect(on.map((button) => button.attributes('aria-label'))).toEqual([
      expect.stringMatching(/^H: update 4 of 8, cycle 1, H update writes z_H/),
    ]);
    await press('ArrowUp');
    expect(shown.text()).not.toContain('update 4 of 8');
  });

  it('asks where a chosen cell looks, once for each, and not while scrubbing', async () => {
    vi.useFakeTimers({ toFake: ['setTimeout', 'clearTimeout'] });
    const asked: string[] = [];
    const shown = await show([{ trace: trace(), name: 'a' }], async (at) => {
      asked.push(`${at.step}:${at.cell}`);
      return mapOf(at);
    });
    const settle = async (): Promise<void> => {
      await vi.advanceTimersByTimeAsync(400);
      await flushPromises();
    };
    await press('ArrowRight', true);
    // The model answers with colours all over the canvas of 4 × 4: the middle one is cell 10.
    expect(shown.text()).toContain('Row 3, column 3');
    await press('Home');
    await press('End');
    await settle();
    expect(asked).toEqual(['1:10']);
    expect(image(shown, /^layer 1, head 2: 6 % on the puzzle embedding/)).toBeDefined();
    await press('ArrowLeft', true);
    await settle();
    await press('ArrowRight', true);
    await settle();
    expect(asked).toEqual(['1:10', '1:9']);
    await press('Escape');
    expect(shown.text()).not.toContain('Row 3');
  });

  it('says why a cell cannot be asked', async () => {
    vi.useFakeTimers({ toFake: ['setTimeout', 'clearTimeout'] });
    const shown = await show([{ trace: trace(), name: 'a' }], () =>
      Promise.reject(new StudioError('not_found', 'There is no checkpoint 7: it may have been removed.')),
    );
    await press('ArrowRight', true);
    await vi.advanceTimersByTimeAsync(400);
    await flushPromises();
    expect(shown.text()).toContain('There is no checkpoint 7');
  });

  it('lets a vote show the view that gave it, turned back or not', async () => {
    const shown = await show([{ trace: trace(), name: 'a' }]);
    const second = shown.findAll('.voter').find((button) => button.text() === '2');
    await second?.trigger('click');
    expect(shown.text()).toContain('view 2 of 2');
    expect(image(shown, /^Decoded z_L/)).toBeUndefined();
    // 1 2 / 0 3 either way: the view's own colours are exchanged and its sides flipped, which "turned back" undoes.
    const input = (): string => image(shown, /^Input: /)?.attributes('aria-label') ?? '';
    expect(input()).toBe('Input: 2 by 2 grid, 1 cell of colour 1, 1 cell of colour 2, 1 cell of colour 3');
    const turned = shown.findAll('.chip').find((chip) => chip.text() === 'Turned back');
    await turned?.trigger('click');
    expect(turned?.attributes('aria-pressed')).toBe('false');
    expect(shown.findAll('[role="slider"]')).toHaveLength(1);
  });

  it('plays two traces on one transport, the shorter one waiting at its end', async () => {
    const long = trace();
    const short = trace();
    short.meta = { ...short.meta, act_steps: 1 };
    const shown = await show([
      { trace: long, name: 'late' },
      { trace: short, name: 'early' },
    ]);
    const values = (): (string | undefined)[] =>
      shown.findAll('[role="slider"]').map((s) => s.attributes('aria-valuenow'));
    expect(values()).toEqual(['2', '1']);
    await press('Home');
    expect(values()).toEqual(['1', '1']);
    expect(image(shown, /^Prediction at step 1, late/)).toBeDefined();
    expect(image(shown, /^Prediction at step 1, early/)).toBeDefined();
    expect(shown.text()).not.toContain('Votes');
  });
});
