/**
 * Generated Sudoku → a dataset in the reference's layout: digit d → token d + 1, blank → 1, 0 = PAD, so V = size + 2;
 * every puzzle is a group of its own, and all carry the blank identifier.
 */
import { join } from 'node:path';
import type { DatasetSidecar, SudokuRecipe } from '../../shared/dataset';
import { StudioError } from '../../shared/errors';
import { Random } from '../lib/random';
import { SplitWriter, writeIdentifiers, writeSidecar } from './split-writer';
import { MAX_BLANKS, SudokuGenerator, type Sudoku } from './sudoku-generator';
import { makeWholeFolder } from '../lib/whole-folder';
import { Breather, type WorkOptions } from '../lib/work';

/** Puzzles in a row that were all known already, before the supply is called exhausted. */
const MAX_REPEATS = 20_000;
/** Attempts at one number of blanks; the rarest that is offered succeeds once in about 220. */
const MAX_ATTEMPTS = 100_000;

/** @throws StudioError `bad_input` if the blanks are out of order or out of reach */
export function checkSudokuRecipe({ size, blanks: [fewest, most] }: SudokuRecipe): void {
  if (fewest > most) {
    throw new StudioError('bad_input', `blanks go from ${fewest} to ${most}: put the smaller number first.`);
  }
  if (most > MAX_BLANKS[size]) {
    throw new StudioError(
      'bad_input',
      `${most} blanks leave too few clues for one solution: use at most ${MAX_BLANKS[size]} on a ${size}×${size} board.`,
    );
  }
}

/**
 * Builds the folder `out` (it appears when complete); the same recipe gives the same bytes.
 *
 * All puzzles are different, and no test puzzle is a training puzzle. On 6×6 and 9×9 boards no test puzzle has the
 * solution of a training puzzle either. On 4×4 that cannot be asked: there are only 288 full boards, and a training set
 * of some hundred puzzles has seen them all; what is unseen in its test split is which cells are blank.
 *
 * @throws StudioError `bad_input` if there are not that many different puzzles, `conflict` if `out` is taken, `cancelled`
 */
export async function buildSudoku(
  recipe: SudokuRecipe,
  out: string,
  options: WorkOptions = {},
): Promise<DatasetSidecar> {
  checkSudokuRecipe(recipe);
  return makeWholeFolder(out, async (folder) => {
    const breather = new Breather(options, 'Building the dataset');
    const source = new PuzzleSource(recipe);
    const total = recipe.train + recipe.test;
    let done = 0;
    for (const name of ['train', 'test'] as const) {
      const count = recipe[name];
      const writer = new SplitWriter(join(folder, name), {
        examples: count,
        puzzles: count,
        groups: count,
        seqLen: recipe.size ** 2,
        vocabSize: recipe.size + 2,
        numPuzzleIdentifiers: 1,
      });
      try {
        for (let i = 0; i < count; i++) {
          const { puzzle, solution } = await source.next(name, () =>
            breather.breathe(done, total, 'puzzles generated'),
          );
          await writer.example(
            puzzle.map((digit) => digit + 1),
            solution.map((digit) => digit + 1),
          );
          writer.endPuzzle(0);
          writer.endGroup();
          await breather.breathe(++done, total, 'puzzles generated');
        }
        await writer.finish();
      } catch (error) {
        await writer.abandon();
        throw error;
      }
    }
    await writeIdentifiers(folder, []);
    const sidecar: DatasetSidecar = {
      schema: 1,
      kind: 'sudoku',
      rows: recipe.size,
      columns: recipe.size,
      recipe,
      shortfalls: [],
      left_out: [],
    };
    writeSidecar(folder, sidecar);
    return sidecar;
  });
}

/** New puzzles, one after another, with blanks drawn uniformly from the recipe's range. */
class PuzzleSource {
  private readonly random: Random;
  private readonly generator: SudokuGenerator;
  private readonly puzzles = new Set<string>();
  private readonly trainSolutions = new Set<string>();

  constructor(private readonly recipe: SudokuRecipe) {
    this.random = new Random(recipe.seed, `sudoku ${recipe.size}`);
    this.generator = new SudokuGenerator(recipe.size, this.random);
  }

  async next(split: 'train' | 'test', breathe: () => Promise<void>): Promise<Sudoku> {
    const { size, blanks, train } = this.recipe;
    const wanted = this.random.integer(blanks[0], blanks[1]);
    let attempts = 0;
    for (let repeats = 0; repeats < MAX_REPEATS;) {
      await breathe();
      const sudoku = this.generator.attempt(wanted);
      if (!sudoku) {
        if (++attempts === MAX_ATTEMPTS) {
          throw new StudioError(
            'bad_input',
            `No ${size}×${size} puzzle with ${wanted} blanks was found: ask for fewer blanks.`,
          );
        }
        continue;
      }
      const [puzzle, solution] = [key(sudoku.puzzle), key(sudoku.solution)];
      const known = this.puzzles.has(puzzle) || (split === 'test' && this.trainSolutions.has(solution));
      if (known) {
        repeats++;
        continue;
      }
      this.puzzles.add(puzzle);
      if (size > 4 && split === 'train') this.trainSolutions.add(solution);
      return sudoku;
    }
    const found = this.puzzles.size;
    const part =
      split === 'train' ? `${found} training puzzles` : `${train} training and ${found - train} test puzzles`;
    throw new StudioError(
      'bad_input',
      `After ${part} no further ${size}×${size} puzzle with ${wanted === 1 ? '1 blank' : `${wanted} blanks`} could be found that differs from them: ask for fewer puzzles or more blanks.`,
    );
  }
}

function key(cells: Uint8Array): string {
  return String.fromCharCode(...cells);
}
