/**
 * What is kept of a solve for its playback: the network that voted, as a checkpoint, and the questions that its views
 * were asked, as a dataset. Playback opens these two like those of a run.
 */
import { rm, stat } from 'node:fs/promises';
import { join } from 'node:path';
import type { Task } from '../../shared/arc';
import { ARC_VOCAB } from '../../shared/arc-canvas';
import { KEPT } from '../../shared/solve';
import { writeImported, type CheckpointMeta } from '../checkpoint/studio';
import { writeTaskDataset } from '../data/task-dataset';
import { makeWholeFolder } from '../data/whole-folder';
import { pythonString } from '../data/python-json';
import { BLANK_NAME } from '../data/split-writer';
import { Random } from '../train/random';
import type { SolveModel } from './model';
import type { TaskViews } from './views';

/**
 * Makes the folder `out` in place of what was there: `model.safetensors` (averages where there are any, and every view's
 * embedding row; 4 bytes a parameter) and `data`.
 * @returns bytes of the checkpoint, nearly all of the folder
 * @throws file system errors
 */
export async function keepSolve(
  out: string,
  task: Task,
  views: TaskViews,
  { trainer, config }: Pick<SolveModel, 'trainer' | 'config'>,
): Promise<number> {
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
  await rm(out, { recursive: true, force: true });
  await makeWholeFolder(out, async (folder) => {
    const identifiers = Buffer.from(`[${names.map(pythonString).join(', ')}]`);
    await writeImported(join(folder, KEPT.model), meta, new Map([...weights, ...ema]), table, identifiers);
    await writeTaskDataset(join(folder, KEPT.data), task, views.views, views.canvas);
  });
  return (await stat(join(out, KEPT.model))).size;
}
