import { createHash } from 'node:crypto';
import { mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { buildDataset } from '../../src/core/data/build';
import { DatasetStore } from '../../src/core/data/store';
import { countSolutions, MAX_BLANKS, SudokuGenerator, type SudokuSize } from '../../src/core/data/sudoku-generator';
import { Random } from '../../src/core/lib/random';
import type { DatasetMetadata, SudokuRecipe } from '../../src/shared/dataset';

let folder: string;
beforeEach(() => (folder = mkdtempSync(join(tmpdir(), 'trm-sudoku-'))));
afterEach(() => rmSync(folder, { recursive: true, force: true }));

const SIZES = [4, 6, 9] as const;
/** Rows and columns of a box, written down a second time. */
const BOXES = { 4: [2, 2], 6: [2, 3], 9: [3, 3] } as const;

function isSolved(size: SudokuSize, cells: ArrayLike<number>): boolean {
  const [h, w] = BOXES[size];
  const units: number[][] = [];
  for (let u = 0; u < size; u++) {
    const [top, left] = [Math.floor(u / (size / w)) * h, (u % (size / w)) * w];
    units.push(
      Array.from({ length: size }, (_, i) => cells[u * size + i]),
      Array.from({ length: size }, (_, i) => cells[i * size + u]),
      Array.from({ length: size }, (_, i) => cells[(top + Math.floor(i / w)) * size + left + (i % w)]),
    );
  }
  return units.every((unit) => [...unit].sort((a, b) => a - b).every((digit, i) => digit === i + 1));
}

/** All solutions, by trying every digit in every cell in turn. */
function bruteForce(size: SudokuSize, puzzle: number[]): number {
  const [h, w] = BOXES[size];
  const at = puzzle.indexOf(0);
  if (at < 0) return 1;
  const [r, c] = [Math.floor(at / size), at % size];
  let found = 0;
  for (let digit = 1; digit <= size; digit++) {
    const clash = puzzle.some((other, i) => {
      const [r2, c2] = [Math.floor(i / size), i % size];
      const sameBox = Math.floor(r2 / h) === Math.floor(r / h) && Math.floor(c2 / w) === Math.floor(c / w);
      return other === digit && (r2 === r || c2 === c || sameBox);
    });
    if (clash) continue;
    const next = [...puzzle];
    next[at] = digit;
    found += bruteForce(size, next);
  }
  return found;
}

describe('the Sudoku generator', () => {
  it.each(SIZES)('fills boards of side %i by the rules', (size) => {
    const generator = new SudokuGenerator(size, new Random(1, 'boards'));
    for (let n = 0; n < 50; n++) expect(isSolved(size, generator.solution())).toBe(true);
  });

  it('can reach each of the 288 boards of 4×4', () => {
    const generator = new SudokuGenerator(4, new Random(2, 'boards'));
    const seen = new Set(Array.from({ length: 6000 }, () => generator.solution().join('')));
    expect(seen.size).toBe(288);
  });

  it.each(SIZES)('makes puzzles of side %i with one solution and the asked-for blanks', (size) => {
    const generator = new SudokuGenerator(size, new Random(3, 'puzzles'));
    for (const blanks of [1, size, MAX_BLANKS[size] - 3]) {
      let sudoku = generator.attempt(blanks);
      while (!sudoku) sudoku = generator.attempt(blanks);
      const { puzzle, solution } = sudoku;
      expect(puzzle.filter((digit) => digit === 0)).toHaveLength(blanks);
      expect(puzzle.every((digit, i) => digit === 0 || digit === solution[i])).toBe(true);
      expect(isSolved(size, solution)).toBe(true);
      expect(countSolutions(size, puzzle)).toBe(1);
    }
  });

  it('counts solutions as brute force does', () => {
    const random = new Random(4, 'count');
    const generator = new SudokuGenerator(4, random);
    for (let n = 0; n < 100; n++) {
      const puzzle = generator.solution();
      for (let i = random.integer(4, 12); i > 0; i--) puzzle[random.integer(0, 15)] = 0;
      expect(countSolutions(4, puzzle, 1000)).toBe(bruteForce(4, Array.from(puzzle)));
    }
    expect(countSolutions(4, new Uint8Array(16), 1000)).toBe(288);
    expect(countSolutions(4, Uint8Array.from([1, 1, ...new Array<number>(14).fill(0)]))).toBe(0);
  });
});

describe('Sudoku datasets', () => {
  const recipe = (more: Partial<SudokuRecipe> = {}): SudokuRecipe => {
    return { kind: 'sudoku', size: 4, train: 200, test: 100, blanks: [6, 10], seed: 1, ...more };
  };
  const build = (r: SudokuRecipe, name = 'out', options = {}) =>
    buildDataset({ recipe: r, subsets: [], out: join(folder, name) }, options);

  it.each(SIZES)('of side %i hold unseen test puzzles in the reference’s layout', async (size) => {
    const blanks: [number, number] = [size, 2 * size];
    const sidecar = await build(recipe({ size, blanks }));
    expect(sidecar).toMatchObject({ kind: 'sudoku', rows: size, columns: size, shortfalls: [], left_out: [] });
    const store = DatasetStore.open(join(folder, 'out'));
    expect([store.kind, store.rows, store.columns]).toEqual(['sudoku', size, size]);
    const seen = new Set<string>();
    const solutions = { train: new Set<string>(), test: new Set<string>() };
    const counts = new Map<number, number>();
    for (const name of ['train', 'test'] as const) {
      const split = store.split(name);
      expect(split.examples).toBe(recipe()[name]);
      for (let index = 0; index < split.examples; index++) {
        const { input, label } = store.read({ split: name, index });
        const [puzzle, solution] = [input.map((t) => t - 1), label.map((t) => t - 1)];
        expect(isSolved(size, solution)).toBe(true);
        expect(countSolutions(size, puzzle)).toBe(1);
        expect(puzzle.every((digit, i) => digit === 0 || digit === solution[i])).toBe(true);
        const n = puzzle.filter((digit) => digit === 0).length;
        counts.set(n, (counts.get(n) ?? 0) + 1);
        seen.add(puzzle.join());
        solutions[name].add(solution.join());
        expect(split.puzzleIdentifiers[split.puzzleOf(index)]).toBe(0);
      }
      expect(Array.from(split.groupIndices)).toEqual(Array.from({ length: split.examples + 1 }, (_, i) => i));
      const metadata = JSON.parse(readFileSync(join(folder, 'out', name, 'dataset.json'), 'utf8')) as DatasetMetadata;
      expect(metadata).toEqual({
        pad_id: 0,
        ignore_label_id: 0,
        blank_identifier_id: 0,
        vocab_size: size + 2,
        seq_len: size * size,
        num_puzzle_identifiers: 1,
        total_groups: split.examples,
        mean_puzzle_examples: 1,
        total_puzzles: split.examples,
        sets: ['all'],
      });
    }
    expect(seen.size).toBe(300); // all different, so none of the test is in train
    if (size > 4) expect([...solutions.test].filter((s) => solutions.train.has(s))).toEqual([]);
    expect([...counts.keys()].sort((a, b) => a - b)).toEqual(Array.from({ length: size + 1 }, (_, i) => size + i));
    expect(readFileSync(join(folder, 'out/identifiers.json'), 'utf8')).toBe('["<blank>"]');
    expect(store.puzzleName({ split: 'test', index: 17 })).toBe('test 17');
    store.close();
  });

  it('depend on the seed alone', async () => {
    const hash = async (seed: number, name: string): Promise<string> => {
      await build(recipe({ seed }), name);
      return createHash('sha256')
        .update(readFileSync(join(folder, name, 'test/all__inputs.npy')))
        .digest('hex');
    };
    const first = await hash(5, 'a');
    expect(await hash(5, 'b')).toBe(first);
    expect(await hash(6, 'c')).not.toBe(first);
  });

  it.each([
    [{ blanks: [8, 6] }, 'blanks go from 8 to 6: put the smaller number first.'],
    [{ blanks: [6, 13] }, '13 blanks leave too few clues for one solution: use at most 12 on a 4×4 board.'],
    [
      { blanks: [1, 1], train: 4600, test: 9 },
      /^After 4600 training and 8 test puzzles no further 4×4 puzzle with 1 blank could/,
    ],
    [{ blanks: [1, 1], train: 5000 }, /^After 4608 training puzzles no further/], // 288 boards × 16 cells
  ] as [Partial<SudokuRecipe>, string | RegExp][])('refuse %j and leave nothing behind', async (more, message) => {
    await expect(build(recipe(more))).rejects.toMatchObject({ code: 'bad_input' });
    await expect(build(recipe(more))).rejects.toThrow(message);
    expect(readdirSync(folder)).toEqual([]);
  });

  it('stop when cancelled and leave nothing behind', async () => {
    const abort = new AbortController();
    const options = { signal: abort.signal, progress: () => abort.abort() };
    await expect(build(recipe({ size: 9, blanks: [50, 55], train: 100_000 }), 'out', options)).rejects.toMatchObject({
      code: 'cancelled',
    });
    expect(readdirSync(folder)).toEqual([]);
  });
});
