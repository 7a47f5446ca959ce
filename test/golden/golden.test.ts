/**
 * The reference's own training, step by step, op by op and recorded; then `trm parity` on the same cases, and on copies
 * that are broken, partial or wrong on purpose. Tolerances: step 1 within 1e-4, later steps 1e-3; 2e-2 for the MLP variant,
 * where a change of 1e-7 in the weights moves the reference itself by 1e-3.
 *
 * AdamATan2's first update is lr · atan2(g, |g|): a gradient that is rounding noise around 0 moves its weight by a full
 * step to either side, in the reference as well as here. Such elements are found after step 1, must be noise in the
 * reference's own gradient, must be very few, and take the reference's side; everything else has to agree by itself.
 */
import { cpSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import * as tf from '@tensorflow/tfjs-core';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { loadBackend } from '../../src/core/backend/load';
import { evaluateBatch } from '../../src/core/act/batch';
import { loadCase } from '../../src/core/parity/case';
import { findCases, passed, runCases, type CaseOutcome } from '../../src/core/parity/folder';
import { Findings, KINDS } from '../../src/core/parity/measure';
import { referenceState } from '../../src/core/parity/reference-state';
import { emptyCarry, takeBatch } from '../../src/core/act/carry';
import { EagerExecutor } from '../../src/core/train/eager-step';
import type { Execution } from '../../src/core/train/executor';
import { lossAndGradients } from '../../src/core/train/program';
import { PuzzleEmbedding } from '../../src/core/train/sign-sgd';
import { column } from '../../src/core/act/step-metrics';
import { Trainer } from '../../src/core/train/trainer';
import {
  GOLDEN,
  PREFIX,
  batchOf,
  checkWeights,
  largest,
  largestDifference,
  loadGolden,
  takeSideOnNoise,
  trainerFor,
  type GoldenCase,
} from './trace';

const CASES = [
  { name: 'trm_att', later: 1e-3 },
  { name: 'trm_mlp', later: 2e-2 },
  { name: 'trm_learned', later: 1e-3 },
  { name: 'trm_singlez', later: 2e-2 },
  { name: 'trm_hier6', later: 1e-3 },
  { name: 'hrm', later: 1e-3 },
  { name: 'transformer', later: 1e-3 },
];
let scratch: string;

beforeAll(async () => {
  await loadBackend();
  scratch = mkdtempSync(join(tmpdir(), 'trm-golden-'));
});
afterAll(() => rmSync(scratch, { recursive: true, force: true }));

const ROADS = (['eager', 'recorded'] as const).flatMap((execution) => CASES.map((c) => ({ ...c, execution })));

async function outcomes(folder: string, execution?: Execution): Promise<CaseOutcome[]> {
  const all: CaseOutcome[] = [];
  const good = await runCases(folder, (outcome) => all.push(outcome), execution);
  expect(good).toBe(all.every(passed));
  return all;
}

/** A copy of a case that may be spoilt. */
function copy(name: string, as: string): string {
  const folder = join(scratch, as);
  cpSync(join(GOLDEN, name), join(folder, name), { recursive: true });
  return folder;
}

type Config = Record<'arch' | 'train', Record<string, unknown>>;

function edit(folder: string, name: string, change: (config: Config) => void) {
  const path = join(folder, name, 'config.json');
  const config = JSON.parse(readFileSync(path, 'utf8')) as Config;
  change(config);
  writeFileSync(path, JSON.stringify(config));
}

describe.each(ROADS)('golden trace $name, $execution', ({ name, later, execution }) => {
  let golden: GoldenCase;
  let trainer: Trainer;
  beforeAll(async () => {
    golden = await loadGolden(name);
    trainer = trainerFor(golden, execution);
    expect(trainer.execution).toBe(execution);
  });
  afterAll(() => trainer.dispose());

  const expected = (key: string) => {
    const tensor = golden.train.get(key);
    if (!tensor) throw new Error(`the trace has no ${key}`);
    return tensor.data as Float32Array;
  };

  // What happens inside a step can be looked at where it runs op by op.
  if (execution === 'eager')
    it('has the same logits, halting logits and gradients at step 1', () => {
      const { spec, config } = golden;
      const { program, executor } = trainer.internals();
      if (!(executor instanceof EagerExecutor)) throw new Error('not eager');
      const carry = takeBatch(emptyCarry(config.global_batch_size, spec.seq_len), batchOf(golden.train, 'step1.'));
      const B = carry.halted.length;
      const result = lossAndGradients(program, executor.state(), {
        tokens: tf.tensor2d(carry.tokens, [B, spec.seq_len], 'int32'),
        labels: tf.tensor2d(carry.labels, [B, spec.seq_len], 'int32'),
        reset: tf.tensor3d(carry.halted, [B, 1, 1], 'bool'),
        last: tf.zeros([B], 'bool'),
        puzzleRows: tf.tensor2d(
          (trainer.puzzles as NonNullable<typeof trainer.puzzles>).gather(carry.puzzle_identifiers),
          [B, spec.arch.puzzle_emb_ndim],
        ),
      });
      for (const key of ['logits', 'q_halt_logits', 'q_continue_logits'] as const) {
        expect(largestDifference(result.decoded[key].dataSync(), expected(`step1.out.${key}`)), key).toBeLessThan(1e-4);
      }
      const gradients = { ...result.gradients, 'puzzle_emb.local_weights': result.puzzleGradient as tf.Tensor };
      const wanted = [...golden.train.keys()].filter((k) => k.startsWith('step1.grad.'));
      expect(wanted.length).toBeGreaterThan(0);
      for (const key of wanted) {
        const short = key.slice(`step1.grad.${PREFIX}`.length) as keyof typeof gradients;
        const reference = expected(key);
        const error = largestDifference(gradients[short].dataSync(), reference);
        expect(error, short).toBeLessThanOrEqual(1e-4 * Math.max(largest(reference), 1e-12));
      }
    });

  it('takes the same five steps', async () => {
    for (let k = 1; k <= golden.steps; k++) {
      const report = trainer.run(batchOf(golden.train, `step${k}.`));
      const reference = golden.metrics[k - 1];
      expect(report.lr).toBeCloseTo(reference.lr, 12);
      expect(report.puzzle_emb_lr).toBeCloseTo(reference.puzzle_emb_lr, 12);
      expect(Object.keys(report.sums).sort()).toEqual(
        Object.keys(reference)
          .filter((k) => !['step', 'lr', 'puzzle_emb_lr'].includes(k))
          .sort(),
      );
      for (const [key, value] of Object.entries(report.sums)) {
        const scale = Math.max(1, Math.abs(reference[key]));
        const limit = k === 1 ? 1e-4 : Math.max(1e-4, later / 10);
        expect(Math.abs(value - reference[key]) / scale, `step ${k} ${key}`).toBeLessThan(limit);
      }
      expect(Array.from(trainer.carry.steps), `step ${k}`).toEqual(Array.from(expected(`step${k}.carry.steps`)));
      expect(Array.from(trainer.carry.halted), `step ${k}`).toEqual(Array.from(expected(`step${k}.carry.halted`)));
      const snapshot = await trainer.snapshot();
      for (const [latent, values] of snapshot.latents) {
        const error = largestDifference(values, expected(`step${k}.carry.${latent}`));
        expect(error, `step ${k} ${latent}`).toBeLessThan(k === 1 ? 1e-4 : later);
      }
      if (k === 1) takeSideOnNoise(golden, trainer, snapshot.weights);
      const after = new Map([...snapshot.weights, ['puzzle_emb.weights', snapshot.puzzleEmbedding]]);
      checkWeights(golden, `step${k}.after.${PREFIX}`, after, report.lr);
    }
    checkWeights(golden, `ema.${PREFIX}`, (await trainer.snapshot()).ema, golden.config.lr);
  });

  /** The reference's own weights after the last step where the trace has them all, else ours. */
  const trained = () => {
    const model = trainer.evaluated('raw');
    const after = (name: string) =>
      golden.train.get(`step${golden.steps}.after.${PREFIX}${name}`)?.data as Float32Array;
    const names = Object.keys(model.net.weights);
    if (![...names, 'puzzle_emb.weights'].every(after)) return { model, puzzles: trainer.puzzles, tolerance: later };
    const weights = Object.fromEntries(names.map((n) => [n, tf.tensor(after(n), model.net.weights[n].shape)]));
    const { num_puzzle_identifiers, arch } = golden.spec;
    const puzzles = new PuzzleEmbedding(num_puzzle_identifiers, arch.puzzle_emb_ndim, after('puzzle_emb.weights'));
    return { model: { ...model, net: { ...model.net, weights } }, puzzles, tolerance: later };
  };

  it('evaluates the trained weights as the reference does', async () => {
    const { spec } = golden;
    const { model, puzzles, tolerance } = trained();
    const batch = batchOf(golden.evaluation, '');
    const act = evaluateBatch(model, puzzles, batch, spec.arch.halt_max_steps, { logits: true });
    expect(act).toHaveLength(spec.arch.halt_max_steps);
    act.forEach((step, i) => {
      const at = (key: string) => golden.evaluation.get(`act${i + 1}.${key}`)?.data as Float32Array;
      expect(largestDifference(step.logits as Float32Array, at('logits'))).toBeLessThan(tolerance);
      expect(largestDifference(step.q_halt, at('q_halt_logits'))).toBeLessThan(tolerance);
      const loss =
        column(step.rows, 'lm_loss').reduce((a, b) => a + b) +
        0.5 * column(step.rows, 'q_halt_loss').reduce((a, b) => a + b);
      const reference = Number(at('loss')[0]);
      expect(Math.abs(loss - reference) / reference).toBeLessThan(tolerance);
    });
  });

  it('stays within the tolerances of trm parity, with every kind compared', async () => {
    const [outcome] = await outcomes(join(GOLDEN, name), execution);
    const { result } = outcome;
    if (!result) throw new Error(outcome.error ?? 'not run');
    expect(result.findings.failed()).toEqual([]);
    expect([result.steps, result.acts, result.notes]).toEqual([5, 3, []]);
    expect(result.findings.entries().map(([kind]) => kind)).toEqual(KINDS);
  });
});

describe('a case that is not as it should be', () => {
  const sentence = async (folder: string) => {
    const [outcome] = await outcomes(folder);
    expect(passed(outcome)).toBe(false);
    return outcome.error;
  };

  it('fails where the numbers differ', async () => {
    const folder = copy('transformer', 'wrong');
    edit(folder, 'transformer', ({ arch }) => (arch.rope_theta = 9000));
    const [{ result }] = await outcomes(folder);
    expect(result?.findings.failed()).toEqual(expect.arrayContaining(['logits', 'gradients', 'losses']));
    expect(result?.restarted).toBeNull();
  });

  it('runs with what it has, and names the rest', async () => {
    const folder = copy('transformer', 'partial');
    for (const file of ['metrics.json', 'eval.safetensors']) rmSync(join(folder, 'transformer', file));
    edit(folder, 'transformer', ({ arch, train }) => {
      arch.frobnicate = 1;
      train.project = 'x';
    });
    const [outcome] = await outcomes(folder);
    expect(passed(outcome)).toBe(true);
    expect([...(outcome.result?.notes ?? [])].sort()).toEqual([
      'arch.frobnicate ignored',
      'project ignored',
      'without eval.safetensors',
      'without metrics.json',
    ]);
  });

  it('begins with the reference’s own step_0 where there is no other file of weights', async () => {
    const folder = copy('transformer', 'torch');
    rmSync(join(folder, 'transformer', 'weights.safetensors'));
    const [outcome] = await outcomes(folder);
    expect(passed(outcome)).toBe(true);
    expect(outcome.result?.notes).toEqual(['without weights.safetensors']);
  });

  const without =
    (...files: string[]) =>
    (dir: string) =>
      files.forEach((file) => rmSync(join(dir, file)));

  it.each([
    ['no config', without('config.json'), 'there is no config.json'],
    ['no weights', without('weights.safetensors', 'step_0'), 'there is no weights.safetensors and no step_0'],
    ['a broken config', (dir: string) => writeFileSync(join(dir, 'config.json'), '{'), 'is not JSON'],
    ['a cut trace', (dir: string) => writeFileSync(join(dir, 'train.safetensors'), 'abc'), 'safetensors'],
  ])('is one sentence with %s', async (as, spoil, says) => {
    const folder = copy('transformer', as);
    spoil(join(folder, 'transformer'));
    expect(await sentence(folder)).toContain(says);
  });

  it.each([
    ['hidden_size', 'wide', 'arch.hidden_size is "wide"'],
    ['num_puzzle_identifiers', 11, 'puzzle_emb.weights of the first weights is [10, 16] where float32 [11, 16]'],
    ['H_layers', 2, 'which recursive_reasoning.transformers_baseline@Model_ACTV2 has not'],
    ['H_layers', 4, 'the first weights have no H_level.layers.3'],
    ['vocab_size', undefined, 'arch.vocab_size in config.json is missing'],
    ['forward_dtype', 'bfloat16', 'parity is defined for float32'],
    ['halt_exploration_prob', 0.1, 'random numbers cannot be repeated'],
  ])('is one sentence with arch.%s %s', async (key, value, says) => {
    const folder = copy('transformer', `config-${key}-${String(value)}`);
    edit(folder, 'transformer', ({ arch }) => (arch[key] = value));
    const error = await sentence(folder);
    expect(error).toContain(says);
    expect(error).toMatch(/\.$/);
  });

  it('is no reason to stop: the other cases run', async () => {
    const folder = copy('transformer', 'mixed');
    cpSync(join(folder, 'transformer'), join(folder, 'a-broken-one'), { recursive: true });
    writeFileSync(join(folder, 'a-broken-one', 'config.json'), '[]');
    const [broken, good] = await outcomes(folder);
    expect([broken.error, good.error]).toEqual([expect.stringContaining('no arch and train sections'), null]);
    expect(passed(good)).toBe(true);
  });

  it('may be named itself; a folder without any is refused', async () => {
    expect((await findCases(GOLDEN)).map(({ name }) => name)).toEqual(CASES.map(({ name }) => name).sort());
    expect(await findCases(join(GOLDEN, 'hrm'))).toEqual([{ name: 'hrm', path: join(GOLDEN, 'hrm') }]);
    await expect(findCases(join(scratch, 'nowhere'))).rejects.toThrow('does not exist');
    await expect(findCases(join(GOLDEN, 'hrm', 'config.json'))).rejects.toThrow('is not a folder');
    await expect(findCases(mkdtempSync(join(scratch, 'empty-')))).rejects.toThrow('holds no case');
  });
});

describe('the reference’s state after step 1', () => {
  const afterOne = async () => {
    const parity = await loadCase(join(GOLDEN, 'transformer'), 'transformer');
    const { config, spec, weights, embedding } = parity;
    const zeros = new Map([...weights].map(([name, values]) => [name, new Float32Array(values.length)]));
    const trainer = new Trainer(config, spec, parity.totalSteps, {
      step: 0,
      weights,
      m: zeros,
      v: zeros,
      ema: weights,
      latents: new Map(),
      puzzleEmbedding: (embedding as Float32Array).slice(),
      carry: emptyCarry(config.global_batch_size, spec.seq_len),
      exploration: [1, 2, 3, 4],
    });
    trainer.run(parity.batches[0]);
    const ours = await trainer.snapshot();
    trainer.dispose();
    return { parity, ours };
  };
  const NAME = 'q_head.weight';

  it('agrees with ours, moments and average too', async () => {
    const { parity, ours } = await afterOne();
    const state = referenceState(parity, parity.batches[0], ours);
    expect(state?.noise).toEqual([]);
    for (const group of ['m', 'v', 'ema', 'weights'] as const) {
      for (const [name, values] of ours[group]) {
        const theirs = state?.snapshot[group].get(name) as Float32Array;
        // The sums are done in another order; weights near 1 are float32 to 6e-8.
        const limit = group === 'm' || group === 'v' ? 1e-5 * Math.max(...values.map(Math.abs)) : 2.5e-7;
        const worst = Math.max(...values.map((x, i) => Math.abs(x - theirs[i])));

        expect(worst, `${group} ${name}`).toBeLessThanOrEqual(limit);
      }
    }
  });

  it('is taken where only noise differs, and names it', async () => {
    const { parity, ours } = await afterOne();
    const key = [...parity.train.keys()].find((k) => k.startsWith('step1.grad.') && k.endsWith(NAME)) as string;
    (parity.train.get(key)?.data as Float32Array)[5] = 1e-12;
    (ours.weights.get(NAME) as Float32Array)[5] += 5e-4;
    expect(referenceState(parity, parity.batches[0], ours)?.noise).toEqual([`${NAME}[5]`]);
  });

  it('is not taken where a weight lies elsewhere for no such reason', async () => {
    const { parity, ours } = await afterOne();
    (ours.weights.get(NAME) as Float32Array)[5] += 5e-4;
    expect(referenceState(parity, parity.batches[0], ours)).toBeNull();
  });
});

describe('findings', () => {
  it('keep the one nearest to its tolerance, and take NaN for the worst', () => {
    const findings = new Findings();
    findings.add('carry', 2, 10, 'a');
    findings.add('carry', 1, 2, 'b');
    findings.add('halting', 0, 0, 'c');
    expect(findings.get('carry')).toEqual({ error: 1, tolerance: 2, at: 'b' });
    expect(findings.failed()).toEqual([]);
    findings.add('carry', NaN, 10, 'd');
    findings.add('halting', 1, 0, 'e');
    expect(findings.failed()).toEqual(['carry', 'halting']);
    expect(findings.get('carry')?.at).toBe('d');
  });
});
