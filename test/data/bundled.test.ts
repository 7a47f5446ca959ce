import { existsSync, mkdtempSync, readdirSync, rmSync, statSync, writeFileSync, mkdirSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { describe, expect, it } from 'vitest';
import { brotliCompressSync } from 'node:zlib';
import { readKaggleSubset } from '../../src/core/arc/kaggle';
import { largestSide } from '../../src/shared/arc-task';
import { BUNDLED, readBundled, type BundledName } from '../../src/core/data/bundled';
import { SMALL_CANVAS, smallTasks } from '../../src/core/data/small-tasks';
import { BUNDLED_SUBSETS } from '../../src/shared/dataset';

const root = resolve(import.meta.dirname, '../..');
const resources = join(root, 'resources');
const kaggle = resolve(root, '../shared/arc/kaggle');

describe('the bundled collections', () => {
  it.each(BUNDLED_SUBSETS)('%s is complete, solved, and free of names that stand twice', async (name) => {
    const tasks = await readBundled(resources, name);
    expect(tasks).toHaveLength(BUNDLED[name].count);
    expect(new Set(tasks.map((t) => t.name)).size).toBe(tasks.length);
    expect(tasks.every((t) => t.train.length > 0 && t.test.length > 0 && t.test.every((pair) => pair.output))).toBe(
      true,
    );
  });

  it.skipIf(!existsSync(kaggle)).each(BUNDLED_SUBSETS)(
    '%s equals the Kaggle files, order included (skipped where ../shared/arc is not there)',
    async (name) => {
      expect(await readBundled(resources, name)).toEqual(await readKaggleSubset(join(kaggle, 'arc-agi'), name));
    },
  );

  it('are small, and carry their licences', () => {
    const files = readdirSync(join(resources, 'arc'));
    const bytes = files.reduce((sum, file) => sum + statSync(join(resources, 'arc', file)).size, 0);
    expect(bytes).toBeLessThan(1.5 * 2 ** 20);
    expect(files).toEqual(expect.arrayContaining(['LICENSE-ARC-AGI.txt', 'LICENSE-ConceptARC.txt', 'README.md']));
  });

  it('are refused if damaged', async () => {
    const folder = mkdtempSync(join(tmpdir(), 'trm-bundled-'));
    mkdirSync(join(folder, 'arc'));
    const write = (bytes: Uint8Array): void => writeFileSync(join(folder, 'arc/concept.json.br'), bytes);
    for (const bytes of [
      Buffer.from('junk'),
      brotliCompressSync(Buffer.from('[{"name": 1}]')),
      brotliCompressSync(Buffer.from('[]')),
    ]) {
      write(bytes);
      await expect(readBundled(folder, 'concept' as BundledName)).rejects.toMatchObject({ code: 'damaged' });
    }
    write(brotliCompressSync(Buffer.alloc(64 * 2 ** 20))); // a bomb
    await expect(readBundled(folder, 'concept')).rejects.toMatchObject({ code: 'damaged' });
    rmSync(folder, { recursive: true });
  });

  it('hold enough small tasks for the demo', async () => {
    const tasks = await readBundled(resources, 'training');
    const small = smallTasks(tasks);
    expect(small.every((task) => largestSide(task) <= SMALL_CANVAS)).toBe(true);
    expect([3, 4, 5, 6, 10].map((side) => smallTasks(tasks, side).length)).toEqual([15, 15, 25, 46, 178]);
  });
});
