/** `trm trace`: one example or task through a checkpoint or a solve, step by step, as files. */
import { mkdtempSync, renameSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { InvalidArgumentError, type Command } from 'commander';
import { makeFolders } from '../../core/lib/folders';
import { writeAtomically } from '../../core/lib/atomic';
import { openCheckpoint } from '../../core/checkpoint/native/checkpoint';
import { DatasetStore } from '../../core/data/store';
import { writeTaskDataset } from '../../core/data/task-dataset';
import { traceFileJson } from '../../core/trace/trace-json';
import { drawViews } from '../../core/solve/views';
import { Random } from '../../core/lib/random';
import { largestSide } from '../../shared/arc-task';
import type { JobResult } from '../../shared/compute';
import type { ExampleRef } from '../../shared/dataset';
import { StudioError, fromWireError } from '../../shared/errors';
import { safeSegment } from '../../shared/path-segment';
import { newId } from '../../studio/ids';
import type { Studio } from '../../studio/studio';
import { withStudio, type Globals } from '../open';
import { bytes, count, printJson, say } from '../output';
import { ProgressLine } from '../progress';
import { findSource, type Found, type SourceFlags, type Subject } from '../trace-source';
import { readTasks } from './solve';
import { EXIT, UsageError, wholeNumber } from '../usage';

interface Flags extends Globals, SourceFlags {
  example?: ExampleRef;
  puzzle?: string;
  actSteps?: string;
  inner: boolean;
  views: string;
  weights: string;
  out: string;
}

const EXAMPLES = `
Examples:
  trm trace my-run --example test:17 --out traces
  trm trace my-run --puzzle 00d62c1b --views 16 --act-steps 64 --out traces
  trm trace fill --out traces                   (a solved task: the view that won, with all others)
  trm trace my-run --task 00d62c1b.json --out traces
Writes NAME.safetensors (src/shared/trace.ts) and NAME.json; docs/playback.md says how to read them.`;

export function traceCommand(program: Command, exit: (code: number) => void): void {
  program
    .command('trace')
    .description('what a model did with one example, ACT step by ACT step, as safetensors and JSON')
    .argument('<source>', "a run, a checkpoint file, or a solve by its id or its task's name")
    .option('-d, --data <dir>', 'dataset of a checkpoint that belongs to no run, or another than the run’s')
    .option('--example <split:n>', 'which example, such as test:17 (default: test:0)', parseExample)
    .option('--puzzle <name>', 'the first example of this puzzle')
    .option('--task <file>', 'an ARC task file in place of an example of the dataset')
    .option('--act-steps <n>', 'ACT steps, up to 256 (default: as trained)')
    .option('--no-inner', 'leave out the updates inside the steps')
    .option('--views <n>', 'augmentations to take along, at most', '0')
    .option('--weights <which>', 'ema or raw', 'ema')
    .option(
      '--network <name>',
      'of a solve: attention or mlp (default: the one that most votes for the answer came from)',
    )
    .requiredOption('-o, --out <dir>', 'folder for the files')
    .addHelpText('after', EXAMPLES)
    .action(async (source: string, _options: unknown, command: Command) => {
      const flags = command.optsWithGlobals<Flags>();
      if ([flags.example, flags.puzzle, flags.task].filter((given) => given !== undefined).length > 1) {
        throw new UsageError('--example, --puzzle and --task name three different things: give one of them.');
      }
      if (flags.weights !== 'ema' && flags.weights !== 'raw') {
        throw new UsageError(`--weights is ${flags.weights}: use ema or raw.`);
      }
      const views = wholeNumber(flags.views, '--views', 0, 1000);
      const act_steps = flags.actSteps === undefined ? null : wholeNumber(flags.actSteps, '--act-steps', 1, 256);
      const weights: 'ema' | 'raw' = flags.weights;
      const given = { act_steps, weights, views };
      // Given by hand rather than by default.
      const chosen = command.getOptionValueSource('views') === 'cli';
      exit(await withStudio(flags, (studio) => trace(studio, source, flags, given, chosen)));
    });
}

function parseExample(text: string): ExampleRef {
  const match = /^(train|test):(\d{1,9})$/.exec(text);
  if (match) return { split: match[1] as ExampleRef['split'], index: Number(match[2]) };
  throw new InvalidArgumentError('Use train:N or test:N, counted from 0.');
}

async function trace(
  studio: Studio,
  source: string,
  flags: Flags,
  given: { act_steps: number | null; weights: 'ema' | 'raw'; views: number },
  viewsChosen: boolean,
): Promise<number> {
  const scratch = mkdtempSync(join(tmpdir(), 'trm-trace-'));
  const line = new ProgressLine();
  try {
    const found = findSource(studio, source, flags);
    const subject = await subjectOf(studio, found, flags, { ...given, viewsChosen }, scratch);
    const out = resolve(flags.out);
    makeFolders(out);
    const made = join(out, `.${newId()}.safetensors`);
    const request = { ...given, ...subject, inner: flags.inner, out: made };
    const result = await runTrace(studio, request, (done, total) =>
      line.update(done, total, `ACT step ${count(done)} of ${count(total)}`, null),
    );
    line.clear();
    if (!result) return EXIT.interrupted;
    return await finish(out, made, result, flags);
  } finally {
    line.clear();
    rmSync(scratch, { recursive: true, force: true });
  }
}

/** The trace under its puzzle's name, and the JSON beside it. */
async function finish(
  out: string,
  made: string,
  { puzzle, solved, bytes: size }: Extract<JobResult, { kind: 'trace' }>,
  { json }: Flags,
): Promise<number> {
  const name = safeSegment(puzzle);
  const path = join(out, `${name}.safetensors`);
  renameSync(made, path);
  const text = join(out, `${name}.json`);
  await writeAtomically(text, [Buffer.from(`${await traceFileJson(path)}\n`)]);
  if (json) printJson({ event: 'trace', puzzle, solved, path, json: text, bytes: size });
  const verdict = solved === null ? 'its target is not known' : solved ? 'solved' : 'not solved';
  say(`${puzzle}: ${verdict}; ${path} (${bytes(size)}) and ${text}.`);
  return EXIT.ok;
}

/** A second interrupt ends it at once. @returns null if it was interrupted */
async function runTrace(
  studio: Studio,
  request: Subject & { act_steps: number | null; weights: 'ema' | 'raw'; inner: boolean; out: string },
  progress: (done: number, total: number) => void,
): Promise<Extract<JobResult, { kind: 'trace' }> | null> {
  const { tensor } = studio.context.supervisor;
  const job = newId();
  let asked = false;
  const interrupt = (): void => {
    if (asked) {
      tensor.kill();
      process.exit(EXIT.interrupted);
    }
    asked = true;
    tensor.send({ type: 'stop', job });
  };
  process.on('SIGINT', interrupt);
  try {
    return await new Promise((done, fail) => {
      tensor.run(
        { type: 'trace', job, ...request },
        {
          onMessage: (message) => {
            if (message.type === 'progress') progress(message.done, message.total);
            else if (message.type === 'failed') fail(fromWireError(message.error));
            else if (message.type === 'done') done(message.result?.kind === 'trace' ? message.result : null);
          },
          onLost: (sentence) => fail(new StudioError('unavailable', sentence)),
        },
      );
    });
  } finally {
    process.off('SIGINT', interrupt);
  }
}

async function subjectOf(
  studio: Studio,
  { first, views: known, ...found }: Found,
  flags: Flags,
  given: { views: number; viewsChosen: boolean },
  scratch: string,
): Promise<Subject> {
  // All views of a solve vote unless somebody wants fewer.
  const views = known !== null && !given.viewsChosen ? known - 1 : given.views;
  if (flags.task !== undefined)
    return { ...found, ...(await ofTask(studio, found.checkpoint, flags.task, views, scratch)), views };
  if (found.data_path === '') {
    throw new StudioError('not_found', `${found.run_name} has no dataset any more: name one with --data.`);
  }
  const store = DatasetStore.open(found.data_path);
  try {
    const example = flags.puzzle === undefined ? (flags.example ?? first) : findPuzzle(store, flags.puzzle);
    const { examples } = store.split(example.split);
    if (example.index < examples) return { ...found, example, views };
    throw new UsageError(
      `Example ${example.index} is not in the ${example.split} split of ${found.data_path}, which has ${count(examples)}.`,
    );
  } finally {
    store.close();
  }
}

function findPuzzle(store: DatasetStore, name: string): ExampleRef {
  for (const split of ['test', 'train'] as const) {
    if (!store.hasSplit(split)) continue;
    const { puzzleIndices } = store.split(split);
    for (let p = 0; p + 1 < puzzleIndices.length; p++) {
      if (puzzleIndices[p] === puzzleIndices[p + 1]) continue;
      const example: ExampleRef = { split, index: puzzleIndices[p] };
      if (store.puzzleName(example) === name) return example;
    }
  }
  throw new StudioError(
    'not_found',
    `There is no puzzle ${name} in ${store.path}: trm datasets show lists what it holds.`,
  );
}

/** A task file as a small dataset of its own, on the checkpoint's canvas. */
async function ofTask(studio: Studio, checkpoint: string, file: string, views: number, scratch: string) {
  const [task, ...more] = await readTasks(studio, [file]);
  if (more.length > 0) {
    throw new UsageError(`${file} holds ${count(more.length + 1)} tasks: give the file of one of them.`);
  }
  const { meta, file: open } = await openCheckpoint(checkpoint);
  const names = open.has('identifiers') ? Buffer.from((await open.read('identifiers')).data as Uint8Array) : null;
  await open.close();
  if (meta.kind !== 'arc') {
    throw new StudioError('bad_input', `${checkpoint} was trained on ${meta.kind}: choose a checkpoint of an ARC run.`);
  }
  const side = largestSide(task);
  if (side > meta.rows) {
    throw new StudioError(
      'bad_input',
      `${task.name} has a grid of ${side} cells a side, and the checkpoint a canvas of ${meta.rows} × ${meta.rows}: choose one of a larger canvas.`,
    );
  }
  if (!names?.toString('utf8').includes(JSON.stringify(task.name))) {
    say(`The checkpoint never saw ${task.name}: it gets the mean of all embeddings. trm solve makes one of its own.`);
  }
  const data_path = join(scratch, 'data');
  await writeTaskDataset(data_path, task, drawViews(task, views + 1, new Random(0, `views:${task.name}`)), meta.rows);
  return { data_path, example: { split: 'test', index: 0 } as ExampleRef, new_puzzle: 'mean' as const };
}
