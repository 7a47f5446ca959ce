import { describe, expect, it } from 'vitest';
import { commandLine, parseOverrides } from '../../src/renderer/config/overrides';
import { fromText, rangeText, toText } from '../../src/renderer/config/text';
import { useDraft } from '../../src/renderer/config/draft';
import { configFields, getPath, setPath } from '../../src/shared/config-fields';
import { PRESETS, presetConfig } from '../../src/shared/presets';

const field = (path: string) => configFields().find((f) => f.path === path)!;

describe('a field’s text', () => {
  it('means the value it was written from, for every field of every preset', () => {
    for (const preset of PRESETS) {
      const config = presetConfig(preset.name);
      for (const f of configFields()) {
        const value = getPath(config, f.path);
        expect([f.path, fromText(f, toText(f, value))]).toEqual([f.path, value]);
      }
    }
  });

  it('is never rounded, clamped or guessed', () => {
    expect(fromText(field('epochs'), '0.5')).toBe(0.5);
    expect(fromText(field('epochs'), '31,208')).toBe(31_208);
    expect(fromText(field('epochs'), '12 epochs')).toBe('12 epochs');
    expect(fromText(field('lr'), '1e-4')).toBe(1e-4);
    expect(fromText(field('lr'), '')).toBe('');
    expect(fromText(field('lr'), 'Infinity')).toBe('Infinity');
    expect(fromText(field('eval_interval'), '')).toBeNull();
  });

  it('says its range with its unit', () => {
    expect(rangeText(field('arch.halt_max_steps'))).toBe('1 to 64 ACT steps');
    expect(rangeText(field('ema'))).toBeNull();
  });
});

describe('a draft', () => {
  it('starts as the preset and tells what was changed and why the rest is so', () => {
    const draft = useDraft('arc-small');
    expect(draft.changed.value).toEqual([]);
    expect(draft.valid.value).toEqual(presetConfig('arc-small'));
    expect(draft.reasonOf('lr')).toBe('A small network takes a larger step.');
    expect(draft.reasonOf('beta1')).toBeNull();
    draft.set('lr', 3e-4);
    draft.set('arch.L_cycles', 4);
    expect(draft.changed.value).toEqual(['arch.L_cycles', 'lr']);
    draft.revert('lr');
    expect(draft.changed.value).toEqual(['arch.L_cycles']);
    draft.revertAll();
    expect(draft.changed.value).toEqual([]);
  });

  it('refuses beside the field, with the value and the range', () => {
    const draft = useDraft('arc-small');
    draft.set('arch.L_cycles', 99);
    expect(draft.valid.value).toBeNull();
    expect(draft.issueOf('arch.L_cycles')).toMatch(/99.*1 to 32/);
    expect(draft.issueOf('lr')).toBeNull();
    draft.set('arch.L_cycles', 'four');
    expect(draft.issueOf('arch.L_cycles')).toMatch(/"four"/);
  });

  it('refuses rules that join fields beside the one to change', () => {
    const draft = useDraft('arc-small');
    draft.set('arch.num_heads', 5);
    expect(draft.issueOf('arch.num_heads')).toMatch(/even head size/);
  });

  it('takes an architecture with its layers and cycles, and the preset’s own back with it', () => {
    const draft = useDraft('sudoku-4x4');
    const own = draft.valid.value?.arch;
    draft.set('arch.name', 'recursive_reasoning.hrm@HierarchicalReasoningModel_ACTV1');
    expect(draft.valid.value?.arch).toMatchObject({ H_layers: 4, L_layers: 4, H_cycles: 2, L_cycles: 2, num_heads: 4 });
    draft.set('arch.name', 'recursive_reasoning.transformers_baseline@Model_ACTV2');
    expect(draft.valid.value?.arch).toMatchObject({ H_layers: 8, hidden_size: 128, num_heads: 4 });
    draft.revert('arch.name');
    expect(draft.valid.value?.arch).toEqual(own);
  });

  it('starts over with another preset, or takes a run’s config without its places', () => {
    const draft = useDraft('arc-small');
    draft.set('lr', 0.5);
    draft.choosePreset('sudoku-4x4');
    expect(draft.changed.value).toEqual([]);
    const config = setPath({ ...presetConfig('sudoku-4x4'), data_paths: ['/somewhere'], run_name: 'x' }, 'lr', 2e-3);
    draft.take(config, 'sudoku-4x4');
    expect(draft.changed.value).toEqual(['lr']);
    expect(draft.valid.value?.data_paths).toEqual([]);
    expect(draft.valid.value?.run_name).toBeNull();
  });
});

describe('the reference’s overrides', () => {
  it('are read as its command line has them, from its own defaults', () => {
    const { values, issues, whole, notes } = parseOverrides(
      'n="my run"\ntorchrun --nproc-per-node 4 pretrain.py arch=trm data_paths="[data/arc1concept-aug-1000]" \\\n arch.L_layers=2 arch.L_cycles=4 +run_name=${n} ema=True',
    );
    expect(issues).toEqual([]);
    expect(notes).toEqual([expect.stringMatching(/4 processes/)]);
    expect(whole?.config).toEqual({
      ...presetConfig('arc-agi-1'),
      data_paths: ['data/arc1concept-aug-1000'],
      run_name: 'my run',
    });
    expect(values.filter(({ path }) => path === 'arch.L_cycles').pop()).toEqual({ path: 'arch.L_cycles', value: 4 });
  });

  it('alone are set on what the form has', () => {
    const { values, whole, issues } = parseOverrides('lr=1e-4 eval_interval=null\nevaluators="[]"');
    expect([whole, issues]).toEqual([null, []]);
    expect(values).toEqual([
      { path: 'lr', value: 1e-4 },
      { path: 'eval_interval', value: null },
      { path: 'evaluators', value: [] },
    ]);
  });

  it('name the nearest key for one that is not known, and refuse what is none', () => {
    expect(parseOverrides('arch.L_cycle=4').issues[0].message).toMatch(/did you mean arch\.L_cycles/);
    expect(parseOverrides('arch=gpt lonely').issues.map((i) => i.message)).toEqual([expect.stringMatching(/lonely/)]);
    expect(parseOverrides('arch=hrm').whole?.config.arch.H_layers).toBe(4);
    expect(parseOverrides('').issues).toEqual([]);
  });

  it('leave a value that is no number to the form’s check', () => {
    expect(parseOverrides('lr=fast').values).toEqual([{ path: 'lr', value: 'fast' }]);
  });

  it('survive the way out and back', () => {
    const draft = useDraft('arc-small');
    draft.set('lr', 3e-4);
    draft.set('eval_interval', null);
    draft.set('ema', false);
    draft.set('load_checkpoint', 'two words.safetensors');
    const line = commandLine('arc-small', draft.valid.value!, draft.changed.value);
    expect(line).toMatch(/^trm train --preset arc-small /);
    expect(line).toContain(`'load_checkpoint="two words.safetensors"'`);
    const back = useDraft('arc-small');
    const parsed = parseOverrides(line.replace('--preset arc-small', ''));
    expect(parsed.issues).toEqual([]);
    for (const { path, value } of parsed.values) back.set(path, value);
    expect(back.valid.value).toEqual(draft.valid.value);
  });
});
