import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { buildArc } from '../../src/core/data/arc-builder';
import { findLeaks } from '../../src/core/data/leaks';
import { listFiles, splitStatistics } from '../../src/core/data/statistics';
import { SplitWriter } from '../../src/core/data/split-writer';
import { DatasetStore } from '../../src/core/data/store';
import type { Task } from '../../src/shared/arc';
import { flattenGrid, transformGrid, unflattenGrid } from '../../src/shared/arc-grid';

const tiny = resolve(import.meta.dirname, '../golden/arc-tiny/expected');
let folder: string;
beforeAll(() => (folder = mkdtempSync(join(tmpdir(), 'trm-report-'))));
afterAll(() => rmSync(folder, { recursive: true, force: true }));

const turn = (grid: number[][]): number[][] => unflattenGrid(transformGrid(flattenGrid(grid), 3));
const grid = (k: number): number[][] => [[k, 0, 1], [2, k, (k * 7) % 10]]; // prettier-ignore
const pair = (k: number) => ({ input: grid(k), output: grid(k + 1) });

describe('statistics', () => {
  it('of arc-tiny are those of its files', async () => {
    const store = DatasetStore.open(tiny);
    const train = await splitStatistics(store, 'train');
    // 12 tasks with 3 augmentations each; 184 examples in all, so 46 unaugmented ones.
    expect(train).toMatchObject({ split: 'train', examples: 184, puzzles: 48, groups: 12, looked_at: 46 });
    expect(train.puzzles_per_group).toEqual([[4, 12]]);
    const puzzles = train.examples_per_puzzle.reduce((sum, [, n]) => sum + n, 0);
    const examples = train.examples_per_puzzle.reduce((sum, [size, n]) => sum + size * n, 0);
    expect([puzzles, examples]).toEqual([48, 184]);
    expect(train.input_sizes.reduce((sum, { count }) => sum + count, 0)).toBe(46);
    expect(train.input_sizes.every(({ rows, columns }) => rows >= 1 && rows <= 30 && columns <= 30)).toBe(true);
    expect(train.tokens).toHaveLength(12);
    expect(train.tokens[2]).toBeGreaterThan(0);
    expect(Math.max(...train.tokens)).toBeLessThanOrEqual(46);
    store.close();
    const files = listFiles(tiny);
    expect(files.map((f) => f.name)).toContain('train/all__inputs.npy');
    expect(files[0].bytes).toBe(184 * 900 + 128);
  });
});

describe('leaks', () => {
  it('are found in ARC data, as they are and turned, and named', async () => {
    const tasks = (...list: [string, number[], number][]): Task[] =>
      list.map(([name, train, test]) => ({ name, train: train.map(pair), test: [pair(test)] }));
    const turned: Task = { name: 'turned', train: [pair(31)], test: [{ input: turn(grid(4)), output: turn(grid(5)) }] };
    const subsets = [
      { name: 'training', tasks: [...tasks(['same', [1, 2], 3]), turned] },
      { name: 'evaluation', tasks: tasks(['e1', [11], 3], ['e2', [12], 4], ['e3', [13], 6]) },
    ];
    const out = join(folder, 'arc');
    const recipe = { kind: 'arc' as const, subsets: ['training', 'evaluation'], test_set: 'evaluation', num_aug: 2, canvas: 6, seed: 1 }; // prettier-ignore
    await buildArc(recipe, subsets, out);
    const store = DatasetStore.open(out);
    const { tested, found, examples } = await findLeaks(store);
    expect([tested, found]).toEqual([3, 2]);
    expect(examples.map(({ puzzle, how, train_puzzle }) => [puzzle, how, train_puzzle])).toEqual([
      ['e1', 'same', 'same'],
      ['e2', 'transformed', 'turned'],
    ]);
    store.close();
  });

  it('are found on boards, token by token', async () => {
    const out = join(folder, 'boards');
    const boards = { train: [[1, 2, 3, 4], [4, 3, 2, 1]], test: [[4, 3, 2, 1], [1, 1, 2, 2]] }; // prettier-ignore
    for (const split of ['train', 'test'] as const) {
      const shape = { examples: 2, puzzles: 2, groups: 2, seqLen: 16, vocabSize: 6, numPuzzleIdentifiers: 1 };
      const writer = new SplitWriter(join(out, split), shape);
      for (const row of boards[split]) {
        const tokens = [row, row, row, row].flat();
        await writer.example(tokens, tokens);
        writer.endPuzzle(0);
        writer.endGroup();
      }
      await writer.finish();
    }
    const store = DatasetStore.open(out);
    expect(await findLeaks(store)).toMatchObject({
      tested: 2,
      found: 1,
      examples: [
        { puzzle: 'test 0', how: 'same', train_puzzle: 'train 1', train_example: { split: 'train', index: 1 } },
      ],
    });
    store.close();
  });

  it('need both splits', async () => {
    const store = DatasetStore.open(tiny);
    expect((await findLeaks(store)).tested).toBeGreaterThan(0);
    store.close();
  });
});
