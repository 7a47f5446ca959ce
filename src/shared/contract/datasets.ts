/** Datasets for training, built from tasks or generated. */
import { z } from 'zod';
import type { PuzzleKind } from '../arc';
import { DatasetRecipeSchema, type DatasetRecipe, type DatasetSidecar, type ExampleRef } from '../dataset';
import { example, method, none } from './method';

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

export const datasetMethods = {
  'datasets.list': method<DatasetSummary[]>()(none),
  'datasets.get': method<DatasetSummary>()(z.strictObject({ dataset: z.string() })),
  'datasets.build': method<DatasetSummary>()(
    z.strictObject({ name: z.string().min(1).max(200), recipe: DatasetRecipeSchema }),
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
} as const;

export interface DatasetEvents {
  'dataset.changed': DatasetSummary;
  'dataset.deleted': { dataset: string };
  'dataset.progress': { dataset: string; done: number; total: number; what: string; seconds_left: number | null };
}
