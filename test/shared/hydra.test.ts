/** The reference's command lines: hydra's values, shell words, whole commands, and the configs that they mean. */
import { describe, expect, it } from 'vitest';
import { parseOverride } from '../../src/shared/hydra/overrides';
import { ARCH_PRESETS } from '../../src/shared/architectures';
import type { TrainConfig } from '../../src/shared/config';
import { layerConfig } from '../../src/shared/config-layers';
import { checkConfig, getPath } from '../../src/shared/config-fields';
import { pastedCommand, withoutLauncher } from '../../src/shared/hydra/command';
import { hydraText, shellWord } from '../../src/shared/hydra/quote';
import { shellCommands } from '../../src/shared/hydra/shell';
import { parseHydraValue } from '../../src/shared/hydra/value';
import { presetConfig } from '../../src/shared/presets';

const overridden = (overrides: readonly string[], preset: string | null = null): TrainConfig =>
  layerConfig({ preset, overrides }).config;

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

  it.each([
    1,
    -0.5,
    1e-7,
    true,
    null,
    'a b',
    'null',
    '12',
    'it\'s "so" \\ [x], {y}: $z',
    '',
    ['a,b', ['c']],
    { k: [1] },
  ])('survive the way out and back: %j', (value) => {
    expect(parseHydraValue(hydraText(value))).toEqual(value);
    expect(shellCommands(shellWord(hydraText(value)))).toEqual([[hydraText(value)]]);
  });
});

describe('shell words', () => {
  it.each([
    ['a b  c', [['a', 'b', 'c']]],
    [`'a b'"c d"\\ e`, [['a bc d e']]],
    ['x="[a, b]" y=[c, d]', [['x=[a, b]', 'y=[c, d]']]],
    ['a \\\n  b\\\r\nc # d\ne', [['a', 'bc'], ['e']]],
    ['a \\ \n b', [['a', 'b']]],
    ['n="x y"; run +name=${n} +m=$n-1', [['n=x y'], ['run', '+name=x y', '+m=x y-1']]],
    [`'\${no}' "\\$n \\"q\\""`, [['${no}', '$n "q"']]],
    ['a && b | c > d', [['a'], ['b'], ['c'], ['d']]],
    ['a#b', [['a#b']]],
    // Unbreakable and other blanks, as pages paste them.
    ['a\u00a0b\u2003c\vd\ufeff', [['a', 'b', 'c', 'd']]],
    ['', []],
  ])('%j', (text, commands) => expect(shellCommands(text)).toEqual(commands));

  it('and values have an end, however long or deep the text is', () => {
    expect(() => shellCommands('x'.repeat(200_000))).toThrow(/200,000 characters, far more than a command/);
    expect(() => parseHydraValue('['.repeat(50_000))).toThrow(/nested more than 32 levels deep/);
    expect(() => parseOverride(`lr=${'{a:'.repeat(9000)}`)).toThrow(/^"lr=[{a:]{96}…" cannot be read: .*\.$/);
    expect(() => parseOverride(`${'x'.repeat(5000)}=1`)).toThrow(
      /^"x{99}…" is no config key: it has 5000 characters\.$/,
    );
  });

  it('says what is wrong with text that a shell would wait on or fill in', () => {
    expect(() => shellCommands('a "b')).toThrow(/" that is not closed/);
    expect(() => shellCommands("a 'b")).toThrow(/' that is not closed/);
    expect(() => shellCommands('+run_name=${other}')).toThrow(/\$\{other\}, which it does not set/);
  });
});

const torchrun =
  'torchrun --nproc-per-node 4 --rdzv_backend=c10d --rdzv_endpoint=localhost:0 --nnodes=1 pretrain.py \\';
const published = (data: string, launcher: string, lines: readonly string[], run: string): string =>
  [
    `run_name="${run}"`,
    launcher,
    'arch=trm \\',
    `data_paths="[${data}]" \\`,
    ...lines,
    '+run_name=${run_name} ema=True',
    '',
  ].join('\n');
const ARC = ['arch.L_layers=2 \\', 'arch.H_cycles=3 arch.L_cycles=4 \\'];
const SUDOKU = [
  'evaluators="[]" \\',
  'epochs=50000 eval_interval=5000 \\',
  'lr=1e-4 puzzle_emb_lr=1e-4 weight_decay=1.0 puzzle_emb_weight_decay=1.0 \\',
];

/** The six published runs as their READMEs have them, and the preset that each of them is. */
const PUBLISHED: [string, string, string][] = [
  ['arc-agi-1', 'data/arc1concept-aug-1000', published('data/arc1concept-aug-1000', torchrun, ARC, 'arc1')],
  ['arc-agi-2', 'data/arc2concept-aug-1000', published('data/arc2concept-aug-1000', torchrun, ARC, 'arc2')],
  [
    'arc-agi-1-2',
    'data/arc12concept-aug-1000',
    published('data/arc12concept-aug-1000', torchrun, [...ARC, 'global_batch_size=768 \\'], 'arc12'),
  ],
  [
    'sudoku-mlp',
    'data/sudoku-extreme-1k-aug-1000',
    published(
      'data/sudoku-extreme-1k-aug-1000',
      'python pretrain.py \\',
      [
        ...SUDOKU,
        'arch.mlp_t=True arch.pos_encodings=none \\',
        'arch.L_layers=2 \\',
        'arch.H_cycles=3 arch.L_cycles=6 \\',
      ],
      'pretrain_mlp_t_sudoku',
    ),
  ],
  [
    'sudoku-attention',
    'data/sudoku-extreme-1k-aug-1000',
    published(
      'data/sudoku-extreme-1k-aug-1000',
      'python pretrain.py \\',
      [...SUDOKU, 'arch.L_layers=2 \\', 'arch.H_cycles=3 arch.L_cycles=6 \\'],
      'pretrain_att_sudoku',
    ),
  ],
  [
    'maze-hard',
    'data/maze-30x30-hard-1k',
    published(
      'data/maze-30x30-hard-1k',
      torchrun,
      [...SUDOKU, 'arch.L_layers=2 \\', 'arch.H_cycles=3 arch.L_cycles=4 \\'],
      'pretrain_att_maze30x30',
    ),
  ],
];

describe('the published command lines', () => {
  it.each(PUBLISHED)('%s, pasted as text, is the preset', (preset, data, text) => {
    const { overrides } = pastedCommand(text);
    const run_name = /"(.*)"/.exec(text)?.[1];
    expect(overridden(overrides)).toEqual({ ...presetConfig(preset), data_paths: [data], run_name });
    // The same as one argument in quotes, and as the words that a shell makes of it.
    expect(withoutLauncher([text]).words).toEqual(overrides);
    const words = shellCommands(text).pop() as string[];
    expect(withoutLauncher(words).words).toEqual(overrides);
  });

  it('are told apart from what starts them', () => {
    const { words, notes } = withoutLauncher([
      '--name',
      'x',
      'OMP_NUM_THREADS=8',
      'torchrun',
      '--nproc-per-node=4',
      'sub/pretrain.py',
      '--config-name',
      'cfg_pretrain',
      'lr=1e-4',
      ' ',
    ]);
    expect(words).toEqual(['--name', 'x', 'lr=1e-4']);
    expect(notes).toEqual([expect.stringContaining('4 processes')]);
    expect(withoutLauncher(['python', '-m', 'torch.distributed.run', 'pretrain.py', 'a=1']).words).toEqual(['a=1']);
    expect(withoutLauncher(['lr=1', 'ema=True']).words).toEqual(['lr=1', 'ema=True']);
    expect(withoutLauncher(['+run_name=x pretrain.py y']).words).toEqual(['+run_name=x', 'y']);
  });

  it('are refused where they mean several runs or another config', () => {
    expect(() => withoutLauncher(['python', 'pretrain.py', '-m', 'lr=1'])).toThrow(/several runs/);
    expect(() => withoutLauncher(['python', 'pretrain.py', '--config-name=other'])).toThrow(/another config/);
    expect(() => pastedCommand('python pretrain.py lr=1\npython pretrain.py lr=2')).toThrow(/2 training commands/);
    expect(() => pastedCommand('lr=1 --fast')).toThrow(/--fast is no override/);
  });

  it('of our own are taken with their preset', () => {
    expect(pastedCommand('npm run -s trm -- train --preset arc-small lr=3e-4')).toEqual({
      preset: 'arc-small',
      overrides: ['lr=3e-4'],
      notes: [],
    });
    expect(pastedCommand('trm train -p arc-small').preset).toBe('arc-small');
    expect(pastedCommand('lr=1\nema=True').overrides).toEqual(['lr=1', 'ema=True']);
  });
});

describe('overrides', () => {
  it('keep a name a name', () => {
    expect(overridden(['run_name=20261124']).run_name).toBe('20261124');
    expect(overridden(['run_name=a=b']).run_name).toBe('a=b');
    expect(overridden(['run_name=null']).run_name).toBeNull();
    expect(overridden(['+run_name=']).run_name).toBeNull();
    expect(overridden(['run_name="a, b: [c]"']).run_name).toBe('a, b: [c]');
  });

  it('let puzzle_emb_ndim follow hidden_size, as the reference’s config does', () => {
    expect(overridden(['arch.hidden_size=128']).arch.puzzle_emb_ndim).toBe(128);
    expect(overridden(['arch.hidden_size=128', 'arch.puzzle_emb_ndim=64']).arch.puzzle_emb_ndim).toBe(64);
    expect(overridden(['arch.hidden_size=64'], 'sudoku-4x4').arch.puzzle_emb_ndim).toBe(64);
  });

  it('add, force, take out, and set whole sections', () => {
    expect(overridden(['+seed=1', '++seed=2']).seed).toBe(2);
    expect(overridden(['~evaluators']).evaluators).toEqual([]);
    expect(overridden(['~checkpoint_every_eval']).checkpoint_every_eval).toBe(false);
    expect(overridden(['~arch.puzzle_emb_ndim']).arch.puzzle_emb_ndim).toBe(0);
    expect(overridden(['arch.loss={loss_type: stablemax_cross_entropy}']).arch.loss.name).toBe('losses@ACTLossHead');
    expect(overridden(['evaluators=[{name: arc@ARC, pass_Ks: [1, 2], aggregated_voting: False}]']).evaluators).toEqual([
      { name: 'arc@ARC', pass_Ks: [1, 2], aggregated_voting: false },
    ]);
    expect(layerConfig({ overrides: ['hydra.run.dir=x', 'lr=0.5'] }).notes).toEqual([
      expect.stringMatching(/hydra\.run\.dir=x is about hydra itself/),
    ]);
  });

  it.each([
    ['lrr=1', 'did you mean lr?'],
    ['L_cycles=4', 'did you mean arch.L_cycles?'],
    ['arch.L_cycle=4', 'did you mean arch.L_cycles?'],
    ['arch=trn', 'did you mean trm?'],
    ['arch=gpt', 'use one of trm'],
    ['lr=fast', 'use a number from 0 to 1'],
    ['lr=2', 'lr is 2'],
    ['arch.L_cycles=4.5', 'whole number'],
    ['ema=yes', 'true or false'],
    ['data_paths=[a', 'cannot be read'],
    ['data_paths=a', 'use a list'],
    ['evaluators=[{nam: x}]', 'evaluators'],
    ['arch.loss=x', 'is a section'],
    ['lr', 'KEY=VALUE'],
    ['=1', 'KEY=VALUE'],
    ['~', 'KEY=VALUE'],
    ['~lr', 'takes out lr'],
    ['lr=1e-3,1e-4', 'several values'],
    ['lr=range(1,3)', 'calls a function'],
    ['arch.puzzle_emb_ndim=${.hidden_size}', 'refers to another value'],
    ['run_name=${oc.env:HOME}', 'refers to another value'],
    ['arch.num_heads=7', 'num_heads is 7'],
    ['eval_interval=7', 'divide epochs'],
  ])('%s is refused: %s', (override, says) => {
    expect(() => overridden([override])).toThrow(says);
  });

  it('take each architecture with its preset’s values, single keys on top of it', () => {
    const hrm = overridden(['arch.H_layers=3', 'arch=hrm', 'arch.hidden_size=64']).arch;
    expect(hrm).toMatchObject({ H_cycles: 2, L_cycles: 2, H_layers: 3, L_layers: 4, puzzle_emb_ndim: 64 });
    expect(hrm.name).toContain('.hrm@');
    const baseline = overridden(['arch=transformers_baseline'], 'sudoku-4x4').arch;
    expect(baseline).toMatchObject({ hidden_size: 512, num_heads: 12, H_layers: 8, puzzle_emb_ndim: 512 });
    // A preset of the same architecture keeps its values.
    expect(overridden(['arch=trm'], 'sudoku-4x4').arch.hidden_size).toBe(128);
    expect(overridden(['arch=trm_hier6', 'arch.no_ACT_continue=False']).arch.no_ACT_continue).toBe(false);
    expect(overridden(['arch=trm_singlez', 'arch.loss.loss_type=softmax_cross_entropy']).arch.loss.loss_type).toBe(
      'softmax_cross_entropy',
    );
    for (const name of ARCH_PRESETS) expect(checkConfig(overridden([`arch=${name}`]))).toEqual([]);
  });
});

describe('layers', () => {
  it('win in their order, and every value knows where it came from', () => {
    const { config, origins } = layerConfig({
      preset: 'sudoku-4x4',
      overrides: ['arch=trm', 'lr=0.5', 'arch.hidden_size=64'],
    });
    const from = (path: string) => [getPath(config, path), origins.get(path)];
    expect(from('lr')).toEqual([0.5, { from: 'override', text: 'lr=0.5' }]);
    expect(from('ema')).toEqual([true, { from: 'preset', text: 'sudoku-4x4' }]);
    expect(from('arch.mlp_t')).toEqual([false, { from: 'arch', text: 'trm' }]);
    expect(from('arch.H_cycles')).toEqual([2, { from: 'preset', text: 'sudoku-4x4' }]);
    expect(from('arch.puzzle_emb_ndim')).toEqual([64, { from: 'override', text: 'follows arch.hidden_size' }]);
    expect(from('beta1')).toEqual([0.9, undefined]);
  });

  it('take a file as a whole, with the defaults that it leaves to the reference', () => {
    const file = { name: 'all_config.yaml', config: presetConfig('sudoku-mlp'), given: ['lr'] };
    const { config, origins } = layerConfig({ file, overrides: ['arch=trm', 'seed=7'] });
    expect(config).toEqual({ ...presetConfig('sudoku-mlp'), seed: 7 });
    expect(origins.get('epochs')).toEqual({ from: 'file', text: 'all_config.yaml' });
    expect(origins.has('studio.max_steps')).toBe(false);
    expect(() => layerConfig({ file, overrides: ['arch=hrm'] })).toThrow(/arch=hrm does not fit all_config\.yaml/);
  });
});
