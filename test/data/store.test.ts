import { cpSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { decodeCanvas } from '../../src/shared/arc-canvas';
import { unflattenGrid } from '../../src/shared/arc-grid';
import { readKaggleSubset } from '../../src/core/arc/kaggle';
import { listUnaugmented } from '../../src/core/data/listing';
import { IdentifierTable } from '../../src/core/data/identifiers';
import { openData, spreadExamples } from '../../src/core/data/merged';
import { writeNpy } from '../../src/core/data/npy';
import { DatasetStore } from '../../src/core/data/store';
import { BLANK_NAME } from '../../src/core/data/split-writer';

const tiny = resolve(import.meta.dirname, '../golden/arc-tiny');
const expected = join(tiny, 'expected');

describe('a dataset of the reference’s builder', () => {
  let store: DatasetStore;
  beforeAll(() => (store = DatasetStore.open(expected)));
  afterAll(() => store.close());

  it('is opened without a sidecar', () => {
    expect([store.kind, store.rows, store.columns, store.sidecar]).toEqual(['arc', 30, 30, null]);
    expect(store.split('train').metadata).toMatchObject({
      total_groups: 12,
      total_puzzles: 48,
      num_puzzle_identifiers: 49,
    });
    expect(store.split('train').examples).toBe(184);
    expect(store.split('test').examples).toBe(16);
  });

  it('finds the puzzle of every example', () => {
    const { puzzleIndices, puzzleOf } = store.split('train');
    const split = store.split('train');
    for (let p = 0; p + 1 < puzzleIndices.length; p++) {
      for (let e = puzzleIndices[p]; e < puzzleIndices[p + 1]; e++) expect(puzzleOf.call(split, e)).toBe(p);
    }
  });

  it('lists the unaugmented examples with their names, grids as in the tasks', async () => {
    const tasks = await readKaggleSubset(join(tiny, 'arc-agi'), 'evaluation');
    const { total, examples } = listUnaugmented(store, 'test');
    expect(total).toBe(4);
    expect(new Set(examples.map((e) => e.puzzle))).toEqual(new Set(tasks.map((t) => t.name)));
    for (const { example, puzzle } of examples) {
      const { input, label } = store.read(example);
      const [pair] = tasks.find((t) => t.name === puzzle)?.test ?? [];
      const grids = [input, label].map((tokens) => decodeCanvas(tokens, 30)?.grid);
      expect(grids.map((g) => g && unflattenGrid(g))).toEqual([pair.input, pair.output]);
    }
  });

  it('pages and searches the list', () => {
    const all = listUnaugmented(store, 'train', { limit: 500 });
    expect(all.examples).toHaveLength(all.total);
    expect(all.examples.every((e) => !e.puzzle.includes('|||'))).toBe(true);
    const pages = [0, 7, 14, 21, 28, 35, 42, 49].flatMap(
      (offset) => listUnaugmented(store, 'train', { offset, limit: 7 }).examples,
    );
    expect(pages).toEqual(all.examples);
    const wanted = all.examples.filter((e) => e.puzzle === '007bbfb7');
    const found = listUnaugmented(store, 'train', { search: ' 007BBF' });
    expect(found).toEqual({ total: wanted.length, examples: wanted });
    expect(wanted.length).toBeGreaterThan(1);
    expect(listUnaugmented(store, 'train', { search: '007bbf', offset: 1, limit: 1 })).toEqual({
      total: wanted.length,
      examples: [wanted[1]],
    });
    expect(listUnaugmented(store, 'train', { search: 'nothing' })).toEqual({ total: 0, examples: [] });
  });

  it('names augmented examples too', () => {
    const names = JSON.parse(readFileSync(join(expected, 'identifiers.json'), 'utf8')) as string[];
    const split = store.split('train');
    for (let p = 0; p < split.metadata.total_puzzles; p++) {
      const index = split.puzzleIndices[p];
      expect(store.puzzleName({ split: 'train', index })).toBe(names[split.puzzleIdentifiers[p]]);
    }
  });

  it('refuses an example that is not there', () => {
    for (const index of [16, -1, NaN]) expect(() => store.read({ split: 'test', index })).toThrow('the test split of');
  });

  it('fills batches, with −100 for what has no label and blank rows at the end', () => {
    const data = openData([expected], []);
    const batches = [...(data.test?.batches(6) ?? [])];
    expect(batches.map((b) => [b.size, b.filled])).toEqual([[6, 6], [6, 6], [6, 4]]); // prettier-ignore
    const { label, input } = store.read({ split: 'test', index: 13 });
    const last = batches[2];
    expect(Array.from(last.inputs.subarray(900, 1800))).toEqual(Array.from(input));
    expect(Array.from(last.labels.subarray(900, 1800))).toEqual(Array.from(label, (t) => t || -100));
    expect(last.puzzle_identifiers[1]).toBe(store.split('test').puzzleIdentifiers[13]);
    expect(last.inputs.subarray(3600).every((t) => t === 0)).toBe(true);
    expect(last.labels.subarray(3600).every((t) => t === -100)).toBe(true);
    expect(Array.from(last.puzzle_identifiers.subarray(4))).toEqual([0, 0]);
    expect([...(data.test?.batches(2, [3, 5, 8]) ?? [])].map((b) => b.filled)).toEqual([2, 1]);
    data.close();
  });
});

it('examples are spread evenly', () => {
  expect(Array.from(spreadExamples(10, 4))).toEqual([0, 2, 5, 7]);
  expect(Array.from(spreadExamples(3, 0))).toEqual([0, 1, 2]);
  expect(Array.from(spreadExamples(3, 9))).toEqual([0, 1, 2]);
});

describe('several datasets', () => {
  let folder: string;
  beforeEach(() => (folder = mkdtempSync(join(tmpdir(), 'trm-merged-'))));
  afterEach(() => rmSync(folder, { recursive: true, force: true }));

  /** 2×2 canvases; example e of a dataset holds the token `first + e` everywhere. */
  function make(
    name: string,
    names: string[],
    puzzles: { id: number; examples: number }[],
    first: number,
    more = {},
  ): string {
    const path = join(folder, name);
    for (const split of ['train', 'test']) {
      cpSync(join(expected, 'test'), join(path, split), { recursive: true });
      const total = puzzles.reduce((sum, p) => sum + p.examples, 0);
      const tokens = Uint8Array.from({ length: total * 4 }, (_, i) => first + (i >> 2));
      const write = (field: string, type: '|u1' | '<i4', shape: number[], data: Uint8Array | Int32Array): void => {
        rmSync(join(path, split, `all__${field}.npy`));
        writeNpy(join(path, split, `all__${field}.npy`), type, shape, data);
      };
      let end = 0;
      write('inputs', '|u1', [total, 4], tokens);
      write('labels', '|u1', [total, 4], tokens);
      write(
        'puzzle_identifiers',
        '<i4',
        [puzzles.length],
        Int32Array.from(puzzles, (p) => p.id),
      );
      write(
        'puzzle_indices',
        '<i4',
        [puzzles.length + 1],
        Int32Array.from([0, ...puzzles.map((p) => (end += p.examples))]),
      );
      write(
        'group_indices',
        '<i4',
        [puzzles.length + 1],
        Int32Array.from({ length: puzzles.length + 1 }, (_, i) => i),
      );
      const metadata = { pad_id: 0, ignore_label_id: 0, blank_identifier_id: 0, vocab_size: 12, seq_len: 4, num_puzzle_identifiers: names.length, total_groups: puzzles.length, mean_puzzle_examples: total / puzzles.length, total_puzzles: puzzles.length, sets: ['all'], ...more }; // prettier-ignore
      writeFileSync(join(path, split, 'dataset.json'), JSON.stringify(metadata));
    }
    writeFileSync(join(path, 'identifiers.json'), JSON.stringify(names));
    return path;
  }

  it('are numbered through, and share embedding rows by name', () => {
    const a = make('a', [BLANK_NAME, 'x', 'y'], [{ id: 1, examples: 2 }, { id: 2, examples: 1 }], 2); // prettier-ignore
    const b = make('b', [BLANK_NAME, 'z', 'x'], [{ id: 1, examples: 1 }, { id: 2, examples: 3 }], 5); // prettier-ignore
    const data = openData([a, b], [b]);
    const { train, test } = data;
    expect(data.numPuzzleIdentifiers).toBe(4); // blank, x, y, z
    expect(train.metadata).toMatchObject({
      total_groups: 4,
      total_puzzles: 4,
      mean_puzzle_examples: 7 / 4,
      num_puzzle_identifiers: 4,
    });
    expect(Array.from({ length: 7 }, (_, e) => train.identifierOf(e))).toEqual([1, 1, 2, 3, 1, 1, 1]);
    expect(Array.from({ length: 4 }, (_, e) => test?.identifierOf(e))).toEqual([3, 1, 1, 1]);
    expect([0, 1, 2, 3].map((g) => train.puzzleExamples(train.groupPuzzles(g)[0]))).toEqual([[0, 2], [2, 3], [3, 4], [4, 7]]); // prettier-ignore
    const batch = train.batch([6, 0, 3], 4);
    expect(Array.from(batch.inputs)).toEqual([8, 8, 8, 8, 2, 2, 2, 2, 5, 5, 5, 5, 0, 0, 0, 0]);
    expect(Array.from(batch.puzzle_identifiers)).toEqual([1, 1, 3, 0]);
    data.close();
  });

  it('are refused if they do not fit together', () => {
    const a = make('a', [BLANK_NAME, 'x'], [{ id: 1, examples: 2 }], 2);
    const b = make('b', [BLANK_NAME, 'x'], [{ id: 1, examples: 2 }], 2, { vocab_size: 11 });
    writeFileSync(
      join(b, 'studio.json'),
      JSON.stringify({ schema: 1, kind: 'arc', rows: 2, columns: 2, recipe: null, shortfalls: [], left_out: [] }),
    );
    expect(() => openData([a, b], [])).toThrow(
      `${b} does not fit ${a}: vocab_size is 11 in its train split and 12 there`,
    );
    expect(() => openData([], [])).toThrow('No dataset was given');
    expect(() => openData([join(folder, 'none')], [])).toThrow('ENOENT');
    rmSync(join(a, 'test'), { recursive: true });
    expect(openData([a], []).test).toBeNull();
    expect(() => openData([a], [a])).toThrow('has no test split');
  });
});

describe('a damaged dataset is refused with a sentence', () => {
  let folder: string;
  beforeEach(() => {
    folder = mkdtempSync(join(tmpdir(), 'trm-damaged-'));
    cpSync(expected, folder, { recursive: true });
  });
  afterEach(() => rmSync(folder, { recursive: true, force: true }));

  const edit = (key: string, value: unknown): void => {
    const file = join(folder, 'train/dataset.json');
    writeFileSync(file, JSON.stringify({ ...(JSON.parse(readFileSync(file, 'utf8')) as object), [key]: value }));
  };
  const array = (field: string, data: Int32Array | Uint8Array, shape = [data.length]): void => {
    const file = join(folder, `train/all__${field}.npy`);
    rmSync(file);
    writeNpy(file, data instanceof Int32Array ? '<i4' : '|u1', shape, data);
  };
  const fault = (): string => {
    try {
      const store = DatasetStore.open(folder);
      const split = store.split('train');
      const [input, label] = [new Uint8Array(split.metadata.seq_len), new Uint8Array(split.metadata.seq_len)];
      for (let i = 0; i < split.examples; i++) split.read(i, input, label);
      store.close();
    } catch (error) {
      expect(['damaged', 'bad_input', 'not_found', 'newer_version']).toContain((error as { code: string }).code);
      return (error as Error).message;
    }
    return 'fine';
  };

  it.each<[string, () => void, string | RegExp]>([
    ['nothing', () => undefined, 'fine'],
    ['seq_len', () => edit('seq_len', 'long'), /dataset\.json: seq_len is "long"/],
    ['vocab_size', () => edit('vocab_size', 0), /vocab_size is 0/],
    ['sets', () => edit('sets', ['a', 'b']), /sets is \["a","b"\]/],
    ['total_groups', () => edit('total_groups', 13), /group_indices\.npy has 12 entries after the first, and dataset\.json says total_groups 13/],
    ['an unknown puzzle', () => edit('vocab_size', 77), /77 tokens on 900 places is no puzzle that is known here/],
    ['other seq_len', () => edit('seq_len', 841), /all__inputs\.npy has the shape 184×900, and dataset\.json \(seq_len 841\) and the inputs ask for 184×841/],
    ['identifiers', () => array('puzzle_identifiers', new Int32Array(48).fill(49)), /entry 0 is 49, and there are 49 identifiers/],
    ['falling indices', () => array('group_indices', Int32Array.from([0, 5, 4, 48])), /group_indices\.npy: entry 2 is 4, which does not exceed the one before it, 5/],
    ['indices past the end', () => array('puzzle_indices', Int32Array.from([0, 200, 300])), /puzzle_indices\.npy: entry 1 is 200, and there are 184 examples/],
    ['indices that begin late', () => array('group_indices', Int32Array.from([1, 48])), /group_indices\.npy begins with 1 instead of 0/],
    ['no indices', () => array('group_indices', Int32Array.from([])), /group_indices\.npy has 0 entries, and the least is 2/],
    ['a missing field', () => edit('seq_len', undefined), /dataset\.json: seq_len is missing: build the dataset again/],
    ['short indices', () => array('puzzle_indices', Int32Array.from([0, 5])), /puzzle_indices\.npy ends with 5, and there are 184 examples/],
    ['tokens', () => array('labels', new Uint8Array(184 * 900).fill(12), [184, 900]), /labels\.npy: example 0 holds the token 12 at place 0, and vocab_size is 12/],
    ['no JSON', () => writeFileSync(join(folder, 'train/dataset.json'), '{'), /dataset\.json is not JSON: it ends too early/],
    ['a later sidecar', () => writeFileSync(join(folder, 'studio.json'), '{"schema": 2}'), /written by a later TRM Studio \(format 2\)/],
    ['a foreign sidecar', () => writeFileSync(join(folder, 'studio.json'), '{"schema": 1}'), /studio\.json: kind is missing/],
    ['no dataset', () => ['train', 'test'].forEach((s) => rmSync(join(folder, s), { recursive: true })), /holds no dataset/],
  ])('%s', (_, damage, message) => {
    damage();
    expect(fault()).toMatch(message);
  }); // prettier-ignore

  it('a folder of the first builders, without total_puzzles, is read', () => {
    edit('total_puzzles', undefined);
    const store = DatasetStore.open(folder);
    expect(store.split('train').metadata.total_puzzles).toBe(48);
    store.close();
  });
});

describe('identifiers.json', () => {
  let folder: string;
  beforeAll(() => (folder = mkdtempSync(join(tmpdir(), 'trm-names-'))));
  afterAll(() => rmSync(folder, { recursive: true, force: true }));
  const read = (text: string): IdentifierTable => {
    writeFileSync(join(folder, 'i.json'), text);
    return IdentifierTable.read(join(folder, 'i.json'));
  };

  it('is read as JSON.parse reads it', () => {
    const names = [BLANK_NAME, 'a"b\\', 'é😀', '', 'c,]d', ...Array.from({ length: 5000 }, (_, i) => `n${i}`)];
    for (const text of [
      JSON.stringify(names),
      JSON.stringify(names, null, 2),
      ` ${JSON.stringify(names).replace('é', '\\u00e9')}\n`,
    ]) {
      const table = read(text);
      expect(Array.from({ length: table.length }, (_, i) => table.name(i))).toEqual(names);
    }
    expect(read('[]').length).toBe(0);
    expect(() => read('["a"]').name(1)).toThrow(RangeError);
  });

  it.each(['', '{}', '[1]', '["a"', '["a" "b"]', '["a",]', '["a"] x', '["a', '["a\\'])('%j is refused', (text) => {
    expect(() => read(text)).toThrow('is not a list of names');
  });
});
