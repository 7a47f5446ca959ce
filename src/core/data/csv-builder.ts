/**
 * The reference's Sudoku and maze CSVs → datasets, draw for draw as its `build_sudoku_dataset.py` and
 * `build_maze_dataset.py` after `np.random.seed(seed)` (they themselves never seed). Both sets stream: the first pass
 * checks and counts, the second writes; only a drawn sample is held in memory.
 */
import { join } from 'node:path';
import type { DatasetSidecar, MazeCsvRecipe, SudokuCsvRecipe } from '../../shared/dataset';
import { transformGrid, type Dihedral } from '../../shared/arc-grid';
import { StudioError } from '../../shared/errors';
import { LegacyRandom } from './numpy-random';
import { fileSource } from './byte-source';
import { cellValues, readCells, readPuzzleCsv, type CsvFile } from './puzzle-csv';
import { SplitWriter, writeIdentifiers, writeSidecar } from './split-writer';
import { shuffleSudoku, type Board } from './sudoku-augment';
import { makeWholeFolder } from '../lib/whole-folder';
import { Breather, type WorkOptions } from '../lib/work';

/** How one kind of puzzle is read from a row and written. */
export interface CsvFormat {
  kind: 'sudoku' | 'maze';
  vocabSize: number;
  /** Side of the square board, from the first row's `q`. */
  side(q: string, path: string, line: number): number;
  allowed: { q: string; a: string };
  values: { q: Uint8Array; a: Uint8Array };
  /** Token of a cell that the answer fills, where all others must be answered as they are given. */
  blank?: number;
}

/**
 * The kind of puzzle whose characters these are, as far as the first that neither kind has: reading the board then says
 * which one it is, and where. Null if the first of all is of neither.
 */
export function formatOfPuzzle(q: string): CsvFormat | null {
  const fitting = ({ values }: CsvFormat): number => {
    const wrong = Array.from(q).findIndex((c) => (values.q[c.charCodeAt(0)] ?? 255) === 255);
    return wrong < 0 ? q.length : wrong;
  };
  const [sudoku, maze] = [fitting(SUDOKU_CSV), fitting(MAZE_CSV)];
  if (sudoku === 0 && maze === 0) return null;
  return sudoku >= maze ? SUDOKU_CSV : MAZE_CSV;
}

const digits = Array.from({ length: 10 }, (_, d) => [String(d), d + 1] as const);
export const SUDOKU_CSV: CsvFormat = {
  kind: 'sudoku',
  vocabSize: 11,
  side: () => 9,
  allowed: { q: 'the digits 1 to 9, and 0 or "." for a blank', a: 'the digits 1 to 9' },
  values: { q: cellValues([...digits, ['.', 1]]), a: cellValues(digits.slice(1)) },
  blank: 1,
};

const MAX_SIDE = 100;
/** Tokens 1…5: wall, free, start, goal, path. */
export const MAZE_CHARACTERS = '# SGo';
const mazeValues = cellValues(Array.from(MAZE_CHARACTERS, (c, i) => [c, i + 1] as const));
const mazeAllowed = '"#" (wall), " " (free), "S", "G" and "o" (path)';
export const MAZE_CSV: CsvFormat = {
  kind: 'maze',
  vocabSize: MAZE_CHARACTERS.length + 1,
  side: (q, path, line) => {
    const side = Math.sqrt(q.length);
    if (Number.isInteger(side) && side >= 1 && side <= MAX_SIDE) return side;
    throw new StudioError(
      'bad_input',
      `${path}: line ${line}, q has ${q.length} characters, which make no square of up to ${MAX_SIDE}×${MAX_SIDE}: give square mazes, row after row.`,
    );
  },
  allowed: { q: mazeAllowed, a: mazeAllowed },
  values: { q: mazeValues, a: mazeValues },
};

/** Reads and checks every row; `take` gets the boards that pass the filter, in the file's order, in buffers used again. */
export async function readBoards(
  file: CsvFile,
  format: CsvFormat,
  { minDifficulty = null, side = 0 }: { minDifficulty?: number | null; side?: number },
  take: (board: Board, index: number, row: { side: number; bytes: number }) => void | Promise<void>,
): Promise<{ count: number; side: number }> {
  const path = file.name;
  let board: Board | null = null;
  let count = 0;
  for await (const { line, q, a, rating, bytes } of readPuzzleCsv(file)) {
    if (minDifficulty !== null && difficulty(rating, path, line) < minDifficulty) continue;
    side ||= format.side(q, path, line);
    board ??= { input: new Uint8Array(side * side), label: new Uint8Array(side * side) };
    readCells(q, board.input, format.values.q, { path, line, field: 'q', allowed: format.allowed.q });
    readCells(a, board.label, format.values.a, { path, line, field: 'a', allowed: format.allowed.a });
    if (format.blank !== undefined) refuseContradiction(board, format.blank, side, `${path}: line ${line}`);
    const wait = take(board, count++, { side, bytes });
    if (wait) await wait;
  }
  return { count, side };
}

function refuseContradiction({ input, label }: Board, blank: number, side: number, where: string): void {
  const at = input.findIndex((token, i) => token !== blank && token !== label[i]);
  if (at < 0) return;
  const cell = `row ${Math.floor(at / side) + 1}, column ${(at % side) + 1}`;
  throw new StudioError(
    'bad_input',
    `${where}, ${cell}: q gives ${input[at] - 1} and a answers ${label[at] - 1}: mend or remove the line.`,
  );
}

function difficulty(rating: string | null, path: string, line: number): number {
  if (rating === null) {
    throw new StudioError('bad_input', `${path} has no column "rating": build without a minimum difficulty.`);
  }
  if (/^\s*[+-]?\d+\s*$/.test(rating)) return Number(rating);
  throw new StudioError('bad_input', `${path}: line ${line}, rating is ${JSON.stringify(rating)}: use a whole number.`);
}

async function withCsv<T>(path: string, act: (file: CsvFile) => Promise<T>): Promise<T> {
  const source = await fileSource(path);
  try {
    return await act({ name: path, source });
  } finally {
    await source.close();
  }
}

/** @throws StudioError `bad_input` for what is wrong with the files, `conflict` if `out` is taken, `cancelled` */
export async function buildFromCsv(
  recipe: SudokuCsvRecipe | MazeCsvRecipe,
  out: string,
  options: WorkOptions = {},
): Promise<DatasetSidecar> {
  const format = recipe.kind === 'sudoku-csv' ? SUDOKU_CSV : MAZE_CSV;
  return makeWholeFolder(out, async (folder) => {
    const build = new CsvBuild(recipe, format, folder, new Breather(options, 'Building the dataset'));
    const side = await build.run();
    await writeIdentifiers(folder, []);
    const sidecar: DatasetSidecar = {
      schema: 1,
      kind: format.kind,
      rows: side,
      columns: side,
      recipe,
      shortfalls: [],
      left_out: [],
    };
    writeSidecar(folder, sidecar);
    return sidecar;
  });
}

class CsvBuild {
  private readonly random: LegacyRandom;
  private readonly filter: { minDifficulty: number | null };

  constructor(
    private readonly recipe: SudokuCsvRecipe | MazeCsvRecipe,
    private readonly format: CsvFormat,
    private readonly folder: string,
    private readonly breather: Breather,
  ) {
    this.random = new LegacyRandom(recipe.seed);
    this.filter = { minDifficulty: recipe.kind === 'sudoku-csv' ? recipe.min_difficulty : null };
  }

  /** @returns the side of the boards */
  async run(): Promise<number> {
    const { train_file, test_file, hold_out } = this.recipe;
    const all = await this.count(train_file, 0);
    const test = test_file === null ? null : await this.count(test_file, all.side);
    if (test_file === null && hold_out >= all.count) {
      throw new StudioError(
        'bad_input',
        `${train_file} holds ${all.count} fitting puzzles, and ${hold_out} were to be held out: hold out fewer.`,
      );
    }
    const train = all.count - (test_file === null ? hold_out : 0);
    await this.writeTrain(train_file, train, all.side);
    if (test) await this.writePlain('test', test_file as string, 0, test.count, all.side);
    else if (hold_out > 0) await this.writePlain('test', train_file, train, all.count, all.side);
    return all.side;
  }

  /** Lets others of the process run, and a cancel through, while rows are only looked at. */
  private passed(index: number, bytes: number, { source }: CsvFile, what = 'bytes read'): Promise<void> | undefined {
    return (index & 255) === 0 ? this.breather.breathe(bytes, source.size, what) : undefined;
  }

  private async count(path: string, side: number): Promise<{ count: number; side: number }> {
    const found = await withCsv(path, (file) =>
      readBoards(file, this.format, { ...this.filter, side }, (_board, index, { bytes }) =>
        this.passed(index, bytes, file, 'bytes checked'),
      ),
    );
    if (found.count === 0) {
      const { minDifficulty } = this.filter;
      throw new StudioError(
        'bad_input',
        minDifficulty === null
          ? `${path} holds no puzzles: choose another file.`
          : `${path} holds no puzzle with a rating of ${minDifficulty} or more: ask for a lower one.`,
      );
    }
    return found;
  }

  private async writeTrain(path: string, count: number, side: number): Promise<void> {
    const { recipe, random } = this;
    const size = recipe.subsample_size;
    if (size === null || size >= count) return this.writePlain('train', path, 0, count, side);
    const order = random.choice(count, size);
    const place = new Int32Array(count).fill(-1);
    order.forEach((index, i) => (place[index] = i));
    const S = side * side;
    const sample = new Uint8Array(2 * S * size);
    await withCsv(path, (file) =>
      readBoards(file, this.format, { ...this.filter, side }, ({ input, label }, index, { bytes }) => {
        if (index < count && place[index] >= 0) {
          sample.set(input, 2 * S * place[index]);
          sample.set(label, 2 * S * place[index] + S);
        }
        return this.passed(index, bytes, file);
      }),
    );
    await this.write('train', size, side, async (puzzle) => {
      for (let i = 0; i < size; i++) {
        const at = 2 * S * i;
        await puzzle({ input: sample.subarray(at, at + S), label: sample.subarray(at + S, at + 2 * S) });
      }
    });
  }

  /** The puzzles `first` … `end` of a file, in its order. */
  private writePlain(split: 'train' | 'test', path: string, first: number, end: number, side: number): Promise<void> {
    return this.write(split, end - first, side, async (puzzle) => {
      await withCsv(path, (file) =>
        readBoards(file, this.format, { ...this.filter, side }, (board, index, { bytes }) =>
          index >= first && index < end ? puzzle(board) : this.passed(index, bytes, file),
        ),
      );
    });
  }

  private async write(
    split: 'train' | 'test',
    groups: number,
    side: number,
    each: (puzzle: (board: Board) => Promise<void>) => Promise<void>,
  ): Promise<void> {
    const { recipe, breather, random } = this;
    const views = split === 'test' ? 1 : recipe.kind === 'maze-csv' ? (recipe.aug ? 8 : 1) : 1 + recipe.num_aug;
    const writer = new SplitWriter(join(this.folder, split), {
      examples: groups * views,
      puzzles: groups * views,
      groups,
      seqLen: side * side,
      vocabSize: this.format.vocabSize,
      numPuzzleIdentifiers: 1,
      totalPuzzles: groups,
      wide: recipe.kind === 'sudoku-csv' && !recipe.compact && views > 1,
    });
    let done = 0;
    try {
      await each(async ({ input, label }) => {
        for (let view = 0; view < views; view++) {
          if (view === 0) await writer.example(input, label);
          else if (recipe.kind === 'sudoku-csv') {
            const shuffled = shuffleSudoku(input, label, random);
            await writer.example(shuffled.input, shuffled.label);
          } else {
            const turn = (cells: Uint8Array): Uint8Array =>
              transformGrid({ rows: side, columns: side, cells }, view as Dihedral).cells;
            await writer.example(turn(input), turn(label));
          }
          writer.endPuzzle(0);
        }
        writer.endGroup();
        done += views;
        await breather.breathe(done, groups * views, `${split === 'train' ? 'training' : 'test'} puzzles written`);
      });
      await writer.finish();
    } catch (error) {
      await writer.abandon();
      throw error;
    }
  }
}
