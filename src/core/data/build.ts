/** The one door to the builders: a recipe in, a dataset folder out. */
import type { DatasetRecipe, DatasetSidecar } from '../../shared/dataset';
import { buildArc, type TaskSubset } from './arc-builder';
import { buildSudoku } from './sudoku-builder';
import type { WorkOptions } from './whole-folder';

export interface DatasetJob {
  recipe: DatasetRecipe;
  /** For ARC: the tasks of each of the recipe's subsets in the order of their files; otherwise empty. */
  subsets: readonly TaskSubset[];
  /** Appears by rename when complete; nothing is left behind otherwise. */
  out: string;
}

/** @throws StudioError, see {@link buildArc} and {@link buildSudoku} */
export function buildDataset({ recipe, subsets, out }: DatasetJob, options: WorkOptions = {}): Promise<DatasetSidecar> {
  return recipe.kind === 'arc' ? buildArc(recipe, subsets, out, options) : buildSudoku(recipe, out, options);
}
