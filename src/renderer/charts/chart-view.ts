import { computed, ref, type Ref } from 'vue';
import { useViewState } from '../kernel/view-state';
import type { XMode } from './axis';
import type { View } from './sample';

export interface ChartState {
  view: Ref<View>;
  /** x under the pointer, in the axis' unit. */
  hover: Ref<number | null>;
  change(part: Partial<View>): void;
  point(x: number | null): void;
}

const isMode = (value: unknown): value is XMode => value === 'step' || value === 'time' || value === 'samples';
const isShare = (value: unknown): value is number => typeof value === 'number' && value >= 0 && value < 1;
const isZoom = (value: unknown): value is [number, number] | null =>
  value === null || (Array.isArray(value) && value.length === 2 && value.every(Number.isFinite) && value[0] < value[1]);

/**
 * How the charts of a screen are looked at. Axis, smoothing and scale are habits and hold for every screen; the zoom
 * belongs to `key` (a run's id, or a comparison) and to the axis.
 */
export function useChartState(key: string): ChartState {
  const mode = useViewState<XMode>('charts.x', 'step', isMode);
  const smoothing = useViewState<number>('charts.smoothing', 0.9, isShare);
  const log = useViewState<boolean>('charts.log', false);
  const kept = useViewState<{ key: string; mode: XMode; range: [number, number] | null }>(
    'charts.zoom',
    { key, mode: mode.value, range: null },
    (value): value is { key: string; mode: XMode; range: [number, number] | null } => {
      const v = value as { range?: unknown; mode?: unknown } | null;
      return typeof v === 'object' && v !== null && isMode(v.mode) && isZoom(v.range);
    },
  );
  const zoom = computed({
    get: () => (kept.value.key === key && kept.value.mode === mode.value ? kept.value.range : null),
    set: (range) => (kept.value = { key, mode: mode.value, range }),
  });
  const view = computed<View>(() => ({
    mode: mode.value,
    smoothing: smoothing.value,
    log: log.value,
    zoom: zoom.value,
  }));
  const hover = ref<number | null>(null);
  return {
    view,
    hover,
    change(part) {
      if (part.mode !== undefined) mode.value = part.mode;
      if (part.smoothing !== undefined) smoothing.value = part.smoothing;
      if (part.log !== undefined) log.value = part.log;
      if (part.zoom !== undefined) zoom.value = part.zoom && [part.zoom[0], part.zoom[1]];
    },
    point: (x) => (hover.value = x),
  };
}
