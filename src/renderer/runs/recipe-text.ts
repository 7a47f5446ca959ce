import type { Subset } from '@shared/contract/tasks';
import type { DatasetRecipe } from '@shared/dataset';
import { formatCount } from '../ui/format';

/** A recipe in one line: `4 × 4 Sudoku, 2,000 to train, 256 to test, 6 to 10 blanks`. */
export function recipeText(recipe: DatasetRecipe, subsets: readonly Subset[] = []): string {
  if (recipe.kind === 'sudoku') {
    const { size, train, test, blanks } = recipe;
    return `${size} × ${size} Sudoku, ${formatCount(train)} to train, ${formatCount(test)} to test, ${blanks[0]} to ${blanks[1]} blanks`;
  }
  if (recipe.kind === 'maze') {
    const { rows, columns, train, test, min_path } = recipe;
    return `${rows} × ${columns} mazes, ${formatCount(train)} to train, ${formatCount(test)} to test, ${min_path} steps or more`;
  }
  if (recipe.kind !== 'arc') return `${recipe.kind === 'maze-csv' ? 'Mazes' : 'Sudoku'} from ${recipe.train_file}`;
  const title = (name: string): string => subsets.find((subset) => subset.name === name)?.title ?? name;
  const tasks = recipe.tasks ? `${formatCount(recipe.tasks.length)} tasks of ` : '';
  return `${tasks}${recipe.subsets.map(title).join(' + ')}, ${formatCount(recipe.num_aug)} augmentations each, canvas ${recipe.canvas} × ${recipe.canvas}`;
}
