/** What is asked of a recipe before it is built. */
import { existsSync } from 'node:fs';
import { isAbsolute } from 'node:path';
import { isTestSubset } from '../../core/data/arc-builder';
import { leaveOutLeaks } from '../../core/data/leave-out';
import { findOverlaps, type TaskSet } from '../../core/data/overlap';
import { checkMazeRecipe } from '../../core/data/maze-builder';
import { checkSudokuRecipe } from '../../core/data/sudoku-builder';
import { largestSide } from '../../shared/arc-task';
import type { DatasetRecipe, DataWarning } from '../../shared/dataset';
import { StudioError } from '../../shared/errors';
import type { DatasetRecord } from '../repositories/datasets';
import type { Store } from '../store';
import { recipeKey } from './facts';

/** @throws StudioError if it cannot be built */
export function checkRecipe(store: Store, recipe: DatasetRecipe): void {
  if (recipe.kind === 'sudoku') return checkSudokuRecipe(recipe);
  if (recipe.kind === 'maze') return checkMazeRecipe(recipe);
  if (recipe.kind !== 'arc') return checkFiles(recipe.train_file, recipe.test_file);
  const known = store.subsets.list().map((s) => s.name);
  for (const name of recipe.subsets) {
    if (!known.includes(name)) {
      throw new StudioError(
        'not_found',
        `There are no tasks named "${name}": choose from ${known.join(', ')}, or import them first.`,
      );
    }
  }
}

function checkFiles(...files: (string | null)[]): void {
  for (const file of files) {
    if (file === null) continue;
    if (!isAbsolute(file)) throw new StudioError('bad_input', `${file} is no whole path: begin it at the root.`);
    if (!existsSync(file)) throw new StudioError('not_found', `${file} does not exist: check the path.`);
  }
}

/** A dataset of an equal recipe, unless one of its collections was imported anew since. */
export function findEqual({ datasets, subsets }: Store, recipe: DatasetRecipe): DatasetRecord | null {
  const key = recipeKey(recipe);
  const since =
    recipe.kind === 'arc' ? Math.max(...recipe.subsets.map((s) => Date.parse(subsets.createdAt(s) ?? ''))) : 0;
  const order = { ready: 0, building: 1, failed: 2 };
  return (
    datasets
      .list()
      .filter((d) => d.recipe !== null && recipeKey(d.recipe) === key && Date.parse(d.created) >= since)
      .sort((a, b) => order[a.status] - order[b.status])[0] ?? null
  );
}

/** Between answers to the window, while tasks are compared. */
export const SLICE_MS = 8;

/** Tasks of the recipe that stand in two of its collections, and answers of its test set that would be trained on. */
export async function recipeWarnings(store: Store, recipe: DatasetRecipe): Promise<DataWarning[]> {
  if (recipe.kind !== 'arc') return [];
  checkRecipe(store, recipe);
  const only = recipe.tasks && new Set(recipe.tasks);
  const titles = new Map(store.subsets.list().map((s) => [s.name, s.title]));
  const sets = [...new Set(recipe.subsets)].map((name): TaskSet => ({
    name,
    title: titles.get(name) ?? name,
    test: name === recipe.test_set,
    tasks: store.tasks
      .tasksOf(name)
      .filter((task) => (!only || only.has(task.name)) && largestSide(task) <= recipe.canvas),
  }));
  if (!recipe.leave_out_leaks) return findOverlaps(sets, [], false, { sliceMs: SLICE_MS });
  const { subsets } = await leaveOutLeaks(sets, (name) => isTestSubset(recipe, name), { sliceMs: SLICE_MS });
  const rest = sets.map((set, i): TaskSet => ({ ...set, tasks: subsets[i].tasks }));
  return findOverlaps(rest, [], false, { sliceMs: SLICE_MS });
}
