/** A solve from the request to the result file. */
import { flattenGrid, sameGrid } from '../../shared/arc-grid';
import type { Grid, Task } from '../../shared/arc';
import type { BackendInfo } from '../../shared/doctor';
import { StudioError, toWireError } from '../../shared/errors';
import type { Candidate, SolveOptions, SolveResult } from '../../shared/solve';
import { writeAtomically, type WrittenFile } from '../lib/atomic';
import { countParameters } from '../model/architecture';
import { Random } from '../lib/random';
import { keepSolve } from './keep';
import { checkpointModel, scratchModels, type SolveModel } from './model';
import { solveTask, type SolveHost } from './solve';
import { TaskViews, smallestCanvas } from './views';

export interface SolveRequest {
  task: Task;
  options: SolveOptions;
  checkpoint: string | null;
  out: string;
  /** The folder for what playback needs; null keeps nothing. */
  keep: string | null;
}

/** Bytes of the networks that were kept, or why there is none: the answer stands without it. */
export type Kept = { bytes: number } | { fault: string } | null;

/** @throws StudioError `bad_input` if checkpoint and task do not fit; what reading and writing throw */
export async function runSolve(
  { task, options, checkpoint, out, keep }: SolveRequest,
  backend: BackendInfo,
  host: SolveHost,
): Promise<{ file: WrittenFile; result: SolveResult; kept: Kept }> {
  const { models, canvas } = await modelsFor(task, checkpoint, options);
  try {
    refuseTooLarge(task, canvas, checkpoint);
    const views = new TaskViews(task, options.views, canvas, new Random(options.seed, `views:${task.name}`));
    const { voted, ...outcome } = await solveTask(task, views, models, options, host);
    const attempts = outcome.candidates.map(attemptsOf);
    const [model] = voted;
    const { trainer } = model;
    const result: SolveResult = {
      schema: 1,
      task: task.name,
      attempts,
      ...outcome,
      // Only now is the answer looked at, where the file has one.
      correct: task.test.map(({ output }, i) =>
        output ? [attempts[i].attempt_1, attempts[i].attempt_2].some((grid) => sameGrid(grid, output)) : null,
      ),
      options,
      checkpoint: model.checkpoint,
      config: model.config,
      canvas,
      parameters: countParameters(trainer.architecture, trainer.spec),
      backend: `${backend.backend} ${backend.version} on ${backend.device}`,
    };
    const file = await writeAtomically(out, [Buffer.from(`${JSON.stringify(result)}\n`)]);
    return { file, result, kept: keep === null ? null : await keepOrSay(keep, task, views, voted) };
  } finally {
    for (const { trainer } of models) trainer.dispose();
  }
}

async function modelsFor(task: Task, checkpoint: string | null, options: SolveOptions) {
  if (checkpoint !== null) {
    const { canvas, ...model } = await checkpointModel(checkpoint, options);
    return { models: [model], canvas };
  }
  const canvas = smallestCanvas(task);
  return { models: scratchModels(options, canvas), canvas };
}

async function keepOrSay(out: string, task: Task, views: TaskViews, models: readonly SolveModel[]): Promise<Kept> {
  try {
    return { bytes: await keepSolve(out, task, views, models) };
  } catch (error) {
    const log = (fault: unknown) => process.stderr.write(`${fault instanceof Error ? fault.stack : String(fault)}\n`);
    return { fault: toWireError(error, log).message };
  }
}

/** What is handed in where no view predicted anything at all. */
const NOTHING: Grid = [[0]];

/** The two candidates with most votes; one alone is both attempts. */
function attemptsOf(candidates: readonly Candidate[]): SolveResult['attempts'][number] {
  const first = candidates[0]?.grid ?? NOTHING;
  return { attempt_1: first, attempt_2: candidates[1]?.grid ?? first };
}

function refuseTooLarge(task: Task, canvas: number, checkpoint: string | null): void {
  const grids = [...task.train.flatMap(({ input, output }) => [input, output]), ...task.test.map(({ input }) => input)];
  const largest = Math.max(...grids.map(flattenGrid).map(({ rows, columns }) => Math.max(rows, columns)));
  if (largest <= canvas) return;
  throw new StudioError(
    'bad_input',
    `${task.name} has a grid of ${largest} cells a side, and ${checkpoint} was trained on a canvas of ${canvas} × ${canvas}: choose a checkpoint of a larger canvas, or start from nothing.`,
  );
}
