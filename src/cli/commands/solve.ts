/** `trm solve`: task files in, attempts out, by test-time training. */
import { copyFile } from 'node:fs/promises';
import { join, resolve } from 'node:path';
import type { Command } from 'commander';
import { makeFolders } from '../../core/lib/folders';
import { writeAtomically } from '../../core/lib/atomic';
import { unpackGrid, type Grid } from '../../shared/arc';
import type { SolveDetail } from '../../shared/contract/solves';
import { StudioError } from '../../shared/errors';
import { distinctSegments } from '../../shared/path-segment';
import { DEFAULT_NOISE, DEFAULT_PATHS } from '../../shared/rollouts';
import { MOST_MARKS, SolveOptionsSchema, agreeingViews, type SolveOptions } from '../../shared/solve';
import type { SolveStart } from '../../studio/solves/solves';
import type { Studio } from '../../studio/studio';
import { checkpointAt, findRunOrStarter, withStudio, type Globals } from '../open';
import { count, duration, percent, printJson, say } from '../output';
import { ProgressLine } from '../progress';
import { rolloutsOf, type RolloutFlags } from '../rollouts';
import { EXIT, UsageError, wholeNumber } from '../usage';

interface Flags extends Globals, RolloutFlags {
  checkpoint?: string;
  budget: string;
  maxSteps?: string;
  seed: string;
  views: string;
  learn: string;
  marks?: string;
  out: string;
}

const EXAMPLES = `
Examples:
  trm solve 00d62c1b.json --out answers
  trm solve tasks/ --checkpoint my-run --budget 10m --out answers
Writes NAME.json per task (attempts, votes, how it went; docs/solving.md) and submission.json in ARC Prize's format.
Ctrl-C ends with the answer that is there by then; a second one at once.`;

export function solveCommand(program: Command, exit: (code: number) => void): void {
  program
    .command('solve')
    .description('solve ARC tasks by test-time training')
    .argument('<tasks...>', 'task JSON files, or folders and Kaggle files of them')
    .requiredOption('-o, --out <dir>', 'folder for the answers')
    .option(
      '-c, --checkpoint <file>',
      'checkpoint file, run or starter (arc-small) to start from (default: from nothing)',
    )
    .option('--budget <time>', 'time per task, such as 60s, 10m or 1h', '60s')
    .option('--max-steps <n>', 'stop after this many steps; with the same number and seed the answer is the same')
    .option('--seed <n>', 'seed of every draw', '0')
    .option('--views <n>', 'augmented copies of the task that learn and vote', '64')
    .option('--learn <what>', 'all, or only the embeddings of a checkpoint: embeddings', 'all')
    .option('--rollouts <k>', `in the last vote, k paths with noise a view (default with --noise: ${DEFAULT_PATHS})`)
    .option('--noise <sigma>', `deviation of the noise on z_H before each ACT step (default: ${DEFAULT_NOISE})`)
    .option('--choose <how>', 'the path of highest q_halt (q), or the answer of most paths (vote)')
    .option('--noise-seed <n>', 'seed of the noise (default: 0)')
    .option('--marks <times>', 'times within the budget at which the attempts are kept, such as 1m,2m,5m')
    .addHelpText('after', EXAMPLES)
    .action(async (tasks: string[], _options: unknown, command: Command) => {
      const flags = command.optsWithGlobals<Flags>();
      const options = optionsOf(flags);
      exit(await withStudio(flags, (studio) => solve(studio, tasks, flags, options)));
    });
}

/** "90", "60s", "10m", "1.5h" in seconds. @throws UsageError */
export function seconds(text: string, option: string): number {
  const match = /^(\d+(?:\.\d+)?)\s*(s|m|min|h)?$/.exec(text.trim());
  const unit = { s: 1, m: 60, min: 60, h: 3600 }[match?.[2] ?? 's'] ?? 1;
  const value = match ? Number(match[1]) * unit : NaN;
  if (value >= 1 && value <= 86_400) return value;
  throw new UsageError(`${option} is ${text}: use a time from 1s to 24h, such as 60s or 10m.`);
}

function optionsOf(flags: Flags): SolveOptions {
  if (flags.learn !== 'all' && flags.learn !== 'embeddings') {
    throw new UsageError(`--learn is ${flags.learn}: use all or embeddings.`);
  }
  const budget = seconds(flags.budget, '--budget');
  return SolveOptionsSchema.parse({
    budget_seconds: budget,
    max_steps: flags.maxSteps === undefined ? null : wholeNumber(flags.maxSteps, '--max-steps', 1, 10_000_000),
    seed: wholeNumber(flags.seed, '--seed', 0, 2_147_483_647),
    views: wholeNumber(flags.views, '--views', 1, 1000),
    learn: flags.learn,
    rollouts: rolloutsOf(flags),
    ...(flags.marks !== undefined && { marks: marksOf(flags.marks, budget) }),
  });
}

/** @throws UsageError for one that lies beyond the budget, or too many */
function marksOf(text: string, budget: number): number[] {
  const marks = text.split(',').map((mark) => seconds(mark, '--marks'));
  const late = marks.find((mark) => mark > budget);
  if (late !== undefined) throw new UsageError(`--marks has ${late} s, and the budget is ${budget} s: raise --budget.`);
  if (marks.length > MOST_MARKS) throw new UsageError(`--marks has ${marks.length} times: use at most ${MOST_MARKS}.`);
  return marks;
}

const SUBMISSION = 'submission';

/** The file of each task's answers, all of them in `out` and none of them the submission. */
export function answerFiles(out: string, tasks: readonly string[]): Map<string, string> {
  const segments = distinctSegments(tasks, [SUBMISSION]);
  return new Map([...segments].map(([task, segment]) => [task, join(out, `${segment}.json`)]));
}

async function solve(studio: Studio, given: string[], flags: Flags, options: SolveOptions): Promise<number> {
  const start: SolveStart = { ...(await findStart(studio, flags.checkpoint)), options };
  const tasks = await readTasks(studio, given);
  const twice = tasks.find((task, i) => tasks.findIndex((other) => other.name === task.name) < i);
  if (twice) throw new StudioError('bad_input', `${twice.name} is there twice: give each task once.`);
  const out = resolve(flags.out);
  makeFolders(out);
  const files = answerFiles(out, tasks.map((task) => task.name)); // prettier-ignore

  const line = new ProgressLine();
  let stopped = false;
  let current = '';
  const interrupt = (): void => {
    if (stopped) {
      studio.context.supervisor.tensor.kill();
      process.exit(EXIT.interrupted);
    }
    stopped = true;
    say('Ending with the answer that is there; once more ends it at once.');
    if (!current) return;
    studio.solves.cancel(current).catch((error: unknown) => studio.log.error('stopping', error));
  };
  process.on('SIGINT', interrupt);
  process.on('SIGTERM', interrupt);
  const submission: Record<string, { attempt_1: Grid; attempt_2: Grid }[]> = {};
  let solved = 0;
  let known = 0;
  let failed = 0;
  try {
    for (const task of tasks) {
      if (stopped) break;
      const [{ id }] = studio.solves.create([task], start);
      current = id;
      const off = studio.events.on('solve.progress', (p) => {
        if (p.solve !== id) return;
        const left = Math.max(0, options.budget_seconds - p.seconds);
        line.update(p.seconds, options.budget_seconds, `${task.name}: step ${count(p.step)}`, left);
      });
      const ended = await studio.solves.ended(id);
      off();
      line.clear();
      if (ended.status === 'failed') {
        const sentence = ended.error ?? `${task.name} failed.`;
        // The others may do.
        if (tasks.length === 1) throw new StudioError('bad_input', sentence);
        failed++;
        say(`${task.name}: ${sentence}`);
        if (flags.json) printJson({ event: 'solve', task: task.name, status: ended.status, error: sentence });
        continue;
      }
      const file = files.get(task.name) as string;
      await copyFile(ended.path, file);
      submission[task.name] = attempts(ended);
      if (ended.correct !== null) known++;
      if (ended.correct) solved++;
      tell(ended, file, flags);
    }
  } finally {
    line.clear();
    process.off('SIGINT', interrupt);
    process.off('SIGTERM', interrupt);
  }
  await writeAtomically(join(out, `${SUBMISSION}.json`), [Buffer.from(`${JSON.stringify(submission)}\n`)]);
  if (known > 0) say(`${solved} of ${known} tasks with known answers are solved.`);
  if (failed > 0) say(`${failed} of ${tasks.length} tasks failed, as said above.`);
  return stopped ? EXIT.interrupted : failed > 0 ? EXIT.failed : EXIT.ok;
}

/** As the import reads them, with its refusals. */
export async function readTasks(studio: Studio, files: readonly string[]) {
  const { import: id } = await studio.dispatch('import.begin', {});
  await studio.dispatch('import.add_paths', { import: id, paths: files.map((file) => resolve(file)) });
  const { problems } = await studio.dispatch('import.preview', { import: id });
  const [wrong] = problems.filter((problem) => !problem.harmless);
  if (wrong) throw new StudioError('bad_input', wrong.message);
  return studio.imports.takeTasks(id);
}

/** A checkpoint of the studio by its file or its run, or a file of its own. */
async function findStart(
  studio: Studio,
  text: string | undefined,
): Promise<Pick<SolveStart, 'checkpoint' | 'checkpointPath'>> {
  if (text === undefined) return { checkpoint: null };
  const file = checkpointAt(studio, text);
  if (file) return file.known ? { checkpoint: file.known.id } : { checkpoint: null, checkpointPath: file.path };
  const run = await findRunOrStarter(studio, text);
  const [newest] = studio.context.store.checkpoints.list(run.id);
  if (newest) return { checkpoint: newest.id };
  throw new StudioError('not_found', `${run.name} has no checkpoint yet: train it first.`);
}

function attempts({ test }: SolveDetail): { attempt_1: Grid; attempt_2: Grid }[] {
  return test.map(({ candidates }) => {
    const [first, second] = candidates.map(({ grid }) => unpackGrid(grid));
    return { attempt_1: first ?? [[0]], attempt_2: second ?? first ?? [[0]] };
  });
}

function tell(solve: SolveDetail, file: string, { json }: Flags): void {
  const { task, status, correct, step, seconds: time, check, error } = solve;
  if (json) printJson({ event: 'solve', task, status, correct, step, seconds: time, check, error, out: file });
  const verdict = correct === null ? 'answered' : correct ? 'solved' : 'not solved';
  const support = check ? `, ${percent(Math.min(...check.support))} of the ${agreeingViews(check)} agree` : '';
  const held = check?.held_out == null ? '' : `, ${percent(check.held_out)} of the held-out demonstrations solved`;
  say(`${task}: ${verdict} after ${count(step)} steps in ${duration(time)}${support}${held}.`);
  if (error !== null) say(`${task}: ${error}`);
}
