/** A tiny dataset on disk and a tiny config: real files, steps of a few milliseconds. */
import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { writeNpy } from '../../src/core/data/npy';
import { writeSidecar } from '../../src/core/data/split-writer';
import { Random } from '../../src/core/lib/random';
import { TrainConfigSchema, type TrainConfig, type TrainConfigInput } from '../../src/shared/config';

const SIDE = 4;
const S = SIDE * SIDE;
const GROUPS = 6;
const PUZZLES = 2;
const EXAMPLES = 3;

/** In one go: the builders' own writer waits for the disk, and tests' fixtures should not have to. */
function writeSplit(folder: string, groups: number, inputs: number[], labels: number[], identifiers: number): void {
  const examples = inputs.length / S;
  const puzzles = groups * PUZZLES;
  const steps = (n: number, by: number): Int32Array => Int32Array.from({ length: n + 1 }, (_, i) => i * by);
  mkdirSync(folder, { recursive: true });
  writeNpy(join(folder, 'all__inputs.npy'), '|u1', [examples, S], Uint8Array.from(inputs));
  writeNpy(join(folder, 'all__labels.npy'), '|u1', [examples, S], Uint8Array.from(labels));
  const ids = Int32Array.from({ length: puzzles }, (_, i) => i + 1);
  writeNpy(join(folder, 'all__puzzle_identifiers.npy'), '<i4', [puzzles], ids);
  writeNpy(join(folder, 'all__puzzle_indices.npy'), '<i4', [puzzles + 1], steps(puzzles, EXAMPLES));
  writeNpy(join(folder, 'all__group_indices.npy'), '<i4', [groups + 1], steps(groups, PUZZLES));
  const metadata = {
    pad_id: 0,
    ignore_label_id: 0,
    blank_identifier_id: 0,
    vocab_size: 12,
    seq_len: S,
    num_puzzle_identifiers: identifiers,
    total_groups: groups,
    mean_puzzle_examples: EXAMPLES,
    total_puzzles: puzzles,
    sets: ['all'],
  };
  writeFileSync(join(folder, 'dataset.json'), JSON.stringify(metadata));
}

/** Puzzles whose answer is the grid mirrored (even ids) or upside down (odd ids): the embedding must tell them apart. */
export function writeTinyDataset(folder: string, seed = 1): string {
  const random = new Random(seed, 'tiny dataset');
  const puzzles = GROUPS * PUZZLES;
  for (const split of ['train', 'test']) {
    const groups = split === 'train' ? GROUPS : 2;
    const inputs: number[] = [];
    const labels: number[] = [];
    for (let n = 0; n < groups * PUZZLES * EXAMPLES; n++) {
      const id = 1 + Math.floor(n / EXAMPLES);
      const grid = Array.from({ length: S }, () => random.integer(2, 5));
      inputs.push(...grid);
      for (let s = 0; s < S; s++) {
        const [r, c] = [Math.floor(s / SIDE), s % SIDE];
        labels.push(id % 2 ? grid[(SIDE - 1 - r) * SIDE + c] : grid[r * SIDE + (SIDE - 1 - c)]);
      }
    }
    writeSplit(join(folder, split), groups, inputs, labels, puzzles + 1);
  }
  const names = ['<blank>', ...Array.from({ length: puzzles }, (_, i) => `puzzle-${i + 1}`)];
  writeFileSync(join(folder, 'identifiers.json'), JSON.stringify(names));
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
