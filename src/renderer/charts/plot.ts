import uPlot from 'uplot';
import 'uplot/dist/uPlot.min.css';
import { formatXTicks, xIncrements } from './axis';
import type { ChartDefinition } from './definitions';
import { sample, strokesOf, yRange, type ChartLine, type Sample, type View } from './sample';

export interface PlotEvents {
  /** The x under the pointer, or null when it leaves. */
  hover(x: number | null): void;
  zoom(range: [number, number] | null): void;
}

const FONT = '11px "Inter Variable", Inter, system-ui, sans-serif';
const AXIS_WIDTH = 52;

/** Where a crosshair belongs when the chart shows another range: x, in the axis' unit, or the pixel that it stays at. */
type Pointed = { x: number } | 'pointer' | null;

/** A uPlot chart of fixed definition and lines; rebuilt (see `Chart.vue`) when these or the theme change. */
export class Plot {
  readonly uplot: uPlot;
  last: Sample | null = null;
  private quiet = false;
  private pointed: Pointed = null;
  private range: [number, number] = [0, 1];

  constructor(
    private readonly target: HTMLElement,
    private readonly definition: ChartDefinition,
    private readonly lines: readonly ChartLine[],
    private view: View,
    private readonly events: PlotEvents,
    height: number,
  ) {
    this.uplot = new uPlot(this.options(height), [[]], target);
    this.draw(view);
  }

  /** Pixel columns of the plotting area. */
  get columns(): number {
    return Math.max(20, Math.round(this.uplot.bbox.width / uPlot.pxRatio));
  }

  draw(view: View): void {
    this.view = view;
    const data = sample(this.lines, view, this.columns);
    this.last = data;
    this.range = yRange(data.y, view.log, this.definition.span, this.definition.limits);
    this.uplot.batch(() => {
      this.uplot.setData([data.x, ...data.strokes] as uPlot.AlignedData, false);
      this.uplot.setScale('x', { min: data.from, max: data.to });
      this.uplot.setScale('y', { min: this.range[0], max: this.range[1] });
    });
    // Under a pointer that stays where it is lies another x now; a crosshair from elsewhere stays at its x.
    if (this.pointed === 'pointer') this.events.hover(this.uplot.posToVal(this.uplot.cursor.left ?? 0, 'x'));
    else if (this.pointed) this.point(this.pointed.x);
  }

  /** Left edge of the plotting area, px from the left of the chart. */
  get left(): number {
    return this.uplot.over.offsetLeft;
  }

  resize(width: number, height: number): void {
    if (width < 40 || (width === this.uplot.width && height === this.uplot.height)) return;
    this.uplot.setSize({ width, height });
    this.draw(this.view);
  }

  /** Puts the crosshair at `x` without telling anyone; null takes it away. */
  point(x: number | null): void {
    const { uplot } = this;
    const left = x === null ? -10 : uplot.valToPos(x, 'x');
    const inside = left >= 0 && left <= uplot.over.clientWidth;
    this.pointed = x === null ? null : { x };
    this.quiet = true;
    uplot.setCursor({ left: inside ? left : -10, top: inside ? uplot.over.clientHeight / 2 : -10 }, true);
    this.quiet = false;
  }

  destroy(): void {
    this.uplot.destroy();
  }

  private options(height: number): uPlot.Options {
    const css = getComputedStyle(this.target);
    const colour = (name: string): string => css.getPropertyValue(name).trim();
    const line = colour('--line');
    const ink = colour('--ink3');
    const panel = colour('--panel');
    const { definition, view, events } = this;
    const axis = { stroke: ink, font: FONT, ticks: { show: false } };
    return {
      width: Math.max(120, this.target.clientWidth),
      height,
      padding: [8, 10, 0, 0],
      pxAlign: 1,
      legend: { show: false },
      scales: {
        x: { time: false, auto: false },
        y: { auto: false, distr: view.log ? 3 : 1 },
      },
      axes: [
        {
          ...axis,
          size: 22,
          gap: 4,
          space: 64,
          grid: { show: false },
          incrs: xIncrements(view.mode),
          values: (_u, ticks) => formatXTicks(ticks, view.mode),
        },
        {
          ...axis,
          size: AXIS_WIDTH,
          gap: 6,
          space: 26,
          ...(definition.increments ? { incrs: [...definition.increments] } : {}),
          grid: { stroke: line, width: 1 },
          // On a log axis uPlot blanks the ticks between the powers by null.
          values: (_u, ticks) => ticks.map((tick) => (tick === null ? '' : definition.tick(tick))),
        },
      ],
      cursor: {
        y: false,
        drag: { x: true, y: false, setScale: false, dist: 6 },
        hover: { skip: [undefined, null] },
        points: {
          size: 7,
          width: 1.5,
          stroke: panel,
          fill: (u, i) => String((u.series[i] as { dot?: string }).dot ?? 'transparent'),
        },
        bind: {
          dblclick: () => {
            return () => {
              events.zoom(null);
              return null;
            };
          },
        },
      },
      series: [
        {},
        ...strokesOf(this.lines, view.smoothing).map(({ line: { colour: name, points, dashed }, kind }) => {
          const stroke = colour(name);
          return {
            stroke,
            alpha: kind === 'raw' ? 0.22 : 1,
            width: kind === 'raw' ? 1 : 1.8,
            dash: dashed ? [5, 4] : undefined,
            spanGaps: true,
            dot: kind === 'raw' ? 'transparent' : stroke,
            points: {
              show: points,
              size: 5,
              width: 0,
              fill: stroke,
              stroke,
              filter: (_u, i) => this.last?.dots[i - 1] ?? [],
            },
          } as uPlot.Series;
        }),
      ],
      hooks: {
        setCursor: [
          (u) => {
            if (this.quiet) return;
            const left = u.cursor.left ?? -1;
            this.pointed = left < 0 ? null : 'pointer';
            events.hover(left < 0 ? null : u.posToVal(left, 'x'));
          },
        ],
        setSelect: [
          (u) => {
            if (u.select.width < 6) return;
            const range: [number, number] = [
              u.posToVal(u.select.left, 'x'),
              u.posToVal(u.select.left + u.select.width, 'x'),
            ];
            u.setSelect({ left: 0, top: 0, width: 0, height: 0 }, false);
            // Less than a step or a second holds nothing to look at.
            if (range[1] - range[0] >= 1) events.zoom(range);
          },
        ],
      },
    };
  }
}
