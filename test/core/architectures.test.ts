/** Every architecture as a whole: its gradients against differences, its halting, what learns and what stays. */
import * as tf from '@tensorflow/tfjs-core';
import { beforeAll, describe, expect, it } from 'vitest';
import { loadBackend } from '../../src/core/backend/load';
import type { Batch } from '../../src/core/data/batch';
import { answerBatch } from '../../src/core/act/answer';
import type { ModelSpec } from '../../src/core/model/architecture';
import { initialWeights } from '../../src/core/model/init';
import { makeConstants } from '../../src/core/model/layers';
import { architectureOf } from '../../src/core/model/registry';
import { lossAndGradients, type Program, type TrainState } from '../../src/core/train/program';
import { Random } from '../../src/core/lib/random';
import { column } from '../../src/core/act/step-metrics';
import { Trainer } from '../../src/core/train/trainer';
import { ARCH_NAMES, ARCHITECTURES, type ArchName } from '../../src/shared/architectures';
import { checkConfig } from '../../src/shared/config-fields';
import type { ArchConfig, TrainConfig } from '../../src/shared/config';
import { tinyConfig } from './fixture';

beforeAll(async () => {
  await loadBackend();
});

const B = 4;
const S = 6;
/** Of the canvas, for positions in two dimensions. */
const COLUMNS = 3;
const V = 6;

function configOf(name: ArchName, arch: Partial<ArchConfig> = {}, rest: Partial<TrainConfig> = {}): TrainConfig {
  const layers = { H_layers: 1, L_layers: 1, expansion: 0.5, halt_exploration_prob: 0 };
  const config = { ...tinyConfig({ global_batch_size: B }), ...rest };
  const whole = { ...config, arch: { ...config.arch, ...layers, ...arch, name } };
  expect(checkConfig(whole)).toEqual([]);
  return whole;
}

const specOf = ({ arch }: TrainConfig): ModelSpec => ({
  arch,
  seq_len: S,
  columns: COLUMNS,
  vocab_size: V,
  num_puzzle_identifiers: 3,
});

function batch(seed = 1): Batch {
  const random = new Random(seed, 'architectures');
  const tokens = () => Int32Array.from({ length: B * S }, () => random.integer(0, V - 1));
  const puzzle_identifiers = Int32Array.from({ length: B }, () => random.integer(0, 2));
  return { size: B, filled: B, inputs: tokens(), labels: tokens(), puzzle_identifiers };
}

/** The loss and its gradients at the given weights, from the first vectors. */
function probe(config: TrainConfig, weights: Map<string, Float32Array>, last = 0) {
  const spec = specOf(config);
  const architecture = architectureOf(config.arch.name);
  const parameters = architecture.parameters(spec);
  const random = new Random(3, 'rows');
  const rows = Float32Array.from({ length: B * config.arch.puzzle_emb_ndim }, () => random.uniform() - 0.5);
  const T = makeLength(spec);
  const read = tf.tidy(() => {
    const program: Program = {
      architecture,
      spec,
      constants: makeConstants(spec),
      trained: parameters.filter((p) => p.trained).map((p) => p.name),
      config,
    };
    const shape: [number, number, number] = [B, T, config.arch.hidden_size];
    const state: TrainState = {
      weights: Object.fromEntries(parameters.map((p) => [p.name, tf.tensor(weights.get(p.name)!, [...p.shape])])),
      m: {},
      v: {},
      ema: {},
      latents: Object.fromEntries(architecture.latents(spec).map(({ name }) => [name, tf.zeros(shape)])) as never,
    };
    const { inputs, labels } = batch();
    const result = lossAndGradients(program, state, {
      tokens: tf.tensor2d(inputs, [B, S], 'int32'),
      labels: tf.tensor2d(labels, [B, S], 'int32'),
      reset: tf.ones([B, 1, 1], 'bool'),
      last: tf.fill([B], last, 'bool'),
      puzzleRows: tf.tensor2d(rows, [B, config.arch.puzzle_emb_ndim]),
    });
    const values = (t: tf.Tensor) => Array.from(t.dataSync());
    const { losses, decoded, latents } = result;
    const out: { [key: string]: number[] } = {
      lm: values(losses.lm),
      halt: values(losses.halt),
      proceed: values(losses.proceed),
      q_continue: values(decoded.q_continue_logits),
    };
    for (const [name, g] of Object.entries(result.gradients)) out[`d ${name}`] = values(g);
    for (const group of [losses, decoded, latents]) tf.dispose(Object.values(group) as tf.Tensor[]);
    return out as never;
  }) as unknown as Record<string, number[]>;
  const sum = (key: string) => read[key].reduce((a, b) => a + b, 0);
  return { read, loss: (sum('lm') + 0.5 * (sum('halt') + sum('proceed'))) / B };
}

const makeLength = (spec: ModelSpec): number =>
  spec.seq_len + (ARCHITECTURES[spec.arch.name].ignores.includes('puzzle_emb_len') ? 1 : spec.arch.puzzle_emb_len);

/** First weights with a q head that is not all zeros. */
function someWeights(config: TrainConfig): Map<string, Float32Array> {
  const weights = initialWeights(architectureOf(config.arch.name), specOf(config), 5);
  const random = new Random(9, 'q');
  for (const name of ['q_head.weight', 'q_head.bias']) {
    weights.set(
      name,
      weights.get(name)!.map(() => (random.uniform() - 0.5) / 2),
    );
  }
  return weights;
}

describe('the whole model’s gradient against differences along a random direction', () => {
  // One cycle, so that nothing goes without a gradient; one ACT step, so that no target moves with the weights.
  const once = { H_cycles: 1, L_cycles: 1, halt_max_steps: 1 };
  const variants: [ArchName, Partial<ArchConfig>][] = [
    ...ARCH_NAMES.map((name): [ArchName, Partial<ArchConfig>] => [name, {}]),
    [ARCH_NAMES[0], { mlp_t: true, pos_encodings: 'none' }],
    [
      ARCH_NAMES[0],
      { pos_encodings: 'learned', loss: { name: 'losses@ACTLossHead', loss_type: 'softmax_cross_entropy' } },
    ],
    [ARCH_NAMES[4], { num_heads: 3 }],
    ...ARCH_NAMES.map((name): [ArchName, Partial<ArchConfig>] => [name, { pos_encodings: 'rope2d' }]),
  ];
  it.each(variants)('%s %o', (name, arch) => {
    const config = configOf(name, { ...once, ...arch });
    const weights = someWeights(config);
    const { read } = probe(config, weights);
    const random = new Random(11, 'directions');
    const h = 3e-2;
    for (const key of Object.keys(read).filter((k) => k.startsWith('d '))) {
      const parameter = key.slice(2);
      const values = weights.get(parameter)!;
      const u = values.map(() => random.uniform() * 2 - 1);
      const length = Math.hypot(...u);
      const at = (step: number) =>
        probe(
          config,
          new Map(weights).set(
            parameter,
            values.map((w, i) => w + (step * u[i]) / length),
          ),
        ).loss;
      const numeric = (at(h) - at(-h)) / (2 * h);
      const analytic = read[key].reduce((sum, g, i) => sum + (g * u[i]) / length, 0);
      const scale = Math.max(Math.hypot(...read[key]) / Math.sqrt(values.length), 1e-3);
      expect(Math.abs(numeric - analytic) / scale, parameter).toBeLessThan(0.1);
    }
  });
});

describe('the continue head', () => {
  const teaching: [ArchName, Partial<ArchConfig>][] = [
    [ARCH_NAMES[0], { no_ACT_continue: false }],
    [ARCH_NAMES[1], { no_ACT_continue: false }],
    [ARCH_NAMES[2], { no_ACT_continue: false }],
    [ARCH_NAMES[3], {}],
  ];

  it.each(teaching)('%s %o learns towards the value of one more step', (name, arch) => {
    const config = configOf(name, arch);
    const weights = someWeights(config);
    const { read } = probe(config, weights);
    expect(read.proceed.every((loss) => loss > 0)).toBe(true);
    // Its bias enters the loss through this head alone: ½ Σ (sigmoid(q) − target) / B, and the loss gives the target:
    // BCE = softplus(q) − q · target.
    const gradient = read.q_continue.reduce((sum, q, b) => {
      const target = (Math.log1p(Math.exp(q)) - read.proceed[b]) / q;
      return sum + (0.5 * (1 / (1 + Math.exp(-q)) - target)) / B;
    }, 0);
    expect(read['d q_head.bias'][1]).toBeCloseTo(gradient, 5);
  });

  it.each(teaching)('%s %o aims at q_halt alone at the last step', (name, arch) => {
    const config = configOf(name, arch);
    const weights = someWeights(config);
    // A q_continue that is always larger: max(q_halt, q_continue) and q_halt are then far apart.
    weights.set('q_head.weight', weights.get('q_head.weight')!.fill(0));
    weights.set('q_head.bias', Float32Array.of(-1, 2));
    const target = (loss: number) => (Math.log1p(Math.exp(2)) - loss) / 2;
    const sigmoid = (x: number) => 1 / (1 + Math.exp(-x));
    expect(target(probe(config, weights, 0).read.proceed[0])).toBeCloseTo(sigmoid(2), 5);
    expect(target(probe(config, weights, 1).read.proceed[0])).toBeCloseTo(sigmoid(-1), 5);
  });

  it.each([
    [ARCH_NAMES[0], {}],
    [ARCH_NAMES[3], { halt_max_steps: 1 }],
    [ARCH_NAMES[4], {}],
  ] as [ArchName, Partial<ArchConfig>][])('%s %o teaches it nothing', (name, arch) => {
    const { read } = probe(configOf(name, arch), someWeights(configOf(name, arch)));
    expect(read.proceed).toEqual([0, 0, 0, 0]);
    expect(read['d q_head.bias'][1]).toBe(0);
  });
});

describe('training', () => {
  const run = (config: TrainConfig, steps: number) => {
    const trainer = new Trainer(config, specOf(config), 100, null);
    const reports = Array.from({ length: steps }, (_, i) => trainer.run(batch(i)));
    return { trainer, reports };
  };

  it.each(ARCH_NAMES)('%s takes steps, halts, and logs q_continue_loss only where it is taught', (name) => {
    const { trainer, reports } = run(configOf(name), 4);
    const taught = name.includes('.hrm@');
    for (const { metrics } of reports) {
      expect(Number.isFinite(metrics.loss)).toBe(true);
      expect(metrics.q_continue_loss !== undefined).toBe(taught);
    }
    expect(Math.max(...trainer.carry.steps)).toBeLessThanOrEqual(3);
    trainer.dispose();
  });

  it('moves only the puzzle embedding where weights are frozen', async () => {
    const config = configOf(ARCH_NAMES[3], {}, { freeze_weights: true });
    const first = initialWeights(architectureOf(config.arch.name), specOf(config), config.seed);
    const { trainer } = run(config, 3);
    const { weights, ema, m, puzzleEmbedding } = await trainer.snapshot();
    for (const [name, values] of weights) expect([...values], name).toEqual([...first.get(name)!]);
    for (const [name, values] of ema) expect([...values], name).toEqual([...first.get(name)!]);
    expect(m.size).toBe(0);
    expect(puzzleEmbedding.some((x) => x !== 0)).toBe(true);
    trainer.dispose();
  });

  it('keeps the average by its recurrence, and no average of buffers', async () => {
    const config = configOf(ARCH_NAMES[4]);
    const trainer = new Trainer(config, specOf(config), 100, null);
    let expected = (await trainer.snapshot()).ema.get('lm_head.weight')!.slice();
    for (let i = 0; i < 3; i++) {
      trainer.run(batch(i));
      const weights = (await trainer.snapshot()).weights.get('lm_head.weight')!;
      expected = expected.map((a, j) => Math.fround(Math.fround(0.1 * weights[j]) + Math.fround(0.9 * a)));
    }
    const { ema } = await trainer.snapshot();
    ema.get('lm_head.weight')!.forEach((x, j) => expect(x).toBeCloseTo(expected[j], 6));
    expect(ema.has('H_init')).toBe(false);
    trainer.dispose();
  });

  it('runs the baseline to the end where act_enabled is off', () => {
    const { trainer } = run(configOf(ARCH_NAMES[4], { act_enabled: false }), 2);
    expect([...trainer.carry.steps]).toEqual([2, 2, 2, 2]);
    expect([...trainer.carry.halted]).toEqual([0, 0, 0, 0]);
    trainer.dispose();
  });
});

describe('evaluation with act_inference', () => {
  const evaluated = (act_inference: boolean, bias: [number, number]) => {
    const config = configOf(ARCH_NAMES[4], { act_inference });
    const trainer = new Trainer(config, specOf(config), 100, null);
    const weights = initialWeights(architectureOf(config.arch.name), specOf(config), 0);
    weights.set('q_head.bias', Float32Array.from(bias));
    trainer.load(weights, null);
    const answer = answerBatch(trainer.evaluated('raw'), trainer.puzzles, batch());
    trainer.dispose();
    return answer;
  };

  it('stops a row where q_halt > q_continue', () => {
    const early = evaluated(true, [1, 0]);
    expect([...early.steps]).toEqual([1, 1, 1, 1]);
    const late = evaluated(true, [0, 1]);
    expect([...late.steps]).toEqual([3, 3, 3, 3]);
    const full = evaluated(false, [1, 0]);
    expect([...full.steps]).toEqual([3, 3, 3, 3]);
    // The answer is that step's own: another one than after all steps.
    expect([...column(late.step.rows, 'lm_loss')]).toEqual([...column(full.step.rows, 'lm_loss')]);
    expect([...column(early.step.rows, 'lm_loss')]).not.toEqual([...column(full.step.rows, 'lm_loss')]);
  });
});
