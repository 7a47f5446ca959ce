import type { EvaluatedInput } from '@shared/evaluation';
import type { SolveDetail, SolveInfo } from '@shared/contract/solves';
import { agreeingViews } from '@shared/solve';
import { formatCount, formatDuration, formatPercent } from '../ui/format';

/** How a solve stands: for its pill. */
export function verdict(info: SolveInfo): { label: string; tone: 'ok' | 'warn' | 'bad' | 'accent' | 'neutral' } {
  switch (info.status) {
    case 'queued':
      return { label: 'Queued', tone: 'neutral' };
    case 'running':
    case 'paused':
      return { label: 'Solving', tone: 'accent' };
    case 'failed':
      return { label: 'Failed', tone: 'bad' };
    default:
      if (info.correct === null) {
        return info.attempt === null ? { label: 'Stopped', tone: 'neutral' } : { label: 'Answered', tone: 'neutral' };
      }
      return info.correct ? { label: 'Solved', tone: 'ok' } : { label: 'Not solved', tone: 'bad' };
  }
}

/** Share of the budget that is used up, 0 … 1. */
export const spent = ({ seconds, step, options }: SolveInfo): number =>
  Math.min(1, Math.max(seconds / options.budget_seconds, options.max_steps === null ? 0 : step / options.max_steps));

export function progressText(info: SolveInfo): string {
  if (info.status === 'queued') return 'waiting its turn';
  if (info.step === 0) return 'loading the model';
  const left = Math.max(0, info.options.budget_seconds - info.seconds);
  return `step ${formatCount(info.step)} · at most ${formatDuration(left)} left`;
}

/** `from nothing · 64 views · 1 min`. */
export function settingsText({ start, options }: SolveInfo): string {
  const learn = options.learn === 'embeddings' ? ['embeddings only'] : [];
  const budget = formatDuration(options.budget_seconds);
  return [start, ...learn, `${formatCount(options.views)} views`, budget, `seed ${options.seed}`].join(' · ');
}

/** How sure the answer is, in words: the views' agreement, and what the held-out demonstrations say. */
export function assurance({ check }: SolveInfo): string {
  if (!check) return 'not yet';
  const agree = `${formatPercent(Math.min(...check.support), 0)} of the ${agreeingViews(check)} agree`;
  if (check.held_out === null) return agree;
  return `${agree}, ${formatPercent(check.held_out, 0)} of the held-out demonstrations solved`;
}

/** A test input with its candidates, as results of evaluations are drawn. */
export function resultOf(test: SolveDetail['test'][number]): EvaluatedInput & { searched: number | null } {
  const rank = test.output === null ? -1 : test.candidates.findIndex(({ grid }) => grid === test.output);
  return {
    input: test.input,
    target: test.output,
    votes: test.votes,
    distinct: test.distinct,
    // The candidates beyond these are not kept.
    searched: test.distinct > test.candidates.length ? test.candidates.length : null,
    rank: rank < 0 ? null : rank,
    candidates: test.candidates
      .slice(0, 10)
      .map(({ grid, votes: count, q, views }) => ({ grid, votes: count, mean_q: q, views })),
  };
}
