import { describe, expect, it } from 'vitest';
import { ARCH_NAMES, ARCHITECTURES, type ArchName } from '../../src/shared/architectures';
import { defaultConfig } from '../../src/shared/config';
import { setPath } from '../../src/shared/config-fields';
import { presetConfig } from '../../src/shared/presets';
import { estimate, recipeSizes, totalSteps } from '../../src/studio/estimate/estimate';
import { blockFlops, parameterCount, trainFlopsPerSample } from '../../src/studio/estimate/flops';
import { freshStore, runRecord, TINY_RECIPE } from './fixtures';

const arc = presetConfig('arc-agi-1').arch;

describe('FLOPs', () => {
  it('of the ARC model are 15.9 GF per forward of the level and 398 GF per sample and training step', () => {
    expect((2 * blockFlops(arc, 900)) / 1e9).toBeCloseTo(15.92, 2);
    expect(trainFlopsPerSample(arc, 900, 12) / 1e9).toBeCloseTo(398, 0);
  });

  it('count one more sample for one more in the batch, and a cycle’s calls for one more cycle', () => {
    const perCall = 2 * blockFlops(arc, 900);
    expect(trainFlopsPerSample({ ...arc, H_cycles: 4 }, 900, 12) - trainFlopsPerSample(arc, 900, 12)).toBeCloseTo(
      5 * perCall,
      -6,
    );
    expect(trainFlopsPerSample({ ...arc, L_cycles: 5 }, 900, 12) - trainFlopsPerSample(arc, 900, 12)).toBeCloseTo(
      (3 + 2) * perCall,
      -6,
    );
  });

  it('of the other architectures follow their own calls', () => {
    const named = (preset: string) => {
      const name = ARCH_NAMES.find((n) => ARCHITECTURES[n].preset === preset) as ArchName;
      return { ...arc, ...ARCHITECTURES[name].preset_values, name };
    };
    const head = 6 * 900 * 512 * 12;
    const calls = (preset: string, more = {}) => {
      const config = { ...named(preset), ...more };
      return (trainFlopsPerSample(config, 900, 12) - head) / blockFlops(config, 900);
    };
    // HRM, H 2, L 2, four blocks each: 4 L calls and 2 H calls, twice for q_continue; one of each with a gradient.
    expect(calls('hrm')).toBeCloseTo(2 * 6 * 4 + 2 * 2 * 4, 6);
    expect(calls('hrm', { halt_max_steps: 1 })).toBeCloseTo(6 * 4 + 2 * 2 * 4, 6);
    expect(calls('transformers_baseline')).toBeCloseTo(3 * 8, 6);
    expect(calls('trm_singlez')).toBeCloseTo(25 * 2, 6);
    expect(calls('trm_singlez', { no_ACT_continue: false })).toBeCloseTo(40 * 2, 6);
  });

  it('and parameters agree with the published sizes: 7 M with attention, 5 M with the MLP', () => {
    expect(parameterCount(arc, 900, 12)).toBe(2 * (4 * 512 * 512 + 3 * 512 * 1536) + 2 * 12 * 512 + 2 * 512 + 2);
    expect(parameterCount(arc, 900, 12) / 1e6).toBeCloseTo(6.8, 1);
    expect(parameterCount(presetConfig('sudoku-mlp').arch, 81, 11) / 1e6).toBeCloseTo(5, 0);
  });
});

describe('the estimate', () => {
  const sizes = { seq_len: 16, vocab_size: 6, train_groups: 2000, mean_puzzle_examples: 1, test_examples: 256 };

  it('of steps is the reference’s schedule, cut at max_steps', () => {
    const config = presetConfig('sudoku-4x4');
    expect(totalSteps(config, sizes)).toBe(Math.floor((config.epochs * 2000) / config.global_batch_size));
    expect(totalSteps(setPath(config, 'studio.max_steps', 50), sizes)).toBe(50);
  });

  it('of time says that nothing was measured rather than guess', () => {
    const e = estimate(freshStore(), presetConfig('sudoku-4x4'), sizes);
    expect([e.seconds, e.steps_per_s]).toEqual([null, null]);
    expect(e.basis).toContain('No steps');
  });

  it('of time comes from the measured run whose steps are most alike', () => {
    const store = freshStore();
    const config = presetConfig('sudoku-4x4');
    const { flops_per_step } = estimate(store, config, sizes);
    store.runs.insert(runRecord({ name: 'alike', step: 500, flops_per_step, steps_per_s: 4 }));
    store.runs.insert(runRecord({ name: 'huge', step: 500, flops_per_step: flops_per_step * 1000, steps_per_s: 1 }));
    store.runs.insert(runRecord({ name: 'short', step: 3, flops_per_step, steps_per_s: 400 }));
    const e = estimate(store, config, sizes);
    expect(e.steps_per_s).toBeCloseTo(4);
    expect(e.basis).toContain('alike');
    // Evaluations come on top of the steps.
    expect(e.seconds).toBeGreaterThan(e.total_steps / 4);
    expect(e.seconds).toBeLessThan((e.total_steps / 4) * 2);
    const limited = estimate(store, setPath(config, 'studio.max_minutes', 1), sizes);
    expect(limited.seconds).toBe(60);
  });

  it('knows the sizes of a recipe before it is built', () => {
    const store = freshStore();
    expect(recipeSizes(store, TINY_RECIPE)).toEqual({
      seq_len: 16,
      vocab_size: 6,
      train_groups: 32,
      mean_puzzle_examples: 1,
      test_examples: 16,
    });
    const grid = [[1, 2]];
    const wide = [[1, 2, 3, 4, 5, 6, 7]];
    const pair = { input: grid, output: grid };
    for (const name of ['a', 'b'])
      store.subsets.insert({ name, title: name, source: '', bundled: false, licence: null });
    store.tasks.insertAll('a', [
      { name: 'x', train: [pair, pair, pair], test: [pair] },
      { name: 'big', train: [{ input: wide, output: wide }], test: [pair] },
    ]);
    store.tasks.insertAll('b', [{ name: 'y', train: [pair, pair], test: [pair, pair] }]);
    const recipe = { kind: 'arc' as const, subsets: ['a', 'b'], test_set: 'b', num_aug: 2, canvas: 5, seed: 1 };
    // x: 3 pairs and its test pair, as it is not in the test set; y: 2. "big" does not fit.
    expect(recipeSizes(store, recipe)).toMatchObject({
      seq_len: 25,
      vocab_size: 12,
      train_groups: 2,
      mean_puzzle_examples: 3,
      test_examples: 6,
    });
    expect(() => recipeSizes(store, { ...recipe, subsets: ['c'] })).toThrow(/no tasks named "c"/);
    expect(estimate(store, defaultConfig(), recipeSizes(store, recipe)).total_steps).toBe(
      Math.floor((100_000 * 2 * 3) / 768),
    );
  });
});
