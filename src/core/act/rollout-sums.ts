/** What K paths an example tell, as sums that can be saved in the middle and taken up again. */
import type { RolloutMetric } from '../../shared/rollouts';
import { ROW_COLUMNS } from './forward';
import type { ActStep } from './batch';
import type { ChosenPaths } from './rollouts';

const EMPTY = {
  examples: 0,
  agreement: 0,
  spread: 0,
  distinct: 0,
  q_picks_vote: 0,
  labelled: 0,
  one_path: 0,
  by_q: 0,
  by_vote: 0,
  by_any: 0,
  /** Pairs of a right and a wrong path of one example, and those in which q prefers the right one. */
  pairs: 0,
  ranked: 0,
};

export class RolloutSums {
  private sums = { ...EMPTY };

  constructor(private readonly paths: number) {}

  /**
   * @param last the last step of all rows
   * @param labels [E] labelled cells of each example; only the first `filled` examples count
   */
  add(last: ActStep, chosen: ChosenPaths, labels: ArrayLike<number>, filled: number): void {
    const { paths, sums } = this;
    for (let e = 0; e < filled; e++) {
      const rows = Array.from({ length: paths }, (_, p) => e * paths + p);
      sums.examples++;
      sums.agreement += chosen.agreeing[e] / paths;
      sums.distinct += chosen.distinct[e];
      sums.spread += spreadOf(last, rows);
      if (sameAnswer(last, chosen.byQ[e], chosen.byVote[e])) sums.q_picks_vote++;
      if (labels[e] > 0) this.compare(last, chosen, labels[e], rows, e);
    }
  }

  private compare(last: ActStep, chosen: ChosenPaths, cells: number, rows: number[], e: number): void {
    const { sums } = this;
    const right = (row: number): boolean =>
      last.rows[row * ROW_COLUMNS.length + ROW_COLUMNS.indexOf('correct')] === cells;
    sums.labelled++;
    if (right(rows[0])) sums.one_path++;
    if (right(chosen.byQ[e])) sums.by_q++;
    if (right(chosen.byVote[e])) sums.by_vote++;
    const good = rows.filter(right);
    const bad = rows.filter((row) => !right(row));
    if (good.length) sums.by_any++;
    for (const a of good) {
      for (const b of bad) {
        const difference = last.q_halt[a] - last.q_halt[b];
        sums.pairs++;
        sums.ranked += difference > 0 ? 1 : difference === 0 ? 0.5 : 0;
      }
    }
  }

  /** Those that need labels are left out where there are none. */
  metrics(): Partial<Record<RolloutMetric, number>> {
    const { sums } = this;
    if (sums.examples === 0) return {};
    return {
      ...(sums.labelled && {
        'rollouts/exact_one_path': sums.one_path / sums.labelled,
        'rollouts/exact_by_q': sums.by_q / sums.labelled,
        'rollouts/exact_by_vote': sums.by_vote / sums.labelled,
        'rollouts/exact_by_any': sums.by_any / sums.labelled,
      }),
      'rollouts/agreement': sums.agreement / sums.examples,
      'rollouts/spread': sums.spread / sums.examples,
      'rollouts/distinct': sums.distinct / sums.examples,
      'rollouts/q_picks_vote': sums.q_picks_vote / sums.examples,
      ...(sums.pairs && { 'rollouts/q_ranks_right': sums.ranked / sums.pairs }),
    };
  }

  save(): Record<string, number> {
    return { ...this.sums };
  }

  restore(saved: Record<string, number>): void {
    this.sums = { ...EMPTY, ...saved };
  }
}

const cellsOf = ({ tokens, q_halt }: ActStep, row: number): Int32Array => {
  const S = tokens.length / q_halt.length;
  return tokens.subarray(row * S, (row + 1) * S);
};

/** The mean share of cells in which a path differs from path 0. */
function spreadOf(last: ActStep, [first, ...others]: number[]): number {
  const own = cellsOf(last, first);
  const differing = others.reduce(
    (sum, row) => sum + cellsOf(last, row).reduce((n, token, s) => n + (token === own[s] ? 0 : 1), 0),
    0,
  );
  return differing / (others.length * own.length);
}

function sameAnswer(last: ActStep, a: number, b: number): boolean {
  const other = cellsOf(last, b);
  return cellsOf(last, a).every((token, s) => token === other[s]);
}
