import { createHash } from 'node:crypto';
import { mkdirSync, mkdtempSync, readFileSync, readdirSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { describe, expect, it } from 'vitest';
import { brotliCompressSync } from 'node:zlib';
import type { Task } from '../../src/shared/arc';
import { largestSide } from '../../src/shared/arc-task';
import { BUNDLED, readBundled, type BundledName } from '../../src/core/data/bundled';
import { SMALL_CANVAS, smallTasks } from '../../src/core/data/small-tasks';
import { BUNDLED_SUBSETS } from '../../src/shared/dataset';

const root = resolve(import.meta.dirname, '../..');
const resources = join(root, 'resources');
/** Of Kaggle's own files, joined and in their order; test/golden/README.md says how they are made. */
const kaggle = readFileSync(join(root, 'test/golden/arc-kaggle.sha256'), 'utf8').trim().split('\n');

describe('the bundled collections', () => {
  it.each(BUNDLED_SUBSETS)('%s is complete, solved, and free of names that stand twice', async (name) => {
    const tasks = await readBundled(resources, name);
    expect(tasks).toHaveLength(BUNDLED[name].count);
    expect(new Set(tasks.map((t) => t.name)).size).toBe(tasks.length);
    expect(tasks.every((t) => t.train.length > 0 && t.test.length > 0 && t.test.every((pair) => pair.output))).toBe(
      true,
    );
  });

  it('equal the Kaggle files, order included', async () => {
    const pairs = (list: Task['test']) => list.map(({ input, output }) => [input, output]);
    const ours = await Promise.all(
      BUNDLED_SUBSETS.map(async (name) => {
        const tasks = await readBundled(resources, name);
        const parts = (task: Task) => (task.test_first ? ['test', 'train'] : ['train', 'test']);
        const whole = tasks.map((task) => [task.name, parts(task), pairs(task.train), pairs(task.test)]);
        return `${createHash('sha256').update(JSON.stringify(whole)).digest('hex')}  ${name}`;
      }),
    );
    expect(ours.sort()).toEqual([...kaggle].sort());
    expect(kaggle).toHaveLength(BUNDLED_SUBSETS.length);
  });

  it.each(BUNDLED_SUBSETS.flatMap((name) => BUNDLED[name].editions.map((edition) => [name, edition] as const)))(
    '%s has its number of test inputs in every edition',
    async (name, edition) => {
      const tasks = await readBundled(resources, name, edition.name);
      expect(tasks).toHaveLength(BUNDLED[name].count);
      expect(tasks.reduce((sum, task) => sum + task.test.length, 0)).toBe(edition.test_inputs);
    },
  );

  it('come in editions: the official ARC-AGI-2 evaluation differs in six tasks, order kept', async () => {
    const [old, official] = await Promise.all([readBundled(resources, 'evaluation2'), readBundled(resources, 'evaluation2', '2025-05-15')]);
    expect(official.map((t) => t.name)).toEqual(old.map((t) => t.name));
    const changed = official.filter((task, i) => JSON.stringify(task) !== JSON.stringify(old[i]));
    expect(changed.map((t) => t.name).sort()).toEqual(['4a21e3da', 'abc82100', 'b6f77b65', 'd8e07eb2', 'f560132c', 'faa9f03d']);
    await expect(readBundled(resources, 'evaluation2', '2024')).rejects.toThrow('There is no edition 2024 of ARC-AGI-2 evaluation: choose reference, 2025-05-15.');
  }); // prettier-ignore

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
