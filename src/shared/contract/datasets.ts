/** Datasets for training, built from tasks or generated. */
import { z } from 'zod';
import type { PuzzleKind } from '../arc';
import { type DatasetRecipe, type DatasetSidecar, type DataWarning, type ExampleRef } from '../dataset';
import { example, method, none } from './method';
import { WholeRecipeSchema } from './path';

export interface DatasetSummary {
  id: string;
  name: string;
  kind: PuzzleKind;
  status: 'building' | 'ready' | 'failed';
  error: string | null;
  created: string;
  path: string;
  rows: number;
  columns: number;
  vocab_size: number;
  seq_len: number;
  train_examples: number;
  test_examples: number;
  train_puzzles: number;
  train_groups: number;
  mean_puzzle_examples: number;
  num_puzzle_identifiers: number;
  bytes: number;
  recipe: DatasetRecipe | null;
  shortfalls: DatasetSidecar['shortfalls'];
  left_out: DatasetSidecar['left_out'];
}

/** One example as the window draws it. Tokens are [S]; decode with `rows`, `columns` and `kind` of the dataset. */
export interface DatasetExample {
  example: ExampleRef;
  puzzle: string;
  input: Uint8Array;
  label: Uint8Array;
}

/** How often each value occurs, values ascending. */
export type Histogram = [value: number, count: number][];

export interface SplitStatistics {
  split: ExampleRef['split'];
  examples: number;
  puzzles: number;
  groups: number;
  /** Of all puzzles. */
  examples_per_puzzle: Histogram;
  /** Of all groups: a puzzle with its augmentations. */
  puzzles_per_group: Histogram;
  /** Examples that the rest was counted over: unaugmented ones, evenly spread where there are very many. */
  looked_at: number;
  /** Sizes of the grids, the most frequent first. */
  input_sizes: { rows: number; columns: number; count: number }[];
  output_sizes: { rows: number; columns: number; count: number }[];
  /** Examples whose output is as large as their input. */
  same_size: number;
  /** In how many examples each token occurs, in input or output; [vocab_size]. */
  tokens: number[];
}

/** A test example whose answer a model may have seen. */
export interface LeakedExample {
  puzzle: string;
  example: ExampleRef;
  /** `same`: equal input and output; `transformed`: equal after a symmetry or a change of colours. */
  how: 'same' | 'transformed';
  /** Where in split train. */
  train_puzzle: string;
  train_example: ExampleRef;
}

export interface DatasetReport {
  dataset: string;
  splits: SplitStatistics[];
  identifiers: number;
  /** Relative to the dataset's folder, the largest first. */
  files: { name: string; bytes: number }[];
  leaks: {
    /** Test examples that were looked for in split train, and how many were found. */
    tested: number;
    found: number;
    /** Plain copies first; at most 500. */
    examples: LeakedExample[];
  };
}

export const datasetMethods = {
  'datasets.list': method<DatasetSummary[]>()(none),
  'datasets.get': method<DatasetSummary>()(z.strictObject({ dataset: z.string() })),
  'datasets.build': method<DatasetSummary>()(
    z.strictObject({ name: z.string().min(1).max(200), recipe: WholeRecipeSchema }),
  ),
  'datasets.cancel': method<Record<string, never>>()(z.strictObject({ dataset: z.string() })),
  'datasets.delete': method<Record<string, never>>()(z.strictObject({ dataset: z.string() })),
  /** Unaugmented examples of a split: what one may pin or play back. */
  'datasets.examples': method<{ total: number; examples: DatasetExample[] }>()(
    z.strictObject({
      dataset: z.string(),
      split: z.enum(['train', 'test']),
      search: z.string().max(200).optional(),
      offset: z.number().int().min(0).default(0),
      limit: z.number().int().min(1).max(500).default(60),
    }),
  ),
  /** The given examples, in their order. */
  'datasets.read': method<DatasetExample[]>()(
    z.strictObject({ dataset: z.string(), examples: z.array(example).max(500) }),
  ),
  /** Statistics and leaks; worked out at the first call, which may take some seconds, then kept. */
  'datasets.report': method<DatasetReport>()(z.strictObject({ dataset: z.string() })),
  /** What to know before building: tasks that would be tested on and trained on. */
  'datasets.check': method<{ warnings: DataWarning[] }>()(z.strictObject({ recipe: WholeRecipeSchema })),
} as const;

export interface DatasetEvents {
  'dataset.changed': DatasetSummary;
  'dataset.deleted': { dataset: string };
  'dataset.progress': { dataset: string; done: number; total: number; what: string; seconds_left: number | null };
}
