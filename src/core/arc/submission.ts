/**
 * Submissions and what they are worth against known answers: Kaggle's `submission.json` (task → for each test input
 * `{attempt_1, attempt_2}`), and arc-agi-benchmarking's files, one for each task: a list of
 * `{attempt_1: {answer, metadata: {task_id}}, …}`.
 */
import type { Grid, Task } from '../../shared/arc';
import { sameGrid } from '../../shared/arc-grid';
import { gridFault } from '../../shared/arc-task';
import { StudioError } from '../../shared/errors';
import type { JsonDocument } from './json';
import { isRecord } from './kaggle';
import { arcMetrics, type ScoredInput } from './scores';

/** Task → test input → attempts, best first; null is no attempt. */
export type Submission = Map<string, (Grid | null)[][]>;

const ATTEMPTS = ['attempt_1', 'attempt_2'] as const;

/**
 * @param name the file's own, without the ending: the task of a list that names none
 * @throws StudioError `bad_input` with the file, the place, and what should be there
 */
export function readSubmission({ value, duplicates: [twice] }: JsonDocument, file: string, name: string): Submission {
  if (twice) {
    throw new StudioError(
      'bad_input',
      `${file}: the key "${twice.key}" appears twice at line ${twice.line}: keep one.`,
    );
  }
  if (Array.isArray(value)) return new Map([[taskOf(value) ?? name, value.map((entry, i) => attemptsOf(entry, file, `[${i}]`))]]); // prettier-ignore
  const entries = isRecord(value) ? Object.entries(value) : [];
  if (entries.length === 0) throw new StudioError('bad_input', `${file} holds no attempts: choose a submission.json.`);
  return new Map(
    entries.map(([task, inputs]) => {
      if (!Array.isArray(inputs)) {
        throw new StudioError('bad_input', `${file}: ${task} is no list: write one entry for each test input.`);
      }
      return [task, inputs.map((entry, i) => attemptsOf(entry, file, `${task}[${i}]`))];
    }),
  );
}

/** The task's name in the metadata of any of the attempts. */
function taskOf(list: readonly unknown[]): string | null {
  for (const entry of list) {
    for (const attempt of isRecord(entry) ? Object.values(entry) : []) {
      const metadata = isRecord(attempt) ? attempt.metadata : null;
      if (isRecord(metadata) && typeof metadata.task_id === 'string') return metadata.task_id;
    }
  }
  return null;
}

function attemptsOf(entry: unknown, file: string, place: string): (Grid | null)[] {
  if (entry === null) return [];
  if (!isRecord(entry) || !ATTEMPTS.some((key) => Object.hasOwn(entry, key))) {
    throw new StudioError('bad_input', `${file}: ${place} has no attempt: write {"attempt_1": …, "attempt_2": …}.`);
  }
  return ATTEMPTS.map((key) => {
    const attempt = entry[key];
    const grid = isRecord(attempt) ? attempt.answer : attempt;
    // An empty list is how models that gave up are written down.
    if (grid === null || grid === undefined || (Array.isArray(grid) && grid.length === 0)) return null;
    const fault = gridFault(grid, `${place}.${key}`);
    if (fault) throw new StudioError('bad_input', `${file}: ${fault}.`);
    return grid as Grid;
  });
}

export interface SubmissionScore {
  /** `ARC/pass@1`, `ARC/pass@2`, `ARC Prize/score`, `ARC Prize/tasks_solved`, and the numbers of tasks and test inputs. */
  metrics: Record<string, number>;
  tasks: {
    name: string;
    solved: boolean;
    /** For each test input the attempt that is right, from 1; null for none. */
    right: (number | null)[];
  }[];
  /** Tasks of the set that are not in the submission; they count as missed. */
  missing: string[];
  /** Tasks of the submission that the set does not have; they count for nothing. */
  unknown: string[];
  /** Tasks with another number of entries than of test inputs; what is missing counts as missed. */
  uneven: { name: string; entries: number; test_inputs: number }[];
}

const SHOWN = ['ARC/pass@1', 'ARC/pass@2', 'ARC Prize/score', 'ARC Prize/tasks_solved', 'ARC/tasks', 'ARC/test_inputs'];

/**
 * Scores over all tasks of the set, as the competition counts. Sources: `arcMetrics`.
 * @throws StudioError `bad_input` where the set has none of the submission's tasks, or a task without its answers
 */
export function scoreSubmission(set: readonly Task[], submission: Submission, title: string): SubmissionScore {
  const unsolved = set.find(({ test }) => test.some(({ output }) => !output));
  if (unsolved) {
    throw new StudioError('bad_input', `${title} lacks the answers of ${unsolved.name}: choose a set that has them.`);
  }
  const names = new Set(set.map(({ name }) => name));
  const unknown = [...submission.keys()].filter((name) => !names.has(name));
  if (unknown.length === submission.size) {
    throw new StudioError(
      'bad_input',
      `${title} has none of the ${submission.size} tasks of the submission (${unknown[0]}, …): choose the set that it was made for.`,
    );
  }
  const uneven: SubmissionScore['uneven'] = [];
  const scored = set.map((task) => {
    const entries = submission.get(task.name) ?? [];
    if (submission.has(task.name) && entries.length !== task.test.length) {
      uneven.push({ name: task.name, entries: entries.length, test_inputs: task.test.length });
    }
    const inputs = task.test.map(({ output }, i): ScoredInput => {
      const place = (entries[i] ?? []).findIndex((grid) => grid !== null && sameGrid(grid, output as Grid));
      return { votes: 0, candidates: [], known: true, rank: place < 0 ? null : place };
    });
    const solved = inputs.every(({ rank }) => rank !== null);
    return { name: task.name, inputs, outcome: solved ? ('solved' as const) : ('missed' as const) };
  });
  const all = arcMetrics(scored);
  return {
    metrics: Object.fromEntries(SHOWN.map((key) => [key, all[key]])),
    tasks: scored.map(({ name, inputs, outcome }) => ({
      name,
      solved: outcome === 'solved',
      right: inputs.map(({ rank }) => (rank === null ? null : rank + 1)),
    })),
    missing: set.map(({ name }) => name).filter((name) => !submission.has(name)),
    unknown,
    uneven,
  };
}
