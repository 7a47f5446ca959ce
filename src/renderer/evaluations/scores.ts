/** How scores are named and told in the window; docs/evaluation.md explains them at length. */
import type { EvaluationInfo } from '@shared/contract/evaluations';
import type { TaskOutcome } from '@shared/evaluation';
import { isActive } from '@shared/jobs';
import { formatCount, formatDuration, formatNumber, formatPercent, formatPlural } from '../ui/format';

export interface ScoreText {
  key: string;
  label: string;
  /** What it means, in one sentence. */
  help: string;
  share: boolean;
}

const share = (key: string, label: string, help: string): ScoreText => ({ key, label, help, share: true });
const number = (key: string, label: string, help: string): ScoreText => ({ key, label, help, share: false });

const ARC: readonly ScoreText[] = [
  share(
    'ARC Prize/score',
    'ARC Prize score',
    'Test inputs, over all tasks, for which one of two attempts is right: the competition’s own score.',
  ),
  share('ARC Prize/tasks_solved', 'Tasks solved', 'Tasks of which every test input is solved by two attempts.'),
  share(
    'ARC/pass@1',
    'pass@1',
    'The reference’s: per task the share of its test inputs whose first candidate is right; the mean over tasks.',
  ),
  share('ARC/pass@2', 'pass@2', 'As pass@1, with two candidates. Compare this one with the paper’s tables.'),
  share('ARC/pass@5', 'pass@5', 'As pass@1, with five candidates.'),
  share('ARC/pass@10', 'pass@10', 'As pass@1, with ten candidates.'),
  share('ARC/pass@100', 'pass@100', 'As pass@1, with a hundred candidates.'),
  share('ARC/pass@1000', 'pass@1000', 'As pass@1, with a thousand candidates: whether any view found it.'),
];
const CELLS: readonly ScoreText[] = [
  share('exact_accuracy', 'Exact accuracy', 'Examples in which every labelled cell is right, without any vote.'),
  share('accuracy', 'Cell accuracy', 'The mean share of right cells per example.'),
];
const MORE: readonly ScoreText[] = [
  share('q_halt_accuracy', 'Halting accuracy', 'How often the sign of q_halt says whether the example is right.'),
  number('lm_loss', 'LM loss', 'Per example, after the last ACT step.'),
];
const ALL = [...ARC, ...CELLS, ...MORE];

/** Those that an evaluation has, the most telling first. */
export const scoresOf = (metrics: Record<string, number>): ScoreText[] => ALL.filter(({ key }) => key in metrics);

export const formatScore = ({ share: isShare }: ScoreText, value: number | undefined): string =>
  isShare ? formatPercent(value) : formatNumber(value);

/** The one number of an evaluation: two attempts where there are votes, exact accuracy elsewhere. */
export function headline(metrics: Record<string, number>): ScoreText | null {
  return ALL.find(({ key }) => (key === 'ARC Prize/score' || key === 'exact_accuracy') && key in metrics) ?? null;
}

export type Tone = 'ok' | 'warn' | 'bad' | 'neutral';
export const OUTCOMES: Record<TaskOutcome, { label: string; tone: Tone }> = {
  solved: { label: 'Solved', tone: 'ok' },
  close: { label: 'In the first 10', tone: 'warn' },
  missed: { label: 'Missed', tone: 'bad' },
  unknown: { label: 'No target', tone: 'neutral' },
};

export const STATUSES: Record<EvaluationInfo['status'], { label: string; tone: Tone | 'accent' }> = {
  queued: { label: 'Queued', tone: 'neutral' },
  running: { label: 'Evaluating', tone: 'accent' },
  paused: { label: 'Paused', tone: 'warn' },
  done: { label: 'Done', tone: 'ok' },
  failed: { label: 'Failed', tone: 'bad' },
  stopped: { label: 'Stopped', tone: 'neutral' },
};

export const titleOf = ({ run_name, checkpoint_step }: EvaluationInfo): string =>
  `${run_name} at step ${formatCount(checkpoint_step)}`;

/** What was asked, beyond the checkpoint: `EMA · 16 ACT steps · 100 augmentations`. */
export function settingsText(e: EvaluationInfo): string {
  return [
    e.dataset_name,
    e.split === 'train' ? 'train split' : null,
    e.weights === 'raw' ? 'raw weights' : 'EMA weights',
    e.act_steps === null ? null : formatPlural(e.act_steps, 'ACT step'),
    e.augmentations === null ? null : formatPlural(e.augmentations, 'augmentation'),
    e.pool_votes ? 'votes pooled' : null,
    e.rollouts ? `${formatPlural(e.rollouts.paths, 'path')} with noise ${e.rollouts.noise}` : null,
  ]
    .filter(Boolean)
    .join(' · ');
}

export function progressText(e: EvaluationInfo, secondsLeft: number | null | undefined): string {
  if (e.status === 'queued') return 'waits for the compute process';
  const of = e.total ? `${formatCount(e.done)} of ${formatCount(e.total)} examples` : 'reading the checkpoint';
  const left = secondsLeft === null || secondsLeft === undefined ? null : `${formatDuration(secondsLeft)} left`;
  return isActive(e.status) ? [of, left].filter(Boolean).join(' · ') : of;
}
