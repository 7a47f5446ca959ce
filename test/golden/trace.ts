/** A golden case: the reference's own numbers, from ../shared/golden where present, else the lean copy in the repository. */
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { TrainConfigSchema, type TrainConfig } from '../../src/shared/config';
import { readSafetensors, type NamedTensor } from '../../src/core/checkpoint/formats/safetensors';
import type { Batch } from '../../src/core/data/batch';
import type { ModelSpec } from '../../src/core/model/architecture';
import { goldenFolder } from './folder';

export type Tensors = Map<string, NamedTensor>;

export interface GoldenCase {
  config: TrainConfig;
  spec: ModelSpec;
  totalSteps: number;
  steps: number;
  /** By parameter name without the reference's prefix; the puzzle embedding included. */
  weights: Map<string, Float32Array>;
  train: Tensors;
  evaluation: Tensors;
  metrics: Record<string, number>[];
}

interface ConfigFile {
  arch: Record<string, unknown> & { batch_size: number; seq_len: number; vocab_size: number; num_puzzle_identifiers: number };
  train: Record<string, number>;
  steps: number;
}

export async function loadCase(name: string): Promise<GoldenCase> {
  const folder = goldenFolder(name);
  const json = JSON.parse(readFileSync(join(folder, 'config.json'), 'utf8')) as ConfigFile;
  const { batch_size: _, seq_len, vocab_size, num_puzzle_identifiers, ...arch } = json.arch;
  const { total_steps, ...train } = json.train;
  const config = TrainConfigSchema.parse({ ...train, ema: true, arch });
  const raw = (await readSafetensors(join(folder, 'weights.safetensors'))).tensors;
  const weights = new Map([...raw].map(([key, t]) => [key.replace(/^(_orig_mod\.)?model\.inner\./, ''), t.data as Float32Array]));
  return {
    config,
    spec: { arch: config.arch, seq_len, vocab_size, num_puzzle_identifiers },
    totalSteps: total_steps,
    steps: json.steps,
    weights,
    train: (await readSafetensors(join(folder, 'train.safetensors'))).tensors,
    evaluation: (await readSafetensors(join(folder, 'eval.safetensors'))).tensors,
    metrics: JSON.parse(readFileSync(join(folder, 'metrics.json'), 'utf8')) as Record<string, number>[],
  };
}

export function batchOf(tensors: Tensors, prefix: string): Batch {
  const get = (name: string) => tensors.get(`${prefix}batch.${name}`)?.data as Int32Array;
  const ids = get('puzzle_identifiers');
  return { size: ids.length, filled: ids.length, inputs: get('inputs'), labels: get('labels'), puzzle_identifiers: ids };
}

/** Largest absolute difference; shapes of different size are an error. */
export function largestDifference(a: ArrayLike<number>, b: ArrayLike<number>): number {
  if (a.length !== b.length) throw new Error(`${a.length} numbers against ${b.length}`);
  let worst = 0;
  for (let i = 0; i < a.length; i++) {
    const d = Math.abs(Number(a[i]) - Number(b[i]));
    if (!(d <= worst)) worst = d;
  }
  return worst;
}

export const largest = (a: ArrayLike<number>): number => largestDifference(a, new Float32Array(a.length));
