/** Datasets: what they hold, and the recipes by which the studio makes them. */
import { z } from 'zod';
import type { PuzzleKind } from './arc';

/** The bundled subsets, with the reference's names; imported collections get names of their own. */
export const BUNDLED_SUBSETS = ['training', 'evaluation', 'training2', 'evaluation2', 'concept'] as const;

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
  seed: z
    .number()
    .int()
    .min(0)
    .max(2 ** 32 - 1),
});

export const SudokuRecipeSchema = z.strictObject({
  kind: z.literal('sudoku'),
  size: z.union([z.literal(4), z.literal(6), z.literal(9)]),
  train: z.number().int().min(1).max(10_000_000),
  test: z.number().int().min(1).max(1_000_000),
  /** Fewest and most blanks per puzzle; every puzzle has exactly one solution. */
  blanks: z.tuple([z.number().int().min(1), z.number().int().min(1)]),
  seed: z
    .number()
    .int()
    .min(0)
    .max(2 ** 32 - 1),
});

export const DatasetRecipeSchema = z.discriminatedUnion('kind', [ArcRecipeSchema, SudokuRecipeSchema]);
export type ArcRecipe = z.output<typeof ArcRecipeSchema>;
export type SudokuRecipe = z.output<typeof SudokuRecipeSchema>;
export type DatasetRecipe = z.output<typeof DatasetRecipeSchema>;

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
