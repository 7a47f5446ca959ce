/**
 * `trm parity` on the lean copies of all seven traces, and on cases that are broken, partial or wrong on purpose. The
 * copies are read even where the whole traces are at hand: this is what everyone's test sees.
 */
import { cpSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { loadBackend } from '../../src/core/backend/load';
import { loadCase } from '../../src/core/parity/case';
import { findCases, passed, runCases, type CaseOutcome } from '../../src/core/parity/folder';
import { Findings, KINDS } from '../../src/core/parity/measure';
import { referenceState } from '../../src/core/parity/reference-state';
import { Trainer } from '../../src/core/train/trainer';
import type { Execution } from '../../src/core/train/executor';
import { emptyCarry } from '../../src/core/act/carry';
import { leanFolder } from './folder';

const CASES = ['hrm', 'transformer', 'trm_att', 'trm_hier6', 'trm_learned', 'trm_mlp', 'trm_singlez'];
let scratch: string;

beforeAll(async () => {
  await loadBackend();
  scratch = mkdtempSync(join(tmpdir(), 'trm-parity-'));
});
afterAll(() => rmSync(scratch, { recursive: true, force: true }));

async function outcomes(folder: string, execution?: Execution): Promise<CaseOutcome[]> {
  const all: CaseOutcome[] = [];
  const good = await runCases(folder, (outcome) => all.push(outcome), execution);
  expect(good).toBe(all.every(passed));
  return all;
}

/** A copy of a case that may be spoilt. */
function copy(name: string, as: string): string {
  const folder = join(scratch, as);
  cpSync(join(leanFolder(), name), join(folder, name), { recursive: true });
  return folder;
}

function edit(folder: string, name: string, change: (config: { arch: Record<string, unknown>; train: Record<string, unknown> }) => void) {
  const path = join(folder, name, 'config.json');
  const config = JSON.parse(readFileSync(path, 'utf8')) as { arch: Record<string, unknown>; train: Record<string, unknown> };
  change(config);
  writeFileSync(path, JSON.stringify(config));
}

describe.each(['recorded', 'eager'] as const)('all seven traces, %s', (execution) => {
  let all: CaseOutcome[];
  beforeAll(async () => {
    all = await outcomes(leanFolder(), execution);
  }, 120_000);

  it.each(CASES)('%s stays within its tolerances', (name) => {
    const outcome = all.find((o) => o.name === name);
    const result = outcome?.result;
    if (!result) throw new Error(outcome?.error ?? 'not run');
    expect(result.findings.failed()).toEqual([]);
    expect([result.steps, result.acts]).toEqual([5, 3]);
    const kinds = result.findings.entries().map(([kind]) => kind);
    // The copies hold gradients of the first step only.
    expect(kinds).toEqual(KINDS.filter((kind) => kind !== 'gradients_later'));
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

  it.each([
    ['no config', (dir: string) => rmSync(join(dir, 'config.json')), 'there is no config.json'],
    ['no weights', (dir: string) => rmSync(join(dir, 'weights.safetensors')), 'there is no weights.safetensors and no step_0'],
    ['a broken config', (dir: string) => writeFileSync(join(dir, 'config.json'), '{'), 'is not JSON'],
    ['a cut trace', (dir: string) => writeFileSync(join(dir, 'train.safetensors'), 'abc'), 'safetensors'],
  ])('is one sentence with %s', async (as, spoil, says) => {
    const folder = copy('transformer', as);
    spoil(join(folder, 'transformer'));
    expect(await sentence(folder)).toContain(says);
  });

  it.each([
    ['hidden_size', 'wide', 'arch.hidden_size is "wide"'],
    ['num_puzzle_identifiers', 11, 'puzzle_emb.weights of the first weights is [10, 32] where float32 [11, 32]'],
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
    expect(await findCases(join(leanFolder(), 'hrm'))).toEqual([{ name: 'hrm', path: join(leanFolder(), 'hrm') }]);
    await expect(findCases(join(scratch, 'nowhere'))).rejects.toThrow('does not exist');
    await expect(findCases(join(leanFolder(), 'hrm', 'config.json'))).rejects.toThrow('is not a folder');
    await expect(findCases(mkdtempSync(join(scratch, 'empty-')))).rejects.toThrow('holds no case');
  });
});

describe('the reference’s state after step 1', () => {
  const afterOne = async () => {
    const parity = await loadCase(join(leanFolder(), 'transformer'), 'transformer');
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
        // The copies hold weights to 2e-6 and gradients to 3e-5 of the largest; v is a square.
        const limit = group === 'm' || group === 'v' ? 1e-4 * Math.max(...values.map(Math.abs)) : 2.5e-6;
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
