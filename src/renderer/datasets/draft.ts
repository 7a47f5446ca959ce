/** What is typed into the build dialog, and what is wrong with it. Numbers stay text until they are right. */
import { BUNDLED_SUBSETS, DatasetRecipeSchema, type DatasetRecipe } from '@shared/dataset';
import type { TaskSummary } from '@shared/contract/tasks';
import { forecastArc, MOST_BLANKS } from './recipe';

export interface Draft {
  kind: 'arc' | 'sudoku' | 'maze';
  name: string;
  subsets: string[];
  test_set: string;
  tasks: string[] | null;
  num_aug: string;
  canvas: number;
  seed: string;
  size: 4 | 6 | 9;
  train: string;
  test: string;
  least_blanks: string;
  most_blanks: string;
  rows: string;
  columns: string;
  min_path: string;
}

/** Where the slider begins. */
export const SMALLEST_CANVAS = 3;

export type Issues = Partial<Record<keyof Draft, string>>;

export function newDraft(only: { subset: string; task: string } | null): Draft {
  const subset = only?.subset ?? BUNDLED_SUBSETS[0];
  return {
    kind: 'arc',
    name: '',
    subsets: [subset],
    test_set: subset,
    tasks: only ? [only.task] : null,
    num_aug: only ? '100' : '8',
    canvas: only ? 30 : 10,
    seed: '42',
    size: 4,
    train: '2000',
    test: '256',
    least_blanks: '6',
    most_blanks: '10',
    rows: '12',
    columns: '12',
    min_path: '12',
  };
}

export const DEFAULT_BLANKS: Record<4 | 6 | 9, [string, string]> = { 4: ['6', '10'], 6: ['14', '20'], 9: ['40', '50'] };

function whole(label: string, text: string, least: number, most: number): string | null {
  const n = Number(text.replace(/[, ]/g, ''));
  if (text.trim() !== '' && Number.isInteger(n) && n >= least && n <= most) return null;
  return `${label} is ${text.trim() === '' ? 'empty' : `"${text}"`}: use a whole number from ${least} to ${most.toLocaleString('en')}.`;
}
const number = (text: string): number => Number(text.replace(/[, ]/g, ''));

/** Only what is wrong; empty if the recipe can be built. */
export function arcIssues(d: Draft, tasks: readonly TaskSummary[]): Issues {
  const issues: Issues = {};
  if (!d.subsets.length) issues.subsets = 'No subset is chosen: choose at least one.';
  else if (!d.subsets.includes(d.test_set))
    issues.test_set = 'The test set is not among the chosen subsets: choose one of them.';
  const augmentations = whole('Augmentations', d.num_aug, 0, 10_000);
  if (augmentations) issues.num_aug = augmentations;
  const seed = whole('Seed', d.seed, 0, 2 ** 32 - 1);
  if (seed) issues.seed = seed;
  if (!issues.subsets && !issues.test_set && tasks.length) {
    const forecast = forecastArc(
      { subsets: d.subsets, test_set: d.test_set, num_aug: 0, canvas: d.canvas, tasks: d.tasks ?? undefined },
      tasks,
    );
    if (!forecast.fitting) issues.canvas = `No task fits ${d.canvas} × ${d.canvas}: use a larger canvas.`;
    else if (!forecast.tested)
      issues.test_set = `No task of the test set fits ${d.canvas} × ${d.canvas}: use a larger canvas or another test set.`;
  }
  return issues;
}

export function sudokuIssues(d: Draft): Issues {
  const issues: Issues = {};
  const train = whole('Training puzzles', d.train, 1, 10_000_000);
  if (train) issues.train = train;
  const test = whole('Test puzzles', d.test, 1, 1_000_000);
  if (test) issues.test = test;
  const most = MOST_BLANKS[d.size];
  const least_blanks = whole('Fewest blanks', d.least_blanks, 1, most);
  if (least_blanks) issues.least_blanks = least_blanks;
  const most_blanks = whole('Most blanks', d.most_blanks, 1, most);
  if (most_blanks) issues.most_blanks = most_blanks;
  else if (!least_blanks && number(d.most_blanks) < number(d.least_blanks)) {
    issues.most_blanks = `Most blanks is ${d.most_blanks}: it must not be below the fewest, ${d.least_blanks}.`;
  }
  const seed = whole('Seed', d.seed, 0, 2 ** 32 - 1);
  if (seed) issues.seed = seed;
  return issues;
}

export function mazeIssues(d: Draft): Issues {
  const issues: Issues = {};
  const check = (key: 'rows' | 'columns' | 'train' | 'test' | 'min_path' | 'seed', found: string | null): void => {
    if (found) issues[key] = found;
  };
  check('rows', whole('Rows', d.rows, 3, 30));
  check('columns', whole('Columns', d.columns, 3, 30));
  check('train', whole('Training puzzles', d.train, 1, 10_000_000));
  check('test', whole('Test puzzles', d.test, 1, 1_000_000));
  // Half of the cells is more than the generator finds in most mazes of that size.
  const most = issues.rows || issues.columns ? 450 : Math.floor((number(d.rows) * number(d.columns)) / 2);
  check('min_path', whole('The shortest path', d.min_path, 1, most));
  check('seed', whole('Seed', d.seed, 0, 2 ** 32 - 1));
  return issues;
}

/** The recipe of a draft without issues. */
export function toRecipe(d: Draft): DatasetRecipe {
  return DatasetRecipeSchema.parse(
    d.kind === 'arc'
      ? {
          kind: 'arc',
          subsets: d.subsets,
          test_set: d.test_set,
          num_aug: number(d.num_aug),
          canvas: d.canvas,
          ...(d.tasks ? { tasks: d.tasks } : {}),
          seed: number(d.seed),
        }
      : d.kind === 'maze'
        ? {
            kind: 'maze',
            rows: number(d.rows),
            columns: number(d.columns),
            train: number(d.train),
            test: number(d.test),
            min_path: number(d.min_path),
            seed: number(d.seed),
          }
        : {
            kind: 'sudoku',
            size: d.size,
            train: number(d.train),
            test: number(d.test),
            blanks: [number(d.least_blanks), number(d.most_blanks)],
            seed: number(d.seed),
          },
  );
}
