/**
 * A golden case of test/golden/small: the reference's own numbers, in full and without loss, read apart from
 * src/core/parity, so that a fault there cannot hide one here.
 */
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect } from 'vitest';
import { TrainConfigSchema, type TrainConfig } from '../../src/shared/config';
import { readSafetensors, type NamedTensor } from '../../src/core/checkpoint/formats/safetensors';
import type { Batch } from '../../src/core/data/batch';
import type { ModelSpec } from '../../src/core/model/architecture';
import { emptyCarry } from '../../src/core/act/carry';
import type { Execution } from '../../src/core/train/executor';
import { Trainer } from '../../src/core/train/trainer';

/** Seven cases, one folder each; `npm run -s parity -- test/golden/small` takes them too. */
export const GOLDEN = join(__dirname, 'small');
/** How the reference's parameters are called in a trace. */
export const PREFIX = 'model.inner.';

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
  arch: Record<string, unknown> & {
    batch_size: number;
    seq_len: number;
    vocab_size: number;
    num_puzzle_identifiers: number;
  };
  train: Record<string, number>;
  steps: number;
}

export async function loadGolden(name: string): Promise<GoldenCase> {
  const folder = join(GOLDEN, name);
  const json = JSON.parse(readFileSync(join(folder, 'config.json'), 'utf8')) as ConfigFile;
  const { batch_size: _, seq_len, vocab_size, num_puzzle_identifiers, ...arch } = json.arch;
  const { total_steps, ...train } = json.train;
  const config = TrainConfigSchema.parse({ ...train, ema: true, arch });
  const raw = (await readSafetensors(join(folder, 'weights.safetensors'))).tensors;
  const weights = new Map(
    [...raw].map(([key, t]) => [key.replace(/^(_orig_mod\.)?model\.inner\./, ''), t.data as Float32Array]),
  );
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
  return {
    size: ids.length,
    filled: ids.length,
    inputs: get('inputs'),
    labels: get('labels'),
    puzzle_identifiers: ids,
  };
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

export function trainerFor(golden: GoldenCase, execution: Execution): Trainer {
  const { config, spec, weights } = golden;
  return new Trainer(
    config,
    spec,
    golden.totalSteps,
    {
      step: 0,
      weights,
      m: zerosLike(weights),
      v: zerosLike(weights),
      ema: weights,
      latents: new Map(),
      puzzleEmbedding: (weights.get('puzzle_emb.weights') as Float32Array).slice(),
      carry: emptyCarry(config.global_batch_size, spec.seq_len),
      exploration: [1, 2, 3, 4],
    },
    { execution, warn: (sentence) => process.stderr.write(`${sentence}\n`) },
  );
}

const zerosLike = (weights: Map<string, Float32Array>) =>
  new Map([...weights].map(([name, values]) => [name, new Float32Array(values.length)]));

/** 99.9 % of the elements within 2e-5, none beyond twice the learning rate. */
export function checkWeights(golden: GoldenCase, prefix: string, ours: Map<string, Float32Array>, lr: number): void {
  let count = 0;
  let off = 0;
  for (const [key, { data }] of golden.train) {
    if (!key.startsWith(prefix)) continue;
    const name = key.slice(prefix.length);
    const values = ours.get(name);
    if (!values) throw new Error(`no parameter ${name}`);
    const limit = name.startsWith('puzzle_emb') ? 2 * golden.config.puzzle_emb_lr : 2 * lr;
    expect(largestDifference(values, data as Float32Array), key).toBeLessThanOrEqual(limit + 1e-9);
    count += data.length;
    for (let i = 0; i < data.length; i++) if (Math.abs(values[i] - Number(data[i])) > 2e-5) off++;
  }
  if (count) expect(off / count, prefix).toBeLessThan(1e-3);
}

/** A gradient this small against its tensor's largest is what float32 leaves of an exact zero. */
const NOISE = 3e-6;

export function takeSideOnNoise(golden: GoldenCase, trainer: Trainer, weights: Map<string, Float32Array>): void {
  let sided = 0;
  for (const [name, values] of weights) {
    const reference = golden.train.get(`step1.after.${PREFIX}${name}`)?.data as Float32Array | undefined;
    const gradient = golden.train.get(`step1.grad.${PREFIX}${name}`)?.data as Float32Array | undefined;
    if (!reference || !gradient) continue;
    const ours = values.slice();
    const limit = NOISE * largest(gradient);
    const off = [...ours.keys()].filter((i) => Math.abs(ours[i] - reference[i]) > 2e-5);
    for (const i of off) {
      expect(Math.abs(gradient[i]), `${name}[${i}]`).toBeLessThan(limit);
      ours[i] = reference[i];
    }
    if (!off.length) continue;
    sided += off.length;
    trainer.internals().executor.write({ weights: new Map([[name, ours]]) });
  }
  expect(sided).toBeLessThanOrEqual(5);
}
