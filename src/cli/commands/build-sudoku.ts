import { resolve } from 'node:path';
import type { Command } from 'commander';
import { buildDataset } from '../../core/data/build';
import { checkSudokuRecipe } from '../../core/data/sudoku-builder';
import type { SudokuCsvRecipe, SudokuRecipe } from '../../shared/dataset';
import { StudioError } from '../../shared/errors';
import type { Globals } from '../open';
import { say } from '../output';
import { runBuild } from '../run-build';
import { UsageError, wholeNumber } from '../usage';
import { chosenSource, csvSource, refuseFlags, type CsvFlags } from './build-csv';

interface Flags extends Globals, CsvFlags {
  size?: string;
  blanks?: string;
  minDifficulty?: string;
  numAug?: string;
  compact?: true;
  outputDir: string;
}

/** Fewest and most blanks where none are given: solvable by people, hard enough to need some thought. */
const BLANKS: Record<number, [number, number]> = { 4: [6, 10], 6: [14, 22], 9: [40, 52] };

export function buildSudokuCommand(program: Command, exit: (code: number) => void): void {
  program
    .command('build-sudoku-dataset')
    .description('Sudoku to a dataset, from the reference’s CSV as it builds it or newly generated')
    .requiredOption('--output-dir <dir>', 'folder to make; it appears when complete')
    .option('--source <file>', 'CSV with source,q,a,rating, or the folder of train.csv and test.csv')
    .option('--test-source <file>', 'CSV of the test puzzles (default: test.csv next to train.csv)')
    .option('--source-repo <name>', 'the reference’s download; not done here')
    .option('--subsample-size <n>', 'training puzzles to draw at random')
    .option('--min-difficulty <n>', 'only puzzles with at least this rating')
    .option('--num-aug <n>', 'augmentations per training puzzle (default: 0)')
    .option('--compact', 'tokens as bytes where the reference writes int64: equal values, an eighth of the size')
    .option('--generate <n>', 'training puzzles to generate, each with exactly one solution')
    .option('--size <n>', 'side of generated boards: 4, 6 or 9 (default: 9)')
    .option('--blanks <fewest-most>', 'blanks per generated puzzle, such as 6-10')
    .option(
      '--test <n>',
      'test puzzles: generated ones (default: a tenth, at least 64), or the last ones of the training CSV',
    )
    .option('--seed <n>', 'seed of every draw', '42')
    .action(async (_options: unknown, command: Command) => {
      const flags = command.optsWithGlobals<Flags>();
      const recipe = chosenSource(flags, '--generate 1000 --size 4') === 'source' ? fromCsv(flags) : generated(flags);
      const out = resolve(flags.outputDir);
      exit(await runBuild(flags, out, (work) => buildDataset({ recipe, subsets: [], out }, work)));
    });
}

function fromCsv(flags: Flags): SudokuCsvRecipe {
  refuseFlags(flags, [['size', '--size'], ['blanks', '--blanks']], 'is for generated puzzles; a CSV has its own'); // prettier-ignore
  const recipe: SudokuCsvRecipe = {
    kind: 'sudoku-csv',
    ...csvSource(flags),
    min_difficulty:
      flags.minDifficulty === undefined ? null : wholeNumber(flags.minDifficulty, '--min-difficulty', 0, 2 ** 31 - 1),
    num_aug: wholeNumber(flags.numAug ?? '0', '--num-aug', 0, 100_000),
    compact: flags.compact ?? false,
  };
  if (!recipe.test_file && !recipe.hold_out) say('No test.csv was found: there will be no test split.');
  return recipe;
}

function generated(flags: Flags): SudokuRecipe {
  refuseFlags(
    flags,
    [
      ['testSource', '--test-source'],
      ['subsampleSize', '--subsample-size'],
      ['minDifficulty', '--min-difficulty'],
      ['numAug', '--num-aug'],
      ['compact', '--compact'],
    ],
    'is for puzzles from a CSV; generated ones need none',
  );
  return sudokuRecipe(flags);
}

/** @throws UsageError */
export function sudokuRecipe(flags: Pick<Flags, 'generate' | 'test' | 'size' | 'blanks' | 'seed'>): SudokuRecipe {
  const size = wholeNumber(flags.size ?? '9', '--size');
  if (size !== 4 && size !== 6 && size !== 9)
    throw new UsageError(`--size is ${size}: boards have 4, 6 or 9 cells a side.`);
  const train = wholeNumber(flags.generate ?? '', '--generate', 1, 10_000_000);
  const blanks = flags.blanks === undefined ? BLANKS[size] : parseBlanks(flags.blanks, size);
  const recipe: SudokuRecipe = {
    kind: 'sudoku',
    size,
    train,
    test:
      flags.test === undefined ? Math.max(64, Math.round(train / 10)) : wholeNumber(flags.test, '--test', 1, 1_000_000),
    blanks,
    seed: wholeNumber(flags.seed, '--seed', 0, 2 ** 32 - 1),
  };
  try {
    checkSudokuRecipe(recipe);
  } catch (error) {
    if (error instanceof StudioError) throw new UsageError(error.message);
    throw error;
  }
  return recipe;
}

function parseBlanks(text: string, size: number): [number, number] {
  const match = /^(\d+)(?:[-,:](\d+))?$/.exec(text.trim());
  const [fewest, most] = match ? [Number(match[1]), Number(match[2] ?? match[1])] : [0, 0];
  if (fewest >= 1 && fewest <= most && most < size * size) return [fewest, most];
  throw new UsageError(
    `--blanks is ${text}: use fewest-most, from 1 to ${size * size - 1}, such as ${BLANKS[size].join('-')}.`,
  );
}
