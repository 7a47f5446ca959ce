/** The one door to the builders: a recipe in, a dataset folder out. */
import type { DatasetRecipe, DatasetSidecar } from '../../shared/dataset';
import { buildArc, type TaskSubset } from './arc-builder';
import { buildFromCsv } from './csv-builder';
import { buildMaze } from './maze-builder';
import { buildSudoku } from './sudoku-builder';
import type { WorkOptions } from '../lib/work';

export interface DatasetJob {
  recipe: DatasetRecipe;
  /** For ARC: the tasks of each of the recipe's subsets in the order of their files; otherwise empty. */
  subsets: readonly TaskSubset[];
  /** Appears by rename when complete; nothing is left behind otherwise. */
  out: string;
}

/** @throws StudioError, see the builders */
export function buildDataset({ recipe, subsets, out }: DatasetJob, options: WorkOptions = {}): Promise<DatasetSidecar> {
  switch (recipe.kind) {
    case 'arc':
      return buildArc(recipe, subsets, out, options);
    case 'sudoku':
      return buildSudoku(recipe, out, options);
    case 'maze':
      return buildMaze(recipe, out, options);
    case 'sudoku-csv':
    case 'maze-csv':
      return buildFromCsv(recipe, out, options);
  }
}
