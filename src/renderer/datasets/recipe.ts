/** Recipes in words, and what a recipe would give before it is built. */
import type { Subset, TaskSummary } from '@shared/contract/tasks';
import { recipeBoard, recipePuzzle, type ArcRecipe, type DatasetRecipe } from '@shared/dataset';
import { formatCount, formatPlural } from '../ui/format';

export function listWords(words: readonly string[]): string {
  if (words.length < 2) return words[0] ?? '';
  return `${words.slice(0, -1).join(', ')} and ${words[words.length - 1]}`;
}

/** "ARC-AGI-1 training and ConceptARC; tested on …; 1,000 augmentations; seed 42". */
export function recipeWords(recipe: DatasetRecipe | null, subsets: readonly Subset[]): string {
  if (!recipe) return 'Made elsewhere; its recipe is not known';
  if (recipe.kind === 'sudoku') {
    const [least, most] = recipe.blanks;
    const blanks = least === most ? `${least} blanks` : `${least} to ${most} blanks`;
    return `Generated: ${formatCount(recipe.train)} to train on, ${formatCount(recipe.test)} unseen to test; ${blanks}; seed ${recipe.seed}`;
  }
  if (recipe.kind === 'maze') {
    return `Generated: ${formatCount(recipe.train)} to train on, ${formatCount(recipe.test)} unseen to test; shortest path of ${formatPlural(recipe.min_path, 'step')} or more; seed ${recipe.seed}`;
  }
  if (recipe.kind !== 'arc') {
    const views = recipe.kind === 'maze-csv' ? (recipe.aug ? 7 : 0) : recipe.num_aug;
    const sample = recipe.subsample_size === null ? '' : `, ${formatCount(recipe.subsample_size)} drawn from it`;
    return `From ${recipe.train_file}${sample}; ${formatPlural(views, 'augmentation')} a puzzle; seed ${recipe.seed}`;
  }
  const title = (name: string): string => subsets.find((s) => s.name === name)?.title ?? name;
  const from = recipe.tasks
    ? recipe.tasks.length <= 3
      ? `Only ${listWords(recipe.tasks)}`
      : `${formatCount(recipe.tasks.length)} chosen tasks`
    : listWords(recipe.subsets.map(title));
  const own = recipe.subsets.length === 1 && recipe.subsets[0] === recipe.test_set;
  return `${from}; tested on ${own ? 'its own test pairs' : title(recipe.test_set)}; ${formatPlural(recipe.num_aug, 'augmentation')} a puzzle; seed ${recipe.seed}`;
}

export interface ArcForecast {
  /** Tasks of the chosen subsets, and how many of them fit the canvas. */
  tasks: number;
  fitting: number;
  /** Tasks of the test set that fit: without one there is nothing to test on. */
  tested: number;
  /** Upper bounds: a puzzle with few distinct augmentations gives fewer. */
  train_examples: number;
  test_examples: number;
  bytes: number;
  /** Names that stand in the test set and in another subset too: their answers would be trained on. */
  leaks: { subset: string; count: number }[];
}

/** What the reference's builder would make of `recipe` with these tasks. */
export function forecastArc(recipe: Omit<ArcRecipe, 'kind' | 'seed'>, tasks: readonly TaskSummary[]): ArcForecast {
  const chosen = new Set(recipe.subsets);
  const only = recipe.tasks ? new Set(recipe.tasks) : null;
  const views = recipe.num_aug + 1;
  const tested = new Set<string>();
  const out: ArcForecast = {
    tasks: 0,
    fitting: 0,
    tested: 0,
    train_examples: 0,
    test_examples: 0,
    bytes: 0,
    leaks: [],
  };
  const fitting: TaskSummary[] = [];
  for (const task of tasks) {
    if (!chosen.has(task.subset) || (only && !only.has(task.name))) continue;
    out.tasks++;
    if (task.max_side > recipe.canvas) continue;
    out.fitting++;
    fitting.push(task);
    const isTest = task.subset === recipe.test_set;
    out.train_examples += (task.train_pairs + (isTest ? 0 : task.test_pairs)) * views;
    if (!isTest) continue;
    out.tested++;
    tested.add(task.name);
    out.test_examples += task.test_pairs * views;
  }
  const leaks = new Map<string, number>();
  for (const task of fitting) {
    if (task.subset !== recipe.test_set && tested.has(task.name))
      leaks.set(task.subset, (leaks.get(task.subset) ?? 0) + 1);
  }
  out.leaks = [...leaks].map(([subset, count]) => ({ subset, count }));
  out.bytes = (out.train_examples + out.test_examples) * 2 * recipe.canvas ** 2;
  return out;
}

/** Most blanks that the generator offers: fewer givens than that rarely leave one solution. */
export const MOST_BLANKS: Record<4 | 6 | 9, number> = { 4: 12, 6: 28, 9: 58 };

/** "arc-training-10x10", and "-2" where that name is taken. */
export function suggestName(recipe: DatasetRecipe, taken: readonly string[]): string {
  const board = recipe.kind === 'arc' ? null : recipeBoard(recipe);
  const base =
    recipe.kind !== 'arc'
      ? `${recipePuzzle(recipe)}${board ? `-${board.rows}x${board.columns}` : ''}`
      : `${recipe.tasks?.length === 1 ? recipe.tasks[0] : recipe.subsets.length > 2 ? 'arc' : recipe.subsets.join('-')}-${recipe.canvas}x${recipe.canvas}`;
  if (!taken.includes(base)) return base;
  for (let n = 2; ; n++) if (!taken.includes(`${base}-${n}`)) return `${base}-${n}`;
}
