import { mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import type { Events } from '../../src/shared/contract';
import { openStudio, type Studio } from '../../src/studio/studio';
import { freshFolder } from './home';
import { ScriptedCompute } from './scripted-compute';

const TINY = resolve(__dirname, '..', 'golden', 'arc-tiny');
const task = (colour: number) => ({
  train: [{ input: [[colour]], output: [[colour]] }],
  test: [{ input: [[colour]], output: [[1]] }],
});

let studio: Studio;
beforeEach(async () => {
  studio = await openStudio({
    home: freshFolder(),
    transport: 'web',
    compute: () => new ScriptedCompute().factory,
    resources: null,
  });
});
afterEach(() => studio.close());

const begin = async () => (await studio.dispatch('import.begin', {})).import;
const subsets = async () => (await studio.dispatch('tasks.subsets', {})).map((s) => [s.name, s.count]);

function folder(files: Record<string, unknown>): string {
  const at = join(freshFolder(), 'drop');
  mkdirSync(at);
  for (const [name, value] of Object.entries(files))
    writeFileSync(join(at, name), typeof value === 'string' ? value : JSON.stringify(value));
  return at;
}

describe('an import', () => {
  it('of a Kaggle pair shows what it found, then stores it', async () => {
    const id = await begin();
    const paths = ['challenges', 'solutions'].map((part) => join(TINY, `arc-agi_training_${part}.json`));
    expect(await studio.dispatch('import.add_paths', { import: id, paths })).toEqual({ files: 2 });
    const preview = await studio.dispatch('import.preview', { import: id });
    expect(preview.problems).toEqual([]);
    expect(preview.items.map((i) => i.recognised_as).sort()).toEqual(['Kaggle challenges', 'Kaggle solutions']);
    expect(preview.subsets).toMatchObject([{ tasks: 8 }]);
    expect(preview.subsets[0].examples[0]).toMatchObject({ id: 0, input: expect.stringMatching(/^[0-9/]+$/) });
    expect(await subsets()).toEqual([]);
    let told: Events['tasks.changed'] | null = null;
    studio.events.on('tasks.changed', (payload) => (told = payload));
    const stored = await studio.dispatch('import.commit', { import: id });
    expect(stored.tasks).toBe(8);
    expect(await subsets()).toEqual([[stored.subsets[0], 8]]);
    expect(told).toMatchObject({ subsets: [{ count: 8, bundled: false }] });
    const [listed] = await studio.dispatch('tasks.list', {});
    expect((await studio.dispatch('tasks.get', { id: listed.id })).test[0].output).not.toBeNull();
    await expect(studio.dispatch('import.commit', { import: id })).rejects.toMatchObject({ code: 'not_found' });
  });

  it('with a fault in it stores nothing, unless the bad ones are to be left out', async () => {
    const at = folder({
      'good.json': task(2),
      'bad.json': { ...task(3), test: [{ input: [[11]] }] },
      'README.md': 'hello',
    });
    const id = await begin();
    await studio.dispatch('import.add_paths', { import: id, paths: [at] });
    const { problems } = await studio.dispatch('import.preview', { import: id });
    expect(problems.filter((p) => !p.harmless)).toMatchObject([{ message: expect.stringMatching(/bad\.json.*11/) }]);
    expect(problems.filter((p) => p.harmless)).toHaveLength(1);
    await expect(studio.dispatch('import.commit', { import: id })).rejects.toMatchObject({
      code: 'bad_input',
      message: expect.stringMatching(/^Nothing was imported: .*bad\.json/),
    });
    expect(await subsets()).toEqual([]);
    expect((await studio.dispatch('import.commit', { import: id, leave_out_bad: true })).tasks).toBe(1);
  });

  it('of nothing, or of what is no task, stores nothing', async () => {
    const id = await begin();
    await expect(studio.dispatch('import.commit', { import: id })).rejects.toMatchObject({ code: 'bad_input' });
    await studio.dispatch('import.add_paths', { import: id, paths: ['/no/such/file.json'] });
    const { problems } = await studio.dispatch('import.preview', { import: id });
    expect(problems).toMatchObject([
      { harmless: false, message: expect.stringContaining('/no/such/file.json does not exist') },
    ]);
    await expect(studio.dispatch('import.commit', { import: id, leave_out_bad: true })).rejects.toMatchObject({
      message: expect.stringContaining('does not exist'),
    });
  });

  it('by content is the same', async () => {
    const id = await begin();
    const content = new Uint8Array(Buffer.from(JSON.stringify(task(4))));
    await studio.dispatch('import.add_files', { import: id, files: [{ path: 'a.json', content }] });
    await studio.dispatch('import.add_files', { import: id, files: [{ path: 'b.json', content }] });
    const preview = await studio.dispatch('import.preview', { import: id });
    expect(preview.subsets).toMatchObject([{ name: 'imported', tasks: 2 }]);
  });

  it('takes files that are added while the preview is made', async () => {
    const id = await begin();
    await studio.dispatch('import.add_paths', { import: id, paths: [folder({ 'x.json': task(1) })] });
    const preview = studio.dispatch('import.preview', { import: id });
    const content = new Uint8Array(Buffer.from(JSON.stringify(task(4))));
    await studio.dispatch('import.add_files', { import: id, files: [{ path: 'late.json', content }] });
    expect((await preview).subsets.map((s) => s.name).sort()).toEqual(['drop', 'late']);
    expect((await studio.dispatch('import.commit', { import: id })).subsets.sort()).toEqual(['drop', 'late']);
    expect((await subsets()).sort()).toEqual([
      ['drop', 1],
      ['late', 1],
    ]);
  });

  it('takes no more files once it is being stored, and says so', async () => {
    const id = await begin();
    const paths = [folder({ 'x.json': task(1) })];
    await studio.dispatch('import.add_paths', { import: id, paths });
    const adding = studio.dispatch('import.add_paths', { import: id, paths: [folder({ 'y.json': task(2) })] });
    const stored = studio.dispatch('import.commit', { import: id });
    // Neither way can a file be taken and then not be stored.
    await expect(adding).rejects.toMatchObject({ code: expect.stringMatching(/^(conflict|not_found)$/) });
    await expect(studio.dispatch('import.add_paths', { import: id, paths })).rejects.toMatchObject({
      code: expect.stringMatching(/^(conflict|not_found)$/),
    });
    expect((await stored).tasks).toBe(1);
  });

  it('a second time gets another name, and the first can be deleted without it', async () => {
    const at = folder({ 'x.json': task(5) });
    for (let i = 0; i < 2; i++) {
      const id = await begin();
      await studio.dispatch('import.add_paths', { import: id, paths: [at] });
      await studio.dispatch('import.commit', { import: id });
    }
    expect(await subsets()).toEqual([
      ['drop', 1],
      ['drop-2', 1],
    ]);
    expect(await studio.dispatch('tasks.delete_subset', { subset: 'drop' })).toEqual({ deleted: 1 });
    expect(await subsets()).toEqual([['drop-2', 1]]);
  });

  it('is all or nothing also when storing it fails in the middle', async () => {
    const id = await begin();
    const [a, b] = ['a', 'b'].map((name) => {
      const at = join(freshFolder(), name);
      mkdirSync(at);
      writeFileSync(join(at, 't.json'), JSON.stringify(task(1)));
      return at;
    });
    await studio.dispatch('import.add_paths', { import: id, paths: [a, b] });
    await studio.dispatch('import.preview', { import: id });
    const { tasks } = studio.context.store;
    const insertAll = tasks.insertAll.bind(tasks);
    tasks.insertAll = (subset, list) => {
      if (subset === 'b') throw Object.assign(new Error('full'), { code: 'SQLITE_FULL' });
      insertAll(subset, list);
    };
    await expect(studio.dispatch('import.commit', { import: id })).rejects.toMatchObject({ code: 'disk_full' });
    expect(await subsets()).toEqual([]);
    tasks.insertAll = insertAll;
    expect((await studio.dispatch('import.commit', { import: id })).subsets).toEqual(['a', 'b']);
  });

  it('of 10 000 files tells how far it is, and can be cancelled in the middle', async () => {
    const at = join(freshFolder(), 'many');
    mkdirSync(at);
    const text = JSON.stringify(task(1));
    for (let i = 0; i < 10_000; i++) writeFileSync(join(at, `t${i}.json`), text);
    const id = await begin();
    const heard: Events['import.progress'][] = [];
    let cancelled = false;
    studio.events.on('import.progress', (p) => {
      heard.push(p);
      if (p.files_total === 10_000 && p.files_done > 0 && p.files_done < 10_000 && !cancelled) {
        cancelled = true;
        void studio.dispatch('import.cancel', { import: id });
      }
    });
    await studio.dispatch('import.add_paths', { import: id, paths: [at] });
    await expect(studio.dispatch('import.preview', { import: id })).rejects.toMatchObject({ code: 'cancelled' });
    expect(heard.length).toBeGreaterThan(1);
    expect(await subsets()).toEqual([]);
    await expect(studio.dispatch('import.commit', { import: id })).rejects.toMatchObject({ code: 'not_found' });
  });
});

it('the bundled collections are stored at the first start, in order, and cannot be deleted', async () => {
  const home = freshFolder();
  for (let start = 0; start < 2; start++) {
    const full = await openStudio({ home, transport: 'web', compute: () => new ScriptedCompute().factory });
    try {
      expect((await full.dispatch('tasks.subsets', {})).map((s) => [s.name, s.count, s.bundled])).toEqual([
        ['training', 400, true],
        ['evaluation', 400, true],
        ['training2', 1000, true],
        ['evaluation2', 120, true],
        ['concept', 160, true],
      ]);
      await expect(full.dispatch('tasks.delete_subset', { subset: 'concept' })).rejects.toMatchObject({
        code: 'conflict',
      });
      expect(await full.dispatch('tasks.list', { subsets: ['training'], search: '00d62c1b' })).toHaveLength(1);
    } finally {
      await full.close();
    }
  }
  expect(readFileSync(join(home, 'logs', 'studio.log'), 'utf8').match(/stored 2080 bundled tasks/g)).toHaveLength(1);
});
