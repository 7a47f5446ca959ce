import type { ChartDefinition } from './definitions';
import type { ChartLine } from './sample';
import type { RunMetrics, Series } from './series';
import { Smoothed } from './smooth';

/** A run as the charts see it. */
export interface ChartSource {
  id: string;
  name: string;
  batchSize: number;
  metrics: RunMetrics;
  /** CSS custom property of its curves. */
  colour: string;
}

/** The colour of the n-th run of a comparison. */
export const curveColour = (index: number): string => `--curve${(index % 8) + 1}`;

const smoothedOf = new WeakMap<Series, Smoothed>();
function smoothed(series: Series): Smoothed {
  let found = smoothedOf.get(series);
  if (!found) smoothedOf.set(series, (found = new Smoothed(series)));
  return found;
}

/**
 * The curves of one chart. Alone, a run's training and evaluation have two colours; several runs have one colour each,
 * and evaluations are dashed.
 */
export function linesOf(definition: ChartDefinition, sources: readonly ChartSource[]): ChartLine[] {
  const alone = sources.length === 1;
  return sources.flatMap((source) => {
    const lines: ChartLine[] = [];
    const add = (metric: string, evaluation: boolean): void => {
      const series = source.metrics.get(metric);
      lines.push({
        id: `${source.id} ${metric}`,
        label: alone ? (evaluation ? 'eval' : 'train') : evaluation ? `${source.name}, eval` : source.name,
        colour: alone && evaluation ? '--curve2' : source.colour,
        series,
        smoothed: smoothed(series),
        batchSize: source.batchSize,
        points: evaluation,
        smooth: definition.smooth && !evaluation,
        dashed: evaluation && !alone,
      });
    };
    if (definition.train) add(definition.train, false);
    if (definition.evaluation) add(definition.evaluation, true);
    return lines;
  });
}
