import { mount } from '@vue/test-utils';
import { createPinia, setActivePinia } from 'pinia';
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { nextTick } from 'vue';
import { cellsFromGrid } from '@renderer/grid/cells';
import GridCanvas from '@renderer/grid/GridCanvas.vue';
import { palettes } from '@renderer/grid/palette';
import { useSettings } from '@renderer/kernel/stores/settings';

const fills: string[] = [];
beforeEach(() => {
  setActivePinia(createPinia());
  fills.length = 0;
  vi.spyOn(HTMLCanvasElement.prototype, 'getContext').mockImplementation((() => ({
    set fillStyle(value: string) {
      fills.push(value);
    },
    fillRect() {},
    fillText() {},
  })) as never);
});
afterEach(() => vi.restoreAllMocks());

describe('GridCanvas', () => {
  const cells = cellsFromGrid([
    [0, 2],
    [2, 2],
  ]);

  it('is a named image of whole-pixel size', () => {
    const view = mount(GridCanvas, { props: { cells, cell: 10, label: 'Input' } });
    expect(view.attributes('role')).toBe('img');
    expect(view.attributes('aria-label')).toBe('Input: 2 by 2 grid, 3 cells of colour 2');
    const canvas = view.get('canvas').element as HTMLCanvasElement;
    expect([canvas.width, canvas.height]).toEqual([21, 21]);
    expect(canvas.style.width).toBe('21px');
  });

  it('fits the space it is given', () => {
    const view = mount(GridCanvas, { props: { cells, width: 100, height: 60 } });
    expect((view.get('canvas').element as HTMLCanvasElement).height).toBe(59);
  });

  it('is silent where its surroundings speak for it', () => {
    const view = mount(GridCanvas, { props: { cells, decorative: true } });
    expect(view.attributes('aria-hidden')).toBe('true');
    expect(view.attributes('role')).toBeUndefined();
  });

  it('draws again in the other palette, and when its cells change', async () => {
    const view = mount(GridCanvas, { props: { cells, cell: 4 } });
    expect(fills).toContain('#FF4136');
    fills.length = 0;
    useSettings().settings = { ...useSettings().settings, palette: 'symbols' };
    await nextTick();
    expect(fills).toContain(palettes.symbols[2]);
    expect(fills).not.toContain('#FF4136');
    fills.length = 0;
    await view.setProps({ cells: cellsFromGrid([[1]]) });
    expect(fills).toContain(palettes.symbols[1]);
  });

  it('rings the cell that is pointed at, and tells which one the pointer is on', async () => {
    const view = mount(GridCanvas, { props: { cells, cell: 10, tracked: true, pointed: { row: 1, column: 0 } } });
    expect((view.get('.ring').element as HTMLElement).style.top).toBe('11px');
    const move = new Event('pointermove') as PointerEvent;
    Object.assign(move, { offsetX: 15, offsetY: 3 });
    view.get('canvas').element.dispatchEvent(move);
    expect(view.emitted('point')).toEqual([[{ row: 0, column: 1 }]]);
  });
});
