/**
 * What training and evaluation read from: one split of one or several datasets, as one. Examples, puzzles and groups
 * are numbered through; B = batch rows, S = seq_len.
 *
 * As in the reference, training runs through the paths one after another. There, equal numbers of different datasets
 * share an embedding row; here rows are shared by name.
 */
import type { PuzzleKind } from '../../shared/arc';
import type { DatasetMetadata } from '../../shared/dataset';
import { StudioError } from '../../shared/errors';
import { IGNORE_LABEL, type Batch } from './batch';
import { DatasetStore, type DatasetSplit, type SplitName } from './store';

/** Old embedding row → merged one; null where they are equal. */
type Renumbering = Int32Array | null;

interface Part {
  split: DatasetSplit;
  renumbering: Renumbering;
  /** The merged numbers of this part's first example, puzzle and group. */
  example: number;
  puzzle: number;
  group: number;
}

export class MergedSplit {
  /** Of all parts together: counts summed, the mean weighted by puzzles, `num_puzzle_identifiers` the merged rows. */
  readonly metadata: DatasetMetadata;
  readonly examples: number;
  readonly groups: number;
  private readonly parts: Part[] = [];
  private readonly tables: Tables;
  /** Room for a run of neighbouring examples. */
  private input = new Uint8Array(0);
  private label = new Uint8Array(0);

  constructor(sources: { split: DatasetSplit; renumbering: Renumbering }[], identifiers: number) {
    let [examples, puzzles, groups] = [0, 0, 0];
    for (const source of sources) {
      this.parts.push({ ...source, example: examples, puzzle: puzzles, group: groups });
      examples += source.split.examples;
      puzzles += source.split.metadata.total_puzzles;
      groups += source.split.metadata.total_groups;
    }
    this.examples = examples;
    this.groups = groups;
    const [{ split }] = sources;
    this.metadata = {
      ...split.metadata,
      num_puzzle_identifiers: identifiers,
      total_groups: groups,
      total_puzzles: puzzles,
      mean_puzzle_examples: examples / puzzles,
    };
    this.tables = makeTables(this.metadata);
  }

  /** The groups of each path: first and end (excluded). */
  get pathGroups(): [number, number][] {
    return this.parts.map(({ group, split }) => [group, group + split.metadata.total_groups]);
  }

  /** The part that holds number `at`, counted in `unit`. */
  private part(at: number, unit: 'example' | 'puzzle' | 'group'): Part {
    const { parts } = this;
    let i = parts.length - 1;
    while (parts[i][unit] > at) i--;
    return parts[i];
  }

  /** The puzzles of a group: first and end (excluded). */
  groupPuzzles(group: number): [number, number] {
    const part = this.part(group, 'group');
    const { groupIndices } = part.split;
    const local = group - part.group;
    return [part.puzzle + groupIndices[local], part.puzzle + groupIndices[local + 1]];
  }

  /** The examples of a puzzle: first and end (excluded). */
  puzzleExamples(puzzle: number): [number, number] {
    const part = this.part(puzzle, 'puzzle');
    const { puzzleIndices } = part.split;
    const local = puzzle - part.puzzle;
    return [part.example + puzzleIndices[local], part.example + puzzleIndices[local + 1]];
  }

  /** The embedding row of an example's puzzle. */
  identifierOf(example: number): number {
    const { split, renumbering, example: first } = this.part(example, 'example');
    const id = split.puzzleIdentifiers[split.puzzleOf(example - first)];
    return renumbering ? renumbering[id] : id;
  }

  /**
   * Reads the given examples, at most `size`; the rows that are left are blank: PAD, no labels, the blank identifier.
   */
  batch(examples: ArrayLike<number>, size: number = examples.length): Batch {
    if (examples.length > size) throw new RangeError(`${examples.length} examples for ${size} rows`);
    const { seq_len: S, pad_id, blank_identifier_id } = this.metadata;
    const inputs = new Int32Array(size * S);
    const labels = new Int32Array(size * S);
    const identifiers = new Int32Array(size);
    // The examples of a puzzle lie beside each other on disk: in the order of the file, neighbours are read at once.
    const byPlace = Int32Array.from({ length: examples.length }, (_, b) => b).sort((a, b) => examples[a] - examples[b]);
    for (let from = 0; from < byPlace.length;) {
      const first = examples[byPlace[from]];
      const { split, example: offset } = this.part(first, 'example');
      const most = Math.min(byPlace.length - from, offset + split.examples - first);
      let count = 1;
      while (count < most && examples[byPlace[from + count]] === first + count) count++;
      this.readRun(split, first - offset, count);
      for (let n = 0; n < count; n++) {
        const b = byPlace[from + n];
        if (!decode(this.input, this.label, n * S, S, inputs, labels, b * S, this.tables)) {
          const at = (tokens: Uint8Array): Uint8Array => tokens.subarray(n * S, (n + 1) * S);
          throw split.unknownToken(first - offset + n, at(this.input), at(this.label));
        }
        identifiers[b] = this.identifierOf(first + n);
      }
      from += count;
    }
    inputs.fill(pad_id, examples.length * S);
    labels.fill(IGNORE_LABEL, examples.length * S);
    identifiers.fill(blank_identifier_id, examples.length);
    return { size, filled: examples.length, inputs, labels, puzzle_identifiers: identifiers };
  }

  private readRun(split: DatasetSplit, first: number, count: number): void {
    const bytes = count * this.metadata.seq_len;
    if (this.input.length < bytes) [this.input, this.label] = [new Uint8Array(bytes), new Uint8Array(bytes)];
    split.readRun(first, count, this.input.subarray(0, bytes), this.label.subarray(0, bytes));
  }

  /** Every example in order, or those given, in batches of `size`; the last one is padded. */
  *batches(size: number, examples?: ArrayLike<number>): Generator<Batch> {
    const order = examples ?? Int32Array.from({ length: this.examples }, (_, i) => i);
    for (let at = 0; at < order.length; at += size) {
      const end = Math.min(at + size, order.length);
      yield this.batch(
        Int32Array.from({ length: end - at }, (_, i) => order[at + i]),
        size,
      );
    }
  }
}

/** What a label's byte means, and which bytes are no tokens (1). */
interface Tables {
  labels: Int32Array;
  unknown: Uint8Array;
}

function makeTables({ vocab_size, ignore_label_id }: DatasetMetadata): Tables {
  const labels = Int32Array.from({ length: 256 }, (_, token) => (token === ignore_label_id ? IGNORE_LABEL : token));
  const unknown = Uint8Array.from({ length: 256 }, (_, token) => (token >= vocab_size ? 1 : 0));
  return { labels, unknown };
}

/** One example's bytes at `from` to int32 at `to`. @returns false if one of them is no token */
function decode(
  input: Uint8Array,
  label: Uint8Array,
  from: number,
  S: number,
  inputs: Int32Array,
  labels: Int32Array,
  to: number,
  tables: Tables,
): boolean {
  let wrong = 0;
  for (let s = 0; s < S; s++) {
    const token = input[from + s];
    const target = label[from + s];
    inputs[to + s] = token;
    labels[to + s] = tables.labels[target];
    wrong |= tables.unknown[token] | tables.unknown[target];
  }
  return wrong === 0;
}

/** `count` of `total` examples, evenly spread from the first to the last; all of them if `count` is 0 or too large. */
export function spreadExamples(total: number, count: number): Int32Array {
  const n = count > 0 ? Math.min(count, total) : total;
  return Int32Array.from({ length: n }, (_, i) => Math.floor((i * total) / n));
}

export interface OpenData {
  kind: PuzzleKind;
  rows: number;
  columns: number;
  /** Rows of the puzzle embedding, the blank one included. */
  numPuzzleIdentifiers: number;
  train: MergedSplit;
  /** Null if none of the test paths has a test split. */
  test: MergedSplit | null;
  /** The opened datasets by path, for names. */
  stores: ReadonlyMap<string, DatasetStore>;
  close(): void;
}

/**
 * @param testPaths whose test split is evaluated; empty means `paths`
 * @throws StudioError if a path holds no dataset, or the datasets do not fit together
 */
export function openData(paths: readonly string[], testPaths: readonly string[]): OpenData {
  if (paths.length === 0) throw new StudioError('bad_input', 'No dataset was given: name at least one in data_paths.');
  const stores = new Map<string, DatasetStore>();
  const close = (): void => stores.forEach((store) => store.close());
  try {
    const tests = testPaths.length > 0 ? testPaths : paths;
    for (const path of [...paths, ...tests]) if (!stores.has(path)) stores.set(path, DatasetStore.open(path));
    const [base] = stores.values();
    const opened = (path: string): DatasetStore => stores.get(path) as DatasetStore;
    const withTest = tests.filter((path) => opened(path).hasSplit('test'));
    if (testPaths.length > 0 && withTest.length < testPaths.length) {
      opened(testPaths.find((path) => !withTest.includes(path)) as string).split('test'); // throws: it has none
    }
    const first = base.hasSplit('train') ? base.split('train') : base.split('test');
    for (const store of stores.values()) refuseMisfit(base, first, store);
    const { renumberings, identifiers } = mergeIdentifiers([...stores.values()]);
    const merge = (list: readonly string[], name: SplitName): MergedSplit =>
      new MergedSplit(
        list.map((path) => ({ split: opened(path).split(name), renumbering: renumberings.get(opened(path)) ?? null })),
        identifiers,
      );
    return {
      kind: base.kind,
      rows: base.rows,
      columns: base.columns,
      numPuzzleIdentifiers: identifiers,
      train: merge(paths, 'train'),
      test: withTest.length > 0 ? merge(withTest, 'test') : null,
      stores,
      close,
    };
  } catch (error) {
    close();
    throw error;
  }
}

function refuseMisfit(base: DatasetStore, first: DatasetSplit, store: DatasetStore): void {
  for (const name of ['train', 'test'] as const) {
    if (!store.hasSplit(name)) continue;
    const { metadata } = store.split(name);
    for (const key of ['seq_len', 'vocab_size', 'pad_id', 'ignore_label_id', 'blank_identifier_id'] as const) {
      if (metadata[key] === first.metadata[key]) continue;
      throw new StudioError(
        'bad_input',
        `${store.path} does not fit ${base.path}: ${key} is ${metadata[key]} in its ${name} split and ${first.metadata[key]} there: train on datasets of one kind and canvas.`,
      );
    }
  }
}

/** Equal names share a row; the first dataset keeps its numbers. */
function mergeIdentifiers(stores: readonly DatasetStore[]): {
  renumberings: Map<DatasetStore, Renumbering>;
  identifiers: number;
} {
  const rows = (store: DatasetStore): number => {
    const name = store.hasSplit('train') ? 'train' : 'test';
    return store.split(name).metadata.num_puzzle_identifiers;
  };
  const renumberings = new Map<DatasetStore, Renumbering>();
  let identifiers = rows(stores[0]);
  const others = stores.slice(1).filter((store) => rows(store) > 1);
  if (others.length === 0) return { renumberings, identifiers };
  const byName = new Map<string, number>();
  const names = (store: DatasetStore): string[] => {
    const table = store.identifiers();
    if (!table || table.length < rows(store)) {
      throw new StudioError(
        'bad_input',
        `${store.path} has no identifiers.json with all its ${rows(store)} names, which joining datasets needs: train on it alone.`,
      );
    }
    return Array.from({ length: rows(store) }, (_, id) => table.name(id));
  };
  if (identifiers > 1) names(stores[0]).forEach((name, id) => byName.set(name, id));
  const { blank_identifier_id: blank } = stores[0].split(stores[0].hasSplit('train') ? 'train' : 'test').metadata;
  for (const store of others) {
    const merged = names(store).map((name, id) => {
      if (id === blank) return blank;
      const known = byName.get(name) ?? identifiers++;
      byName.set(name, known);
      return known;
    });
    renumberings.set(store, Int32Array.from(merged));
  }
  return { renumberings, identifiers };
}
