/** The theme's colours as numbers that a canvas can use, read again when the theme changes. */
import { shallowRef, type ShallowRef } from 'vue';

export interface GridTheme {
  /** Lines between cells. */
  grid: string;
  /** Faint lines inside a Sudoku's box. */
  line: string;
  panel: string;
  empty: string;
  ink: string;
  ink2: string;
  accent: string;
  ok: string;
  warn: string;
  unknown: string;
}

const FALLBACK: GridTheme = {
  grid: '#555555',
  line: '#d3d2cc',
  panel: '#ffffff',
  empty: '#fafaf8',
  ink: '#1d1d1b',
  ink2: '#5c5b56',
  accent: '#4f46e5',
  ok: '#15803d',
  warn: '#b45309',
  unknown: '#8d8b84',
};

function read(): GridTheme {
  const style = getComputedStyle(document.documentElement);
  const of = (name: string, fallback: string): string => style.getPropertyValue(name).trim() || fallback;
  return {
    grid: of('--grid', FALLBACK.grid),
    line: of('--line2', FALLBACK.line),
    panel: of('--panel', FALLBACK.panel),
    empty: of('--panel2', FALLBACK.empty),
    ink: of('--ink', FALLBACK.ink),
    ink2: of('--ink2', FALLBACK.ink2),
    accent: of('--accent', FALLBACK.accent),
    ok: of('--ok', FALLBACK.ok),
    warn: of('--warn', FALLBACK.warn),
    unknown: of('--ink3', FALLBACK.unknown),
  };
}

let shared: { theme: ShallowRef<GridTheme>; ratio: ShallowRef<number> } | undefined;

/** One for the whole window: hundreds of grids share it, and no grid computes styles by itself. */
export function useGridTheme(): { theme: ShallowRef<GridTheme>; ratio: ShallowRef<number> } {
  if (shared) return shared;
  const theme = shallowRef(read());
  const ratio = shallowRef(window.devicePixelRatio || 1);
  const refresh = (): void => {
    const next = read();
    // A new object redraws every grid of the window.
    if (JSON.stringify(next) !== JSON.stringify(theme.value)) theme.value = next;
  };
  window.matchMedia?.('(prefers-color-scheme: dark)').addEventListener('change', refresh);
  new MutationObserver(refresh).observe(document.documentElement, {
    attributes: true,
    attributeFilter: ['class'],
  });
  // Moving the window to another display or zooming changes the ratio; each query tells of leaving one value.
  const watchRatio = (): void => {
    window.matchMedia?.(`(resolution: ${window.devicePixelRatio}dppx)`).addEventListener(
      'change',
      () => {
        ratio.value = window.devicePixelRatio || 1;
        watchRatio();
      },
      { once: true },
    );
  };
  watchRatio();
  shared = { theme, ratio };
  return shared;
}
