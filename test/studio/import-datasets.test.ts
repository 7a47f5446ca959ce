import { existsSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { readBundled } from '../../src/core/data/bundled';
import { openStudio, type Studio } from '../../src/studio/studio';
import { freshFolder } from './home';
import { ScriptedCompute } from './scripted-compute';

const golden = resolve(__dirname, '..', 'golden');
const TINY = join(golden, 'arc-tiny/expected');
const resources = resolve(__dirname, '../../resources');

let home: string;
let studio: Studio;
async function open(from: string | null): Promise<void> {
  home = freshFolder();
  studio = await openStudio({ home, transport: 'web', compute: () => new ScriptedCompute().factory, resources: from });
}
afterEach(() => studio.close());

const begin = async () => (await studio.dispatch('import.begin', {})).import;
async function byPath(...paths: string[]) {
  const id = await begin();
  await studio.dispatch('import.add_paths', { import: id, paths });
  return { id, preview: await studio.dispatch('import.preview', { import: id }) };
}
const parts = ['train', 'test'].flatMap((split) =>
  [
    'dataset.json',
    ...['inputs', 'labels', 'puzzle_identifiers', 'puzzle_indices', 'group_indices'].map((a) => `all__${a}.npy`),
  ].map((file) => `${split}/${file}`),
);

describe('an import of datasets', () => {
  beforeEach(() => open(null));

  it('links a folder where it lies, and says so when it comes again', async () => {
    const { id, preview } = await byPath(TINY);
    expect(preview.datasets).toEqual([
      { name: 'expected', kind: 'arc', source: TINY, how: 'linked', rows: 30, columns: 30, train_examples: 184, test_examples: preview.datasets[0].test_examples },
    ]); // prettier-ignore
    expect(preview.warnings).toEqual([]);
    const stored = await studio.dispatch('import.commit', { import: id });
    const [dataset] = await studio.dispatch('datasets.list', {});
    expect(stored).toEqual({ subsets: [], tasks: 0, datasets: [dataset.id] });
    expect(dataset).toMatchObject({ status: 'ready', path: TINY, name: 'expected', train_examples: 184 });
    const again = await byPath(TINY);
    expect(again.preview.warnings).toMatchObject([{ kind: 'imported_before', message: expect.stringContaining(TINY) }]);
    expect((await studio.dispatch('import.commit', { import: again.id })).datasets).toEqual([dataset.id]);
    await studio.dispatch('datasets.delete', { dataset: dataset.id });
    expect(existsSync(join(TINY, 'train/dataset.json'))).toBe(true);
  });

  it('copies one that is sent by content into the home; a damaged one leaves nothing', async () => {
    const send = async (edit: (part: string, content: Buffer) => Uint8Array) => {
      const id = await begin();
      const files = parts.map((part) => ({ path: `mine/${part}`, content: edit(part, readFileSync(join(TINY, part))) }));
      await studio.dispatch('import.add_files', { import: id, files });
      return id;
    };
    const bad = await send((part, content) => (part.endsWith('train/all__labels.npy') ? content.subarray(0, 5000) : content));
    await expect(studio.dispatch('import.commit', { import: bad })).rejects.toMatchObject({
      code: 'damaged',
      message: expect.stringMatching(/all__labels\.npy has 5000 bytes where its header/),
    });
    expect(await studio.dispatch('datasets.list', {})).toEqual([]);
    const id = await send((_, content) => content);
    const { datasets } = await studio.dispatch('import.commit', { import: id });
    const dataset = await studio.dispatch('datasets.get', { dataset: datasets[0] });
    expect(dataset).toMatchObject({ name: 'mine', status: 'ready', train_examples: 184 });
    expect(dataset.path.startsWith(home)).toBe(true);
    expect(readFileSync(join(dataset.path, 'train/all__inputs.npy')).equals(readFileSync(join(TINY, 'train/all__inputs.npy')))).toBe(true);
    await studio.dispatch('datasets.delete', { dataset: dataset.id });
    expect(existsSync(dataset.path)).toBe(false);
  }); // prettier-ignore

  it('stores nothing once it is cancelled, and goes on where only many others begin', async () => {
    const send = async () => {
      const id = await begin();
      const files = parts.map((part) => ({ path: `mine/${part}`, content: readFileSync(join(TINY, part)) }));
      await studio.dispatch('import.add_files', { import: id, files });
      await studio.dispatch('import.preview', { import: id });
      return id;
    };
    const id = await send();
    const refused = studio.dispatch('import.commit', { import: id });
    // Its files are being copied now.
    const cancelled = studio.dispatch('import.cancel', { import: id });
    await expect(refused).rejects.toMatchObject({ code: 'cancelled' });
    await cancelled;
    expect(await studio.dispatch('datasets.list', {})).toEqual([]);
    expect(readdirSync(join(home, 'datasets'))).toEqual([]);
    const stored = studio.dispatch('import.commit', { import: await send() });
    const others = [];
    for (let i = 0; i < 12; i++) others.push(begin());
    await Promise.all(others);
    expect((await stored).datasets).toHaveLength(1);
  });

  it('builds from CSVs: on disk they are read where they lie, sent ones get a place and lose it again', async () => {
    const { id, preview } = await byPath(join(golden, 'csv/sudoku'));
    expect(preview.datasets).toMatchObject([{ name: 'sudoku', how: 'built', train_examples: 40, test_examples: 7 }]);
    const first = await studio.dispatch('import.commit', { import: id });
    const onDisk = await studio.dispatch('datasets.get', { dataset: first.datasets[0] });
    expect(onDisk).toMatchObject({ kind: 'sudoku', rows: 9, recipe: { kind: 'sudoku-csv', train_file: join(golden, 'csv/sudoku/train.csv') } });
    const sent = await begin();
    const content = readFileSync(join(golden, 'csv/maze/train.csv'));
    await studio.dispatch('import.add_files', { import: sent, files: [{ path: 'my mazes.csv', content }] });
    const second = await studio.dispatch('import.commit', { import: sent });
    const copied = await studio.dispatch('datasets.get', { dataset: second.datasets[0] });
    expect(copied).toMatchObject({ kind: 'maze', recipe: { kind: 'maze-csv', hold_out: 1, test_file: null } });
    const { train_file } = copied.recipe as { train_file: string };
    expect(train_file.startsWith(join(home, 'sources'))).toBe(true);
    expect(readFileSync(train_file).equals(content)).toBe(true);
  }); // prettier-ignore
});

describe('a recipe from CSVs', () => {
  beforeEach(() => open(null));

  it('is refused at once where its files are not there', async () => {
    const build = (train_file: string, test_file: string | null = null) =>
      studio.dispatch('datasets.build', {
        name: 'x',
        recipe: { kind: 'maze-csv', train_file, test_file, hold_out: 0, subsample_size: null, seed: 1, aug: false },
      });
    await expect(build('mazes.csv')).rejects.toMatchObject({ code: 'bad_input', message: expect.stringMatching(/^mazes\.csv is no whole path/) });
    await expect(build('/none.csv')).rejects.toMatchObject({ code: 'not_found', message: '/none.csv does not exist: check the path.' });
    await expect(build(join(golden, 'csv/maze/train.csv'), '/none.csv')).rejects.toMatchObject({ code: 'not_found' });
    expect(await studio.dispatch('datasets.list', {})).toEqual([]);
  }); // prettier-ignore
});

describe('warnings', () => {
  beforeEach(() => open(resources));

  it('name the tasks that are there already and the answers of test sets', async () => {
    const evaluation = await readBundled(resources, 'evaluation');
    const at = join(freshFolder(), 'mine_training_challenges.json');
    writeFileSync(at, JSON.stringify(Object.fromEntries(evaluation.slice(0, 3).map((t) => [t.name, { train: t.train, test: t.test }]))));
    const { preview } = await byPath(at);
    const brief = preview.warnings.map(({ kind, tasks, subsets }) => [kind, tasks.length, subsets.join()]);
    expect(brief).toContainEqual(['imported_before', 3, 'mine_training,evaluation']);
    expect(brief).toContainEqual(['leak', 3, 'evaluation,mine_training']);
    expect(brief.some(([, , subsets]) => String(subsets).includes('concept'))).toBe(false);
  }); // prettier-ignore

  it('of a recipe compare its own collections, with its own test set, as far as they fit', async () => {
    const recipe = { kind: 'arc' as const, subsets: ['training2', 'evaluation'], test_set: 'evaluation', num_aug: 8, canvas: 30, seed: 42 };
    const { warnings } = await studio.dispatch<'datasets.check'>('datasets.check', { recipe });
    expect(warnings.map(({ kind, tasks }) => [kind, tasks.length])).toContainEqual(['leak', 376]);
    const small = await studio.dispatch('datasets.check', { recipe: { ...recipe, canvas: 5 } });
    expect(small.warnings.find((w) => w.kind === 'leak')?.tasks.length ?? 0).toBeLessThan(20);
    const other = { kind: 'sudoku' as const, size: 4 as const, train: 5, test: 5, blanks: [4, 6] as [number, number], seed: 1 };
    expect(await studio.dispatch('datasets.check', { recipe: other })).toEqual({ warnings: [] });
  }); // prettier-ignore
});

describe('the report of a dataset', () => {
  beforeEach(() => open(null));

  it('gives statistics and leaks, once', async () => {
    const { id } = await byPath(TINY);
    const { datasets } = await studio.dispatch('import.commit', { import: id });
    const report = await studio.dispatch('datasets.report', { dataset: datasets[0] });
    expect(report.splits.map((s) => [s.split, s.groups])).toEqual([['train', 12], ['test', 4]]);
    expect(report.identifiers).toBe(49);
    expect(report.leaks).toMatchObject({ found: 0, examples: [] });
    expect(report.leaks.tested).toBe(report.splits[1].looked_at);
    expect(report.files[0].name).toMatch(/^train\/all__(inputs|labels)\.npy$/);
    expect(await studio.dispatch('datasets.report', { dataset: datasets[0] })).toBe(report);
    await expect(studio.dispatch('datasets.report', { dataset: 'none' })).rejects.toMatchObject({ code: 'not_found' });
  }); // prettier-ignore
});
