import { readdirSync, statSync } from 'node:fs';
import { join } from 'node:path';
import { DatasetStore } from '../../core/data/store';
import type { PuzzleKind } from '../../shared/arc';
import type { DatasetSummary } from '../../shared/contract/datasets';
import { recipeBoard } from '../../shared/dataset';
import { absolutePath, type StudioHome } from '../home';
import type { DatasetFacts, DatasetRecord } from '../repositories/datasets';

/** What the files of a dataset folder say; those of a folder `fromElsewhere` are looked into. @throws StudioError as `DatasetStore.open` and its splits */
export function readFacts(path: string, fromElsewhere = false): { kind: PuzzleKind; facts: DatasetFacts } {
  const store = DatasetStore.open(path);
  try {
    if (fromElsewhere) store.check();
    const train = store.hasSplit('train') ? store.split('train') : null;
    const test = store.hasSplit('test') ? store.split('test') : null;
    const { metadata } = train ?? store.split('test');
    return {
      kind: store.kind,
      facts: {
        rows: store.rows,
        columns: store.columns,
        vocab_size: metadata.vocab_size,
        seq_len: metadata.seq_len,
        train_examples: train?.examples ?? 0,
        test_examples: test?.examples ?? 0,
        train_puzzles: train?.metadata.total_puzzles ?? 0,
        train_groups: train?.metadata.total_groups ?? 0,
        mean_puzzle_examples: train?.metadata.mean_puzzle_examples ?? 0,
        num_puzzle_identifiers: metadata.num_puzzle_identifiers,
        bytes: folderBytes(path),
        shortfalls: store.sidecar?.shortfalls ?? [],
        left_out: store.sidecar?.left_out ?? [],
      },
    };
  } finally {
    store.close();
  }
}

function folderBytes(path: string): number {
  let sum = 0;
  for (const entry of readdirSync(path, { withFileTypes: true })) {
    const at = join(path, entry.name);
    if (entry.isDirectory()) sum += folderBytes(at);
    else if (entry.isFile()) sum += statSync(at).size;
  }
  return sum;
}

const NOTHING_YET: DatasetFacts = {
  rows: 0,
  columns: 0,
  vocab_size: 0,
  seq_len: 0,
  train_examples: 0,
  test_examples: 0,
  train_puzzles: 0,
  train_groups: 0,
  mean_puzzle_examples: 0,
  num_puzzle_identifiers: 0,
  bytes: 0,
  shortfalls: [],
  left_out: [],
};

/** While a dataset is being built, rows and columns come from its recipe and the counts are 0. */
export function datasetSummary(home: StudioHome, d: DatasetRecord): DatasetSummary {
  const { rows, columns } = (d.recipe && recipeBoard(d.recipe)) ?? { rows: 0, columns: 0 };
  return {
    id: d.id,
    name: d.name,
    kind: d.kind,
    status: d.status,
    error: d.error,
    created: d.created,
    path: absolutePath(home, d.path),
    recipe: d.recipe,
    ...(d.facts ?? { ...NOTHING_YET, rows, columns, seq_len: rows * columns }),
  };
}

/** A recipe as text in which equal recipes are equal, whatever the order of their keys. */
export function recipeKey(recipe: object): string {
  return JSON.stringify(Object.fromEntries(Object.entries(recipe).sort(([a], [b]) => (a < b ? -1 : 1))));
}
