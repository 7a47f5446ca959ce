/** What the command line reads: hydra's overrides, and what it says about mistakes. */
import { PassThrough } from 'node:stream';
import { describe, expect, it } from 'vitest';
import { parseHydraValue } from '../../src/cli/hydra-value';
import { bytes, duration, table } from '../../src/cli/output';
import { applyOverrides } from '../../src/cli/overrides';
import { ProgressLine } from '../../src/cli/progress';
import { UsageError } from '../../src/cli/usage';
import { defaultConfig } from '../../src/shared/config';
import { getPath } from '../../src/shared/config-fields';
import { presetConfig } from '../../src/shared/presets';

describe('hydra values', () => {
  it.each([
    ['1', 1],
    ['-3', -3],
    ['1e-4', 1e-4],
    ['1_000', 1000],
    ['.5', 0.5],
    ['True', true],
    ['false', false],
    ['null', null],
    ['none', 'none'],
    ['a/b c', 'a/b c'],
    ['"quoted, [x]"', 'quoted, [x]'],
    ["'it\\'s'", "it's"],
    ['[]', []],
    ['[a,b]', ['a', 'b']],
    ['[ data/arc-aug-1000 , "x y" , 3 ]', ['data/arc-aug-1000', 'x y', 3]],
    ['[[1,2],[]]', [[1, 2], []]],
    ['{name: arc@ARC}', { name: 'arc@ARC' }],
    ['[{name: arc@ARC, k: [1]}, {"n": null}]', [{ name: 'arc@ARC', k: [1] }, { n: null }]],
    ['', ''],
  ])('%s', (text, value) => expect(parseHydraValue(text)).toEqual(value));

  it.each(['[1', '[1,,2]', '{a}', '"open', '[1] x', '{a: 1', '[a b'])('%s is refused', (text) =>
    expect(() => parseHydraValue(text)).toThrow(),
  );
});

describe('overrides', () => {
  it('of the reference’s README are taken as they stand', () => {
    const config = applyOverrides(defaultConfig(), [
      'arch=trm',
      'data_paths=[data/arc1concept-aug-1000]',
      'arch.L_layers=2',
      'arch.H_cycles=3',
      'arch.L_cycles=4',
      '+run_name=pretrain_att_arc1concept_4',
      'ema=True',
      'evaluators=[]',
      'lr=1e-4',
      'arch.mlp_t=True',
      'arch.pos_encodings=none',
      'eval_interval=null',
    ]);
    const got = [
      'data_paths',
      'arch.L_cycles',
      'run_name',
      'ema',
      'evaluators',
      'lr',
      'arch.mlp_t',
      'arch.pos_encodings',
      'eval_interval',
    ].map((path) => getPath(config, path));
    expect(got).toEqual([
      ['data/arc1concept-aug-1000'],
      4,
      'pretrain_att_arc1concept_4',
      true,
      [],
      1e-4,
      true,
      'none',
      null,
    ]);
  });

  it('take each architecture with its preset’s values, single keys on top of it', () => {
    const hrm = applyOverrides(defaultConfig(), ['arch.H_layers=3', 'arch=hrm', 'arch.hidden_size=64']).arch;
    expect(hrm).toMatchObject({ H_cycles: 2, L_cycles: 2, H_layers: 3, L_layers: 4, puzzle_emb_ndim: 64 });
    expect(hrm.name).toContain('.hrm@');
    const baseline = applyOverrides(presetConfig('sudoku-4x4'), ['arch=transformers_baseline']).arch;
    expect(baseline).toMatchObject({ hidden_size: 512, num_heads: 12, H_layers: 8, puzzle_emb_ndim: 512 });
    // A preset of the same architecture keeps its values.
    expect(applyOverrides(presetConfig('sudoku-4x4'), ['arch=trm']).arch.hidden_size).toBe(128);
    const without = applyOverrides(defaultConfig(), ['arch=trm_hier6', 'arch.no_ACT_continue=False']).arch;
    expect(without.no_ACT_continue).toBe(false);
  });

  it('keep a name a name', () => {
    expect(applyOverrides(defaultConfig(), ['run_name=20261124']).run_name).toBe('20261124');
    expect(applyOverrides(defaultConfig(), ['run_name=a=b']).run_name).toBe('a=b');
    expect(applyOverrides(defaultConfig(), ['run_name=null']).run_name).toBeNull();
  });

  it('let puzzle_emb_ndim follow hidden_size, as the reference’s config does', () => {
    expect(applyOverrides(defaultConfig(), ['arch.hidden_size=128']).arch.puzzle_emb_ndim).toBe(128);
    expect(
      applyOverrides(defaultConfig(), ['arch.hidden_size=128', 'arch.puzzle_emb_ndim=64']).arch.puzzle_emb_ndim,
    ).toBe(64);
    expect(applyOverrides(presetConfig('sudoku-4x4'), ['arch.hidden_size=64']).arch.puzzle_emb_ndim).toBe(64);
  });

  it.each([
    ['lrr=1', 'did you mean lr?'],
    ['L_cycles=4', 'did you mean arch.L_cycles?'],
    ['arch.L_cycle=4', 'did you mean arch.L_cycles?'],
    ['arch=gpt', 'use one of trm, trm_singlez, trm_hier6, hrm, transformers_baseline'],
    ['arch=trn', 'did you mean trm?'],
    ['lr=fast', 'use a number from 0 to 1'],
    ['lr=2', 'lr is 2'],
    ['arch.L_cycles=4.5', 'whole number'],
    ['ema=yes', 'true or false'],
    ['data_paths=[a', 'cannot be read'],
    ['lr', 'KEY=VALUE'],
    ['=1', 'KEY=VALUE'],
    ['~lr=1', 'KEY=VALUE'],
    ['arch.num_heads=20', 'even head size'],
    ['eval_interval=7', 'divide epochs'],
  ])('%s is refused: %s', (override, says) => {
    const act = () => applyOverrides(defaultConfig(), [override]);
    expect(act).toThrow(UsageError);
    expect(act).toThrow(says);
  });
});

describe('numbers and tables for people', () => {
  it('are short', () => {
    expect([duration(5), duration(65), duration(4560), duration(null), duration(Infinity)]).toEqual([
      '5 s',
      '1 min 5 s',
      '1 h 16 min',
      '–',
      '–',
    ]);
    expect([bytes(12), bytes(1234), bytes(123_456), bytes(2.5e9)]).toEqual(['12 B', '1.2 kB', '123 kB', '2.5 GB']);
    expect(
      table(
        ['a', 'n'],
        [
          ['xyz', '1'],
          ['y', '10'],
        ],
        [1],
      ),
    ).toBe('a     n\nxyz   1\ny    10');
  });
});

describe('progress', () => {
  const capture = (isTTY: boolean) => {
    const stream = Object.assign(new PassThrough(), { isTTY, columns: 60 }) as unknown as NodeJS.WriteStream;
    let text = '';
    (stream as unknown as PassThrough).on('data', (piece: Buffer) => (text += piece.toString()));
    let now = 1000;
    return { line: new ProgressLine({ stream, now: () => now }), pass: (ms: number) => (now += ms), text: () => text };
  };

  it('redraws one line in a terminal, never wider than it, and leaves it clean', () => {
    const { line, pass, text } = capture(true);
    line.update(1, 4, 'x'.repeat(100), 12);
    pass(10);
    line.update(2, 4, 'too soon', 9);
    pass(200);
    line.update(3, 4, 'later', 3);
    line.clear();
    expect(
      text()
        .split('\r')
        .map((part) => part.replace('\u001b[K', '').length)
        .every((n) => n <= 60),
    ).toBe(true);
    expect(text()).not.toContain('too soon');
    expect(text()).toContain('later  3 s left');
    expect(text()).not.toContain('\n');
    expect(text().endsWith('\r\u001b[K')).toBe(true);
  });

  it('writes plain lines now and then to a file', () => {
    const { line, pass, text } = capture(false);
    for (let i = 0; i < 40; i++) {
      line.update(i, 40, `step ${i}`, null);
      pass(1000);
    }
    line.clear();
    expect(text()).toBe('step 0\nstep 10\nstep 20\nstep 30\n');
  });
});
