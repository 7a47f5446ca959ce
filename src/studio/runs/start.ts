/** From a queued run to the job that the compute process gets: where it continues, and what it trains on. */
import { existsSync } from 'node:fs';
import { resolve } from 'node:path';
import { makeFolder, makeFolders } from '../../core/lib/folders';
import type { TrainJob } from '../../shared/compute';
import { StudioError } from '../../shared/errors';
import type { Context } from '../context';
import { absolutePath, type StudioHome } from '../home';
import { newId } from '../ids';
import type { RunRecord } from '../repositories/runs';
import { newestVerified, removeLeftovers } from './checkpoints';
import type { RunRecorder } from './recorder';
import { rewind } from './rewind';
import { runFolder } from './summary';

/**
 * Takes the run back to its newest trustworthy checkpoint (or to nothing) and returns the job that goes on from there.
 * @param options.silent tells no event of it
 * @throws StudioError `damaged` if it has checkpoints and none can be read, `not_found` if its data is gone.
 */
export async function prepareJob(
  context: Context,
  run: RunRecord,
  recorder: RunRecorder,
  options: { silent?: boolean } = {},
): Promise<TrainJob> {
  const { store, home } = context;
  const paths = dataPaths(context, run);
  const had = store.checkpoints.has(run.id);
  const warnings: string[] = [];
  const checkpoint = await newestVerified(context, run, (sentence) => warnings.push(sentence));
  if (had && !checkpoint) {
    for (const warning of warnings) recorder.event('warning', warning);
    throw new StudioError(
      'damaged',
      `None of the checkpoints of ${run.name} can be read any more: start a new run with the same config; its curves stay.`,
    );
  }
  const step = checkpoint?.step ?? 0;
  const before = run.step;
  rewind(store, run, step);
  removeLeftovers(context, run);
  for (const warning of warnings) recorder.event('warning', warning, step);
  if (before > 0 && !options.silent) {
    const lost = before - step;
    recorder.event(
      'info',
      step === 0
        ? 'Starts again from the beginning: nothing had been saved.'
        : `Continues from the checkpoint of step ${step}${lost > 0 ? `, repeating ${lost} steps` : ''}.`,
      step,
    );
  }
  // Here and not by the compute process: one that finds it gone later knows that the disk is.
  makeRunFolder(home, run);
  return {
    type: 'train',
    job: newId(),
    config: run.config,
    data_paths: paths,
    data_paths_test: run.config.data_paths_test.map((path) => resolve(path)),
    run_dir: runFolder(home, run),
    run: run.id,
    resume_from: checkpoint ? absolutePath(home, checkpoint.path) : null,
    pinned: run.pinned,
  };
}

/** The folders to train on: the config's, or the dataset's. */
function dataPaths(context: Context, run: RunRecord): string[] {
  if (run.config.data_paths.length) return run.config.data_paths.map((path) => resolve(path));
  const dataset = run.dataset === null ? null : context.store.datasets.get(run.dataset);
  if (!dataset) {
    throw new StudioError(
      'not_found',
      `The dataset ${run.dataset_name} of ${run.name} has been deleted: build it again and start a new run.`,
    );
  }
  return [absolutePath(context.home, dataset.path)];
}

/** In the home the folder above is there since the start: where it is not, its disk is gone, and nothing is made. */
function makeRunFolder(home: StudioHome, run: RunRecord): void {
  const folder = runFolder(home, run);
  if (run.config.checkpoint_path !== null) makeFolders(folder);
  else if (!existsSync(folder)) makeFolder(folder);
}
