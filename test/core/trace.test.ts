/** Traces of every architecture against evaluation itself, and attention against a softmax written out here. */
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import * as tf from '@tensorflow/tfjs-core';
import { afterEach, beforeAll, describe, expect, it } from 'vitest';
import { loadBackend } from '../../src/core/backend/load';
import { dtypeOf, parseHeader } from '../../src/core/checkpoint/formats/safetensors';
import { AttentionStates, lookFrom } from '../../src/core/trace/attention';
import { evaluateBatch, type Evaluated } from '../../src/core/act/batch';
import { traceTensors } from '../../src/core/trace/trace-file';
import { traceBatch, type TraceRun } from '../../src/core/trace/trace-run';
import type { Batch } from '../../src/core/data/batch';
import { initialWeights } from '../../src/core/model/init';
import { makeConstants } from '../../src/core/model/layers';
import { architectureOf } from '../../src/core/model/registry';
import { Random } from '../../src/core/lib/random';
import { PuzzleEmbedding } from '../../src/core/train/sign-sgd';
import { ARCH_NAMES } from '../../src/shared/architectures';
import type { TraceMeta } from '../../src/shared/trace';
import type { TrainConfigInput } from '../../src/shared/config';
import { tinyConfig } from './fixture';

const S = 16;
const V = 12;
let owned: tf.Tensor[] = [];

beforeAll(() => loadBackend());
afterEach(() => {
  tf.dispose(owned);
  owned = [];
});

interface Subject {
  model: Evaluated;
  puzzles: PuzzleEmbedding;
  batch: Batch;
}

/** A model of random weights and a batch of random canvases, each row a puzzle of its own. */
function subject(arch: TrainConfigInput['arch'], rows: number): Subject {
  const config = tinyConfig({ arch });
  const spec = { arch: config.arch, seq_len: S, vocab_size: V, num_puzzle_identifiers: rows };
  const architecture = architectureOf(config.arch.name);
  const shapes = new Map(architecture.parameters(spec).map(({ name, shape }) => [name, [...shape]]));
  const keep = <T extends tf.Tensor>(tensor: T): T => {
    owned.push(tensor);
    return tensor;
  };
  const weights = Object.fromEntries(
    [...initialWeights(architecture, spec, 3)].map(([name, data]) => [name, keep(tf.tensor(data, shapes.get(name)))]),
  );
  const constants = makeConstants(spec);
  if (constants.rope) owned.push(...Object.values(constants.rope));
  const random = new Random(5, 'trace test');
  const width = config.arch.puzzle_emb_ndim;
  const table = Float32Array.from({ length: rows * width }, () => random.uniform() - 0.5);
  return {
    model: { architecture, net: { spec, weights, constants } },
    puzzles: new PuzzleEmbedding(rows, width, table),
    batch: {
      size: rows,
      filled: rows,
      inputs: Int32Array.from({ length: rows * S }, () => random.integer(0, V - 1)),
      labels: Int32Array.from({ length: rows * S }, () => random.integer(2, V - 1)),
      puzzle_identifiers: Int32Array.from({ length: rows }, (_, b) => b),
    },
  };
}

const traced = async ({ model, puzzles, batch }: Subject, act_steps: number, inner: boolean): Promise<TraceRun> => {
  const run = await traceBatch(model, puzzles, batch, { act_steps, inner });
  if (!run) throw new Error('it was stopped');
  return run;
};

const CYCLES = { H_cycles: 2, L_cycles: 3, H_layers: 2, L_layers: 2 };
const WRITES: Record<string, string> = {
  trm: 'L L L H L L L H',
  trm_singlez: 'L L L H L L L H',
  trm_hier6: 'L1 L2 L3 H L1 L2 L3 H',
  hrm: 'L L L H L L L H',
  transformers_baseline: 'H',
};

describe.each(ARCH_NAMES)('%s', (name) => {
  const short = name.replace(/^.*\.(\w+)@.*$/, '$1');

  it('traces what evaluation computes, inside the steps too', async () => {
    const at = subject({ name, ...CYCLES }, 2);
    const before = tf.memory().numTensors;
    const run = await traced(at, 3, true);
    expect(tf.memory().numTensors).toBe(before);
    const steps = evaluateBatch(at.model, at.puzzles, at.batch, 3, { confidence: true });
    const output = run.latents[0];
    steps.forEach((step, t) => {
      expect([...run.tokens[t]]).toEqual([...step.tokens]);
      expect([...run.q_halt[t]]).toEqual([...step.q_halt]);
      // Summed in another order.
      run.confidence[t].forEach((p, i) => expect(p).toBeCloseTo(step.confidence?.[i] ?? NaN, 5));
      expect(run.change[output][t]).toBeCloseTo(step.change?.[0] ?? NaN, 4);
      expect([...run.grids[output][t].tokens]).toEqual([...step.tokens.subarray(0, S)]);
    });

    const written = run.updates.map(({ level, latent }) =>
      short === 'trm_hier6' && level === 'L' ? latent.slice(2) : level,
    );
    expect(written.join(' ')).toBe(WRITES[short]);
    const U = run.updates.length;
    expect(run.inner).toHaveLength(3 * U);
    // What a step ends with is what its last write of each latent decoded to.
    for (const latent of run.latents) {
      const last = run.updates.map((update) => update.latent).lastIndexOf(latent);
      if (last < 0) continue;
      for (let t = 0; t < 3; t++) {
        const inner = run.inner[t * U + last];
        expect([...inner.tokens]).toEqual([...run.grids[latent][t].tokens]);
        inner.confidence.forEach((p, s) => expect(p).toBeCloseTo(run.grids[latent][t].confidence[s], 5));
        inner.entropy.forEach((h, s) => expect(h).toBeCloseTo(run.grids[latent][t].entropy[s], 4));
      }
    }
    const writes = run.updates.filter((update) => update.latent === output).length;
    expect(run.path.points).toHaveLength(2 * (1 + 3 * writes));
  });
});

describe('a trace', () => {
  it('does not depend on whether the updates are watched, nor the first row on its company', async () => {
    const watched = await traced(subject(CYCLES, 2), 3, true);
    tf.dispose(owned);
    owned = [];
    const plain = await traced(subject(CYCLES, 2), 3, false);
    expect(plain.updates).toEqual([]);
    expect(plain.inner).toEqual([]);
    expect(plain.tokens).toEqual(watched.tokens);
    expect(plain.q_halt).toEqual(watched.q_halt);
    expect(plain.distances).toEqual(watched.distances);
    // The first row has the same numbers and the same puzzle with or without the second.
    const both = subject(CYCLES, 2);
    const alone = await traced({ ...both, batch: firstRow(both.batch) }, 3, false);
    expect([...alone.tokens[2]]).toEqual([...watched.tokens[2].subarray(0, S)]);
    expect(alone.views).toBeNull();
    expect(watched.views?.points).toHaveLength(2 * 2 * 4);
  });

  it('measures distances that fit its movement, its probabilities and its entropy', async () => {
    const run = await traced(subject(CYCLES, 1), 4, false);
    const at = (a: number, b: number): number => run.distances[a * 5 + b];
    for (let t = 0; t < 4; t++) {
      expect(at(t, t)).toBe(0);
      expect(at(t, t + 1)).toBeCloseTo(run.change[run.latents[0]][t], 5);
      expect(at(t, t + 1)).toBe(at(t + 1, t));
      const grids = run.grids[run.latents[0]][t];
      for (let s = 0; s < S; s++) {
        const p = Array.from(run.probabilities[t].subarray(s * V, (s + 1) * V));
        expect(p.reduce((a, b) => a + b, 0)).toBeCloseTo(1, 5);
        expect(p.indexOf(Math.max(...p))).toBe(grids.tokens[s]);
        expect(Math.max(...p)).toBeCloseTo(grids.confidence[s], 6);
        expect(-p.reduce((sum, q) => sum + q * Math.log(q), 0)).toBeCloseTo(grids.entropy[s], 4);
      }
    }
    // Projection never lengthens: the path's steps are at most as long as the distances.
    for (let t = 0; t < 4; t++) {
      const [x, y] = [0, 1].map((k) => run.path.points[2 * (t + 1) + k] - run.path.points[2 * t + k]);
      expect(Math.hypot(x, y)).toBeLessThanOrEqual(at(t, t + 1) * (1 + 1e-4));
    }
  });

  it('tells its progress, and ends when it is stopped', async () => {
    const at = subject({}, 1);
    const told: string[] = [];
    const before = tf.memory().numTensors;
    const run = await traceBatch(at.model, at.puzzles, at.batch, {
      act_steps: 5,
      inner: true,
      progress: (done, total) => told.push(`${done}/${total}`),
      stopped: () => told.length === 2,
    });
    expect(run).toBeNull();
    expect(told).toEqual(['1/5', '2/5']);
    expect(tf.memory().numTensors).toBe(before);
  });

  it('becomes the tensors that shared/trace.ts lists', async () => {
    const at = subject(CYCLES, 2);
    const run = await traced(at, 2, true);
    const rows = [0, 1].map((b) => Uint8Array.from(at.batch.inputs.subarray(b * S, (b + 1) * S)));
    const tensors = traceTensors(run, { inputs: rows, targets: rows });
    const shapes = Object.fromEntries([...tensors].map(([name, { shape }]) => [name, shape]));
    expect(shapes).toMatchObject({
      input: [S],
      target: [S],
      'tokens.z_H': [2, S],
      'entropy.z_L': [2, S],
      probabilities: [2, S, V],
      distances: [3, 3],
      path: [5, 2],
      'inner.tokens': [2, 8, S],
      'views.tokens': [2, 2, S],
      'views.path': [2, 3, 2],
    });
    const views = tensors.get('views.tokens')?.data as Uint8Array;
    // View 1 at step 1 stands last.
    expect([...views.subarray(3 * S)]).toEqual([...run.tokens[1].subarray(S)]);
    const q = tensors.get('views.q_halt')?.data as Float32Array;
    expect([...q]).toEqual([run.q_halt[0][0], run.q_halt[1][0], run.q_halt[0][1], run.q_halt[1][1]]);
  });
});

describe('the golden trace', () => {
  // A real trace of two views and all updates, which test/renderer/trace2.test.ts reads as the window does.
  const golden = JSON.parse(readFileSync(join(__dirname, '../golden/trace/v2.json'), 'utf8')) as { base64: string };
  const file = Buffer.from(golden.base64, 'base64');

  it('has the tensors that are written today', async () => {
    const at = subject(CYCLES, 2);
    const run = await traced(at, 2, true);
    const rows = [0, 1].map((b) => Uint8Array.from(at.batch.inputs.subarray(b * S, (b + 1) * S)));
    const tensors = traceTensors(run, { inputs: rows, targets: rows });
    const { tensors: kept, metadata } = parseHeader(file, file.length, 'v2.json');
    const described = [...kept].map(([name, { dtype, shape }]) => [name, dtype, ...shape]);
    expect(described).toEqual([...tensors].map(([name, { shape, data }]) => [name, dtypeOf(data), ...shape]));
    expect((JSON.parse(metadata.trace) as TraceMeta).updates).toEqual(run.updates);
  });

  it('has floats where a view may begin', () => {
    const { tensors, start } = parseHeader(file, file.length, 'v2.json');
    for (const [name, { dtype, data_offsets }] of tensors) {
      if (dtype === 'F32') expect((start + data_offsets[0]) % 4, name).toBe(0);
    }
  });
});

const firstRow = (batch: Batch): Batch => ({
  size: 1,
  filled: 1,
  inputs: batch.inputs.slice(0, S),
  labels: batch.labels.slice(0, S),
  puzzle_identifiers: Int32Array.of(0),
});

/** softmax(q · kᵀ / √d) of the very first attention, in float64 and by the definition: [heads][T][T]. */
function firstAttention({ model, puzzles, batch }: Subject): number[][][] {
  const { spec, weights } = model.net;
  const { hidden_size: D, num_heads: heads } = spec.arch;
  const read = (name: string): ArrayLike<number> => weights[name].dataSync();
  const embedding = read('embed_tokens.embedding_weight');
  const puzzle = puzzles.gather(Int32Array.of(0));
  const [H, L, W] = [read('H_init'), read('L_init'), read('L_level.layers.0.self_attn.qkv_proj.weight')];
  const T = S + 1;
  const d = D / heads;
  // The first L update runs on z_L + (z_H + x), x = √D · (puzzle embedding padded to a token, then the tokens').
  const h = Array.from({ length: T }, (_, t) =>
    Array.from({ length: D }, (_, j) => {
      const x = t === 0 ? (puzzle[j] ?? 0) : embedding[batch.inputs[t - 1] * D + j];
      return L[j] + H[j] + Math.sqrt(D) * x;
    }),
  );
  const rotated = (t: number, row: number): number[] => {
    const v = Array.from({ length: d }, (_, i) => h[t].reduce((sum, x, j) => sum + x * W[(row + i) * D + j], 0));
    return v.map((x, i) => {
      const angle = t / 10000 ** ((2 * (i % (d / 2))) / d);
      const other = i < d / 2 ? -v[i + d / 2] : v[i - d / 2];
      return x * Math.cos(angle) + other * Math.sin(angle);
    });
  };
  return Array.from({ length: heads }, (_, head) => {
    const q = h.map((_, t) => rotated(t, head * d));
    const k = h.map((_, t) => rotated(t, D + head * d));
    return q.map((row) => {
      const scores = k.map((key) => Math.exp(key.reduce((sum, x, i) => sum + x * row[i], 0) / Math.sqrt(d)));
      const total = scores.reduce((a, b) => a + b, 0);
      return scores.map((score) => score / total);
    });
  });
}

describe('attention', () => {
  it('is the softmax of the scaled products, for any cell', async () => {
    const at = subject({ L_layers: 2, H_cycles: 1, L_cycles: 1 }, 1);
    const direct = firstAttention(at);
    for (const cell of [0, 7, S - 1]) {
      const map = await lookFrom(at, { step: 0, cell });
      expect(map).toMatchObject({ step: 0, cell, prefix: 1, heads: 2 });
      expect(map.updates).toEqual([
        { level: 'L', latent: 'z_L', layers: 2 },
        { level: 'H', latent: 'z_H', layers: 2 },
      ]);
      const T = S + 1;
      expect(map.weights).toHaveLength(2 * 2 * 2 * T);
      for (let head = 0; head < 2; head++) {
        const row = map.weights.subarray(head * T, (head + 1) * T);
        direct[head][cell + 1].forEach((p, t) => expect(row[t]).toBeCloseTo(p, 5));
      }
      for (let i = 0; i < map.weights.length; i += T) {
        expect(map.weights.subarray(i, i + T).reduce((a, b) => a + b, 0)).toBeCloseTo(1, 5);
      }
    }
  });

  it('of a later step is the same whether its states are remembered or not, and nothing is left behind', async () => {
    const at = subject(CYCLES, 1);
    const before = tf.memory().numTensors;
    const states = new AttentionStates();
    const remembered = [];
    for (const step of [2, 0, 3, 1]) remembered.push(await lookFrom(at, { step, cell: 4 }, states));
    for (const map of remembered) {
      const fresh = await lookFrom(at, { step: map.step, cell: 4 });
      expect(fresh.weights).toEqual(map.weights);
      expect(fresh.updates).toHaveLength(8);
    }
    expect(remembered[0].weights).not.toEqual(remembered[1].weights);
    expect(tf.memory().numTensors).toBe(before);
  });

  it('is refused in a sentence where there is none, or no such cell', async () => {
    const mixing = subject({ mlp_t: true, pos_encodings: 'none' }, 1);
    await expect(lookFrom(mixing, { step: 0, cell: 0 })).rejects.toThrow(/mixes its tokens with an MLP/);
    await expect(lookFrom(subject({}, 1), { step: 0, cell: S })).rejects.toThrow(/Cell 16 is not among the 16/);
  });
});
