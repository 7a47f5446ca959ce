/** What a benchmark's process measures: steps, evaluation, a trace, and what this machine's matrix products reach. */
import { existsSync, mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import * as tf from '@tensorflow/tfjs-core';
import type { Tensor2D } from '@tensorflow/tfjs-core';
import { StudioError } from '../../shared/errors';
import { lowPrecision } from '../backend/precision';
import { record } from '../backend/record/record';
import type { Batch } from '../data/batch';
import { evaluateBatch } from '../act/batch';
import { traceBatch } from '../trace/trace-run';
import type { ModelSpec } from '../model/architecture';
import { Random } from '../lib/random';
import { PuzzleEmbedding } from '../train/sign-sgd';
import { Trainer } from '../train/trainer';
import type { BenchModel } from './configs';
import { readRunMetadata, summarise, type StepProfile } from './run-metadata';

export interface Timing {
  times_ms: number[];
  median_ms: number;
  /** The first call, which records and loads the graph where there is one. */
  first_ms: number;
  /** Most memory that the process has held, in bytes. */
  peak_bytes: number;
  /** Of a step: what the model took of these. */
  held_bytes?: number;
  /** What ran it, e.g. `TensorFlow 2.21.0`. */
  version: string;
}

export type Execution = 'eager' | 'recorded';

export function median(values: readonly number[]): number {
  const sorted = [...values].sort((a, b) => a - b);
  const middle = sorted.length >> 1;
  return sorted.length % 2 ? sorted[middle] : (sorted[middle - 1] + sorted[middle]) / 2;
}

/** Linux's VmHWM; `maxRSS` is in kilobytes. */
export const peakBytes = (): number => process.resourceUsage().maxRSS * 1024;

/** Random boards: the time of a step does not depend on what stands on them. */
export function randomBatch(spec: ModelSpec, size: number, seed: number): Batch {
  const random = new Random(seed, 'bench');
  const draw = (n: number, below: number) => Int32Array.from({ length: n }, () => random.integer(0, below - 1));
  return {
    size,
    filled: size,
    inputs: draw(size * spec.seq_len, spec.vocab_size),
    labels: draw(size * spec.seq_len, spec.vocab_size),
    puzzle_identifiers: draw(size, spec.num_puzzle_identifiers),
  };
}

interface Runs {
  warm: number;
  steps: number;
}

function timed({ warm, steps }: Runs, run: (i: number) => void, version: string): Timing {
  const times = Array.from({ length: warm + steps }, (_, i) => {
    const begin = performance.now();
    run(i);
    return performance.now() - begin;
  });
  const measured = times.slice(warm);
  return { times_ms: measured, median_ms: median(measured), first_ms: times[0], peak_bytes: peakBytes(), version };
}

/**
 * @throws StudioError `unavailable` if steps do not run as asked for: a fallback must not pass for the real thing
 */
function trainerFor({ config, spec }: Omit<BenchModel, 'name'>, execution: Execution): Trainer {
  const words: string[] = [];
  const trainer = new Trainer(config, spec, 100_000, null, { execution, warn: (sentence) => words.push(sentence) });
  if (trainer.execution === execution && trainer.dtype === config.arch.forward_dtype) return trainer;
  trainer.dispose();
  const asked = `${execution} ${config.arch.forward_dtype}`;
  throw new StudioError('unavailable', words[0] ?? `This machine does not run ${asked} steps.`);
}

/** Forward, backward, both optimizers and the average, with the batch going in and the metrics coming out. */
export function measureStep(
  model: Omit<BenchModel, 'name'>,
  execution: Execution,
  runs: Runs,
  version: string,
): Timing {
  const before = process.memoryUsage().rss;
  const trainer = trainerFor(model, execution);
  const { global_batch_size } = model.config;
  const batches = Array.from({ length: 4 }, (_, i) => randomBatch(model.spec, global_batch_size, i));
  try {
    const timing = timed(runs, (i) => trainer.run(batches[i % batches.length]), version);
    return { ...timing, held_bytes: timing.peak_bytes - before };
  } finally {
    trainer.dispose();
  }
}

/**
 * What each kind of op of a recorded step takes, by TensorFlow's own account.
 * @throws StudioError `unavailable` in a process without scripts/bench/session_trace.cc before TensorFlow
 */
export function profileStep(model: Omit<BenchModel, 'name'>, runs: Runs): StepProfile {
  const trainer = trainerFor(model, 'recorded');
  const batch = randomBatch(model.spec, model.config.global_batch_size, 0);
  const folder = mkdtempSync(join(tmpdir(), 'trm-profile-'));
  try {
    const { median_ms } = timed(runs, () => trainer.run(batch), '');
    const ops = Array.from({ length: runs.steps }, (_, i) => {
      const file = join(folder, `${i}.pb`);
      process.env.TRM_SESSION_TRACE = file;
      trainer.run(batch);
      process.env.TRM_SESSION_TRACE = '';
      if (existsSync(file)) return readRunMetadata(readFileSync(file));
      throw new StudioError('unavailable', 'TensorFlow traced nothing: use "bench profile" on Linux.');
    });
    return summarise(ops.flat(), runs.steps, median_ms);
  } finally {
    process.env.TRM_SESSION_TRACE = '';
    rmSync(folder, { recursive: true, force: true });
    trainer.dispose();
  }
}

/** One batch through all ACT steps, as evaluation does. */
export function measureEvaluation(model: BenchModel, execution: Execution, runs: Runs, version: string): Timing {
  const trainer = trainerFor(model, execution);
  const { arch } = model.spec;
  const batch = randomBatch(model.spec, model.config.global_batch_size, 0);
  try {
    const evaluated = trainer.evaluated('ema');
    const run = () => evaluateBatch(evaluated, trainer.puzzles, batch, arch.halt_max_steps, { lastOnly: true });
    return timed(runs, run, version);
  } finally {
    trainer.dispose();
  }
}

/** One example through all ACT steps with everything that playback shows, inner updates included. */
export async function measureTrace(model: BenchModel, runs: Runs, version: string): Promise<Timing> {
  const trainer = trainerFor(model, 'recorded');
  const { arch, num_puzzle_identifiers: rows } = model.spec;
  const batch = randomBatch(model.spec, 1, 0);
  const puzzles = new PuzzleEmbedding(rows, arch.puzzle_emb_ndim);
  const times: number[] = [];
  try {
    for (let i = 0; i < runs.warm + runs.steps; i++) {
      const begin = performance.now();
      await traceBatch(trainer.evaluated('ema'), puzzles, batch, { act_steps: arch.halt_max_steps, inner: true });
      times.push(performance.now() - begin);
    }
  } finally {
    trainer.dispose();
  }
  const measured = times.slice(runs.warm);
  return { times_ms: measured, median_ms: median(measured), first_ms: times[0], peak_bytes: peakBytes(), version };
}

const PEAK_SIZE = 2048;
const PEAK_PRODUCTS = 4;

/** The best rate of large matrix products in a graph, in FLOP/s. */
export function matmulPeak(bfloat16: boolean): number {
  const shape = [PEAK_SIZE, PEAK_SIZE];
  const random = new Random(0, 'peak');
  const values = () => Float32Array.from({ length: PEAK_SIZE ** 2 }, () => (random.uniform() - 0.5) / 16);
  const product = record(
    (_inputs, state) => {
      let x = state.a as Tensor2D;
      lowPrecision(() => {
        for (let i = 0; i < PEAK_PRODUCTS; i++) x = tf.matMul(x, state.b as Tensor2D);
      });
      return { outputs: { corner: tf.slice(x, [0, 0], [1, 1]) } };
    },
    {},
    {
      variables: {
        a: { dtype: 'float32', shape, values: values() },
        b: { dtype: 'float32', shape, values: values() },
      },
    },
    { bfloat16 },
  );
  const { times_ms } = timed({ warm: 2, steps: 10 }, () => product.run({}), '');
  product.dispose();
  return (PEAK_PRODUCTS * 2 * PEAK_SIZE ** 3 * 1000) / Math.min(...times_ms);
}
