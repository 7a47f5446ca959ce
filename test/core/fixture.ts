/** A tiny dataset on disk and a tiny config: real files, steps of a few milliseconds. */
import { join } from 'node:path';
import { SplitWriter, writeIdentifiers, writeSidecar } from '../../src/core/data/split-writer';
import { Random } from '../../src/core/train/random';
import { TrainConfigSchema, type TrainConfig, type TrainConfigInput } from '../../src/shared/config';

const SIDE = 4;
const S = SIDE * SIDE;
const GROUPS = 6;
const PUZZLES = 2;
const EXAMPLES = 3;

/** Puzzles whose answer is the grid mirrored (even ids) or upside down (odd ids): the embedding must tell them apart. */
export function writeTinyDataset(folder: string, seed = 1): string {
  const random = new Random(seed, 'tiny dataset');
  const puzzles = GROUPS * PUZZLES;
  for (const split of ['train', 'test']) {
    const groups = split === 'train' ? GROUPS : 2;
    const writer = new SplitWriter(join(folder, split), {
      examples: groups * PUZZLES * EXAMPLES,
      puzzles: groups * PUZZLES,
      groups,
      seqLen: S,
      vocabSize: 12,
      numPuzzleIdentifiers: puzzles + 1,
      meanIsFloat: true,
    });
    for (let g = 0; g < groups; g++) {
      for (let p = 0; p < PUZZLES; p++) {
        const id = 1 + g * PUZZLES + p;
        for (let e = 0; e < EXAMPLES; e++) {
          const grid = Array.from({ length: S }, () => random.integer(2, 5));
          writer.example((input, i, label, l) => {
            for (let s = 0; s < S; s++) {
              const [r, c] = [Math.floor(s / SIDE), s % SIDE];
              input[i + s] = grid[s];
              label[l + s] = id % 2 ? grid[(SIDE - 1 - r) * SIDE + c] : grid[r * SIDE + (SIDE - 1 - c)];
            }
          });
        }
        writer.endPuzzle(id);
      }
      writer.endGroup();
    }
    writer.finish();
  }
  writeIdentifiers(
    folder,
    Array.from({ length: puzzles }, (_, i) => `puzzle-${i + 1}`),
  );
  writeSidecar(folder, {
    schema: 1,
    kind: 'arc',
    rows: SIDE,
    columns: SIDE,
    recipe: null,
    shortfalls: [],
    left_out: [],
  });
  return folder;
}

export function tinyConfig(overrides: TrainConfigInput & { arch?: TrainConfigInput['arch'] } = {}): TrainConfig {
  const { arch, studio, ...rest } = overrides;
  return TrainConfigSchema.parse({
    global_batch_size: 6,
    epochs: 400,
    eval_interval: 20,
    lr: 1e-3,
    lr_warmup_steps: 5,
    ema: true,
    ema_rate: 0.9,
    evaluators: [],
    arch: {
      hidden_size: 32,
      num_heads: 2,
      expansion: 1,
      L_layers: 1,
      H_cycles: 2,
      L_cycles: 1,
      halt_max_steps: 3,
      halt_exploration_prob: 0.3,
      forward_dtype: 'float32',
      puzzle_emb_ndim: 16,
      puzzle_emb_len: 1,
      ...arch,
    },
    studio: { checkpoint_every_minutes: 0, ...studio },
    ...rest,
  });
}
