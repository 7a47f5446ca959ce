/**
 * What is kept of a solve for its playback: the networks that voted, each as a checkpoint, and the questions that their
 * views were asked, as a dataset. Playback opens these two like those of a run.
 */
import { rm, stat } from 'node:fs/promises';
import { join } from 'node:path';
import type { Task } from '../../shared/arc';
import { ARC_VOCAB } from '../../shared/arc-canvas';
import { KEPT } from '../../shared/solve';
import { writeImported, type CheckpointMeta } from '../checkpoint/native/checkpoint';
import { writeTaskDataset } from '../data/task-dataset';
import { makeWholeFolder } from '../lib/whole-folder';
import { pythonString } from '../data/python-json';
import { BLANK_NAME } from '../data/split-writer';
import { Random } from '../lib/random';
import type { SolveModel } from './model';
import type { TaskViews } from './views';

/**
 * Makes the folder `out` in place of what was there: `data`, and per network a checkpoint named by KEPT (averages where
 * there are any, and every view's embedding row; 4 bytes a parameter).
 * @param models that voted, the leading one first
 * @returns bytes of the checkpoints, nearly all of the folder
 * @throws file system errors
 */
export async function keepSolve(
  out: string,
  task: Task,
  views: TaskViews,
  models: readonly Pick<SolveModel, 'name' | 'trainer' | 'config'>[],
): Promise<number> {
  const files = models.map(({ name }, i) => (i === 0 ? KEPT.model : KEPT.other(name)));
  await rm(out, { recursive: true, force: true });
  await makeWholeFolder(out, async (folder) => {
    for (const [i, model] of models.entries()) await writeNetwork(join(folder, files[i]), views, model);
    await writeTaskDataset(join(folder, KEPT.data), task, views.views, views.canvas);
  });
  const sizes = await Promise.all(files.map(async (file) => (await stat(join(out, file))).size));
  return sizes.reduce((sum, size) => sum + size, 0);
}

async function writeNetwork(
  path: string,
  views: TaskViews,
  { trainer, config }: Pick<SolveModel, 'trainer' | 'config'>,
): Promise<void> {
  const { weights, ema, puzzleEmbedding, step } = await trainer.snapshot();
  const rows = views.views.length + 1;
  const names = [BLANK_NAME, ...views.views.map(({ name }) => name)];
  const meta: CheckpointMeta = {
    schema: 1,
    // The averages are its weights, and nothing stands beside them.
    config: { ...config, ema: false },
    seq_len: views.cells,
    vocab_size: ARC_VOCAB,
    num_puzzle_identifiers: rows,
    kind: 'arc',
    rows: views.canvas,
    columns: views.canvas,
    step,
    total_steps: step,
    seconds: 0,
    sampler: { iteration: 0, epoch: 0, position: 0, random: new Random(config.seed, 'examples 0').save() },
    exploration: new Random(config.seed, 'exploration').save(),
    evaluated: null,
    evaluation_due: false,
  };
  const table = config.arch.puzzle_emb_ndim ? { rows, pieces: () => [puzzleEmbedding] } : null;
  const identifiers = Buffer.from(`[${names.map(pythonString).join(', ')}]`);
  await writeImported(path, meta, new Map([...weights, ...ema]), table, identifiers);
}
