/** A training step with rows and columns as positions against PyTorch's (scripts/parity/rope2d.py made the trace). */
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import * as tf from '@tensorflow/tfjs-core';
import { beforeAll, describe, expect, it } from 'vitest';
import { loadBackend } from '../../src/core/backend/load';
import { readSafetensors } from '../../src/core/checkpoint/formats/safetensors';
import type { ModelSpec } from '../../src/core/model/architecture';
import { makeConstants } from '../../src/core/model/layers';
import { architectureOf } from '../../src/core/model/registry';
import { lossAndGradients, type Program, type TrainState } from '../../src/core/train/program';
import { TrainConfigSchema } from '../../src/shared/config';
import { largest, largestDifference, type Tensors } from './trace';

const FOLDER = join(import.meta.dirname, 'rope2d');
const traced = JSON.parse(readFileSync(join(FOLDER, 'config.json'), 'utf8')) as Record<string, number>;
const B = traced.batch;

let trace: Tensors;
beforeAll(async () => {
  await loadBackend();
  trace = (await readSafetensors(join(FOLDER, 'trace.safetensors'))).tensors;
});

const numbers = (name: string): Float32Array => {
  const found = trace.get(name);
  if (!found) throw new Error(`the trace has no ${name}`);
  return found.data as Float32Array;
};

/** @param columns of the canvas that the model is told */
function step(columns: number) {
  const { hidden_size, num_heads, L_layers, H_cycles, L_cycles, puzzle_emb_ndim, rope_theta, seq_len } = traced;
  const sizes = { hidden_size, num_heads, L_layers, H_cycles, L_cycles, puzzle_emb_ndim, rope_theta, expansion: 1 };
  const arch = { ...sizes, puzzle_emb_len: traced.prefix, pos_encodings: 'rope2d' as const };
  const config = TrainConfigSchema.parse({ arch: { ...arch, forward_dtype: 'float32' }, global_batch_size: B });
  const spec: ModelSpec = {
    arch: config.arch,
    seq_len,
    columns,
    vocab_size: traced.vocab_size,
    num_puzzle_identifiers: 3,
  };
  const architecture = architectureOf(config.arch.name);
  const parameters = architecture.parameters(spec);
  const trained = parameters.filter((p) => p.trained).map((p) => p.name);
  const program: Program = { architecture, spec, constants: makeConstants(spec), trained, config };
  const blank = () => tf.zeros([B, traced.prefix + seq_len, hidden_size]) as tf.Tensor3D;
  const state: TrainState = {
    weights: Object.fromEntries(
      parameters.map(({ name, shape }) => [name, tf.tensor(numbers(`weights.${name}`), [...shape])]),
    ),
    m: {},
    v: {},
    ema: {},
    latents: { z_H: blank(), z_L: blank() },
  };
  const cells = (name: string) => tf.tensor2d(numbers(name), [B, seq_len], 'int32');
  return lossAndGradients(program, state, {
    tokens: cells('inputs'),
    labels: cells('labels'),
    reset: tf.ones([B, 1, 1], 'bool'),
    last: tf.fill([B], 0, 'bool'),
    puzzleRows: tf.tensor2d(numbers('rows'), [B, puzzle_emb_ndim]),
  });
}

describe('rope2d as PyTorch computes it', () => {
  it('has the same logits, halting and gradients on a canvas of 3 × 5', () => {
    const { decoded, gradients, puzzleGradient } = step(traced.columns);
    expect(largestDifference(decoded.logits.dataSync(), numbers('logits'))).toBeLessThan(1e-4);
    expect(largestDifference(decoded.q_halt_logits.dataSync(), numbers('q_halt'))).toBeLessThan(1e-4);
    const wanted = [...trace.keys()].filter((key) => key.startsWith('grad.')).map((key) => key.slice('grad.'.length));
    expect(wanted).toHaveLength(8);
    for (const name of wanted) {
      const theirs = numbers(`grad.${name}`);
      expect(largestDifference(gradients[name].dataSync(), theirs) / largest(theirs), name).toBeLessThan(1e-3);
    }
    const rows = numbers('rows.grad');
    expect(largestDifference((puzzleGradient as tf.Tensor).dataSync(), rows) / largest(rows)).toBeLessThan(1e-3);
  });

  it('differs where rows and columns are others, and is refused where they cannot be known', () => {
    expect(largestDifference(step(3).decoded.logits.dataSync(), numbers('logits'))).toBeGreaterThan(1e-2);
    expect(() => step(4)).toThrow('pos_encodings rope2d: 15 cells do not fill rows of 4.');
    expect(() => step(undefined as never)).toThrow(/15 cells make no square/);
  });
});
