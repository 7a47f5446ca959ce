import { mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { buildMaze } from '../../src/core/data/maze-builder';
import { MazeGenerator, shortestPaths } from '../../src/core/data/maze-generator';
import { DatasetStore } from '../../src/core/data/store';
import { Random } from '../../src/core/lib/random';
import type { MazeRecipe } from '../../src/shared/dataset';

let folder: string;
beforeEach(() => (folder = mkdtempSync(join(tmpdir(), 'trm-maze-'))));
afterEach(() => rmSync(folder, { recursive: true, force: true }));

const recipe = (more: Partial<MazeRecipe> = {}): MazeRecipe => ({
  kind: 'maze',
  rows: 8,
  columns: 8,
  train: 20,
  test: 5,
  min_path: 12,
  seed: 1,
  ...more,
});

/** From a drawing in the reference's characters. */
const drawn = (text: string): Uint8Array => Uint8Array.from(text, (c) => '# SGo'.indexOf(c) + 1);

describe('the number of shortest paths', () => {
  it.each([
    ['S  ' + '## ' + 'G  ', 6, 1],
    ['S  ' + ' # ' + '  G', 4, 2],
    ['S #' + '###' + '  G', -1, 0],
    ['SG ' + '   ' + '   ', 1, 1],
  ])('in %j', (text, steps, paths) => {
    expect(shortestPaths(3, 3, drawn(text))).toEqual({ steps, paths });
  });
});

describe('generated mazes', () => {
  it.each([
    [3, 3, 3],
    [5, 9, 8],
    [10, 10, 20],
    [30, 30, 100],
  ])('of %i×%i have one shortest path of at least %i steps, and the solution is it', (rows, columns, least) => {
    const generator = new MazeGenerator(rows, columns, new Random(3, 'test'));
    let made = 0;
    for (let n = 0; n < 60; n++) {
      const maze = generator.attempt(least);
      if (!maze) continue;
      made++;
      expect(maze.steps).toBeGreaterThanOrEqual(least);
      expect(shortestPaths(rows, columns, maze.puzzle)).toEqual({ steps: maze.steps, paths: 1 });
      // Path cells only: the way from start to goal through them is as long, so no cell is missing or too many.
      const path = maze.solution.filter((token) => token === 5).length;
      expect(path).toBe(maze.steps - 1);
      const only = maze.solution.map((token) => (token === 2 ? 1 : token));
      expect(shortestPaths(rows, columns, only)).toEqual({ steps: maze.steps, paths: 1 });
      const without = maze.solution.map((token) => (token === 5 ? 2 : token));
      expect(without).toEqual(maze.puzzle);
    }
    expect(made).toBeGreaterThan(20);
  });

  it('have detours: some cell can be reached in two ways', () => {
    const generator = new MazeGenerator(20, 20, new Random(5, 'test'));
    let loops = 0;
    for (let n = 0; n < 10; n++) {
      const { puzzle } = generator.attempt(10) as { puzzle: Uint8Array };
      const open = (i: number): boolean => puzzle[i] !== 1;
      let cells = 0;
      let doors = 0;
      for (let i = 0; i < 400; i++) {
        if (!open(i)) continue;
        cells++;
        if (i % 20 < 19 && open(i + 1)) doors++;
        if (i < 380 && open(i + 20)) doors++;
      }
      loops += doors - (cells - 1); // a tree has one door less than cells
    }
    expect(loops).toBeGreaterThan(10);
  });
});

describe('maze datasets', () => {
  it('open as they are, hold what the recipe says, and depend on the seed alone', async () => {
    const bytes: Buffer[] = [];
    for (const seed of [1, 1, 2]) {
      const out = join(folder, `out${bytes.length}`);
      await buildMaze(recipe({ rows: 7, columns: 10, seed }), out);
      bytes.push(readFileSync(join(out, 'train/all__inputs.npy')));
    }
    expect(bytes[0].equals(bytes[1])).toBe(true);
    expect(bytes[0].equals(bytes[2])).toBe(false);
    const store = DatasetStore.open(join(folder, 'out0'));
    expect([
      store.kind,
      store.rows,
      store.columns,
      store.split('train').examples,
      store.split('test').examples,
    ]).toEqual(['maze', 7, 10, 20, 5]);
    expect(store.split('train').metadata).toMatchObject({ vocab_size: 6, seq_len: 70, num_puzzle_identifiers: 1 });
    const seen = new Set<string>();
    for (const split of ['train', 'test'] as const) {
      for (let index = 0; index < store.split(split).examples; index++) {
        const { input } = store.read({ split, index });
        expect(shortestPaths(7, 10, input)).toMatchObject({ paths: 1 });
        seen.add(input.join());
      }
    }
    expect(seen.size).toBe(25);
    store.close();
  });

  it.each([
    [{ min_path: 60 }, /^min_path is 60, and a 8×8 maze has no shortest path of more than about 43 steps: ask for a shorter one\.$/],
    [{ rows: 3, columns: 3, min_path: 6 }, /^No 3×3 maze with a shortest path of 6 steps or more was found in 3000 attempts/],
    [{ rows: 3, columns: 3, min_path: 1, train: 5000 }, /^After \d+ mazes no further 3×3 maze could be found/],
  ])('refuse %j and leave nothing behind', async (more, message) => {
    await expect(buildMaze(recipe(more), join(folder, 'out'))).rejects.toThrow(message);
    expect(readdirSync(folder)).toEqual([]);
  }); // prettier-ignore
});
