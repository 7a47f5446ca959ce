/** The models that are measured: two layers, 16 prefix tokens, the loss and optimizers of the published runs. */
import { TrainConfigSchema, type TrainConfig } from '../../shared/config';
import type { ModelSpec } from '../model/architecture';

export const BENCH_NAMES = ['small', 'canvas', 'arc'] as const;
export type BenchName = (typeof BENCH_NAMES)[number];

interface Size {
  batch: number;
  seq_len: number;
  hidden_size: number;
  num_heads: number;
  H_cycles: number;
  L_cycles: number;
}

/** `small` is a Sudoku board, `canvas` a narrow model on ARC's canvas, `arc` the published ARC model. */
const SIZES: Record<BenchName, Size> = {
  small: { batch: 8, seq_len: 81, hidden_size: 128, num_heads: 4, H_cycles: 3, L_cycles: 6 },
  canvas: { batch: 4, seq_len: 900, hidden_size: 128, num_heads: 4, H_cycles: 2, L_cycles: 3 },
  arc: { batch: 2, seq_len: 900, hidden_size: 512, num_heads: 8, H_cycles: 3, L_cycles: 4 },
};

const VOCABULARY = 12;
export const EMBEDDING_ROWS = 1000;

export interface BenchModel {
  name: BenchName;
  config: TrainConfig;
  spec: ModelSpec;
}

export function benchModel(name: BenchName, dtype: 'float32' | 'bfloat16', batch = SIZES[name].batch): BenchModel {
  const { seq_len, batch: _, ...arch } = SIZES[name];
  const config = TrainConfigSchema.parse({
    global_batch_size: batch,
    ema: true,
    evaluators: [],
    lr_warmup_steps: 0,
    arch: { ...arch, L_layers: 2, puzzle_emb_ndim: arch.hidden_size, puzzle_emb_len: 16, forward_dtype: dtype },
  });
  const sizes = { seq_len, vocab_size: VOCABULARY, num_puzzle_identifiers: EMBEDDING_ROWS };
  return { name, config, spec: { arch: config.arch, ...sizes } };
}

/** 20 000 steps of this take minutes: a model that only shows what accumulates. */
export function tinyModel(): Omit<BenchModel, 'name'> {
  const config = TrainConfigSchema.parse({
    global_batch_size: 8,
    ema: true,
    evaluators: [],
    lr_warmup_steps: 10,
    arch: {
      hidden_size: 32,
      num_heads: 2,
      expansion: 1,
      L_layers: 1,
      H_cycles: 2,
      L_cycles: 1,
      halt_max_steps: 4,
      puzzle_emb_ndim: 32,
      puzzle_emb_len: 1,
      forward_dtype: 'float32',
    },
  });
  return { config, spec: { arch: config.arch, seq_len: 16, vocab_size: 6, num_puzzle_identifiers: 50 } };
}
