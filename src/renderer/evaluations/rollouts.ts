/** Words for the scores of paths with noise; docs/evaluation.md explains them at length. */
import type { RolloutMetric } from '@shared/rollouts';
import { formatNumber, formatPercent } from '../ui/format';

interface RolloutText {
  key: RolloutMetric;
  label: string;
  help: string;
}

const TEXTS: readonly RolloutText[] = [
  { key: 'rollouts/exact_one_path', label: 'One path', help: 'Exact accuracy of the path without noise.' },
  { key: 'rollouts/exact_by_q', label: 'Best by q_halt', help: 'Exact accuracy of the path of highest q_halt.' },
  { key: 'rollouts/exact_by_vote', label: 'By vote', help: 'Exact accuracy of the answer that most paths give.' },
  {
    key: 'rollouts/exact_by_any',
    label: 'Any path',
    help: 'Examples that one of the paths solves: the most there is.',
  },
  {
    key: 'rollouts/q_ranks_right',
    label: 'q ranks right',
    help: 'Of a right and a wrong path of one example, how often q_halt is higher on the right one; 50 % is chance.',
  },
  {
    key: 'rollouts/agreement',
    label: 'Agreement',
    help: 'The mean share of paths that give the most frequent answer. Needs no labels.',
  },
  {
    key: 'rollouts/spread',
    label: 'Spread',
    help: 'The mean share of cells in which a path differs from the one without noise. Needs no labels.',
  },
  { key: 'rollouts/distinct', label: 'Answers', help: 'Different answers an example, on average. Needs no labels.' },
  {
    key: 'rollouts/q_picks_vote',
    label: 'q picks the vote',
    help: 'How often the path of highest q_halt gives the answer that most paths give. Needs no labels.',
  },
];

/** Those that the evaluation has, in the order of the card. */
export function rolloutScores(metrics: Partial<Record<RolloutMetric, number>>): (RolloutText & { value: string })[] {
  return TEXTS.flatMap((text) => {
    const value = metrics[text.key];
    if (value === undefined) return [];
    return [{ ...text, value: text.key === 'rollouts/distinct' ? formatNumber(value) : formatPercent(value) }];
  });
}

/** What the scores say in a sentence; null where no labels are known. */
export function rolloutVerdict(metrics: Partial<Record<RolloutMetric, number>>): string | null {
  const one = metrics['rollouts/exact_one_path'];
  const q = metrics['rollouts/exact_by_q'];
  const vote = metrics['rollouts/exact_by_vote'];
  if (one === undefined || q === undefined || vote === undefined) return null;
  const best = Math.max(q, vote);
  if (best <= one) return 'Noise gains nothing here: one path is as good.';
  const how = q > vote ? 'by q_halt' : q < vote ? 'by vote' : 'either way';
  return `Choosing ${how} solves ${formatPercent(best - one)} of the examples more than one path.`;
}
