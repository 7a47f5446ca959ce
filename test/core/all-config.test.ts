/** The reference's all_config.yaml, against files that its own config and PyYAML 6.0 wrote (test/golden/all-config). */
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { formatAllConfig, parseAllConfig } from '../../src/core/checkpoint/import/all-config';
import { readYaml, writeYaml, Float } from '../../src/core/checkpoint/import/python-yaml';
import { defaultConfig } from '../../src/shared/config';
import { presetConfig } from '../../src/shared/presets';

const golden = (name: string): string => readFileSync(join(__dirname, '../golden/all-config', name), 'utf8');
const arc1 = golden('arc1.yaml');

/** The sentence of a refusal. */
function refusal(act: () => unknown): string {
  try {
    act();
  } catch (error) {
    return (error as Error).message;
  }
  throw new Error('it was not refused');
}
const refused = (text: string) => refusal(() => parseAllConfig(text, 'all_config.yaml'));

describe('all_config.yaml', () => {
  it('of the published ARC-AGI-1 run reads as the run was started', () => {
    const { config, given, notes } = parseAllConfig(arc1);
    const published = presetConfig('arc-agi-1');
    expect(config).toEqual({
      ...published,
      data_paths: ['data/arc1concept-aug-1000'],
      project_name: 'Arc1concept-aug-1000-ACT-torch',
      run_name: 'pretrain_att_arc1concept_4',
      checkpoint_path: 'checkpoints/Arc1concept-aug-1000-ACT-torch/pretrain_att_arc1concept_4',
    });
    expect(given).toHaveLength(43);
    expect(given).toContain('arch.loss.loss_type');
    expect(notes).toEqual([]);
  });

  it.each(['arc1.yaml', 'sudoku-mlp.yaml', 'baseline.yaml'])('%s is written again to the byte', (name) => {
    // PyYAML quotes with ' and here it is ": the same text.
    const text = golden(name).replaceAll(/'(.*)'$/gm, '"$1"');
    expect(formatAllConfig(parseAllConfig(golden(name)).config)).toBe(text);
  });

  it('carries every value of a config there and back, with names that YAML would take for something else', () => {
    const config = presetConfig('arc-small');
    config.run_name = 'yes';
    config.project_name = 'a: b # c "d" \\ é 😀\n1e5';
    config.data_paths = ['/data/with space/x', "it's", '- x', '12', '1e-4', 'null', '~', '', ' '].filter(Boolean);
    config.data_paths_test = [
      'C:\\arc',
      '{a}',
      '[b]',
      '*c',
      '&d',
      '!e',
      '%f',
      '@g',
      '`h',
      '0x1f',
      '1:30',
      '2001-01-01',
    ];
    config.evaluators = [{ name: 'arc@ARC', pass_Ks: [1, 2, 1000], aggregated_voting: false }, { name: 'x@Y' }];
    config.lr = 1e-7;
    config.weight_decay = 0;
    config.lr_min_ratio = 0.1;
    config.eval_interval = null;
    const { studio: _, ...rest } = config;
    const { studio: __, ...back } = parseAllConfig(formatAllConfig(config)).config;
    expect(back).toEqual(rest);
  });

  it('has the reference’s defaults for what is missing, not ours', () => {
    const lines = arc1
      .split('\n')
      .filter((line) => !/^(evaluators|- name|checkpoint_every|eval_interval|ema)/.test(line));
    const { config } = parseAllConfig(lines.filter((l) => !/puzzle_emb_(ndim|len)|mlp_t/.test(l)).join('\n'));
    expect(config).toMatchObject({ evaluators: [], checkpoint_every_eval: false, eval_interval: null, ema: false });
    expect(config.arch).toMatchObject({ puzzle_emb_ndim: 0, puzzle_emb_len: 16, mlp_t: false });
  });

  it('takes numbers and switches as pydantic does, written by hand too', () => {
    const by = (line: string, other: string) => parseAllConfig(arc1.replace(line, other)).config;
    expect(by('lr: 0.0001', 'lr: 1e-4').lr).toBe(1e-4);
    expect(by('lr: 0.0001', "lr: '3e-5'").lr).toBe(3e-5);
    expect(by('epochs: 100000', 'epochs: 1e5').epochs).toBe(100_000);
    expect(by('ema: true', 'ema: yes').ema).toBe(true);
    expect(by('ema: true', "ema: 'off'").ema).toBe(false);
    expect(by('num_heads: 8', 'num_heads: 8.0').arch.num_heads).toBe(8);
  });

  it('of HRM, by the name of its first repository too', () => {
    const hrm = parseAllConfig(golden('hrm-omegaconf.yaml'));
    expect(hrm.config.arch).toMatchObject({ H_layers: 4, L_layers: 4, H_cycles: 2, rope_theta: 10_000, mlp_t: false });
    expect(hrm.config).toMatchObject({ lr: 1e-5, load_checkpoint: 'a b/step_1', run_name: 'yes' });
    const old = golden('hrm-omegaconf.yaml').replace('recursive_reasoning.hrm@', 'hrm.hrm_act_v1@');
    expect(parseAllConfig(old).notes).toEqual([expect.stringMatching(/is read as recursive_reasoning\.hrm@/)]);
    expect(formatAllConfig(hrm.config)).not.toMatch(/puzzle_emb_len|act_enabled|rope_theta/);
  });

  it('reads the objects that omegaconf leaves in it, and no others of Python', () => {
    const tree = readYaml(golden('hrm-omegaconf.yaml'), 'f') as { evaluators: unknown };
    expect(tree.evaluators).toEqual([{ name: 'arc@ARC', pass_Ks: [1, 2], aggregated_voting: false }]);
    expect(refused(arc1.replace('seed: 0', "seed: !!python/object/apply:os.system ['true']"))).toMatch(
      /all_config\.yaml holds a Python object \(!!python\/object\/apply:os\.system\), which is not loaded/,
    );
  });

  it('refuses in one sentence what is no config', () => {
    expect(refused('')).toMatch(/no config/);
    expect(refused('just text')).toMatch(/no config/);
    expect(refused('- a\n- b')).toMatch(/no config/);
    expect(refused('a: [1')).toMatch(/no YAML, line 1/);
    expect(refused('lr: 1\n\tx: 2')).toMatch(/no YAML, line 2/);
    expect(refused('defaults:\n- arch: trm')).toMatch(/hydra’s own config/);
    expect(refused(arc1.replace('seed: 0', 'seed: 0\nseed: 1'))).toMatch(/has seed twice/);
    expect(refused(arc1.replace('\nseed: 0', '\nseeds: 0'))).toMatch(/seeds is not a config key: did you mean seed\?/);
    expect(refused(arc1.replace('  L_cycles', '  L_cycle'))).toMatch(/arch\.L_cycles is missing/);
    expect(refused(`${arc1}studio:\n  max_step: 5\n`)).toMatch(/did you mean studio\.max_steps/);
    expect(refused(arc1.replace(/^epochs:.*\n/m, ''))).toMatch(/epochs is missing/);
    expect(refused(arc1.replace(/ {2}name: recursive.*\n/, ''))).toMatch(/arch\.name is missing/);
    expect(refused(arc1.replace('    name: losses@ACTLossHead\n', ''))).toMatch(/arch\.loss\.name is missing/);
    expect(refused(arc1.replace('trm@Tiny', 'trn@Tiny'))).toMatch(/arch\.name is "recursive_reasoning\.trn@/);
    expect(refused(arc1.replace('epochs: 100000', 'epochs: many'))).toMatch(/epochs is "many": use a whole number/);
    expect(refused(arc1.replace('epochs: 100000', 'epochs: [1]'))).toMatch(/epochs is \[1\]/);
    expect(refused(arc1.replace('seed: 0', 'seed:\n  a: 1'))).toMatch(/seed is \{"a":1\}/);
    expect(refused(arc1.replace('arch:', 'arch: 3\nx:'))).toMatch(/arch\.name is missing/);
    expect(refused(arc1.replace('seed: 0', 'seed: *nothing'))).toMatch(/all_config\.yaml/);
  });

  it('refuses bombs before they unfold', () => {
    const bomb = ['a0: &a0 [x, x, x, x, x, x, x, x, x]'];
    for (let i = 1; i < 12; i++) bomb.push(`a${i}: &a${i} [${`*a${i - 1}, `.repeat(9)}]`);
    expect(refused(bomb.join('\n'))).toMatch(/aliases within aliases/);
    expect(refused('a: &a [*a]')).toMatch(/contains itself/);
    expect(refused('- '.repeat(20_000))).toMatch(/all_config\.yaml/);
    expect(refused('['.repeat(50_000))).toMatch(/all_config\.yaml/);
    expect(refused(`a: ${'{b: '.repeat(3000)}1${'}'.repeat(3000)}`)).toMatch(/all_config\.yaml/);
    expect(refused('x'.repeat(300_000))).toMatch(/far more than a config/);
    expect(refused(Array.from({ length: 15_000 }, (_, i) => `k${i}: 1`).join('\n'))).toMatch(/all_config\.yaml/);
  });
});

describe('YAML for Python', () => {
  it.each([
    [1e-4, '0.0001'],
    [1e-5, '1.0e-05'],
    [1.5e-7, '1.5e-07'],
    [1, '1.0'],
    [0, '0.0'],
    [123456, '123456.0'],
    [1e16, '1.0e+16'],
    [0.999, '0.999'],
  ])('writes the float %d as PyYAML does', (value, text) => {
    expect(writeYaml({ x: new Float(value) })).toBe(`x: ${text}\n`);
  });

  it('writes lists of sections and empty ones', () => {
    expect(writeYaml({ b: [], a: {}, c: [{ z: 1, w: [2, 3] }, [4], [], {}] })).toBe(
      'a: {}\nb: []\nc:\n- w:\n  - 2\n  - 3\n  z: 1\n- - 4\n- []\n- {}\n',
    );
  });

  it('defaults are what a new config has', () => {
    const { studio: _, ...rest } = defaultConfig();
    const { studio: __, ...back } = parseAllConfig(formatAllConfig(defaultConfig())).config;
    expect(back).toEqual(rest);
  });
});
