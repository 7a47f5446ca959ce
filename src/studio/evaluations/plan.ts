/** What an evaluation is going to be: its checkpoint, its data, and the plan that the compute process gets. */
import { copyFileSync, existsSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { makeFolders } from '../../core/lib/folders';
import { FILES } from '../../core/evaluate/report';
import type { Parsed } from '../../shared/contract';
import { StudioError } from '../../shared/errors';
import type { EvaluationPlan } from '../../shared/evaluation';
import type { Context } from '../context';
import { absolutePath, storedPath } from '../home';

const SAVE_EVERY_S = 20;

/** What the command line may choose beyond what the window does. */
export type EvaluationExtras = Partial<Pick<EvaluationPlan, 'out' | 'save_outputs' | 'batch_size' | 'resume'>> & {
  /** A folder, if it is no dataset of the studio. */
  data_path?: string;
};

/** @throws StudioError `not_found` if the checkpoint or its data is gone */
export function planEvaluation(
  context: Context,
  id: string,
  input: Parsed<'evaluations.create'>,
  extras: EvaluationExtras,
) {
  const { store, home } = context;
  const checkpoint = store.checkpoints.get(input.checkpoint);
  const run = checkpoint ? store.runs.get(checkpoint.run) : null;
  if (!checkpoint || !run) {
    throw new StudioError(
      'not_found',
      `There is no checkpoint ${input.checkpoint}: it may have been removed for a newer one.`,
    );
  }
  // A run with test data of its own is evaluated on that.
  const own = input.dataset === null ? run.config.data_paths_test[0] : undefined;
  const data = dataOf(context, input.dataset ?? run.dataset, run.name, extras.data_path ?? own);
  const out = extras.out ?? join(home.evaluations, id);
  const plan: EvaluationPlan = {
    checkpoint: absolutePath(home, checkpoint.path),
    data_path: data.path,
    out,
    split: input.split,
    weights: input.weights,
    act_steps: input.act_steps,
    augmentations: input.augmentations,
    save_outputs: extras.save_outputs ?? [],
    pool_votes: input.pool_votes,
    rollouts: input.rollouts,
    batch_size: extras.batch_size ?? null,
    resume: extras.resume ?? false,
    save_every_s: SAVE_EVERY_S,
  };
  if (input.pool_votes && input.split === 'test' && extras.out === undefined)
    copyVotes(context, run.id, data.path, out);
  return { run, checkpoint, data, plan };
}

function dataOf({ store, home }: Context, dataset: string | null, run: string, folder: string | undefined) {
  if (folder !== undefined) {
    const path = resolve(folder);
    const known = store.datasets.byPath(storedPath(home, path));
    return { id: known?.id ?? null, name: known?.name ?? path, path };
  }
  const record = dataset === null ? null : store.datasets.get(dataset);
  if (record?.status === 'ready') return { id: record.id, name: record.name, path: absolutePath(home, record.path) };
  throw new StudioError(
    'not_found',
    record
      ? `The dataset ${record.name} is ${record.status}: wait until it is ready, or choose another.`
      : `The dataset of ${run} has been deleted: choose another to evaluate it on.`,
  );
}

/** The votes of the run's latest evaluation of the same data, as the start of the new one's. */
function copyVotes({ store, home }: Context, run: string, dataPath: string, out: string): void {
  const earlier = store.evaluations
    .list(run)
    .find((e) => e.status === 'done' && e.plan.split === 'test' && e.plan.data_path === dataPath);
  const votes = earlier ? join(absolutePath(home, earlier.path), FILES.votes) : null;
  if (votes === null || !existsSync(votes)) return;
  makeFolders(out);
  copyFileSync(votes, join(out, FILES.votes));
}
