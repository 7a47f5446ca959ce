import { describe, expect, it } from 'vitest';
import { formatX, formatXShort, formatXTicks } from '../../src/renderer/charts/axis';
import { formatPercentTick } from '../../src/renderer/ui/format';
import { CHARTS, RUN_METRICS } from '../../src/renderer/charts/definitions';
import { chartCsv, chartSvg } from '../../src/renderer/charts/export';
import {
  fullSpan,
  niceTicks,
  readAt,
  sample,
  strokesOf,
  yRange,
  type ChartLine,
  type View,
} from '../../src/renderer/charts/sample';
import { RunMetrics } from '../../src/renderer/charts/series';
import { linesOf, type ChartSource } from '../../src/renderer/charts/sources';
import { EVAL_METRICS, MACHINE_METRICS, TRAIN_METRICS } from '../../src/shared/metrics';

const view: View = { mode: 'step', smoothing: 0.9, log: false, zoom: null };
const loss = CHARTS.find((chart) => chart.id === 'lm_loss')!;

function source(id: string, steps: number, batchSize = 32): ChartSource {
  const metrics = new RunMetrics();
  for (let i = 1; i <= steps; i++) {
    metrics.append({
      steps: [i],
      seconds: [i / 4],
      values: { lm_loss: [2 / i], 'eval/lm_loss': [i % 10 === 0 ? 3 / i : NaN] },
    });
  }
  return { id, name: `run ${id}`, batchSize, metrics, colour: '--curve1' };
}

describe('the curves of a chart', () => {
  it('ask only for metrics that exist', () => {
    const known = new Set<string>([
      ...TRAIN_METRICS,
      ...EVAL_METRICS.map((name) => `eval/${name}`),
      ...MACHINE_METRICS.map((name) => `machine/${name}`),
    ]);
    expect(RUN_METRICS.filter((name) => !known.has(name))).toEqual([]);
    expect(new Set(RUN_METRICS).size).toBe(RUN_METRICS.length);
  });

  it('have two colours for one run, and one colour per run for several', () => {
    const alone = linesOf(loss, [source('a', 30)]);
    expect(alone.map((line) => [line.label, line.colour, line.dashed])).toEqual([
      ['train', '--curve1', false],
      ['eval', '--curve2', false],
    ]);
    const several = linesOf(loss, [source('a', 30), { ...source('b', 30), colour: '--curve2' }]);
    expect(several.map((line) => [line.label, line.colour, line.dashed])).toEqual([
      ['run a', '--curve1', false],
      ['run a, eval', '--curve1', true],
      ['run b', '--curve2', false],
      ['run b, eval', '--curve2', true],
    ]);
  });

  it('lay raw strokes under all smoothed ones, and never smooth evaluations', () => {
    const lines = linesOf(loss, [source('a', 30), source('b', 30)]);
    expect(strokesOf(lines, 0.9).map(({ kind, line }) => `${kind} ${line.label}`)).toEqual([
      'raw run a',
      'raw run b',
      'smooth run a',
      'only run a, eval',
      'smooth run b',
      'only run b, eval',
    ]);
    expect(strokesOf(lines, 0).map(({ kind }) => kind)).toEqual(['only', 'only', 'only', 'only']);
  });
});

describe('the horizontal axis', () => {
  const lines = linesOf(loss, [source('a', 40, 100), source('b', 20, 300)]);
  it('spans all runs, by step, time and samples', () => {
    expect(fullSpan(lines, 'step')).toEqual([0, 40]);
    expect(fullSpan(lines, 'time')).toEqual([0, 10]);
    expect(fullSpan(lines, 'samples')).toEqual([0, 6000]);
  });
  it('has a span even for nothing and for one point', () => {
    expect(fullSpan([], 'step')).toEqual([0, 1]);
    expect(fullSpan(linesOf(loss, [source('a', 1)]), 'step')).toEqual([0, 1]);
  });
  it('says what it means', () => {
    expect(formatX(12_400, 'step')).toBe('step 12,400');
    expect(formatX(4560, 'time')).toBe('1 h 16 min');
    expect(formatX(9_523_200, 'samples')).toBe('9,523,200 samples');
    expect([0, 45, 1800, 7200].map((s) => formatXShort(s, 'time'))).toEqual(['0', '45 s', '30 min', '2 h']);
  });
  it('never labels two ticks alike', () => {
    expect(formatXTicks([10_000, 15_000, 20_000], 'step')).toEqual(['10k', '15k', '20k']);
    expect(formatXTicks([14_992, 14_994, 14_996], 'step')).toEqual(['14,992', '14,994', '14,996']);
    expect(formatXTicks([1_500_000, 1_500_500], 'samples')).toEqual(['1,500,000', '1,500,500']);
    expect(formatXTicks([3600, 3601, 3662], 'time')).toEqual(['1:00:00', '1:00:01', '1:01:02']);
  });
  it('puts dots on evaluations only, and none where a zoom cuts the line between two', () => {
    const data = sample(lines, { ...view, zoom: [12, 26] }, 200);
    const strokes = strokesOf(lines, view.smoothing);
    expect(
      strokes.map(({ line }, i) => `${line.label}: ${data.dots[i].length}`).filter((t) => !t.endsWith(': 0')),
    ).toEqual(['run a, eval: 1', 'run b, eval: 1']);
    const evaluation = strokes.findIndex(({ line }) => line.label === 'run a, eval');
    expect(data.strokes[evaluation][0]).toBeCloseTo(0.27);
    expect(data.strokes[evaluation].at(-1)).toBeCloseTo(0.12);
  });
  it('samples what a zoom shows', () => {
    const data = sample(lines, { ...view, zoom: [10, 20] }, 50);
    expect([data.from, data.to]).toEqual([10, 20]);
    expect(data.x).toHaveLength(100);
    expect(data.y?.[0]).toBeGreaterThan(0.05);
    expect(data.y?.[1]).toBeLessThan(0.5);
  });
});

describe('reading a value', () => {
  const [train, evaluation] = linesOf(loss, [source('a', 40, 100)]) as [ChartLine, ChartLine];
  it('gives the point nearest to the crosshair, smoothed and raw', () => {
    const reading = readAt(train, 10.4, view, 1);
    expect(reading).toMatchObject({ step: 10, seconds: 2.5, raw: 0.2 });
    expect(reading?.value).toBeGreaterThan(0.2);
    expect(readAt(evaluation, 12, view, 1)).toMatchObject({ step: 10, value: 0.3, raw: 0.3 });
  });
  it('reads by samples too', () => {
    expect(readAt(train, 1000, { ...view, mode: 'samples' }, 1)?.step).toBe(10);
  });
  it('says nothing where the run has not begun or has ended', () => {
    expect(readAt(train, 60, view, 5)).toBeNull();
    expect(readAt(train, 43, view, 5)?.step).toBe(40);
    expect(readAt(evaluation, 1, view, 5)).toBeNull();
  });
});

describe('the vertical axis', () => {
  it('leaves air, stays within the limits, and at least covers the span', () => {
    expect(yRange([0.2, 0.99], false, undefined, [0, 1])[1]).toBe(1);
    expect(yRange([0, 0], false, [0, 0.05], [0, 1])).toEqual([0, 0.053000000000000005]);
    const [low, high] = yRange([1, 2], false);
    expect(low).toBeLessThan(1);
    expect(high).toBeGreaterThan(2);
  });
  it('gives a constant curve room, also one that smoothing left constant but for its last bits', () => {
    for (const y of [
      [4, 4],
      [4 - 1e-15, 4 + 2e-15],
    ] as [number, number][]) {
      const [low, high] = yRange(y, false);
      expect(low).toBeCloseTo(3.6);
      expect(high).toBeCloseTo(4.4);
    }
  });
  it('is never empty', () => {
    for (const y of [null, [3, 3], [0, 0], [-1, -1]] as ([number, number] | null)[]) {
      const [low, high] = yRange(y, false);
      expect(low).toBeLessThan(high);
    }
  });
  it('goes from power to power of ten on a log scale', () => {
    expect(yRange([0.004, 2.5], true)).toEqual([0.001, 10]);
    expect(yRange([1, 1], true)).toEqual([0.1, 1]);
    expect(yRange(null, true)).toEqual([0.1, 1]);
  });
});

describe('labels', () => {
  it('of a share are exact', () => {
    expect([0, 0.375, 0.75, 0.005].map(formatPercentTick)).toEqual(['0 %', '37.5 %', '75 %', '0.5 %']);
  });
  it('are round numbers within the range', () => {
    expect(niceTicks(-0.119, 2.81, 5)).toEqual([0, 1, 2]);
    expect(niceTicks(0, 724, 7)).toEqual([0, 200, 400, 600]);
    expect(niceTicks(0.1, 0.35, 5)).toEqual([0.1, 0.15, 0.2, 0.25, 0.3, 0.35]);
  });
});

describe('export', () => {
  it('writes every stored point, unsmoothed, and quotes names', () => {
    const one = { ...source('a', 3), name: 'my, "best" run' };
    const lines = linesOf(loss, [one, source('b', 1)]);
    expect(chartCsv({ lines }).split('\n')).toEqual([
      'line,step,seconds,value',
      '"my, ""best"" run",1,0.25,2',
      '"my, ""best"" run",2,0.5,1',
      `"my, ""best"" run",3,0.75,${2 / 3}`,
      'run b,1,0.25,2',
      '',
    ]);
  });

  it('draws an SVG with a path per stroke, inside the picture, with names escaped', () => {
    const lines = linesOf(loss, [{ ...source('a', 40), name: 'a < b & c' }, source('b', 20)]);
    const text = chartSvg({ definition: loss, lines, view }, sample(lines, view, 200), () => '#123456');
    const document = new DOMParser().parseFromString(text, 'image/svg+xml');
    const strokes = [...document.querySelectorAll('path[fill="none"]')];
    expect(strokes).toHaveLength(strokesOf(lines, view.smoothing).length);
    expect(text).toContain('a &lt; b &amp; c');
    expect(text).not.toMatch(/NaN|Infinity|undefined/);
    const numbers = strokes.flatMap((path) =>
      (path.getAttribute('d') ?? '').split(/[ML ]/).filter(Boolean).map(Number),
    );
    expect(Math.min(...numbers)).toBeGreaterThanOrEqual(0);
    expect(Math.max(...numbers)).toBeLessThanOrEqual(760);
  });
});
