/** What evaluations say about the difference between runs: scores side by side, tasks won and lost. */
import type { EvaluationComparison, EvaluationInfo } from '../shared/contract/evaluations';
import type { RunRecord } from '../studio/repositories/runs';
import type { Studio } from '../studio/studio';
import { count, percent, print, printJson, say, table } from './output';

/** Tasks that are named; the rest is counted. */
const NAMED = 20;

/** Compares the first run with each other one, by their newest evaluations of the same data. */
export function tellResults(studio: Studio, runs: readonly RunRecord[], json: boolean): void {
  const [first, ...others] = runs;
  for (const other of others) {
    const pair = newestPair(studio.evaluations.listOf(first.id), studio.evaluations.listOf(other.id));
    if (!pair) {
      if (!json) say(`\n${first.name} and ${other.name} were not both evaluated on the same data: trm eval does that.`);
      continue;
    }
    const comparison = studio.evaluations.compare(pair[0].id, pair[1].id);
    if (json) {
      const side = ({ id, run, checkpoint_step, metrics }: EvaluationInfo) => ({
        evaluation: id,
        run,
        checkpoint_step,
        metrics,
      });
      const { won, lost, tasks } = comparison;
      printJson({ event: 'comparison', a: side(comparison.a), b: side(comparison.b), tasks: tasks.length, won, lost });
    } else print(describe(comparison));
  }
}

/** The newest finished evaluation of the one for which the other has one of the same data and split. */
function newestPair(
  a: readonly EvaluationInfo[],
  b: readonly EvaluationInfo[],
): [EvaluationInfo, EvaluationInfo] | null {
  const key = ({ dataset, dataset_name, split }: EvaluationInfo) => `${split} ${dataset ?? dataset_name}`;
  for (const one of a) {
    const other = b.find((e) => e.status === 'done' && key(e) === key(one));
    if (one.status === 'done' && other) return [one, other];
  }
  return null;
}

function describe({ a, b, tasks, won, lost }: EvaluationComparison): string {
  const names = Object.keys(a.metrics).filter((name) => name in b.metrics && !/loss|count|steps|ARC\/t/.test(name));
  const points = (name: string): string => {
    const difference = (b.metrics[name] - a.metrics[name]) * 100;
    return `${difference > 0 ? '+' : ''}${difference.toFixed(1)}`;
  };
  const rows = names.map((name) => [name, percent(a.metrics[name]), percent(b.metrics[name]), points(name)]);
  const title = ({ run_name, checkpoint_step }: EvaluationInfo) => `${run_name} at ${count(checkpoint_step)}`;
  const list = (what: string, from: readonly string[]): string => {
    const more = from.length > NAMED ? `, and ${count(from.length - NAMED)} more` : '';
    return `${what}: ${count(from.length)}${from.length ? ` (${from.slice(0, NAMED).join(', ')}${more})` : ''}`;
  };
  return [
    `\nEvaluated on ${a.dataset_name}, ${count(tasks.length)} tasks:`,
    table(['', title(a), title(b), 'points'], rows, [1, 2, 3]),
    list(`Solved by ${b.run_name} only`, won),
    list(`Solved by ${a.run_name} only`, lost),
  ].join('\n');
}
