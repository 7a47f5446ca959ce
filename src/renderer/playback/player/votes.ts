/**
 * The vote of a trace's views at one step: each view's answer, brought back into the task's own frame. Order as in the
 * reference's evaluator and core/arc/voting.ts: by votes, then by mean q, then by who came first.
 */
import { answerBox, colourBox } from '../../grid/decode';
import type { Cells } from '../../grid/cells';
import { makeLens, seeCells } from './lens';
import type { Trace } from './trace';

export interface VoteCandidate {
  cells: Cells;
  votes: number;
  /** Mean over its voters of the probability of halting. */
  meanQ: number;
  /** Numbers of the views that voted for it. */
  voters: number[];
  /** Null without a target. */
  right: boolean | null;
}

/** Equal for equal grids. */
export const keyOf = ({ rows, columns, values }: Cells): string => `${rows}x${columns}:${values.join('')}`;
const NOTHING: Cells = { kind: 'arc', rows: 0, columns: 0, values: new Uint8Array(0) };

/** Best first; empty without views. */
export function countVotes(trace: Trace, step: number): VoteCandidate[] {
  const { views } = trace;
  if (!views) return [];
  const byKey = new Map<string, VoteCandidate>();
  views.tokens.forEach((steps, view) => {
    const target = views.targets ? answerOf(trace, view, views.targets[view]) : null;
    const cells = answerOf(trace, view, steps[step]);
    const q = views.halting[view][step];
    const key = keyOf(cells);
    const known = byKey.get(key);
    if (known) {
      known.votes++;
      known.meanQ += q;
      known.voters.push(view);
    } else byKey.set(key, { cells, votes: 1, meanQ: q, voters: [view], right: target && keyOf(target) === key });
  });
  const list = [...byKey.values()];
  for (const candidate of list) candidate.meanQ /= candidate.votes;
  return list.sort((a, b) => b.votes - a.votes || b.meanQ - a.meanQ);
}

/** A view's canvas as the grid that it stands for, in the task's frame. */
function answerOf(trace: Trace, view: number, tokens: Uint8Array): Cells {
  const { views, shape, meta } = trace;
  if (!views) return NOTHING;
  // Test grids lie in the corner, training ones anywhere: an answer begins where the target, or else the input, does.
  const origin = colourBox(views.targets?.[view] ?? views.inputs[view], shape) ?? { row: 0, column: 0 };
  const box = answerBox(tokens, shape, origin.row, origin.column);
  return box ? seeCells(makeLens(meta.kind, shape, box, meta.views[view].puzzle), tokens) : NOTHING;
}
