import { createHash } from 'node:crypto';
import { mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { buildFromCsv } from '../../src/core/data/csv-builder';
import { gatheredContent, type GatheredFile } from '../../src/core/data/gather';
import { LegacyRandom } from '../../src/core/data/numpy-random';
import { splitCsvLine } from '../../src/core/data/puzzle-csv';
import { recognise } from '../../src/core/data/recognise';
import { DatasetStore } from '../../src/core/data/store';
import type { DatasetMetadata, MazeCsvRecipe, SudokuCsvRecipe } from '../../src/shared/dataset';

const golden = resolve(import.meta.dirname, '../golden/csv');
/** Hashes of np.save's files (NumPy 2.4.6), by a few lines of Python that draw in the reference's order. */
const expected = JSON.parse(readFileSync(join(golden, 'expected.json'), 'utf8')) as Record<
  string,
  { args: (number | boolean | null)[]; files: Record<string, string> }
>;

let folder: string;
beforeEach(() => (folder = mkdtempSync(join(tmpdir(), 'trm-csv-'))));
afterEach(() => rmSync(folder, { recursive: true, force: true }));

const files = (kind: 'sudoku' | 'maze') => ({
  train_file: join(golden, kind, 'train.csv'),
  test_file: join(golden, kind, 'test.csv'),
  hold_out: 0,
  subsample_size: null,
  seed: 42,
});
const sudoku = (more: Partial<SudokuCsvRecipe> = {}): SudokuCsvRecipe => ({
  kind: 'sudoku-csv',
  ...files('sudoku'),
  min_difficulty: null,
  num_aug: 0,
  compact: false,
  ...more,
});
const maze = (more: Partial<MazeCsvRecipe> = {}): MazeCsvRecipe => ({
  kind: 'maze-csv',
  ...files('maze'),
  aug: false,
  ...more,
});
const sha256 = (file: string): string => createHash('sha256').update(readFileSync(file)).digest('hex');

describe('datasets from CSVs', () => {
  it.each(Object.entries(expected))('are NumPy’s byte for byte: %s', async (name, { args, files: hashes }) => {
    const [subsample_size, second, ...rest] = args as [number | null, never, ...never[]];
    const recipe = name.startsWith('sudoku')
      ? sudoku({ subsample_size, num_aug: second, min_difficulty: rest[0], seed: rest[1] })
      : maze({ subsample_size, aug: second, seed: rest[0] });
    const out = join(folder, 'out');
    await buildFromCsv(recipe, out);
    const ours = Object.fromEntries(Object.keys(hashes).map((file) => [file, sha256(join(out, file))]));
    expect(ours).toEqual(hashes);
    expect(Object.keys(hashes)).toHaveLength(10);
    const metadata = JSON.parse(readFileSync(join(out, 'train/dataset.json'), 'utf8')) as DatasetMetadata;
    // As the reference has it: total_puzzles counts groups, the mean is 1.
    expect(metadata.total_puzzles).toBe(metadata.total_groups);
    expect(metadata.mean_puzzle_examples).toBe(1);
    expect(readFileSync(join(out, 'identifiers.json'), 'utf8')).toBe('["<blank>"]');
  });

  it('open, whether their tokens are bytes or int64, and hold the same', async () => {
    const read = async (compact: boolean): Promise<string[]> => {
      const out = join(folder, String(compact));
      await buildFromCsv(sudoku({ num_aug: 2, subsample_size: 5, compact }), out);
      const store = DatasetStore.open(out);
      const { examples, groupIndices } = store.split('train');
      expect([examples, groupIndices.length - 1, store.kind, store.rows]).toEqual([15, 5, 'sudoku', 9]);
      const tokens = Array.from({ length: examples }, (_, index) => store.read({ split: 'train', index }));
      store.close();
      return tokens.map(({ input, label }) => `${input.join('')} ${label.join('')}`);
    };
    const [wide, narrow] = [await read(false), await read(true)];
    expect(wide).toEqual(narrow);
    expect(new Set(wide).size).toBe(15);
  });

  it('keep every augmented board a solution of its puzzle', async () => {
    const out = join(folder, 'out');
    await buildFromCsv(sudoku({ num_aug: 20, subsample_size: 3 }), out);
    const store = DatasetStore.open(out);
    for (let index = 0; index < 63; index++) {
      const { input, label } = store.read({ split: 'train', index });
      const units = Array.from({ length: 27 }, (_, u) =>
        Array.from({ length: 9 }, (_, k) => {
          const at = u < 9 ? u * 9 + k : u < 18 ? k * 9 + (u - 9) : box(u - 18, k);
          return label[at];
        }),
      );
      for (const unit of units) expect(unit.sort((a, b) => a - b)).toEqual([2, 3, 4, 5, 6, 7, 8, 9, 10]);
      input.forEach((token, s) => token > 1 && expect(token).toBe(label[s]));
    }
    store.close();
    function box(b: number, k: number): number {
      return (Math.floor(b / 3) * 3 + Math.floor(k / 3)) * 9 + (b % 3) * 3 + (k % 3);
    }
  });

  it('hold puzzles of the training file out where there is no test file', async () => {
    const out = join(folder, 'out');
    await buildFromCsv(sudoku({ test_file: null, hold_out: 6 }), out);
    const rows = readFileSync(join(golden, 'sudoku/train.csv'), 'utf8').trim().split('\r\n').slice(1);
    const store = DatasetStore.open(out);
    expect([store.split('train').examples, store.split('test').examples]).toEqual([34, 6]);
    const last = store.read({ split: 'test', index: 5 });
    expect(Array.from(last.label, (token) => token - 1).join('')).toBe(rows[39].split(',')[2]);
    store.close();
  });

  it('may have no test split', async () => {
    await buildFromCsv(maze({ test_file: null }), join(folder, 'out'));
    expect(DatasetStore.open(join(folder, 'out')).hasSplit('test')).toBe(false);
  });

  const good = '0'.repeat(81);
  const solved = '123456789'.repeat(9);
  const csv = (...rows: string[]): string => {
    const path = join(folder, 'train.csv');
    writeFileSync(path, ['source,q,a,rating', ...rows].join('\n'));
    return path;
  };
  it.each([
    ['a short puzzle', () => csv(`x,${good.slice(1)},${solved},1`), /train\.csv: line 2, q has 80 characters instead of 81/],
    ['a letter', () => csv(`x,${good},${solved},1`, `x,x${good.slice(1)},${solved},1`), /line 3, q, character 1 is "x": use the digits 1 to 9, and 0 or "\." for a blank\.$/],
    ['a solution with a blank', () => csv(`x,${good},${solved.slice(1)}.,1`), /line 2, a, character 81 is "\.": use the digits 1 to 9\.$/],
    ['a solution that contradicts its puzzle', () => csv(`x,${good.slice(1)}9,${solved.slice(1)}1,1`), /line 2, row 9, column 9: q gives 9 and a answers 1: mend or remove the line\.$/],
    ['a rating that is none', () => csv(`x,${good},${solved},hard`), /line 2, rating is "hard": use a whole number/],
    ['a field too many', () => csv(`x,${good},${solved},1,2`), /line 2 has 5 fields where line 1 names 4/],
    ['no header', () => (writeFileSync(join(folder, 'train.csv'), `x,${good},${solved},1\n`), join(folder, 'train.csv')), /line 1 is "x,0+.*where the columns should be named: begin the file with source,q,a,rating/],
    ['no rows', () => csv(), /train\.csv holds no puzzle with a rating of 1 or more/],
    ['an empty file', () => (writeFileSync(join(folder, 'train.csv'), ''), join(folder, 'train.csv')), /train\.csv is empty/],
    ['a file that is not there', () => join(folder, 'none.csv'), /ENOENT/],
  ])('refuse %s and leave nothing behind', async (_, make, message) => {
    const recipe = sudoku({ train_file: make(), test_file: null, min_difficulty: 1 });
    await expect(buildFromCsv(recipe, join(folder, 'out'))).rejects.toThrow(message);
    expect(readdirSync(folder).filter((name) => name !== 'train.csv')).toEqual([]);
  }); // prettier-ignore

  it.each([
    ['no square', 'x, ####,#####,1', /line 2, q has 5 characters, which make no square/],
    ['another size', `x,${'#'.repeat(9)},${'#'.repeat(9)},1\nx,####,####,1`, /line 3, q has 4 characters instead of 9/],
    ['another character', 'x,##X#,####,1', /line 2, q, character 3 is "X": use "#" \(wall\)/],
  ])('refuse a maze of %s', async (_, row, message) => {
    await expect(buildFromCsv(maze({ train_file: csv(row), test_file: null }), join(folder, 'out'))).rejects.toThrow(message);
  }); // prettier-ignore

  it('can be cancelled', async () => {
    const abort = new AbortController();
    const options = { signal: abort.signal, progress: () => abort.abort(), sliceMs: 0 };
    await expect(buildFromCsv(sudoku(), join(folder, 'out'), options)).rejects.toMatchObject({ code: 'cancelled' });
    expect(readdirSync(folder)).toEqual([]);
  });
});

it('splits lines as Python’s csv does', () => {
  expect(splitCsvLine('a,"b,""c""",,d')).toEqual(['a', 'b,"c"', '', 'd']);
  expect(splitCsvLine('a,b')).toEqual(['a', 'b']);
});

it('draws rand and choice as NumPy', () => {
  // np.random.seed(42); rand(), rand(), choice(10, 4, replace=False), rand() by NumPy 2.4.6.
  const random = new LegacyRandom(42);
  expect([random.rand(), random.rand()]).toEqual([0.3745401188473625, 0.9507143064099162]);
  expect(Array.from(random.choice(10, 4))).toEqual([3, 9, 0, 8]);
  expect(random.rand()).toBe(0.14286681792194078);
});

describe('a large CSV', () => {
  /** The rows of the golden file again and again: some megabytes. */
  const large = (): string => {
    const [head, ...rows] = readFileSync(join(golden, 'sudoku/train.csv'), 'utf8').trim().split(/\r?\n/);
    const path = join(folder, 'large.csv');
    writeFileSync(path, [head, ...Array.from({ length: 40_000 }, (_, i) => rows[i % rows.length])].join('\n'));
    return path;
  };

  it('lets others run while a sample is drawn, and ends at once when it is cancelled there', async () => {
    const recipe = sudoku({ train_file: large(), test_file: null, hold_out: 10, subsample_size: 5 });
    const abort = new AbortController();
    let turns = 0;
    let read = 0;
    const after: string[] = [];
    const turn = (): void => {
      turns++;
      if (!abort.signal.aborted) setImmediate(turn);
    };
    const building = buildFromCsv(recipe, join(folder, 'out'), {
      signal: abort.signal,
      sliceMs: 1,
      progress: (_done, _total, what) => {
        if (abort.signal.aborted) after.push(what);
        if (what !== 'bytes read') return;
        if (read++ === 0) setImmediate(turn);
        if (read === 5) abort.abort();
      },
    });
    await expect(building).rejects.toMatchObject({ code: 'cancelled' });
    expect(turns).toBeGreaterThanOrEqual(3);
    expect(after).toEqual([]);
    expect(readdirSync(folder)).toEqual(['large.csv']);
  });

  it('that is in memory lets others run while it is looked through, and can be cancelled there', async () => {
    const file = gatheredContent('large.csv', readFileSync(large()));
    const abort = new AbortController();
    let turns = 0;
    const turn = (): void => {
      if (++turns === 5) abort.abort();
      else setImmediate(turn);
    };
    const looking = recognise([file as GatheredFile], [], { signal: abort.signal, sliceMs: 1 });
    setImmediate(turn);
    await expect(looking).rejects.toMatchObject({ code: 'cancelled' });
  });
});
