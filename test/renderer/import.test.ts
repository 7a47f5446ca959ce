import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { provideClient } from '@renderer/kernel/client';
import { batches, recognise, refusal, walkEntries } from '@renderer/intake/collect';
import {
  cancelImport,
  commitImport,
  importChosen,
  importDropped,
  importFacts,
  importing,
  startImport,
} from '@renderer/intake/useImport';
import { createFixtureStudio, type FixtureStudio } from './fixtures/studio';

const settled = (): Promise<void> => new Promise((resolve) => setTimeout(resolve, 20));

function file(path: string, text = '{}', over: Partial<File> = {}): File {
  const made = new File([text], path.replace(/^.*\//, ''), { type: 'application/json' });
  const own = path.includes('/') ? { webkitRelativePath: path } : {};
  for (const [key, value] of Object.entries({ ...own, ...over })) Object.defineProperty(made, key, { value });
  return made;
}

describe('before letting go', () => {
  it('tells what is over the window', () => {
    const json = { kind: 'file', type: 'application/json' };
    const unknown = { kind: 'file', type: '' };
    const image = { kind: 'file', type: 'image/png' };
    expect(recognise([json, json])).toMatchObject({ title: '2 JSON files', usable: true });
    expect(recognise([json, unknown, image]).title).toBe(
      '1 JSON file, 1 folder or file of an unknown type, 1 other file',
    );
    const zip = { kind: 'file', type: 'application/x-zip-compressed' };
    const csv = { kind: 'file', type: 'text/csv' };
    expect(recognise([zip, csv, csv])).toMatchObject({ title: '1 zip archive, 2 CSV files', usable: true });
    expect(recognise([image])).toMatchObject({ usable: false });
    expect(recognise([{ kind: 'string', type: 'text/plain' }]).title).toBe('Files');
  });
});

describe('files', () => {
  it('that cannot be imported are harmless in a folder, and a problem when chosen by name', () => {
    expect(refusal('tasks/README.md', 10, true)).toMatchObject({ harmless: true });
    expect(refusal('README.md', 10, false)).toMatchObject({
      harmless: false,
      message: 'README.md is no .json, .jsonl, .ndjson, .csv, .zip, .tar, .tgz, .gz or .npy file and was left out.',
    });
    for (const name of ['a.JSON', 'train.csv', 'arc.zip', 'all__inputs.npy'])
      expect(refusal(name, 10, false)).toBeNull();
  });

  it('of 2 GB are refused by their size', () => {
    expect(refusal('big.json', 2 * 2 ** 30, false)).toEqual({
      harmless: false,
      message: 'big.json has 2,048 MB, and the browser sends up to 45 MB: split it, or use `trm datasets import`.',
    });
  });

  it('travel in bounded batches, in order', () => {
    const list = [3, 3, 3, 20, 1].map((size) => ({ file: { size } }));
    const sizes = batches(list, { bytes: 7, files: 10 }).map((b) => b.map((f) => f.file.size));
    expect(sizes).toEqual([[3, 3], [3], [20], [1]]);
    expect(batches(list, { bytes: 1000, files: 2 }).map((b) => b.length)).toEqual([2, 2, 1]);
    expect(batches([], { bytes: 1, files: 1 })).toEqual([]);
  });
});

/** A dropped folder as Chrome gives it: at most 100 entries a call, then an empty list. */
function folder(path: string, children: unknown[]): FileSystemEntry {
  return {
    isFile: false,
    fullPath: path,
    createReader() {
      let at = 0;
      return { readEntries: (done: (e: unknown[]) => void) => done(children.slice(at, (at += 100))) };
    },
  } as unknown as FileSystemEntry;
}
const leaf = (path: string, text = '{}'): FileSystemEntry =>
  ({
    isFile: true,
    fullPath: path,
    file: (done: (f: File) => void) => done(file(path.slice(1), text)),
  }) as unknown as FileSystemEntry;
const locked = (path: string): FileSystemEntry =>
  ({ isFile: true, fullPath: path, file: (_: unknown, fail: () => void) => fail() }) as unknown as FileSystemEntry;

describe('dropped folders', () => {
  it('are walked to the last file, beyond a reader’s first hundred', async () => {
    const many = Array.from({ length: 250 }, (_, i) => leaf(`/tasks/deep/${i}.json`));
    const seen: { path: string; inFolder: boolean }[] = [];
    const failed: string[] = [];
    await walkEntries(
      [
        folder('/tasks', [leaf('/tasks/a.json'), folder('/tasks/deep', many), locked('/tasks/secret.json')]),
        leaf('/b.json'),
      ],
      ({ path, inFolder }) => seen.push({ path, inFolder }),
      (path) => failed.push(path),
      () => undefined,
    );
    expect(seen).toHaveLength(252);
    expect(seen[0]).toEqual({ path: 'tasks/a.json', inFolder: true });
    expect(seen.at(-1)).toEqual({ path: 'b.json', inFolder: false });
    expect(failed).toEqual(['tasks/secret.json']);
  });

  it('are left at once when given up', async () => {
    let count = 0;
    const many = Array.from({ length: 250 }, (_, i) => leaf(`/t/${i}.json`));
    const walk = walkEntries(
      [folder('/t', many)],
      () => count++,
      () => undefined,
      () => {
        if (count >= 10) throw new Error('given up');
      },
    );
    await expect(walk).rejects.toThrow('given up');
    expect(count).toBe(10);
  });
});

describe('an import', () => {
  let studio: FixtureStudio;
  const calls = (name: string): unknown[] => studio.calls.filter((c) => c.name === name).map((c) => c.input);

  beforeEach(() => {
    studio = createFixtureStudio({ subsets: [] });
    provideClient(studio);
  });
  afterEach(() => cancelImport());

  it('reads chosen files, shows what they are, and stores nothing before it is told to', async () => {
    startImport();
    expect(importing.phase).toBe('choose');
    importChosen([file('mine/a.json', '{"train":[]}'), file('mine/README.md')]);
    await settled();
    expect(importing.phase).toBe('preview');
    const [sent] = calls('import.add_files') as { files: { path: string; content: Uint8Array }[] }[];
    expect(sent.files.map((f) => f.path)).toEqual(['mine/a.json']);
    expect(new TextDecoder().decode(sent.files[0].content)).toBe('{"train":[]}');
    expect(importFacts.tasks.value).toBe(399);
    expect(importFacts.badFiles.value).toBe(1);
    // One the studio found, one found here.
    expect(importFacts.harmless.value.map((p) => p.file)).toEqual(['mine/README.md', 'tasks/README.md']);
    expect(calls('import.commit')).toEqual([]);
  });

  it('stores the rest without the bad ones, and says so to the studio', async () => {
    importChosen([file('a.json')]);
    await settled();
    await commitImport();
    expect(calls('import.commit')).toEqual([{ import: 'i1', leave_out_bad: true }]);
    expect(importing).toMatchObject({ phase: 'done', stored: { subsets: ['mine'], tasks: 399 } });
    cancelImport();
    expect(calls('import.cancel')).toEqual([]);
  });

  it('never reads a file that is too large', async () => {
    let read = false;
    const big = file('big.json', '', {
      size: 2 * 2 ** 30,
      arrayBuffer: () => {
        read = true;
        return Promise.reject(new Error('read'));
      },
    });
    importChosen([big]);
    await settled();
    expect(read).toBe(false);
    expect(importFacts.bad.value[0].message).toMatch(/^big\.json has 2,048 MB/);
    expect(calls('import.add_files')).toEqual([]);
  });

  it('is given up in the middle: the studio forgets it, and late answers change nothing', async () => {
    let answer: (value: { files: number }) => void = () => undefined;
    studio.handle('import.add_files', () => new Promise((resolve) => (answer = resolve)));
    importChosen([file('a.json')]);
    await settled();
    expect(importing.phase).toBe('reading');
    cancelImport();
    answer({ files: 1 });
    await settled();
    expect(importing.phase).toBe('closed');
    expect(calls('import.cancel')).toEqual([{ import: 'i1' }]);
    expect(calls('import.preview')).toEqual([]);
  });

  it('hands paths over where the window may know them', async () => {
    studio.pathOf = (f) => `/home/ada/${f.name}`;
    importDropped({ files: [file('a.json'), file('b.json')], items: [] } as unknown as DataTransfer);
    await settled();
    expect(calls('import.add_paths')).toEqual([{ import: 'i1', paths: ['/home/ada/a.json', '/home/ada/b.json'] }]);
    expect(calls('import.add_files')).toEqual([]);
  });

  it('walks dropped folders where it may not', async () => {
    const items = [
      { kind: 'file', webkitGetAsEntry: () => folder('/t', [leaf('/t/a.json', '[1]'), locked('/t/b.json')]) },
    ];
    importDropped({ files: [file('t')], items } as unknown as DataTransfer);
    await settled();
    const [sent] = calls('import.add_files') as { files: { path: string }[] }[];
    expect(sent.files.map((f) => f.path)).toEqual(['t/a.json']);
    expect(importFacts.bad.value.map((p) => p.file)).toContain('t/b.json');
  });

  it('says what went wrong and lets one choose again', async () => {
    studio.handle('import.preview', () => Promise.reject(new Error('no disk')));
    importChosen([file('a.json')]);
    await settled();
    expect(importing.phase).toBe('choose');
    expect((importing.error as Error).message).toBe('no disk');
  });
});
