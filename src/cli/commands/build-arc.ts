/** The reference's `build_arc_dataset.py`, flag for flag; the files are byte for byte its own. */
import { resolve } from 'node:path';
import type { Command } from 'commander';
import { readKaggleSubset } from '../../core/arc/kaggle';
import { buildArc } from '../../core/data/arc-builder';
import type { Globals } from '../open';
import { say } from '../output';
import { runBuild } from '../run-build';
import { wholeNumber } from '../usage';

interface Flags extends Globals {
  inputFilePrefix: string;
  outputDir: string;
  subsets: string[];
  testSetName: string;
  numAug: string;
  seed: string;
  canvas: string;
  allowMissingSolutions?: true;
  leaveOutLeaks?: true;
}

export function buildArcCommand(program: Command, exit: (code: number) => void): void {
  program
    .command('build-arc-dataset')
    .description('ARC tasks in Kaggle’s format to a dataset, as the reference builds it')
    .requiredOption('--input-file-prefix <prefix>', 'PREFIX of PREFIX_SUBSET_challenges.json')
    .requiredOption('--output-dir <dir>', 'folder to make; it appears when complete')
    .requiredOption('--subsets <name...>', 'subsets, in the order in which they are read')
    .requiredOption('--test-set-name <name>', 'the subset whose test pairs become the test split')
    .option('--num-aug <n>', 'augmentations per puzzle', '1000')
    .option('--seed <n>', 'seed of every draw', '42')
    .option('--allow-missing-solutions', 'put [[0]] where a test input has no solution, as the reference does')
    .option('--leave-out-leaks', 'leave out of the other subsets what the test set holds; the reference keeps it')
    .option('--canvas <n>', 'side of the square canvas; tasks that do not fit are left out', '30')
    .action(async (_options: unknown, command: Command) => {
      const flags = command.optsWithGlobals<Flags>();
      const recipe = {
        kind: 'arc' as const,
        subsets: flags.subsets,
        test_set: flags.testSetName,
        num_aug: wholeNumber(flags.numAug, '--num-aug', 0, 10_000),
        seed: wholeNumber(flags.seed, '--seed', 0, 2 ** 32 - 1),
        canvas: wholeNumber(flags.canvas, '--canvas', 1, 30),
        ...(flags.allowMissingSolutions ? { allow_missing_solutions: true } : {}),
        ...(flags.leaveOutLeaks ? { leave_out_leaks: true } : {}),
      };
      if (!recipe.subsets.includes(recipe.test_set)) {
        say(
          `--test-set-name ${recipe.test_set} is none of the subsets ${recipe.subsets.join(', ')}: there will be no test split.`,
        );
      }
      const out = resolve(flags.outputDir);
      exit(
        await runBuild(flags, out, async (work) => {
          const subsets = [];
          for (const name of recipe.subsets) {
            subsets.push({ name, tasks: await readKaggleSubset(resolve(flags.inputFilePrefix), name) });
          }
          return buildArc(recipe, subsets, out, work);
        }),
      );
    });
}
