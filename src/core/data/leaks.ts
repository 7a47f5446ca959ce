/**
 * Looks for the answers of a dataset's test split in its train split. Memory is that of the test split; the train split
 * streams by.
 */
import type { LeakedExample } from '../../shared/contract/datasets';
import { decodeCanvas } from '../../shared/arc-canvas';
import { exactKey, shapeKey } from './pair-key';
import { unaugmentedExamples } from './statistics';
import type { DatasetSplit, DatasetStore } from './store';
import { Breather, type WorkOptions } from '../lib/work';

export interface Leaks {
  tested: number;
  found: number;
  examples: LeakedExample[];
}

const MOST_LISTED = 500;
/** Examples that are read at once where they lie beside each other. */
const RUN = 512;

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
 * @throws StudioError `cancelled`; errors of the file system
 */
export async function findLeaks(store: DatasetStore, options: WorkOptions = {}): Promise<Leaks> {
  if (!store.hasSplit('train') || !store.hasSplit('test')) return { tested: 0, found: 0, examples: [] };
  const [train, test] = [store.split('train'), store.split('test')];
  const keysOf = keyMaker(store);
  const tested = unaugmentedExamples(test);
  const trained = store.kind === 'arc' ? unaugmentedExamples(train) : null;
  const total = tested.length + (trained?.length ?? train.examples);
  const breather = new Breather(options, 'The search for leaks');
  let done = 0;
  const wanted = new Map<string, { index: number; exact: string }[]>();
  for (const { index, input, label } of eachExample(test, tested)) {
    await breather.breathe(done++, total, 'examples compared');
    const { pair, exact } = keysOf(input, label);
    const same = wanted.get(pair);
    if (same) same.push({ index, exact });
    else wanted.set(pair, [{ index, exact }]);
  }
  const puzzleOf = (split: 'train' | 'test', index: number): string => store.puzzleName({ split, index });
  const found = new Map<number, { how: LeakedExample['how']; index: number }>();
  for (const { index, input, label } of eachExample(train, trained)) {
    await breather.breathe(done++, total, 'examples compared');
    const { pair, exact } = keysOf(input, label);
    for (const candidate of wanted.get(pair) ?? []) {
      const how = candidate.exact === exact ? 'same' : 'transformed';
      // A task's own demonstration may be its test pair turned: that is the task, not a leak.
      if (how === 'transformed' && puzzleOf('test', candidate.index) === puzzleOf('train', index)) continue;
      const known = found.get(candidate.index);
      if (!known || (how === 'same' && known.how !== 'same')) found.set(candidate.index, { how, index });
    }
  }
  const examples = [...found]
    .sort(([a, x], [b, y]) => Number(y.how === 'same') - Number(x.how === 'same') || a - b)
    .slice(0, MOST_LISTED)
    .map(([index, { how, index: at }]): LeakedExample => ({
      puzzle: puzzleOf('test', index),
      example: { split: 'test', index },
      how,
      train_puzzle: puzzleOf('train', at),
      train_example: { split: 'train', index: at },
    }));
  return { tested: tested.length, found: found.size, examples };
}

/** Examples in the order of the file, neighbours read at once; `input` and `label` are views that are used again. */
function* eachExample(
  split: DatasetSplit,
  chosen: Int32Array | null,
): Generator<{ index: number; input: Uint8Array; label: Uint8Array }> {
  const S = split.metadata.seq_len;
  const [inputs, labels] = [new Uint8Array(RUN * S), new Uint8Array(RUN * S)];
  const n = chosen?.length ?? split.examples;
  const at = (i: number): number => (chosen ? chosen[i] : i);
  for (let i = 0; i < n;) {
    const first = at(i);
    let count = 1;
    while (count < RUN && i + count < n && at(i + count) === first + count) count++;
    split.readRun(first, count, inputs.subarray(0, count * S), labels.subarray(0, count * S));
    for (let k = 0; k < count; k++) {
      const [from, to] = [k * S, (k + 1) * S];
      yield { index: first + k, input: inputs.subarray(from, to), label: labels.subarray(from, to) };
    }
    i += count;
  }
}

function keyMaker({ kind, rows }: DatasetStore): (input: Uint8Array, label: Uint8Array) => Keys {
  const text = (tokens: Uint8Array): string =>
    Buffer.from(tokens.buffer, tokens.byteOffset, tokens.byteLength).toString('latin1');
  return (input, label) => {
    if (kind === 'arc') {
      const [from, to] = [decodeCanvas(input, rows), decodeCanvas(label, rows)];
      if (from && to) return { pair: shapeKey([from.grid, to.grid]), exact: exactKey([from.grid, to.grid]) };
    }
    const pair = text(input) + text(label);
    return { pair, exact: pair };
  };
}
