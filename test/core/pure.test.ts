/** The parts that need no tensors, against numbers worked out by hand. */
import { describe, expect, it } from 'vitest';
import type { Batch } from '../../src/core/data/batch';
import { erfinv, truncatedNormal } from '../../src/core/model/init';
import { ARCH_NAMES, headSize, prefixTokens, swigluWidth } from '../../src/shared/architectures';
import { defaultConfig } from '../../src/shared/config';
import { drawMinimumSteps, emptyCarry, halt, lastSteps, takeBatch } from '../../src/core/act/carry';
import { Random } from '../../src/core/lib/random';
import { CompileClock, compilesWithXla } from '../../src/core/train/compile-clock';
import { learningRate, totalSteps } from '../../src/core/train/schedule';
import { PuzzleEmbedding, sparseNumbers } from '../../src/core/train/sign-sgd';
import { logged, sumMetrics } from '../../src/core/act/step-metrics';

describe('random numbers', () => {
  it('go on exactly from a saved state', () => {
    const a = new Random(3, 'x');
    for (let i = 0; i < 10; i++) a.uniform();
    const saved = a.save();
    const rest = Array.from({ length: 20 }, () => a.uint32());
    const b = new Random(99, 'y');
    b.restore(JSON.parse(JSON.stringify(saved)));
    expect(Array.from({ length: 20 }, () => b.uint32())).toEqual(rest);
  });

  it('differ between seeds and between streams', () => {
    const first = (seed: number, stream: string) => new Random(seed, stream).uint32();
    expect(new Set([first(0, 'a'), first(1, 'a'), first(0, 'b'), first(1, 'b'), first(2 ** 31 - 1, 'a')]).size).toBe(5);
  });

  it('are spread evenly', () => {
    const random = new Random(0, 'spread');
    const counts = new Array<number>(10).fill(0);
    for (let i = 0; i < 100_000; i++) counts[random.integer(0, 9)]++;
    // Standard deviation 95: six of them.
    for (const n of counts) expect(Math.abs(n - 10_000)).toBeLessThan(600);
  });
});

describe('initialisation', () => {
  it('inverts erf', () => {
    // erf(0.5) = 0.5204998778, erf(1) = 0.8427007929, erf(√2) = 0.9544997361
    for (const [y, x] of [
      [0.5204998778, 0.5],
      [0.8427007929, 1],
      [-0.9544997361, -Math.SQRT2],
      [0, 0],
    ]) {
      expect(erfinv(y)).toBeCloseTo(x, 6);
    }
  });

  it('has the asked deviation after the cut, and nothing beyond it', () => {
    const random = new Random(0, 'init');
    const n = 200_000;
    const values = Array.from({ length: n }, () => truncatedNormal(random, 0.5));
    const mean = values.reduce((a, b) => a + b) / n;
    const std = Math.sqrt(values.reduce((a, b) => a + (b - mean) ** 2, 0) / n);
    expect(Math.abs(mean)).toBeLessThan(0.006);
    expect(std).toBeCloseTo(0.5, 2);
    // A normal cut at ±2 has deviation 0.87962566: the cut lies at 2 · 0.5 / 0.8796.
    expect(Math.max(...values.slice(0, 50_000).map(Math.abs))).toBeLessThanOrEqual(1 / 0.87962566 + 1e-9);
  });

  it('rounds the SwiGLU up to a multiple of 256', () => {
    expect([swigluWidth(512, 4), swigluWidth(128, 4), swigluWidth(96, 4), swigluWidth(20, 4)]).toEqual([
      1536, 512, 256, 256,
    ]);
    // 0.75 · 513 · 2 / 3 = 256.5: Python rounds the half to 256, not to 257.
    expect(swigluWidth(513, 0.75)).toBe(256);
  });

  it('counts prefix tokens as each architecture does', () => {
    const arch = { ...defaultConfig().arch, hidden_size: 32, puzzle_emb_ndim: 48, puzzle_emb_len: 5 };
    const [trm, , , hrm, transformer] = ARCH_NAMES;
    expect([trm, hrm, transformer].map((name) => prefixTokens({ ...arch, name }))).toEqual([5, 2, 2]);
    expect(prefixTokens({ ...arch, puzzle_emb_len: 0 })).toBe(2);
    expect(prefixTokens({ ...arch, puzzle_emb_ndim: 0 })).toBe(0);
    expect(headSize({ hidden_size: 512, num_heads: 12 })).toBe(42);
  });
});

describe('schedule', () => {
  it('warms up from 0, falls as a cosine, and stays at its floor', () => {
    const rate = (step: number) => learningRate(step, 1e-3, 3, 8, 0.1);
    expect([1, 2, 3].map(rate)).toEqual([1e-3 / 3, 2e-3 / 3, 1e-3]);
    expect(rate(8)).toBeCloseTo(1e-4, 12);
    expect(rate(100)).toBeCloseTo(1e-4, 12);
    // Half-way through: base · (0.1 + 0.9 · 0.5)
    expect(learningRate(7, 1, 2, 12, 0.1)).toBeCloseTo(0.55, 12);
  });

  it('counts steps as the reference does', () => {
    expect(totalSteps({ epochs: 100, global_batch_size: 64 }, { total_groups: 2000, mean_puzzle_examples: 1 })).toBe(
      3125,
    );
    expect(totalSteps({ epochs: 7, global_batch_size: 10 }, { total_groups: 3, mean_puzzle_examples: 2.5 })).toBe(5);
  });
});

describe('XLA’s compilation', () => {
  it('is what the first step took longer than the next ones, told once', () => {
    const clock = new CompileClock();
    expect([12.5, 0.5, 0.4, 0.6, 0.5, 0.5].map((s) => clock.add(s))).toEqual([
      null,
      null,
      null,
      null,
      'XLA compiled the step in about 12.0 s; a step now takes 0.50 s.',
      null,
    ]);
  });

  it('is looked for only where the process was started with it', () => {
    expect(compilesWithXla({ TF_XLA_FLAGS: '--tf_xla_auto_jit=2 --tf_xla_cpu_global_jit' })).toBe(true);
    expect(compilesWithXla({ TF_XLA_FLAGS: '--tf_xla_auto_jit=0' })).toBe(false);
    expect(compilesWithXla({})).toBe(false);
  });
});

describe('sparse SignSGD', () => {
  it('sums the gradients of one id and touches no other row', () => {
    const table = new PuzzleEmbedding(3, 2, new Float32Array([1, 1, 2, 2, 3, 3]));
    // Row 1 twice: −3 + 1 < 0 and 1 − 1 = 0.
    table.update(Int32Array.of(1, 1), Float32Array.of(-3, 1, 1, -1), sparseNumbers(0.5, 0.1));
    const decayed = Math.fround(2 * Math.fround(0.95));
    expect(Array.from(table.weights)).toEqual([1, 1, decayed + 0.5, decayed, 3, 3].map(Math.fround));
  });

  it('gathers copies of rows and refuses ids outside', () => {
    const table = new PuzzleEmbedding(2, 2, new Float32Array([1, 2, 3, 4]));
    expect(Array.from(table.gather(Int32Array.of(1, 0, 1)))).toEqual([3, 4, 1, 2, 3, 4]);
    expect(() => table.gather(Int32Array.of(2))).toThrow(/2 lies outside/);
  });
});

describe('carry', () => {
  const batch = (value: number): Batch => ({
    size: 2,
    filled: 2,
    inputs: new Int32Array(6).fill(value),
    labels: new Int32Array(6).fill(value),
    puzzle_identifiers: new Int32Array(2).fill(value),
  });
  const rule = { halt_max_steps: 3, halt_exploration_prob: 0, adaptive: true, comparesContinue: false };
  const q = (a: number, b: number) => ({ halt: Float32Array.of(a, b), proceed: Float32Array.of(0, 0) });

  it('replaces halted rows only', () => {
    let carry = takeBatch(emptyCarry(2, 3), batch(5));
    expect(Array.from(carry.tokens)).toEqual([5, 5, 5, 5, 5, 5]);
    carry = halt(carry, q(1, -1), new Int32Array(2), rule);
    expect([...carry.halted, ...carry.steps]).toEqual([1, 0, 1, 1]);
    carry = takeBatch(carry, batch(7));
    expect(Array.from(carry.tokens)).toEqual([7, 7, 7, 5, 5, 5]);
    expect([...carry.steps]).toEqual([0, 1]);
  });

  it('halts at the most steps, and not before the drawn minimum', () => {
    let carry = takeBatch(emptyCarry(2, 3), batch(5));
    carry = halt(carry, q(1, 1), Int32Array.of(2, 0), rule);
    expect([...carry.halted]).toEqual([0, 1]);
    carry = { ...carry, steps: Int32Array.of(2, 2) };
    expect([...halt(carry, q(-1, -1), Int32Array.of(3, 3), rule).halted]).toEqual([1, 1]);
  });

  it('compares with q_continue where the model has it', () => {
    const carry = takeBatch(emptyCarry(2, 3), batch(5));
    const both = { halt: Float32Array.of(1, 3), proceed: Float32Array.of(2, 2) };
    expect([...halt(carry, both, new Int32Array(2), { ...rule, comparesContinue: true }).halted]).toEqual([0, 1]);
  });

  it('never halts early where adaptive computation is off, and draws no minima', () => {
    const off = { ...rule, adaptive: false };
    const carry = takeBatch(emptyCarry(2, 3), batch(5));
    expect([...halt(carry, q(9, 9), new Int32Array(2), off).halted]).toEqual([0, 0]);
    const random = new Random(0, 'explore');
    expect([...drawMinimumSteps(50, { ...off, halt_exploration_prob: 1 }, random)]).toEqual(new Array(50).fill(0));
  });

  it('knows which rows take their last step', () => {
    const carry = { ...takeBatch(emptyCarry(2, 3), batch(5)), steps: Int32Array.of(1, 2) };
    expect([...lastSteps(carry, rule)]).toEqual([0, 1]);
    expect([...lastSteps(carry, { halt_max_steps: 1 })]).toEqual([1, 1]);
  });

  it('draws minima with the asked probability, from 2 to the most', () => {
    const random = new Random(0, 'explore');
    const minima = drawMinimumSteps(100_000, { ...rule, halt_max_steps: 4, halt_exploration_prob: 0.3 }, random);
    const counts = [0, 0, 0, 0, 0];
    for (const m of minima) counts[m]++;
    expect(counts[1]).toBe(0);
    for (const m of [2, 3, 4]) expect(Math.abs(counts[m] - 10_000)).toBeLessThan(600);
  });
});

describe('metrics', () => {
  it('count only rows that halted and have labels', () => {
    const carry = {
      tokens: new Int32Array(8),
      labels: Int32Array.of(1, 2, /* row 1 */ -100, -100, /* row 2 */ 1, -100, /* row 3 */ 1, 1),
      puzzle_identifiers: new Int32Array(4),
      steps: Int32Array.of(2, 3, 4, 1),
      halted: Uint8Array.of(1, 1, 1, 0),
    };
    // lm, halt, correct, q_halt, q_continue, q_continue_loss
    const numbers = [
      [1, 0.5, 1, 2, 0, 0.5],
      [0, 0.25, 0, -1, 0, 0.5],
      [2, 0.25, 1, 3, 0, 0.25],
      [4, 1, 2, -1, 0, 0.75],
    ];
    const rows = Float32Array.from(numbers.flat());
    const sums = sumMetrics(rows, carry, false);
    expect(sums).toEqual({
      lm_loss: 7,
      q_halt_loss: 2,
      loss: 8,
      count: 2,
      accuracy: 1.5,
      exact_accuracy: 1,
      q_halt_accuracy: 1,
      steps: 6,
    });
    expect(logged(sums, 4)).toMatchObject({ lm_loss: 1.75, accuracy: 0.75, exact_accuracy: 0.5, steps: 3, count: 2 });
    expect(logged({ ...sums, count: 0 }, 4).accuracy).toBeNaN();
    const both = sumMetrics(rows, carry, true);
    expect(both).toEqual({ ...sums, q_continue_loss: 2, loss: 9 });
    expect(logged(both, 4)).toMatchObject({ q_continue_loss: 0.5, loss: 2.25 });
  });
});
