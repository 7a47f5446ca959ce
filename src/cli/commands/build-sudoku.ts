import { resolve } from 'node:path';
import type { Command } from 'commander';
import { buildDataset } from '../../core/data/build';
import { checkSudokuRecipe } from '../../core/data/sudoku-builder';
import type { SudokuRecipe } from '../../shared/dataset';
import { StudioError } from '../../shared/errors';
import type { Globals } from '../open';
import { runBuild } from '../run-build';
import { UsageError, wholeNumber } from '../usage';

interface Flags extends Globals {
  generate?: string;
  test?: string;
  size: string;
  blanks?: string;
  outputDir: string;
  seed: string;
}

/** Fewest and most blanks where none are given: solvable by people, hard enough to need some thought. */
const BLANKS: Record<number, [number, number]> = { 4: [6, 10], 6: [14, 22], 9: [40, 52] };

export function buildSudokuCommand(program: Command, exit: (code: number) => void): void {
  program
    .command('build-sudoku-dataset')
    .description('generate Sudoku puzzles, each with exactly one solution, to a dataset')
    .requiredOption('--output-dir <dir>', 'folder to make; it appears when complete')
    .requiredOption('--generate <n>', 'training puzzles to generate')
    .option('--size <n>', 'side of the board: 4, 6 or 9', '9')
    .option('--test <n>', 'test puzzles, none of them among the training ones (default: a tenth, at least 64)')
    .option('--blanks <fewest-most>', 'blanks per puzzle, such as 6-10')
    .option('--seed <n>', 'seed of every draw', '42')
    .action(async (_options: unknown, command: Command) => {
      const flags = command.optsWithGlobals<Flags>();
      const recipe = sudokuRecipe(flags);
      const out = resolve(flags.outputDir);
      exit(await runBuild(flags, out, (work) => buildDataset({ recipe, subsets: [], out }, work)));
    });
}

/** @throws UsageError */
export function sudokuRecipe(flags: Pick<Flags, 'generate' | 'test' | 'size' | 'blanks' | 'seed'>): SudokuRecipe {
  const size = wholeNumber(flags.size, '--size');
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
