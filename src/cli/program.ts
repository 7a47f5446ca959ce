import { Command, CommanderError } from 'commander';
import { StudioError, toWireError } from '../shared/errors';
import { withoutLauncher } from '../shared/hydra/command';
import { appFiles } from '../studio/app-files';
import { asStudioError } from '../studio/db/open';
import { homePaths, resolveHome } from '../studio/home';
import { openLog } from '../studio/log';
import { benchCommand } from './commands/bench';
import { benchDataCommand } from './commands/bench-data';
import { buildArcCommand } from './commands/build-arc';
import { buildMazeCommand } from './commands/build-maze';
import { buildSudokuCommand } from './commands/build-sudoku';
import { datasetsCommand } from './commands/datasets';
import { doctorCommand } from './commands/doctor';
import { evalCommand } from './commands/eval';
import { parityCommand } from './commands/parity';
import { exportCommand } from './commands/export';
import { importCheckpointCommand } from './commands/import-checkpoint';
import { runsCommand } from './commands/runs';
import { scoreCommand } from './commands/score';
import { serveCommand } from './commands/serve';
import { solveCommand } from './commands/solve';
import { traceCommand } from './commands/trace';
import { trainCommand } from './commands/train';
import { addComputeOptions, applyComputeOptions } from './compute-options';
import { say, sayError } from './output';
import { EXIT, UsageError } from './usage';

/** Runs one command line. Never throws. @returns the exit code: 0 right, 1 failed, 2 wrong usage, 130 interrupted */
export async function runCommandLine(argv: readonly string[]): Promise<number> {
  let code: number = EXIT.ok;
  const exit = (value: number) => (code = value);
  const program = new Command('trm')
    .description('Train, watch, understand and use Tiny Recursive Models.')
    .version(appFiles().version)
    .option('--home <dir>', 'the studio home: runs, datasets, checkpoints (also TRM_HOME)')
    .option('--json', 'one JSON object per line on stdout')
    .showHelpAfterError('(trm COMMAND --help explains the options)')
    .configureOutput({ outputError: (text, write) => write(asSentence(text)) })
    .exitOverride()
    .hook('preAction', (_, action) => applyComputeOptions(action.optsWithGlobals()));
  trainCommand(program, exit);
  buildArcCommand(program, exit);
  buildSudokuCommand(program, exit);
  buildMazeCommand(program, exit);
  evalCommand(program, exit);
  solveCommand(program, exit);
  scoreCommand(program);
  traceCommand(program, exit);
  exportCommand(program, exit);
  importCheckpointCommand(program, exit);
  runsCommand(program);
  datasetsCommand(program, exit);
  doctorCommand(program, exit);
  serveCommand(program, exit);
  parityCommand(program, exit);
  benchDataCommand(benchCommand(program, exit), exit);
  inherit(program);
  try {
    await program.parseAsync(unpasted(argv), { from: 'user' });
    return code;
  } catch (error) {
    if (error instanceof CommanderError) return error.exitCode === 0 ? EXIT.ok : EXIT.usage;
    if (error instanceof UsageError) {
      say(error.message);
      return EXIT.usage;
    }
    const { home, json } = program.opts<{ home?: string; json?: boolean }>();
    const { database, logs } = homePaths(resolveHome(home));
    const wire = toWireError(asStudioError(error, database), (fault) => openLog(logs).error('command line', fault));
    sayError(wire, json ?? argv.includes('--json'));
    return EXIT.failed;
  }
}

/** commander's own words in the form that all other errors have. */
function asSentence(text: string): string {
  return text.replace(/^error: (.)(.*?)\.?$/m, (_, first: string, rest: string) => `${first.toUpperCase()}${rest}.`);
}

/** `trm train torchrun … pretrain.py arch=trm …`: a command line of the reference, pasted whole. */
function unpasted(argv: readonly string[]): string[] {
  const at = argv.findIndex((word, i) => !word.startsWith('-') && argv[i - 1] !== '--home');
  if (argv[at] !== 'train') return [...argv];
  try {
    const { words, notes } = withoutLauncher(argv.slice(at + 1));
    for (const note of notes) say(note);
    return [...argv.slice(0, at + 1), ...words];
  } catch (error) {
    if (error instanceof StudioError) throw new UsageError(error.message);
    throw error;
  }
}

/** Commands that compute: they take the machine's settings as options too. */
const COMPUTING = ['train', 'eval', 'solve', 'serve', 'doctor', 'parity', 'step', 'trace', 'soak'];

/** Subcommands are made before `exitOverride` could reach them; and --home and --json are taken anywhere on the line. */
function inherit(command: Command): void {
  for (const child of command.commands) {
    child.exitOverride().showHelpAfterError('(--help explains the options)');
    if (!child.commands.length) {
      child
        .option('--home <dir>', 'the studio home (also TRM_HOME)')
        .option('--json', 'one JSON object per line on stdout');
      if (COMPUTING.includes(child.name())) addComputeOptions(child);
    }
    inherit(child);
  }
}
