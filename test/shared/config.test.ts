import { describe, expect, it } from 'vitest';
import { ARCH_NAMES, ARCHITECTURES, type ArchName } from '../../src/shared/architectures';
import { ArchSchema, defaultConfig } from '../../src/shared/config';
import { checkConfig, configDiff, configFields, getPath, parseConfig, setPath } from '../../src/shared/config-fields';
import { PRESETS, findPreset, presetConfig } from '../../src/shared/presets';

describe('the config schema', () => {
  it('holds the reference’s defaults', () => {
    const config = defaultConfig();
    expect(config).toMatchObject({ lr: 1e-4, beta2: 0.95, lr_warmup_steps: 2000, global_batch_size: 768 });
    expect(config.arch).toMatchObject({ hidden_size: 512, L_cycles: 6, halt_max_steps: 16, forward_dtype: 'bfloat16' });
    expect(config.arch.loss.loss_type).toBe('stablemax_cross_entropy');
  });

  it('describes every field: group, meaning, default, and a range for every number', () => {
    for (const field of configFields()) {
      expect(field.help, field.path).toMatch(/\.$/);
      expect(getPath(defaultConfig(), field.path), field.path).toEqual(field.default);
      if (field.type === 'integer' || field.type === 'number') {
        expect(Number.isFinite(field.min) && Number.isFinite(field.max), field.path).toBe(true);
      }
    }
    expect(configFields().map((f) => f.path)).toContain('arch.loss.loss_type');
    expect(configFields().find((f) => f.path === 'arch.hidden_size')?.type).toBe('integer');
    expect(configFields().find((f) => f.path === 'lr')?.type).toBe('number');
    expect(configFields().find((f) => f.path === 'eval_interval')).toMatchObject({ nullable: true, type: 'integer' });
    expect(configFields().length).toBeGreaterThan(Object.keys(ArchSchema.shape).length + 20);
  });

  it.each([
    ['arch.hidden_size', 15, 'arch.hidden_size is 15: use a whole number from 16 to 4096.'],
    ['arch.hidden_size', 128.5, 'arch.hidden_size is 128.5: use a whole number from 16 to 4096.'],
    ['arch.hidden_size', '128', 'arch.hidden_size is "128": use a whole number from 16 to 4096.'],
    ['lr', Number.NaN, 'lr is NaN: use a number from 0 to 1.'],
    ['ema', 1, 'ema is 1: use true or false.'],
    ['arch.pos_encodings', 'sin', 'arch.pos_encodings is "sin": use rope or rope2d or learned or none.'],
    ['arch.L_cycle', 4, 'arch.L_cycle is not a config key: did you mean arch.L_cycles?'],
    ['L_cycles', 4, 'L_cycles is not a config key: did you mean arch.L_cycles?'],
    ['frobnicate', 4, 'frobnicate is not a config key.'],
    ['arch.num_heads', 20, 'arch.num_heads is 20: rotary positions need an even head size, and floor(512 / 20) is 25.'],
    ['eval_interval', 7, 'eval_interval is 7: it must divide epochs, which is 100000.'],
  ])('refuses %s = %s in one sentence', (path, value, message) => {
    const issues = checkConfig(setPath(defaultConfig(), path, value));
    expect(issues.map((issue) => issue.message)).toEqual([message]);
    expect(issues[0].path).toBe(path);
  });

  const named = (preset: string, values: object) => {
    const name = ARCH_NAMES.find((n) => ARCHITECTURES[n].preset === preset) as ArchName;
    return {
      ...defaultConfig(),
      arch: { ...defaultConfig().arch, ...ARCHITECTURES[name].preset_values, ...values, name },
    };
  };

  it.each(ARCH_NAMES)('knows %s: its preset is a config, and every key it ignores exists', (name) => {
    const { preset, ignores, summary } = ARCHITECTURES[name];
    expect(checkConfig(named(preset, {}))).toEqual([]);
    for (const key of ignores) expect(Object.keys(ArchSchema.shape)).toContain(key);
    expect(summary).toMatch(/\.$/);
    const field = configFields().find((f) => f.path === 'arch.name');
    expect(field?.choices?.[name].help).toBe(summary);
  });

  it.each([
    ['trm_hier6', { L_cycles: 7 }, 'arch.L_cycles is 7: TRM, six z has 6 low latents, so at most 6.'],
    ['hrm', { H_layers: 0 }, 'arch.H_layers is 0: HRM needs at least 1 block in its H level.'],
    [
      'transformers_baseline',
      { mlp_t: true },
      'arch.mlp_t is true: Transformer baseline has attention only; set it to false.',
    ],
    [
      'trm',
      { puzzle_emb_len: 2, puzzle_emb_ndim: 1025 },
      'arch.puzzle_emb_ndim is 1025: at most puzzle_emb_len · hidden_size = 1024.',
    ],
    [
      'trm',
      { hidden_size: 16, num_heads: 17, puzzle_emb_ndim: 16 },
      'arch.num_heads is 17: at most one head for each of hidden_size’s 16 numbers.',
    ],
  ])('refuses for %s %o', (preset, values, message) => {
    expect(checkConfig(named(preset, values)).map((issue) => issue.message)).toEqual([message]);
  });

  it('lets an architecture’s ignored keys be anything', () => {
    // HRM has as many prefix tokens as its embedding needs, whatever puzzle_emb_len says.
    expect(checkConfig(named('hrm', { puzzle_emb_len: 1, puzzle_emb_ndim: 1025 }))).toEqual([]);
    expect(checkConfig(named('trm', { mlp_t: true, num_heads: 20 }))).toEqual([]);
  });

  it('refuses to train nothing', () => {
    const config = { ...named('trm', { puzzle_emb_ndim: 0 }), freeze_weights: true };
    expect(checkConfig(config)[0].message).toContain('nothing would learn');
  });

  it('names the first issue and carries all of them', () => {
    const bad = setPath(setPath(defaultConfig(), 'lr', 2), 'beta1', 1);
    expect(() => parseConfig(bad)).toThrowError('lr is 2: use a number from 0 to 1.');
  });
});

describe('presets', () => {
  it.each(PRESETS.map((p) => p.name))('%s is a config, each of its values valid and with a reason', (name) => {
    const config = presetConfig(name);
    const preset = findPreset(name);
    expect(checkConfig(config)).toEqual([]);
    for (const { path, value, reason } of preset.overrides) {
      expect(getPath(config, path)).toEqual(value);
      expect(reason.length).toBeGreaterThan(10);
    }
    const listed = new Set(preset.overrides.map((o) => o.path));
    expect(configDiff(config, defaultConfig()).filter((path) => !listed.has(path))).toEqual([]);
  });

  it('has the six published runs, two for a laptop, and what the starters were trained with', () => {
    expect(PRESETS.filter((p) => p.laptop).map((p) => p.name)).toEqual([
      'sudoku-4x4',
      'arc-small',
      'starter-sudoku',
      'starter-arc',
    ]);
    expect(PRESETS.filter((p) => !p.laptop)).toHaveLength(6);
    expect(presetConfig('arc-agi-1').arch.L_cycles).toBe(4);
    expect(presetConfig('sudoku-mlp').arch).toMatchObject({ mlp_t: true, pos_encodings: 'none', L_cycles: 6 });
  });

  it('names the nearest preset for a mistyped one', () => {
    expect(() => findPreset('sudoku4x4')).toThrowError('There is no preset "sudoku4x4": did you mean sudoku-4x4?');
  });
});
