import { resolve } from 'node:path';
import { describe, expect, it } from 'vitest';
import { readBundled } from '../../src/core/data/bundled';
import { findOverlaps, isTestSet, type TaskSet } from '../../src/core/data/overlap';
import { pairGrids, shapeKey } from '../../src/core/data/pair-key';
import type { Task } from '../../src/shared/arc';
import { flattenGrid, recolourGrid, transformGrid, unflattenGrid, type Dihedral } from '../../src/shared/arc-grid';
import type { DataWarning } from '../../src/shared/dataset';

const A = [
  [1, 2, 0],
  [0, 0, 3],
];
const B = [[4, 4, 1]];

describe('the key of a pair', () => {
  const key = (input: number[][], output: number[][]): string => shapeKey(pairGrids({ input, output }));

  it('is the same under every symmetry and change of colours, applied to both grids', () => {
    const colours = [0, 5, 9, 1, 2, 8, 3, 4, 6, 7];
    for (let t = 0; t < 8; t++) {
      const [a, b] = [A, B].map((grid) =>
        unflattenGrid(transformGrid(recolourGrid(flattenGrid(grid), colours), t as Dihedral)),
      );
      expect(key(a, b)).toBe(key(A, B));
    }
  });

  it('differs where the grids do not go together, where black is changed, and where sizes differ', () => {
    const turned = unflattenGrid(transformGrid(flattenGrid(A), 1));
    for (const [a, b] of [
      [turned, B],
      [A, [[4, 4, 2]]],
      [A.map((row) => row.map((c) => (c === 0 ? 7 : c))), B],
      [A, [[4, 4, 1, 1]]],
      [B, A],
    ])
      expect(key(a, b)).not.toBe(key(A, B));
  });
});

const task = (name: string, n: number, t: Dihedral = 0): Task => {
  const grid = (k: number): number[][] =>
    unflattenGrid(
      transformGrid(
        flattenGrid(Array.from({ length: 3 }, (_, r) => [(k + r) % 10, (k * n) % 10, (k * 3 + r) % 7, n % 10])),
        t,
      ),
    );
  return {
    name,
    train: [
      { input: grid(n), output: grid(n + 1) },
      { input: grid(n + 2), output: grid(n + 3) },
    ],
    test: [{ input: grid(n + 4), output: grid(n + 5) }],
  };
};
const set = (name: string, tasks: Task[], test = isTestSet(name)): TaskSet => ({ name, title: name, tasks, test });
const brief = (warnings: DataWarning[]) =>
  warnings.map(({ kind, tasks, subsets }) => [kind, tasks.join(), subsets.join()]);

describe('collections that overlap', () => {
  it('are told apart: imported before, the same task, another name, the same name with other grids', async () => {
    const known = [set('old', [task('a', 1), task('b', 2), task('c', 3)])];
    const fresh = (...tasks: Task[]) => findOverlaps([set('new', tasks)], known, true);
    expect(brief(await fresh(task('a', 1), task('b', 2)))).toEqual([['imported_before', 'a,b', 'new,old']]);
    expect(brief(await fresh(task('a', 1), task('x', 9)))).toEqual([['same_task', 'a', 'new,old']]);
    expect(brief(await fresh(task('z', 2, 3)))).toEqual([['same_task', 'z', 'new,old']]);
    expect(brief(await fresh(task('c', 8)))).toEqual([['same_task', 'c', 'new,old']]);
    expect(await fresh(task('x', 8))).toEqual([]);
    const [renamed] = await fresh(task('z', 2, 3));
    expect(renamed.message).toContain('under another name or turned or recoloured (z = b)');
  });

  it('leak where a test answer stands in a training set, turned or not', async () => {
    const test = task('t', 5);
    const thief: Task = { ...task('u', 7), train: [...task('u', 7).train, test.test[0] as Task['train'][number]] };
    const sets = [set('evaluation', [test]), set('training', [thief])];
    const warnings = await findOverlaps(sets, [], false);
    expect(brief(warnings)).toEqual([['leak', 't', 'evaluation,training']]);
    expect(warnings[0].message).toMatch(
      /^1 task of the test set evaluation has its answer in training \(t as u\): a model/,
    );
    expect(await findOverlaps([sets[0], set('other_eval', [thief])], [], false)).toEqual([]);
  });

  it('are found among the bundled ones: ARC-AGI-1’s own, and ARC-AGI-2’s in ARC-AGI-1', async () => {
    const resources = resolve(import.meta.dirname, '../../resources');
    const names = ['training', 'evaluation', 'training2'] as const;
    const sets = await Promise.all(names.map(async (name) => set(name, await readBundled(resources, name))));
    const warnings = await findOverlaps(sets, [], false);
    const count = (kind: string, ...subsets: string[]) =>
      warnings.filter((w) => w.kind === kind && w.subsets.join() === subsets.join()).map((w) => w.tasks.length);
    expect(count('same_task', 'training', 'evaluation')).toEqual([1]); // 40853293 = 070dd51e
    expect(count('leak', 'evaluation', 'training')).toEqual([2]);
    expect(count('same_task', 'evaluation', 'training2')).toEqual([375, 1]);
    expect(count('leak', 'evaluation', 'training2')).toEqual([376]);
  });
});
