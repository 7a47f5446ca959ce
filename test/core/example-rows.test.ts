import { mkdirSync, mkdtempSync, rmSync, utimesSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { writeSafetensors } from '../../src/core/checkpoint/formats/safetensors-write';
import { SafetensorsFile } from '../../src/core/checkpoint/formats/safetensors';
import { IdentifierTable } from '../../src/core/data/identifiers';
import { NamesCache } from '../../src/core/data/names-cache';
import { DatasetStore } from '../../src/core/data/store';
import { writeTaskDataset } from '../../src/core/data/task-dataset';
import { embeddingRows } from '../../src/core/trace/example-rows';
import { IDENTITY } from '../../src/shared/arc-augment';

const task = { name: 't', train: [{ input: [[1]], output: [[2]] }], test: [{ input: [[3]], output: [[4]] }] };

let folder: string;
beforeEach(() => (folder = mkdtempSync(join(tmpdir(), 'trm-names-'))));
afterEach(() => rmSync(folder, { recursive: true, force: true }));

/** A checkpoint's file with these names by row. */
async function checkpointOf(names: readonly string[]): Promise<string> {
  const path = join(folder, 'step_1.safetensors');
  const bytes = new Uint8Array(Buffer.from(JSON.stringify(names)));
  await writeSafetensors(path, new Map([['identifiers', { shape: [bytes.length], data: bytes }]]), {});
  return path;
}

describe('the embedding rows of examples', () => {
  it('are found by name, and the names are read once for all questions about one file', async () => {
    const data = join(folder, 'data');
    const views = ['b', 'a', 'c'].map((name) => ({ name, augmentation: IDENTITY }));
    await writeTaskDataset(data, task, views, 5);
    // Rows 0 … 4; "c" is not among them, and "a" is twice: the first one counts.
    const path = await checkpointOf(['<blank>', 'a', 'x', 'b', 'a']);
    const cache = new NamesCache();
    let reads = 0;
    const ask = async (): Promise<(number | null)[]> => {
      const file = await SafetensorsFile.open(path);
      const read = file.read.bind(file);
      file.read = (name) => (reads++, read(name));
      const store = DatasetStore.open(data);
      try {
        const refs = [0, 1, 2].map((index) => ({ split: 'test' as const, index }));
        return await embeddingRows(path, { file, meta: { num_puzzle_identifiers: 5 } }, store, refs, true, cache);
      } finally {
        store.close();
        file.close();
      }
    };
    expect(await ask()).toEqual([3, 1, 3]);
    for (let i = 0; i < 20; i++) expect(await ask()).toEqual([3, 1, 3]);
    expect(reads).toBe(1);
    await checkpointOf(['<blank>', 'c', 'b', 'a']);
    expect(await ask()).toEqual([2, 3, 1]);
    expect(reads).toBe(2);
  });

  it('of a list that is none are refused in a sentence', async () => {
    const data = join(folder, 'data');
    await writeTaskDataset(data, task, [{ name: 'a', augmentation: IDENTITY }], 5);
    const path = join(folder, 'step_1.safetensors');
    const bytes = new Uint8Array(Buffer.from('["a", '));
    await writeSafetensors(path, new Map([['identifiers', { shape: [bytes.length], data: bytes }]]), {});
    const [file, store] = [await SafetensorsFile.open(path), DatasetStore.open(data)];
    const asked = embeddingRows(path, { file, meta: { num_puzzle_identifiers: 2 } }, store, [{ split: 'test', index: 0 }], true, new NamesCache()); // prettier-ignore
    await expect(asked).rejects.toMatchObject({
      code: 'damaged',
      message: expect.stringContaining('not a list of names'),
    });
    store.close();
    file.close();
  });
});

describe('kept names', () => {
  const file = (name: string, names: readonly string[]): string => {
    mkdirSync(folder, { recursive: true });
    writeFileSync(join(folder, name), JSON.stringify(names));
    return join(folder, name);
  };

  it('are read again when the file is another one, also of the same size', () => {
    const cache = new NamesCache();
    const path = file('x.json', ['a']);
    let reads = 0;
    const first = (): string => cache.get(path, () => (reads++, IdentifierTable.read(path))).table.name(0);
    expect([first(), first(), reads]).toEqual(['a', 'a', 1]);
    file('x.json', ['b']);
    utimesSync(path, new Date(), new Date(Date.now() + 5000));
    expect([first(), reads]).toEqual(['b', 2]);
  });

  it('stay within their bytes; those that were asked for longest ago go', () => {
    const cache = new NamesCache(25);
    const reads: string[] = [];
    const ask = (name: string): void => {
      const path = file(name, ['12345678']);
      utimesSync(path, 1, 1);
      cache.get(path, () => (reads.push(name), IdentifierTable.read(path)));
    };
    for (const name of ['a', 'b', 'a', 'c', 'a', 'b']) ask(name);
    expect(reads).toEqual(['a', 'b', 'c', 'b']);
  });
});
