import { createHash } from 'node:crypto';
import { mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { readKaggleSubset } from '../../src/core/arc/kaggle';
import { buildArc, type TaskSubset } from '../../src/core/data/arc-builder';
import { leaveOutLeaks } from '../../src/core/data/leave-out';
import { readBundled, type BundledName } from '../../src/core/data/bundled';
import { decodeCanvas } from '../../src/shared/arc-canvas';
import { drawAugmentations, type ArcPuzzle } from '../../src/core/data/arc-augment';
import { LegacyRandom } from '../../src/core/data/numpy-random';
import { DatasetStore } from '../../src/core/data/store';
import type { Task } from '../../src/shared/arc';
import { flattenGrid, recolourGrid, transformGrid, unflattenGrid, type Dihedral } from '../../src/shared/arc-grid';
import type { ArcRecipe, DatasetMetadata, DatasetSidecar } from '../../src/shared/dataset';

const root = resolve(import.meta.dirname, '../..');
const tiny = join(root, 'test/golden/arc-tiny');

let folder: string;
beforeEach(() => (folder = mkdtempSync(join(tmpdir(), 'trm-arc-'))));
afterEach(() => rmSync(folder, { recursive: true, force: true }));

const read = async (prefix: string, names: string[]): Promise<TaskSubset[]> =>
  Promise.all(names.map(async (name) => ({ name, tasks: await readKaggleSubset(prefix, name) })));

function recipe(subsets: string[], test_set: string, num_aug: number, more: Partial<ArcRecipe> = {}): ArcRecipe {
  return { kind: 'arc', subsets, test_set, num_aug, canvas: 30, seed: 42, ...more };
}

const sha256 = (file: string): string => createHash('sha256').update(readFileSync(file)).digest('hex');

describe('the reference’s dataset', () => {
  it('is reproduced byte for byte for arc-tiny', async () => {
    const out = join(folder, 'tiny');
    const names = ['training', 'evaluation'];
    await buildArc(recipe(names, 'evaluation', 3), await read(join(tiny, 'arc-agi'), names), out);
    const expected = readdirSync(join(tiny, 'expected'), { recursive: true, encoding: 'utf8' }).filter((f) =>
      /\.(npy|json)$/.test(f),
    );
    expect(expected).toHaveLength(14);
    for (const file of expected) {
      const [ours, theirs] = [readFileSync(join(out, file)), readFileSync(join(tiny, 'expected', file))];
      expect(ours.equals(theirs), file).toBe(true);
    }
  });

  it('is reproduced for evaluation + concept with 10 augmentations', async () => {
    const out = join(folder, 'ten');
    const names = ['evaluation', 'concept'] as const;
    // Made from Kaggle's files, which the bundled collections equal (bundled.test.ts).
    const subsets = names.map(async (name) => ({ name, tasks: await readBundled(join(root, 'resources'), name) }));
    await buildArc(recipe([...names], 'evaluation', 10), await Promise.all(subsets), out);
    const list = readFileSync(join(root, 'test/golden/arc-evaluation-concept-aug10-seed42.sha256'), 'utf8')
      .trim()
      .split('\n');
    const ours = list.map((line) => `${sha256(join(out, line.slice(66)))}  ${line.slice(66)}`);
    expect(ours).toEqual(list);
    expect(ours).toHaveLength(14);
  });
});

const solid = (side: number, colour: number): number[][] =>
  Array.from({ length: side }, () => Array<number>(side).fill(colour));
const corner = (side: number): number[][] => solid(side, 0).map((row, r) => row.map((_, c) => (r === 0 ? c % 4 : 0)));
const task = (name: string, side = 4, output: number[][] | undefined = corner(side)): Task => ({
  name,
  train: [
    { input: corner(side), output: corner(side) },
    { input: solid(side, 5), output: corner(side) },
  ],
  test: [output ? { input: corner(side), output } : { input: corner(side) }],
});

describe('leaks', () => {
  const build = async (names: readonly BundledName[], out: string, more: Partial<ArcRecipe> = {}) => {
    const subsets = names.map(async (name) => ({ name, tasks: await readBundled(join(root, 'resources'), name) }));
    return buildArc(recipe([...names], names[1], 0, more), await Promise.all(subsets), join(folder, out));
  };

  it('of ARC-AGI-1’s evaluation set into ARC-AGI-2’s are left out where that is asked, named, and recorded', async () => {
    const kept = await build(['evaluation', 'evaluation2'], 'kept');
    expect([kept.left_out, 'leave_out_leaks' in (kept.recipe as ArcRecipe)]).toEqual([[], false]);
    const clean = await build(['evaluation', 'evaluation2'], 'clean', { leave_out_leaks: true });
    expect(clean.left_out.map(({ name }) => name).sort()).toEqual(['0934a4d8', '136b0064', '16b78196', '981571dc', 'aa4ec2a5', 'da515329']);
    expect(clean.left_out[0].reason).toMatch(/^Of evaluation: .* of evaluation2(, as|$)/);
    const written = JSON.parse(readFileSync(join(folder, 'clean/studio.json'), 'utf8')) as DatasetSidecar;
    expect(written).toEqual(clean);
    expect(written.recipe).toMatchObject({ leave_out_leaks: true });
    // Split test is the test set in both.
    const tests = (out: string): string[] => Object.keys(JSON.parse(readFileSync(join(folder, out, 'test_puzzles.json'), 'utf8')) as object);
    expect(tests('clean').sort()).toEqual(tests('kept').sort());
    const trained = new Set(clean.left_out.map(({ name }) => name));
    const names = JSON.parse(readFileSync(join(folder, 'clean/identifiers.json'), 'utf8')) as string[];
    expect(names.filter((name) => trained.has(name)).sort()).toEqual([...trained].sort()); // from the test set, once each
  }); // prettier-ignore

  const pairs = (n: number, t: Dihedral = 0): Task['train'] =>
    [n, n + 1].map((k) => {
      const grid = (m: number) => unflattenGrid(transformGrid(flattenGrid([[m % 10, 1, 0], [2, m % 7, m % 5]]), t)); // prettier-ignore
      return { input: grid(k), output: grid(k + 3) };
    });
  it.each<[string, Task, string | null]>([
    ['its name', { name: 't', train: pairs(40), test: pairs(43) }, 'it has the name of t of b'],
    ['its grids', { name: 'u', train: pairs(10), test: pairs(13) }, 'all its grids are those of t of b, as they are, or turned or recoloured'],
    ['its grids, turned', { name: 'u', train: pairs(10, 3), test: pairs(13, 3) }, 'all its grids are those of t of b, as they are, or turned or recoloured'],
    ['its answer', { name: 'u', train: [...pairs(40), pairs(13)[0]], test: pairs(43) }, 'one of its pairs is a test pair of t of b, as it is, or turned or recoloured'],
    ['a demonstration', { name: 'u', train: [...pairs(40), pairs(10)[0]], test: pairs(43) }, null],
    ['nothing', { name: 'u', train: pairs(40), test: pairs(43) }, null],
  ])('are what holds of a test task %s', async (_, other, why) => {
    const test = { name: 'b', tasks: [{ name: 't', train: pairs(10), test: pairs(13) }] };
    const { subsets, leftOut } = await leaveOutLeaks([{ name: 'a', tasks: [other] }, test], (name) => name === 'b');
    expect(leftOut).toEqual(why === null ? [] : [{ name: other.name, reason: `Of a: ${why}.` }]);
    expect(subsets).toEqual([{ name: 'a', tasks: why === null ? [other] : [] }, test]);
  }); // prettier-ignore
});

describe('the builder', () => {
  const one = (tasks: Task[], more: Partial<ArcRecipe> = {}, options = {}): Promise<DatasetSidecar> =>
    buildArc(recipe(['a'], 'a', 2, { canvas: 6, ...more }), [{ name: 'a', tasks }], join(folder, 'out'), options);
  const left = (): string[] => readdirSync(folder);

  it('leaves out and lists the tasks that do not fit the canvas', async () => {
    const sidecar = await one([task('small'), task('large', 7)]);
    expect(sidecar.left_out).toEqual([
      { name: 'large', reason: 'A grid of it has a side of 7, more than the canvas of 6.' },
    ]);
    expect(JSON.parse(readFileSync(join(folder, 'out/studio.json'), 'utf8'))).toEqual(sidecar);
    const metadata = JSON.parse(readFileSync(join(folder, 'out/train/dataset.json'), 'utf8')) as DatasetMetadata;
    expect(metadata).toMatchObject({
      seq_len: 36,
      vocab_size: 12,
      total_groups: 1,
      total_puzzles: 3,
      num_puzzle_identifiers: 4,
    });
    expect(left()).toEqual(['out']);
  });

  it('moves every training example but one of each puzzle, and none of the test', async () => {
    await one([task('x', 2), task('y', 3)], { num_aug: 20 });
    const store = DatasetStore.open(join(folder, 'out'));
    const offsets = (name: 'train' | 'test', first: number, end: number): string[] =>
      Array.from({ length: end - first }, (_, i) => {
        const { input, label } = store.read({ split: name, index: first + i });
        const [at, to] = [decodeCanvas(input, 6), decodeCanvas(label, 6)];
        expect([at?.row, at?.column]).toEqual([to?.row, to?.column]);
        return `${at?.row},${at?.column}`;
      });
    const train = store.split('train');
    const seen = new Set<string>();
    for (let p = 0; p + 1 < train.puzzleIndices.length; p++) {
      const found = offsets('train', train.puzzleIndices[p], train.puzzleIndices[p + 1]);
      expect(found).toContain('0,0');
      found.forEach((offset) => seen.add(offset));
    }
    expect(seen.size).toBeGreaterThan(8);
    expect(new Set(offsets('test', 0, store.split('test').examples))).toEqual(new Set(['0,0']));
    store.close();
  });

  it('lists puzzles that have fewer different images than asked for', async () => {
    const sidecar = await one(
      [{ name: 'flat', train: [{ input: [[3]], output: [[3]] }], test: [{ input: [[3]], output: [[3]] }] }],
      {
        num_aug: 20,
      },
    );
    expect(sidecar.shortfalls).toEqual([{ name: 'flat', wanted: 20, found: 8 }]); // nine colours, one is the puzzle itself
  });

  it('gives the same bytes for the same recipe, others for another seed', async () => {
    const hashes: string[] = [];
    for (const seed of [1, 1, 2]) {
      const out = join(folder, `out${hashes.length}`);
      await buildArc(recipe(['a'], 'a', 5, { seed }), [{ name: 'a', tasks: [task('x'), task('y')] }], out);
      hashes.push(sha256(join(out, 'train/all__inputs.npy')));
    }
    expect(hashes[0]).toBe(hashes[1]);
    expect(hashes[0]).not.toBe(hashes[2]);
  });

  it('shares the embedding rows of a task that stands in two subsets', async () => {
    const subsets = ['a', 'b'].map((name) => ({ name, tasks: [task('x'), task(`only ${name}`)] }));
    await buildArc(recipe(['a', 'b'], 'b', 0), subsets, join(folder, 'out'));
    expect(JSON.parse(readFileSync(join(folder, 'out/identifiers.json'), 'utf8'))).toHaveLength(4); // blank, x, only a, only b
  });

  it('may be limited to named tasks', async () => {
    await one([task('x'), task('y'), task('z')], { tasks: ['x', 'z'], num_aug: 0 });
    expect((JSON.parse(readFileSync(join(folder, 'out/identifiers.json'), 'utf8')) as string[]).sort()).toEqual([
      '<blank>',
      'x',
      'z',
    ]);
  });

  it('writes no test split without its subset, as the reference', async () => {
    await one([task('x')], { test_set: 'evaluation' });
    const store = DatasetStore.open(join(folder, 'out'));
    expect([store.hasSplit('train'), store.hasSplit('test')]).toEqual([true, false]);
    expect(() => store.split('test')).toThrow('has no test split');
  });

  it.each([
    ['a missing solution', [task('x'), task('y', 4, undefined)].map((t, i) => (i ? { ...t, test: [{ input: t.test[0].input }] } : t)), {}, 'One task has no solution for a test input (y): import the solutions file too, leave the subset out, or allow missing solutions.'],
    ['nothing that fits', [task('x', 9)], {}, 'None of the 1 tasks fits a canvas of 6: choose a larger canvas.'],
    ['no task at all', [], {}, 'The chosen subsets hold no tasks: choose others.'],
    ['an unknown subset', [task('x')], { subsets: ['b'] }, 'There is no subset "b": did you mean a?'],
    ['an unknown task', [task('007bbfb7')], { tasks: ['007bbfb8'] }, 'The task 007bbfb8 is in none of a: did you mean 007bbfb7?'],
  ])('refuses %s and leaves nothing behind', async (_, tasks, more, message) => {
    await expect(one(tasks, more)).rejects.toMatchObject({ code: 'bad_input', message });
    expect(left()).toEqual([]);
  }); // prettier-ignore

  it('refuses a folder that holds something, and keeps it', async () => {
    mkdirSync(join(folder, 'out'));
    writeFileSync(join(folder, 'out/precious'), '1');
    await expect(one([task('x')])).rejects.toMatchObject({ code: 'conflict' });
    expect(readdirSync(join(folder, 'out'))).toEqual(['precious']);
    expect(left()).toEqual(['out']);
  });

  it('takes an empty folder, and removes what a killed build has left beside it', async () => {
    mkdirSync(join(folder, 'out'));
    mkdirSync(join(folder, '.out.building-99999999/train'), { recursive: true });
    await one([task('x')]);
    expect(left()).toEqual(['out']);
  });

  it('stops when cancelled, in either phase, and leaves nothing behind', async () => {
    const tasks = Array.from({ length: 60 }, (_, i) => task(`t${i}`));
    for (const phase of ['tasks augmented', 'puzzles written']) {
      const abort = new AbortController();
      const seen: string[] = [];
      const progress = (done: number, total: number, what: string): void => {
        expect(done).toBeLessThanOrEqual(total);
        seen.push(what);
        if (what === phase) abort.abort();
      };
      await expect(one(tasks, { num_aug: 300 }, { signal: abort.signal, progress })).rejects.toMatchObject({
        code: 'cancelled',
      });
      expect(seen.at(-1)).toBe(phase);
      expect(left()).toEqual([]);
    }
  });
});

describe('distinct augmentations', () => {
  /** The rule itself: an augmentation counts if its painted pairs, as a multiset, are new. */
  function byPainting(puzzle: ArcPuzzle, wanted: number, random: LegacyRandom): string[] {
    const paint = (t: Dihedral, images: ArrayLike<number>): string =>
      [...puzzle.train, ...puzzle.test]
        .map(({ input, output }) =>
          [input, output]
            .map((grid) => unflattenGrid(transformGrid(recolourGrid(grid, images), t)))
            .map((grid) => JSON.stringify(grid))
            .join('>'),
        )
        .sort()
        .join(';');
    const found: string[] = [];
    const seen = new Set([paint(0, [0, 1, 2, 3, 4, 5, 6, 7, 8, 9])]);
    for (let trial = 0; trial < 5 * wanted && found.length < wanted; trial++) {
      const t = random.randint(0, 8) as Dihedral;
      const images = [0, ...random.permutation(1, 10)];
      const painted = paint(t, images);
      if (seen.has(painted)) continue;
      seen.add(painted);
      found.push(`t${t} ${images.join('')}`);
    }
    return found;
  }

  const pair = (...rows: number[][][]): ArcPuzzle['train'][number] => ({
    input: flattenGrid(rows[0]),
    output: flattenGrid(rows[1]),
  });
  it.each<[string, ArcPuzzle['train']]>([
    ['one colour', [pair([[3]], [[3]])]],
    ['a rigid puzzle of two colours', [pair([[1, 0, 2]], [[1, 1], [0, 2]])]],
    ['a mirror image', [pair([[1, 2, 1]], [[2]])]],
    ['pairs that are each other’s recolouring', [pair([[1, 0]], [[1]]), pair([[2, 0]], [[2]])]],
    ['pairs that are each other’s reflection', [pair([[1, 0]], [[1]]), pair([[0, 1]], [[1]])]],
    ['black alone', [pair([[0, 0]], [[0]])]],
    ['the same pair twice', [pair([[1, 2, 3]], [[3]]), pair([[1, 2, 3]], [[3]])]],
    ['colours that change places with a turn', [pair([[1, 2], [2, 1]], [[1, 2]])]],
  ])('are the same with and without painting: %s', (_, train) => {
    for (const wanted of [5, 40, 200]) {
      const puzzle: ArcPuzzle = { name: 'p', train, test: [] };
      const augmentations = drawAugmentations(puzzle, wanted, new LegacyRandom(7));
      const ours = Array.from(
        { length: augmentations.length - 1 },
        (_, i) => `t${augmentations.symmetry(i + 1)} ${augmentations.images(i + 1).join('')}`,
      );
      expect(ours).toEqual(byPainting(puzzle, wanted, new LegacyRandom(7)));
    }
  }); // prettier-ignore

  it('fill in [[0]] for a missing solution only if the recipe allows it', async () => {
    const unsolved = { ...task('y'), test: [{ input: corner(4) }] };
    const sidecar = await buildArc(
      recipe(['a'], 'a', 1, { canvas: 6, allow_missing_solutions: true }),
      [{ name: 'a', tasks: [unsolved] }],
      join(folder, 'out'),
    );
    expect(sidecar.recipe).toMatchObject({ allow_missing_solutions: true });
    const store = DatasetStore.open(join(folder, 'out'));
    const { label } = store.read({ split: 'test', index: 0 });
    expect(decodeCanvas(label, 6)?.grid).toMatchObject({ rows: 1, columns: 1, cells: Uint8Array.of(0) });
    store.close();
    expect(JSON.parse(readFileSync(join(folder, 'out/test_puzzles.json'), 'utf8'))).toMatchObject({
      y: { test: [{ output: [[0]] }] },
    });
  });
});
