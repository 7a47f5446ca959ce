/** Datasets: what they hold, and the recipes by which the studio makes them. */
import { z } from 'zod';
import type { PuzzleKind } from './arc';

/** The bundled subsets, with the reference's names; imported collections get names of their own. */
export const BUNDLED_SUBSETS = ['training', 'evaluation', 'training2', 'evaluation2', 'concept'] as const;

const seed = z
  .number()
  .int()
  .min(0)
  .max(2 ** 32 - 1);

export const ArcRecipeSchema = z.strictObject({
  kind: z.literal('arc'),
  /** Subset names, bundled or imported; order matters, as in the reference. */
  subsets: z.array(z.string().min(1)).min(1),
  /** The subset whose test pairs become the test split. */
  test_set: z.string().min(1),
  /** Augmentations per puzzle beside the puzzle itself. */
  num_aug: z.number().int().min(0).max(10_000),
  /** Side of the square canvas; tasks with a larger grid are left out. The reference uses 30. */
  canvas: z.number().int().min(1).max(30),
  /** Only these tasks of the subsets; absent means all that fit. */
  tasks: z.array(z.string()).optional(),
  /** Test inputs without a solution get the output `[[0]]`, as in the reference; absent or false refuses them. */
  allow_missing_solutions: z.boolean().optional(),
  /**
   * Tasks that give something of the test set away (its names, its grids, also turned or recoloured, its answers) are left
   * out of the other subsets; absent or false keeps them, as the reference does.
   */
  leave_out_leaks: z.boolean().optional(),
  seed,
});

/** Generated Sudoku. */
export const SudokuRecipeSchema = z.strictObject({
  kind: z.literal('sudoku'),
  size: z.union([z.literal(4), z.literal(6), z.literal(9)]),
  train: z.number().int().min(1).max(10_000_000),
  test: z.number().int().min(1).max(1_000_000),
  /** Fewest and most blanks per puzzle; every puzzle has exactly one solution. */
  blanks: z.tuple([z.number().int().min(1), z.number().int().min(1)]),
  seed,
});

/** Generated mazes: one shortest path each. */
export const MazeRecipeSchema = z.strictObject({
  kind: z.literal('maze'),
  rows: z.number().int().min(3).max(30),
  columns: z.number().int().min(3).max(30),
  train: z.number().int().min(1).max(10_000_000),
  test: z.number().int().min(1).max(1_000_000),
  /** Steps from start to goal, at least. */
  min_path: z.number().int().min(1).max(900),
  seed,
});

const csv = {
  /** Absolute path of the training CSV (source, q, a, rating). */
  train_file: z.string().min(1),
  /** Absolute path of the test CSV; null builds no test split unless `hold_out` does. */
  test_file: z.string().min(1).nullable(),
  /** Puzzles at the end of the training CSV that become the test split where there is no test CSV. */
  hold_out: z.number().int().min(0).max(10_000_000),
  /** Training puzzles to draw at random; null takes all. */
  subsample_size: z.number().int().min(1).nullable(),
  seed,
};
/** Sudoku from the reference's CSV; the draws are those of `np.random.seed(seed)` and its builder. */
export const SudokuCsvRecipeSchema = z.strictObject({
  kind: z.literal('sudoku-csv'),
  ...csv,
  /** Only puzzles with at least this rating; null takes all. */
  min_difficulty: z.number().int().nullable(),
  /** Augmentations per training puzzle beside the puzzle itself. */
  num_aug: z.number().int().min(0).max(100_000),
  /** Tokens as bytes also where the reference writes int64 (augmented training sets): equal values, an eighth of the size. */
  compact: z.boolean(),
});
/** Mazes from the reference's CSV. */
export const MazeCsvRecipeSchema = z.strictObject({
  kind: z.literal('maze-csv'),
  ...csv,
  /** Each training maze in its eight orientations. */
  aug: z.boolean(),
});

export const DatasetRecipeSchema = z.discriminatedUnion('kind', [
  ArcRecipeSchema,
  SudokuRecipeSchema,
  MazeRecipeSchema,
  SudokuCsvRecipeSchema,
  MazeCsvRecipeSchema,
]);
export type ArcRecipe = z.output<typeof ArcRecipeSchema>;
export type SudokuRecipe = z.output<typeof SudokuRecipeSchema>;
export type MazeRecipe = z.output<typeof MazeRecipeSchema>;
export type SudokuCsvRecipe = z.output<typeof SudokuCsvRecipeSchema>;
export type MazeCsvRecipe = z.output<typeof MazeCsvRecipeSchema>;
export type DatasetRecipe = z.output<typeof DatasetRecipeSchema>;

/** What the tokens of a recipe's dataset will mean. */
export function recipePuzzle({ kind }: DatasetRecipe): PuzzleKind {
  if (kind === 'arc') return 'arc';
  return kind === 'maze' || kind === 'maze-csv' ? 'maze' : 'sudoku';
}

/** Rows and columns of the canvas; null where only the CSV knows. */
export function recipeBoard(recipe: DatasetRecipe): { rows: number; columns: number } | null {
  switch (recipe.kind) {
    case 'arc':
      return { rows: recipe.canvas, columns: recipe.canvas };
    case 'sudoku':
      return { rows: recipe.size, columns: recipe.size };
    case 'maze':
      return { rows: recipe.rows, columns: recipe.columns };
    case 'sudoku-csv':
      return { rows: 9, columns: 9 };
    case 'maze-csv':
      return null;
  }
}

/**
 * What one should know before trusting a score, each with the tasks by name:
 * `same_task` in two collections, under one name or with the same grids; `leak`: a task of a test set inside a training
 * set; `imported_before`: the same tasks are in the studio already.
 */
export interface DataWarning {
  kind: 'same_task' | 'leak' | 'imported_before';
  /** Between two collections: tasks of one name and grids, of one name or of the same grids only, or given away. */
  relation?: 'same' | 'same_grids' | 'same_name' | 'leak';
  /** One sentence: which tasks, where, and what it means. */
  message: string;
  /** The tasks concerned, as they are named in the first collection. */
  tasks: string[];
  /** The collections concerned: first the one in which `tasks` are names, then the others. */
  subsets: string[];
}

/** `dataset.json` of one split, exactly the reference's keys. */
export interface DatasetMetadata {
  pad_id: number;
  ignore_label_id: number | null;
  blank_identifier_id: number;
  vocab_size: number;
  seq_len: number;
  num_puzzle_identifiers: number;
  total_groups: number;
  mean_puzzle_examples: number;
  total_puzzles: number;
  sets: string[];
}

/** `studio.json` beside the splits: what the reference's files do not say. Absent in folders made elsewhere. */
export interface DatasetSidecar {
  schema: 1;
  kind: PuzzleKind;
  /** Rows and columns of the canvas; rows · columns = seq_len. */
  rows: number;
  columns: number;
  recipe: DatasetRecipe | null;
  /** Puzzles for which fewer than num_aug distinct augmentations exist. */
  shortfalls: { name: string; wanted: number; found: number }[];
  /** Tasks left out, each with the reason. */
  left_out: { name: string; reason: string }[];
}

/** One example of a dataset: the n-th row of a split's inputs.npy. */
export interface ExampleRef {
  split: 'train' | 'test';
  index: number;
}
