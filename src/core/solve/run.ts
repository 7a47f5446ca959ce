/** A solve from the request to the result file. */
import { sameGrid } from '../../shared/arc-grid';
import type { Task } from '../../shared/arc';
import type { BackendInfo } from '../../shared/doctor';
import { toWireError } from '../../shared/errors';
import type { SolveOptions, SolveResult } from '../../shared/solve';
import { writeAtomically, type WrittenFile } from '../lib/atomic';
import { countParameters } from '../model/architecture';
import { Random } from '../lib/random';
import { notesOf, refuseHopeless, refuseTooLarge } from './fitness';
import { keepSolve } from './keep';
import { attemptsOf } from './marks';
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
  refuseHopeless(task);
  const { models, canvas } = await modelsFor(task, checkpoint, options);
  try {
    if (checkpoint !== null) refuseTooLarge(task, canvas, checkpoint);
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
      notes: notesOf(outcome, options),
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
