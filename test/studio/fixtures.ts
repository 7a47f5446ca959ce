import { mkdirSync, writeFileSync } from 'node:fs';
import { createHash } from 'node:crypto';
import { dirname, join } from 'node:path';
import { buildDataset } from '../../src/core/data/build';
import { defaultConfig, TrainConfigSchema, type TrainConfig } from '../../src/shared/config';
import type { CheckpointFile } from '../../src/shared/compute';
import type { BackendInfo } from '../../src/shared/doctor';
import type { RunRecord } from '../../src/studio/repositories/runs';
import type { Context } from '../../src/studio/context';
import { openDatabase } from '../../src/studio/db/open';
import { silentLog as log } from '../../src/studio/log';
import { openStore, type Store } from '../../src/studio/store';
import { freshFolder } from './home';

export const BACKEND: BackendInfo = {
  backend: 'tensorflow',
  version: '2.21.0',
  device: 'CPU',
  threads: 2,
  device_memory: null,
  execution: 'eager',
  dtype: 'float32',
  why_not_better: null,
};

/** A config that trains a step in milliseconds. */
export function tinyConfig(patch: Record<string, unknown> = {}): TrainConfig {
  return TrainConfigSchema.parse({
    arch: {
      hidden_size: 16,
      num_heads: 2,
      L_layers: 1,
      H_cycles: 1,
      L_cycles: 1,
      halt_max_steps: 3,
      puzzle_emb_ndim: 16,
      puzzle_emb_len: 1,
      expansion: 1,
      forward_dtype: 'float32',
    },
    global_batch_size: 8,
    epochs: 20,
    eval_interval: 4,
    lr: 1e-2,
    lr_warmup_steps: 3,
    ema: true,
    ema_rate: 0.9,
    evaluators: [],
    ...patch,
  });
}

export const TINY_RECIPE = {
  kind: 'sudoku' as const,
  size: 4 as const,
  train: 32,
  test: 16,
  blanks: [6, 8] as [number, number],
  seed: 1,
};

/** A real 4×4 Sudoku dataset of 32 training and 16 test puzzles. */
export async function tinyDataset(folder = join(freshFolder(), 'data')): Promise<string> {
  await buildDataset({ recipe: TINY_RECIPE, subsets: [], out: folder });
  return folder;
}

export function freshStore(): Store {
  return openStore(openDatabase(join(freshFolder(), 'studio.db'), { log }));
}

let runs = 0;
export function runRecord(patch: Partial<RunRecord> = {}): RunRecord {
  runs++;
  const created = new Date(Date.UTC(2026, 0, 1, 0, 0, runs)).toISOString();
  return {
    id: `run${String(runs).padStart(5, '0')}`,
    name: `run ${runs}`,
    preset: null,
    status: 'done',
    reason: null,
    dataset: null,
    dataset_name: 'none',
    kind: 'sudoku',
    grid_rows: 4,
    grid_columns: 4,
    created,
    updated: created,
    queued_at: null,
    step: 0,
    total_steps: 0,
    seconds: 0,
    steps_per_s: null,
    best_exact_accuracy: null,
    last_exact_accuracy: null,
    last_lm_loss: null,
    config: defaultConfig(),
    backend: null,
    parameters: null,
    embedding_rows: null,
    flops_per_step: null,
    notes: [],
    pinned: [],
    owner: null,
    compute_owner: null,
    resume_at_start: false,
    ...patch,
  };
}

/** Writes a file as a compute process would, and says what it wrote. */
export function checkpointFile(runDir: string, step: number, content = `checkpoint ${step}`): CheckpointFile {
  const path = join(runDir, 'checkpoints', `step_${step}.safetensors`);
  mkdirSync(dirname(path), { recursive: true });
  writeFileSync(path, content);
  return {
    step,
    path,
    bytes: Buffer.byteLength(content),
    sha256: createHash('sha256').update(content).digest('hex'),
    reason: 'interval',
    exact_accuracy: null,
  };
}

/** A run with a checkpoint and a dataset, to be evaluated by a scripted compute process. @returns the checkpoint's id */
export function evaluable({ store, owner }: Context): number {
  store.datasets.insert({
    id: 'data',
    name: 'data',
    kind: 'arc',
    status: 'ready',
    error: null,
    created: '2026-01-01',
    // Only named: no compute process looks into it.
    path: '/nowhere/data',
    adopted: true,
    recipe: null,
    facts: null,
    owner,
  });
  const run = runRecord({ dataset: 'data' });
  store.runs.insert(run);
  return store.checkpoints.record(run.id, checkpointFile(freshFolder(), 5), 'x').id;
}
