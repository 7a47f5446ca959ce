/** The network that a solve trains: a small one from nothing, or a checkpoint's with fresh embedding rows. */
import { TrainConfigSchema, type TrainConfig } from '../../shared/config';
import { StudioError } from '../../shared/errors';
import type { SolveNetwork, SolveOptions, SolveResult } from '../../shared/solve';
import { ARC_VOCAB } from '../../shared/arc-canvas';
import { learnedMeanRow } from '../checkpoint/import/embedding-rows';
import { EMBEDDING, openCheckpoint, readWeights } from '../checkpoint/native/checkpoint';
import { orDispose } from '../train/or-dispose';
import { Trainer } from '../train/trainer';

export interface SolveModel {
  /** What mixes its cells, or `checkpoint`. */
  name: SolveNetwork;
  trainer: Trainer;
  config: TrainConfig;
  checkpoint: SolveResult['checkpoint'];
}

/** Steps of a schedule without an end: the rate stays constant after its warm-up, as a budget in seconds has no last step. */
const ENDLESS = 1e9;

/**
 * What a solve from nothing trains with: small and shallow, so that a minute on two cores holds a thousand steps. Measured on
 * the tuned half of scripts/solve/tasks.json (docs/solving.md): more recursion or more ACT steps learn slower.
 */
function scratchConfig(options: SolveOptions, name: SolveNetwork): TrainConfig {
  return TrainConfigSchema.parse({
    arch: {
      hidden_size: 96,
      num_heads: 4,
      expansion: 2,
      L_layers: 2,
      H_cycles: 1,
      L_cycles: 2,
      halt_max_steps: 2,
      puzzle_emb_ndim: 96,
      puzzle_emb_len: 1,
      forward_dtype: 'float32',
      ...(name === 'mlp' ? { mlp_t: true, pos_encodings: 'none' } : {}),
    },
    global_batch_size: 32,
    lr: 2e-3,
    lr_warmup_steps: 20,
    puzzle_emb_lr: 0.03,
    weight_decay: 0.03,
    ema: true,
    ema_rate: 0.98,
    seed: options.seed,
    freeze_weights: false,
  });
}

/**
 * Two networks that learn the task side by side. Attention carries over from colour to colour within tens of steps, an MLP
 * over the cells from place to place; which of them a task needs is not known before.
 */
export function scratchModels(options: SolveOptions, canvas: number): SolveModel[] {
  if (options.learn === 'embeddings') {
    throw new StudioError(
      'bad_input',
      'Only the embeddings cannot learn from nothing, as the weights would stay random: choose a checkpoint, or let all weights learn.',
    );
  }
  const models: SolveModel[] = [];
  try {
    for (const name of ['attention', 'mlp'] as const) {
      const config = scratchConfig(options, name);
      const spec = {
        arch: config.arch,
        seq_len: canvas ** 2,
        columns: canvas,
        vocab_size: ARC_VOCAB,
        num_puzzle_identifiers: options.views + 1,
      };
      models.push({ name, trainer: new Trainer(config, spec, ENDLESS, null), config, checkpoint: null });
    }
  } catch (error) {
    // The first of two is nobody's yet.
    for (const { trainer } of models) trainer.dispose();
    throw error;
  }
  return models;
}

/** Rates of test-time training on a trained network: its own would move it too little in a minute. */
const TUNING = { lr: 3e-4, lr_warmup_steps: 10, puzzle_emb_lr: 0.03, weight_decay: 0.03, ema: true, ema_rate: 0.97 };

/**
 * A checkpoint's network (its average where it has one), every view's embedding row starting from the mean of its rows.
 * @returns with the side of the canvas that it was trained on
 * @throws StudioError `bad_input` if it is no ARC model; what reading throws
 */
export async function checkpointModel(path: string, options: SolveOptions): Promise<SolveModel & { canvas: number }> {
  const open = await openCheckpoint(path);
  try {
    const { meta, file } = open;
    if (meta.kind !== 'arc') {
      throw new StudioError('bad_input', `${path} was trained on ${meta.kind}: choose a checkpoint of an ARC run.`);
    }
    const config: TrainConfig = {
      ...meta.config,
      ...TUNING,
      global_batch_size: Math.min(meta.config.global_batch_size, 32),
      seed: options.seed,
      freeze_weights: options.learn === 'embeddings',
      load_checkpoint: null,
    };
    const { seq_len, columns, vocab_size } = meta;
    const spec = { arch: config.arch, seq_len, columns, vocab_size, num_puzzle_identifiers: options.views + 1 };
    const trainer = await orDispose(new Trainer(config, spec, ENDLESS, null), async (made) => {
      const weights = new Map(Object.entries(await readWeights(open, 'ema', (values) => values)));
      // A table of one row: taken for every view, as its length differs.
      made.load(weights, config.arch.puzzle_emb_ndim ? learnedMeanRow(file.table(EMBEDDING)) : null);
    });
    return {
      name: 'checkpoint',
      trainer,
      config,
      checkpoint: { path, step: meta.step, data_sha256: file.header.metadata.data_sha256 ?? null },
      canvas: meta.rows,
    };
  } finally {
    open.file.close();
  }
}
