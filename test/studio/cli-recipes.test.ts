import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { chosenSource, csvSource } from '../../src/cli/commands/build-csv';
import { mazeRecipe } from '../../src/cli/commands/build-maze';

let folder: string;
beforeAll(() => {
  folder = mkdtempSync(join(tmpdir(), 'trm-recipes-'));
  mkdirSync(join(folder, 'both'));
  for (const file of ['both/train.csv', 'both/test.csv', 'alone.csv'])
    writeFileSync(join(folder, file), 'source,q,a,rating\n');
});
afterAll(() => rmSync(folder, { recursive: true, force: true }));

describe('the source of a build', () => {
  const both = () => ({ train_file: join(folder, 'both/train.csv'), test_file: join(folder, 'both/test.csv') });

  it('is a folder, train.csv with the test.csv beside it, or one file', () => {
    expect(csvSource({ source: join(folder, 'both'), seed: '42' })).toMatchObject({ ...both(), hold_out: 0, seed: 42 });
    expect(csvSource({ source: join(folder, 'both/train.csv'), seed: '1' })).toMatchObject(both());
    const alone = join(folder, 'alone.csv');
    expect(csvSource({ source: alone, seed: '1' })).toMatchObject({ train_file: alone, test_file: null });
    expect(csvSource({ source: alone, test: '7', seed: '1' })).toMatchObject({ test_file: null, hold_out: 7 });
    expect(csvSource({ source: alone, testSource: both().test_file, subsampleSize: '9', seed: '1' })).toMatchObject({
      test_file: both().test_file,
      subsample_size: 9,
    });
  });

  it.each<[string, () => unknown, RegExp]>([
    ['neither', () => chosenSource({ seed: '1' }, 'x'), /^Give either --source FILE\.csv .* or --generate N, such as x\.$/],
    ['both', () => chosenSource({ source: 'a', generate: '1', seed: '1' }, 'x'), /^Give either/],
    ['a download', () => chosenSource({ sourceRepo: 'sapientinc/x', seed: '1' }, 'x'), /^--source-repo sapientinc\/x: nothing is downloaded here/],
    ['nothing there', () => csvSource({ source: join(folder, 'none.csv'), seed: '1' }), /none\.csv does not exist/],
    ['a folder without', () => csvSource({ source: folder, seed: '1' }), /holds no train\.csv/],
    ['two test sets', () => csvSource({ source: join(folder, 'alone.csv'), test: '1', testSource: 'x', seed: '1' }), /give it or --test-source FILE\.csv, not both/],
    ['size with a CSV', () => mazeRecipe({ source: folder, size: '9', aug: false, seed: '1' }), /^--size is for generated mazes/],
    ['aug without a CSV', () => mazeRecipe({ generate: '9', aug: true, seed: '1' }), /^--aug is for mazes from a CSV/],
    ['a size that is none', () => mazeRecipe({ generate: '9', size: 'big', aug: false, seed: '1' }), /^--size is big: use a number such as 12/],
    ['a size beyond', () => mazeRecipe({ generate: '9', size: '31', aug: false, seed: '1' }), /--size/],
    ['a path beyond', () => mazeRecipe({ generate: '9', size: '5', minPath: '30', aug: false, seed: '1' }), /^min_path is 30, and a 5×5 maze/],
  ])('is refused: %s', (_, act, message) => {
    expect(act).toThrow(message);
  }); // prettier-ignore
});

describe('generated mazes', () => {
  it('have a size, a tenth as many test mazes, and a path that must wind', () => {
    expect(mazeRecipe({ generate: '1000', size: '10x20', aug: false, seed: '3' })).toEqual({
      kind: 'maze',
      rows: 10,
      columns: 20,
      train: 1000,
      test: 100,
      min_path: 30,
      seed: 3,
    });
    expect(mazeRecipe({ generate: '10', size: '4', test: '5', aug: false, seed: '3' })).toMatchObject({ rows: 4, columns: 4, test: 5, min_path: 4 });
  }); // prettier-ignore
});
