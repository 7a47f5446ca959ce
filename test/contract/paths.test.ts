import { readdirSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { METHODS, type MethodName } from '../../src/shared/contract';
import { isWholePath, relativeSentence } from '../../src/shared/contract/path';
import { defaultConfig } from '../../src/shared/config';
import { openStudio, type Studio } from '../../src/studio/studio';
import { freshFolder } from '../studio/home';
import { ScriptedCompute } from '../studio/scripted-compute';

let studio: Studio;
beforeAll(async () => {
  studio = await openStudio({
    home: join(freshFolder(), 'home'),
    transport: 'web',
    compute: () => new ScriptedCompute().factory,
    resources: null,
  });
});
afterAll(() => studio.close());

const csv = { kind: 'sudoku-csv', test_file: null, hold_out: 1, subsample_size: null, seed: 1, min_difficulty: null, num_aug: 0, compact: true }; // prettier-ignore
const config = (change: (c: ReturnType<typeof defaultConfig>) => void) => {
  const made = defaultConfig();
  change(made);
  return { name: 'x', preset: null, config: made, dataset: null, recipe: null };
};

describe('a relative path from a window', () => {
  it.each<[MethodName, object, string]>([
    ['exports.metrics', { run: 'r', format: 'csv', path: 'out/x.csv' }, 'out/x.csv'],
    ['bundles.export', { run: 'r', out: 'bundle' }, 'bundle'],
    ['bundles.bring_back', { path: '../bundle' }, '../bundle'],
    ['bundles.bring_back', { path: '/b', metrics: 'history.csv' }, 'history.csv'],
    ['checkpoints.export', { checkpoint: 1, format: 'pytorch', out: '~/exported' }, '~/exported'],
    ['checkpoints.import', { path: 'step_1' }, 'step_1'],
    ['checkpoints.inspect', { path: '/c', config: 'c.yaml' }, 'c.yaml'],
    ['checkpoints.inspect', { path: '/c', identifiers: './i.json' }, './i.json'],
    ['checkpoints.inspect', { path: '/c', data_path: 'data/x' }, 'data/x'],
    ['import.add_paths', { import: 'i', paths: ['/a', 'tasks'] }, 'tasks'],
    ['datasets.build', { name: 'x', recipe: { ...csv, train_file: 'train.csv' } }, 'train.csv'],
    ['datasets.check', { recipe: { ...csv, train_file: '/t.csv', test_file: 'test.csv' } }, 'test.csv'],
    ['runs.create', { ...config(() => undefined), recipe: { ...csv, train_file: 'train.csv' } }, 'train.csv'],
    ['runs.create', config((c) => (c.data_paths = ['data/sudoku'])), 'data/sudoku'],
    ['runs.create', config((c) => (c.data_paths_test = ['data/test'])), 'data/test'],
    ['runs.create', config((c) => (c.checkpoint_path = 'checkpoints/x')), 'checkpoints/x'],
    ['runs.create', config((c) => (c.load_checkpoint = 'step_1')), 'step_1'],
    ['runs.create', config((c) => (c.studio.tensorboard_dir = 'logs')), 'logs'],
  ])('%s %# is refused with the path and a whole one', async (method, input, path) => {
    const before = readdirSync(process.cwd());
    await expect(studio.dispatch(method, input as never)).rejects.toMatchObject({
      code: 'bad_input',
      message: relativeSentence(path),
    });
    expect(readdirSync(process.cwd())).toEqual(before);
  });

  it('is asked for by no method as a mere text', () => {
    const loose = /(^|_)(path|paths|folder|file|out|dir)$/;
    const found: string[] = [];
    for (const [name, { input }] of Object.entries(METHODS)) {
      const shape = (input as { shape?: Record<string, unknown> }).shape ?? {};
      for (const key of Object.keys(shape)) if (loose.test(key)) found.push(`${name} ${key}`);
    }
    // Each of these is refused above; a new one has to be, too.
    expect(found.sort()).toEqual([
      'bundles.bring_back path',
      'bundles.export out',
      'checkpoints.export out',
      'checkpoints.import data_path',
      'checkpoints.import path',
      'checkpoints.inspect data_path',
      'checkpoints.inspect path',
      'exports.metrics path',
      'import.add_paths paths',
    ]);
  });
});

it('a path is whole by the rules of the system', () => {
  for (const [path, posix, windows] of [
    ['/a/b', true, false],
    ['C:\\a', false, true],
    ['c:/a', false, true],
    ['C:a', false, false],
    ['\\\\server\\share', false, true],
    ['\\a', false, false],
    ['a', false, false],
    ['~/a', false, false],
    ['', false, false],
  ] as const) {
    expect([path, isWholePath(path, false), isWholePath(path, true)]).toEqual([path, posix, windows]);
  }
  expect(relativeSentence('~/out/x', false)).toBe(
    '~/out/x is no whole path: say where it begins, such as /home/you/out/x.',
  );
});
