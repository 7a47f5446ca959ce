/**
 * What votes are worth. Two families of scores, each under its own name (docs/evaluation.md):
 *
 * - `ARC/pass@K`, the reference's: the mean over tasks of the share of a task's test inputs whose first K candidates hold
 *   the answer. Source: `evaluators/arc.py`, `ARC.result`.
 * - `ARC Prize/…`, the competition's: two attempts per test input. `score` counts test inputs over all tasks;
 *   `tasks_solved` counts tasks of which every test input is solved.
 */
import type { Task } from '../../shared/arc';
import type { TaskOutcome } from '../../shared/evaluation';
import { flattenGrid, unflattenGrid } from '../../shared/arc-grid';
import type { Candidate, Votes } from './voting';

export const PASS_KS = [1, 2, 5, 10, 100, 1000] as const;
const ATTEMPTS = 2;
/** A target among so many first candidates makes a task "close". */
const CLOSE = 10;

export interface ScoredInput {
  /** Votes that were cast. */
  votes: number;
  /** Best first. */
  candidates: Candidate[];
  /** Whether the target is known. */
  known: boolean;
  /** The target's place among the candidates, 0 for the first; null if it is not among them or not known. */
  rank: number | null;
}

export interface ScoredTask {
  name: string;
  inputs: ScoredInput[];
  outcome: TaskOutcome;
}

/** @param views counts only the first so many votes of each test input */
export function scoreTask(task: Task, votes: Votes, views?: number): ScoredTask {
  const inputs = task.test.map(({ input, output }): ScoredInput => {
    const ballot = votes.ballot(task.name, flattenGrid(input));
    const candidates = ballot?.candidates(views) ?? [];
    const target = output ? votes.pool.indexOf(flattenGrid(output)) : -1;
    const place = target < 0 ? -1 : candidates.findIndex(({ grid }) => grid === target);
    return { votes: ballot?.votes ?? 0, candidates, known: output !== undefined, rank: place < 0 ? null : place };
  });
  return { name: task.name, inputs, outcome: outcomeOf(inputs) };
}

const within = (input: ScoredInput, k: number): boolean => input.rank !== null && input.rank < k;

function outcomeOf(inputs: readonly ScoredInput[]): TaskOutcome {
  if (inputs.some((input) => !input.known)) return 'unknown';
  if (inputs.every((input) => within(input, ATTEMPTS))) return 'solved';
  return inputs.every((input) => within(input, CLOSE)) ? 'close' : 'missed';
}

/** `ARC/pass@K` and `ARC Prize/…` over the tasks whose targets are known; empty if there are none. */
export function arcMetrics(all: readonly ScoredTask[]): Record<string, number> {
  const tasks = all.filter(({ outcome }) => outcome !== 'unknown');
  const metrics: Record<string, number> = {};
  if (tasks.length === 0) return metrics;
  for (const k of PASS_KS) metrics[`ARC/pass@${k}`] = passAt(tasks, k);
  const inputs = tasks.flatMap((task) => task.inputs);
  metrics['ARC Prize/score'] = inputs.filter((input) => within(input, ATTEMPTS)).length / inputs.length;
  metrics['ARC Prize/tasks_solved'] = tasks.filter(({ outcome }) => outcome === 'solved').length / tasks.length;
  metrics['ARC/tasks'] = tasks.length;
  metrics['ARC/test_inputs'] = inputs.length;
  return metrics;
}

function passAt(tasks: readonly ScoredTask[], k: number): number {
  let sum = 0;
  for (const { inputs } of tasks) sum += inputs.filter((input) => within(input, k)).length / inputs.length;
  return sum / tasks.length;
}

export type Attempts = { attempt_1: number[][]; attempt_2: number[][] };

/**
 * `submission.json`: per task, per test input two attempts; the first again where there is only one candidate. A task
 * without any vote has an empty list, as in the reference. Where only some of a task's inputs have votes the reference
 * leaves the others out, which shifts the answers; here they keep their place with one black cell.
 */
export function submission(tasks: readonly ScoredTask[], votes: Votes): Map<string, Attempts[]> {
  const grid = ({ grid }: Candidate): number[][] => unflattenGrid(votes.pool.get(grid));
  return new Map(
    tasks.map(({ name, inputs }) => {
      if (inputs.every(({ candidates }) => candidates.length === 0)) return [name, []];
      const attempts = inputs.map(({ candidates: [first, second = first] }) =>
        first ? { attempt_1: grid(first), attempt_2: grid(second) } : { attempt_1: [[0]], attempt_2: [[0]] },
      );
      return [name, attempts];
    }),
  );
}

/** Numbers of views at which the curve "score against augmentations" is read, up to the most that any input has. */
const LADDER = [1, 2, 5, 10, 20, 50, 100, 200, 500, 1000, 2000, 5000];

export function viewLadder(most: number): number[] {
  const below = LADDER.filter((n) => n < most);
  return most > 0 ? [...below, most] : [];
}

/** Scores as they would be had only the first views voted: those of the dataset's order, the task as it is first. */
export function scoresByViews(
  tasks: readonly Task[],
  votes: Votes,
): { views: number; pass_1: number; pass_2: number; prize: number }[] {
  const solvable = tasks.filter((task) => task.test.every(({ output }) => output));
  const most = Math.max(0, ...[...votes.ballots()].map((ballot) => ballot.votes));
  if (solvable.length === 0) return [];
  return viewLadder(most).map((views) => {
    const metrics = arcMetrics(solvable.map((task) => scoreTask(task, votes, views)));
    return { views, pass_1: metrics['ARC/pass@1'], pass_2: metrics['ARC/pass@2'], prize: metrics['ARC Prize/score'] };
  });
}
