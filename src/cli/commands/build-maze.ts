import { resolve } from 'node:path';
import type { Command } from 'commander';
import { buildDataset } from '../../core/data/build';
import { checkMazeRecipe } from '../../core/data/maze-builder';
import type { MazeCsvRecipe, MazeRecipe } from '../../shared/dataset';
import { StudioError } from '../../shared/errors';
import type { Globals } from '../open';
import { say } from '../output';
import { runBuild } from '../run-build';
import { UsageError, wholeNumber } from '../usage';
import { chosenSource, csvSource, refuseFlags, type CsvFlags } from './build-csv';

interface Flags extends Globals, CsvFlags {
  size?: string;
  minPath?: string;
  aug: boolean;
  outputDir: string;
}

export function buildMazeCommand(program: Command, exit: (code: number) => void): void {
  program
    .command('build-maze-dataset')
    .description('mazes to a dataset, from the reference’s CSV as it builds it or newly generated')
    .requiredOption('--output-dir <dir>', 'folder to make; it appears when complete')
    .option('--source <file>', 'CSV with source,q,a,rating, or the folder of train.csv and test.csv')
    .option('--test-source <file>', 'CSV of the test mazes (default: test.csv next to train.csv)')
    .option('--source-repo <name>', 'the reference’s download; not done here')
    .option('--subsample-size <n>', 'training mazes to draw at random')
    .option('--aug', 'every training maze in its eight orientations', false)
    .option('--no-aug', 'every maze as it is')
    .option('--generate <n>', 'training mazes to generate, each with exactly one shortest path')
    .option('--size <n>', 'rows and columns of generated mazes, such as 12 or 10x20, up to 30')
    .option('--min-path <n>', 'steps from start to goal, at least (default: rows + columns)')
    .option('--test <n>', 'test mazes: generated ones, or the last ones of the training CSV')
    .option('--seed <n>', 'seed of every draw', '42')
    .action(async (_options: unknown, command: Command) => {
      const flags = command.optsWithGlobals<Flags>();
      const recipe = mazeRecipe(flags);
      const out = resolve(flags.outputDir);
      exit(await runBuild(flags, out, (work) => buildDataset({ recipe, subsets: [], out }, work)));
    });
}

export function mazeRecipe(flags: Omit<Flags, 'outputDir' | keyof Globals>): MazeRecipe | MazeCsvRecipe {
  if (chosenSource(flags, '--generate 1000 --size 12') === 'source') {
    refuseFlags(flags, [['size', '--size'], ['minPath', '--min-path']], 'is for generated mazes; a CSV has its own'); // prettier-ignore
    const recipe: MazeCsvRecipe = { kind: 'maze-csv', ...csvSource(flags), aug: flags.aug };
    if (!recipe.test_file && !recipe.hold_out) say('No test.csv was found: there will be no test split.');
    return recipe;
  }
  refuseFlags(
    flags,
    [['testSource', '--test-source'], ['subsampleSize', '--subsample-size']],
    'is for mazes from a CSV; generated ones need none',
  ); // prettier-ignore
  if (flags.aug) throw new UsageError('--aug is for mazes from a CSV; ask for more generated ones instead.');
  return generatedMazes(flags);
}

/** @throws UsageError */
export function generatedMazes(flags: Pick<Flags, 'generate' | 'test' | 'size' | 'minPath' | 'seed'>): MazeRecipe {
  const size = flags.size ?? '12';
  const [, rows, columns = rows] = /^(\d+)(?:\s*[x×]\s*(\d+))?$/i.exec(size.trim()) ?? [];
  if (rows === undefined)
    throw new UsageError(`--size is ${size}: use a number such as 12, or rows and columns, 10x20.`);
  const train = wholeNumber(flags.generate as string, '--generate', 1, 10_000_000);
  const recipe: MazeRecipe = {
    kind: 'maze',
    rows: wholeNumber(rows, '--size', 3, 30),
    columns: wholeNumber(columns, '--size', 3, 30),
    train,
    test:
      flags.test === undefined ? Math.max(64, Math.round(train / 10)) : wholeNumber(flags.test, '--test', 1, 1_000_000),
    min_path: 0,
    seed: wholeNumber(flags.seed, '--seed', 0, 2 ** 32 - 1),
  };
  recipe.min_path =
    flags.minPath === undefined ? defaultPath(recipe) : wholeNumber(flags.minPath, '--min-path', 1, 900);
  try {
    checkMazeRecipe(recipe);
  } catch (error) {
    if (error instanceof StudioError) throw new UsageError(error.message);
    throw error;
  }
  return recipe;
}

/** Longer than the straight way at most, so that a path has to wind; small boards have not the room. */
function defaultPath({ rows, columns }: MazeRecipe): number {
  return Math.min(rows, columns) < 6 ? Math.max(2, Math.floor((rows + columns) / 2)) : rows + columns;
}
