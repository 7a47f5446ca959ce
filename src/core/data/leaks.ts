/**
 * Looks for the answers of a dataset's test split in its train split. Memory is that of the test split; the train split
 * streams by.
 */
import { createHash } from 'node:crypto';
import type { LeakedExample } from '../../shared/contract/datasets';
import { decodeCanvas } from '../../shared/arc-canvas';
import type { FlatGrid } from '../../shared/arc-grid';
import { exactKey, shapeKey } from './pair-key';
import { unaugmentedExamples } from './statistics';
import type { DatasetSplit, DatasetStore } from './store';
import { Breather, type WorkOptions } from './whole-folder';

export interface Leaks {
  tested: number;
  found: number;
  examples: LeakedExample[];
}

const MOST_LISTED = 500;

/** What an example, input with output, is recognised by. */
interface Keys {
  /** Equal after a symmetry and a change of colours. */
  pair: string;
  /** Of the grids as they are, to tell a copy from a turned or recoloured one. */
  exact: string;
}

/**
 * On ARC, pairs are equal if a symmetry and a change of colours make them so, and only unaugmented examples need be
 * looked at. On boards, every example is compared token by token.
 *
 * @throws StudioError `cancelled`, `damaged`
 */
export async function findLeaks(store: DatasetStore, options: WorkOptions = {}): Promise<Leaks> {
  if (!store.hasSplit('train') || !store.hasSplit('test')) return { tested: 0, found: 0, examples: [] };
  const [train, test] = [store.split('train'), store.split('test')];
  const keysOf = keyReader(store);
  const tested = unaugmentedExamples(test);
  const trained = store.kind === 'arc' ? unaugmentedExamples(train) : null;
  const total = tested.length + (trained?.length ?? train.examples);
  const breather = new Breather(options, 'The search for leaks');
  let done = 0;
  const wanted = new Map<string, { index: number; keys: Keys }[]>();
  for (const index of tested) {
    await breather.breathe(done++, total, 'examples compared');
    const keys = keysOf(test, index);
    const same = wanted.get(keys.pair);
    if (same) same.push({ index, keys });
    else wanted.set(keys.pair, [{ index, keys }]);
  }
  const puzzleOf = (split: 'train' | 'test', index: number): string => store.puzzleName({ split, index });
  const found = new Map<number, { how: LeakedExample['how']; index: number }>();
  const rank = { same: 1, transformed: 0 };
  for (let i = 0, n = trained?.length ?? train.examples; i < n; i++) {
    await breather.breathe(done++, total, 'examples compared');
    const index = trained ? trained[i] : i;
    const keys = keysOf(train, index);
    for (const candidate of wanted.get(keys.pair) ?? []) {
      const how = candidate.keys.exact === keys.exact ? 'same' : 'transformed';
      // A task's own demonstration may be its test pair turned: that is the task, not a leak.
      if (how === 'transformed' && puzzleOf('test', candidate.index) === puzzleOf('train', index)) continue;
      const known = found.get(candidate.index);
      if (!known || rank[how] > rank[known.how]) found.set(candidate.index, { how, index });
    }
  }
  const examples = [...found]
    .sort(([a, x], [b, y]) => rank[y.how] - rank[x.how] || a - b)
    .slice(0, MOST_LISTED)
    .map(([index, { how, index: at }]): LeakedExample => {
      const [example, trainExample] = [
        { split: 'test' as const, index },
        { split: 'train' as const, index: at },
      ];
      return {
        puzzle: store.puzzleName(example),
        example,
        how,
        train_puzzle: store.puzzleName(trainExample),
        train_example: trainExample,
      };
    });
  return { tested: tested.length, found: found.size, examples };
}

function keyReader({ kind, rows }: DatasetStore): (split: DatasetSplit, index: number) => Keys {
  let [input, label] = [new Uint8Array(0), new Uint8Array(0)];
  const digest = (...parts: Uint8Array[]): string => {
    const hash = createHash('sha256');
    parts.forEach((part) => hash.update(part));
    return hash.digest('base64');
  };
  return (split, index) => {
    const S = split.metadata.seq_len;
    if (input.length !== S) [input, label] = [new Uint8Array(S), new Uint8Array(S)];
    split.read(index, input, label);
    if (kind === 'arc') {
      const grids = [input, label].map((canvas) => decodeCanvas(canvas, rows)?.grid);
      if (grids.every((grid): grid is FlatGrid => grid !== undefined)) {
        return { pair: shapeKey(grids), exact: exactKey(grids) };
      }
    }
    const pair = digest(input, label);
    return { pair, exact: pair };
  };
}
