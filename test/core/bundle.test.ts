/** A run as one of its own for the reference: what is left of it, worked out by hand, and files that survive odd names. */
import { execFileSync, spawnSync } from 'node:child_process';
import { chmodSync, mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, describe, expect, it } from 'vitest';
import { readme, runScript, type Bundle } from '../../src/core/bundle/files';
import { planContinuation, type Standing } from '../../src/core/bundle/plan';
import { parseAllConfig, formatAllConfig } from '../../src/core/checkpoint/import/all-config';
import type { TrainConfig } from '../../src/shared/config';
import { presetConfig } from '../../src/shared/presets';

const arc = (patch: Partial<TrainConfig> = {}): TrainConfig => ({ ...presetConfig('arc-agi-1'), ...patch });
const at = (patch: Partial<Standing> = {}): Standing => ({
  step: 40_000,
  total_steps: 100_000,
  iteration: 4,
  epoch: 0,
  position: 0,
  groups: 960,
  ...patch,
});
const four = { gpus: 4, nodes: 1 };
const names = { run: 'r', data: 1, test: 0 };
const plan = (config: TrainConfig, standing = at(), machines = four, epochs: number | null = null) =>
  planContinuation(config, standing, machines, names, epochs);

describe('what is left of a run', () => {
  it('is its remaining intervals, with seeds that go on and a short new warm-up', () => {
    const { config, intervals, notes } = plan(arc());
    expect(intervals).toBe(6);
    expect(config).toMatchObject({
      epochs: 60_000,
      eval_interval: 10_000,
      seed: 4,
      lr: 1e-4,
      puzzle_emb_lr: 1e-2,
      lr_min_ratio: 1,
      lr_warmup_steps: 100,
      data_paths: ['dataset'],
      load_checkpoint: 'step_40000',
      checkpoint_path: 'result',
      checkpoint_every_eval: true,
    });
    expect(notes.join(' ')).toMatch(/warm-up is over; the rate rises again over 100 steps/);
    // It is a config that the reference's own class takes: all keys, and read back equal.
    const { studio: _, ...rest } = config;
    expect(parseAllConfig(formatAllConfig(config)).config).toMatchObject(rest);
  });

  it('keeps the rest of a warm-up', () => {
    expect(plan(arc(), at({ step: 500, iteration: 0 })).config.lr_warmup_steps).toBe(1500);
    expect(plan(arc(), at({ step: 1990, iteration: 0 })).config.lr_warmup_steps).toBe(100);
    expect(plan(arc({ lr_warmup_steps: 0 })).config.lr_warmup_steps).toBe(0);
    expect(plan(arc({ lr_warmup_steps: 30 })).config.lr_warmup_steps).toBe(30);
  });

  it('begins where a cosine stands and ends at its floor', () => {
    // Half way through after a warm-up of 0: 0.2 + 0.8 · ½ = 0.6 of the peak; the floor 0.2 is a third of that.
    const { config, notes } = plan(arc({ lr_min_ratio: 0.2, lr_warmup_steps: 0 }), at({ step: 50_000, iteration: 5 }));
    expect(config.lr).toBeCloseTo(0.6e-4, 12);
    expect(config.puzzle_emb_lr).toBeCloseTo(0.6e-2, 12);
    expect(config.lr_min_ratio).toBeCloseTo(1 / 3, 12);
    expect(config.lr * config.lr_min_ratio).toBeCloseTo(0.2e-4, 12);
    expect(notes.join(' ')).toMatch(/60\.0 % of its peak/);
  });

  it('is rounded to whole intervals, which is said, and can be lengthened', () => {
    // 4 intervals and 7,000 of 10,000 epochs are done: 5.3 remain.
    const { intervals, notes } = plan(arc(), at({ epoch: 7000 }));
    expect(intervals).toBe(5);
    expect(notes.join(' ')).toMatch(/5\.3 intervals remain, and the reference runs 5 whole ones/);
    // What counts as done is the rest: the data goes on with the sixth interval.
    expect(plan(arc(), at({ epoch: 7000 })).config.seed).toBe(5);
    // Stopped on the last step of the fifth interval, before the turn to the sixth.
    const turn = plan(arc(), at({ epoch: 9999, position: 960 }));
    expect([turn.intervals, turn.iteration, turn.config.seed]).toEqual([5, 5, 5]);
    expect(turn.notes.join(' ')).not.toMatch(/intervals remain/);
    expect(plan(arc(), at(), four, 200_000).config.epochs).toBe(160_000);
    expect(plan(arc({ eval_interval: null, epochs: 30 }), at({ iteration: 0, epoch: 15 })).config).toMatchObject({
      epochs: 30,
      eval_interval: 30,
    });
    expect(plan(arc({ min_eval_interval: 6 })).config.min_eval_interval).toBe(2);
  });

  it('is refused where there is none, or where the reference would raise', () => {
    expect(() => plan(arc(), at({ iteration: 9, epoch: 9999, position: 960 }))).toThrow(
      /has done all of its 100000 epochs.*--epochs/,
    );
    expect(() => plan(arc(), at(), four, 95_000)).toThrow(/no multiple of eval_interval/);
    expect(() => plan(arc(), at(), { gpus: 5, nodes: 2 })).toThrow(/768, which 10 GPUs cannot share/);
    const arch = { ...arc().arch, no_ACT_continue: false };
    expect(() => plan(arc({ arch }))).toThrow(/no_ACT_continue is false/);
    const twoD = { ...arc().arch, pos_encodings: 'rope2d' as const };
    expect(() => plan(arc({ arch: twoD }))).toThrow(/pos_encodings is rope2d, which the reference does not have/);
    const loss = { ...arc().arch, loss: { ...arc().arch.loss, loss_type: 'softmax_cross_entropy' as const } };
    expect(() => plan(arc({ arch: loss }))).toThrow(/softmax_cross_entropy/);
  });
});

describe('run.sh', () => {
  const root = mkdtempSync(join(tmpdir(), 'trm-bundle-'));
  afterAll(() => rmSync(root, { recursive: true, force: true }));

  /** A torchrun that says where it was called and with what, one line each. */
  function fake(): { path: string; repo: string } {
    const bin = join(root, 'bin');
    const repo = join(root, `re po's "copy"`);
    for (const folder of [bin, repo]) mkdirSync(folder, { recursive: true });
    writeFileSync(join(repo, 'pretrain.py'), '');
    writeFileSync(join(bin, 'torchrun'), '#!/bin/sh\npwd\nprintf "%s\\n" "$WANDB_MODE" "$@"\n');
    chmodSync(join(bin, 'torchrun'), 0o755);
    return { path: `${bin}:${process.env.PATH}`, repo };
  }

  it.each([
    ['one node', four, {}],
    ['many nodes', { gpus: 8, nodes: 3 }, { HEAD_NODE: 'head 1' }],
  ])('starts the reference from any folder, on %s', (_, machines, env) => {
    const { path, repo } = fake();
    const folder = join(root, `bun dle's "x" $HOME \`id\``);
    mkdirSync(folder, { recursive: true });
    const script = join(folder, 'run.sh');
    writeFileSync(script, runScript('odd "name"\nrm -rf /', 'ab12', machines));
    execFileSync('bash', ['-n', script]);
    const ran = spawnSync('bash', [script, repo], { cwd: '/', env: { PATH: path, ...env }, encoding: 'utf8' });
    expect(ran.stderr).toBe('');
    const [cwd, mode, ...args] = ran.stdout.trim().split('\n');
    expect([cwd, mode]).toEqual([folder, 'offline']);
    expect(args.slice(0, 2)).toEqual(['--nproc-per-node', String(machines.gpus)]);
    expect(args).toContain(`--nnodes=${machines.nodes}`);
    expect(args).toContain(machines.nodes === 1 ? '--rdzv_endpoint=localhost:0' : '--rdzv_endpoint=head 1:29500');
    expect(args.slice(args.indexOf(join(repo, 'pretrain.py')))).toEqual([
      join(repo, 'pretrain.py'),
      '--config-path',
      folder,
      '--config-name',
      'all_config',
      'hydra.run.dir=.',
      'hydra.output_subdir=null',
    ]);
  });

  it('says what is missing', () => {
    const { path } = fake();
    const script = join(root, 'run.sh');
    writeFileSync(script, runScript('x', 'y', { gpus: 1, nodes: 2 }));
    const none = spawnSync('bash', [script], { env: { PATH: path }, encoding: 'utf8' });
    expect([none.status, none.stderr]).toEqual([2, expect.stringMatching(/There is no pretrain\.py in ""/)]);
    const headless = spawnSync('bash', [script, fake().repo], { env: { PATH: path }, encoding: 'utf8' });
    expect(headless.status).not.toBe(0);
    expect(headless.stderr).toMatch(/HEAD_NODE.*set it to the name of the first node/);
  });

  it('comes with a README that names the numbers', () => {
    const planned = plan(arc());
    const bundle = {
      run: { id: 'ab', name: 'a\nb' },
      step: 40_000,
      seconds: 1,
      iteration: 4,
      intervals: 6,
      weights: 'ema',
    } as Bundle;
    const text = readme(bundle, planned, four, true);
    expect(text).toMatch(/^# a b, from step 40,000 on\n/);
    expect(text).toMatch(/its step 1 is step 40,001 of the run/);
    expect(text).toMatch(/60,000 epochs, 6 evaluation intervals of 10,000/);
  });
});
