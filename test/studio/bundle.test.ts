/** To the cluster and back, on the command line with real training; the reference's part is played by its file names. */
import {
  copyFileSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  statSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { parseAllConfig } from '../../src/core/checkpoint/import/all-config';
import { readMetricsFile, type LoggedRow } from '../../src/studio/bundles/metrics-file';
import { freshFolder } from './home';
import { jsonLines, runCli } from './processes';

const root = mkdtempSync(join(tmpdir(), 'trm-bundle-cli-'));
afterAll(() => rmSync(root, { recursive: true, force: true }));
const env = { TRM_HOME: join(root, 'home') };
const cli = (...args: string[]) => runCli(args, { env });
const show = async () => jsonLines((await cli('runs', 'show', "a run's", '--json')).stdout)[0];
const bundle = join(root, `to "the" cluster's`);
const SMALL = ['arch.hidden_size=16', 'arch.num_heads=2', 'arch.L_layers=1', 'arch.H_cycles=1', 'arch.L_cycles=1']; // prettier-ignore

beforeAll(async () => {
  const data = join(root, 'da ta');
  await cli('build-sudoku-dataset', '--generate', '40', '--size', '4', '--output-dir', data);
  // 40 puzzles in batches of 8: 5 steps an epoch, an interval of 2 epochs has 10.
  const trained = await cli('train', '--data', data, ...SMALL, 'arch.puzzle_emb_len=1', 'arch.expansion=1',
    'global_batch_size=8', 'epochs=6', 'eval_interval=2', 'lr_warmup_steps=4', 'ema=True', 'evaluators=[]',
    'arch.halt_max_steps=2', 'arch.forward_dtype=float32', '--max-steps', '10', '--name', "a run's"); // prettier-ignore
  expect(trained.code).toBe(0);
}, 120_000);

describe('a bundle', () => {
  it('is a folder with all that the reference needs', async () => {
    const exported = await cli('export', "a run's", '--format', 'bundle', '--out', bundle, '--gpus', '2', '--json');
    expect(exported.code).toBe(0);
    const [report] = jsonLines(exported.stdout);
    expect(report).toMatchObject({ folder: bundle, step: 10, epochs: 4, intervals: 2, weights: 'ema' });
    expect(readdirSync(bundle).sort()).toEqual(
      ['README.md', 'all_config.yaml', 'dataset', 'identifiers.json', 'run.sh', 'step_10', 'trm-studio.json'],
    ); // prettier-ignore
    const { config } = parseAllConfig(readFileSync(join(bundle, 'all_config.yaml'), 'utf8'));
    expect(config).toMatchObject({ epochs: 4, eval_interval: 2, seed: 1, lr_warmup_steps: 4, run_name: "a run's" });
    expect(statSync(join(bundle, 'run.sh')).mode & 0o111).toBe(0o111);
    expect(existsSync(join(bundle, 'dataset', 'train', 'all__inputs.npy'))).toBe(true);
    expect(readdirSync(root).filter((name) => name.includes('partial'))).toEqual([]);

    const again = await cli('export', "a run's", '--format', 'bundle', '--out', bundle);
    expect([again.code, again.stderr]).toEqual([1, expect.stringMatching(/is not empty/)]);
    const odd = await cli('export', "a run's", '--format', 'bundle', '--out', `${bundle}2`, '--gpus', '3');
    expect([odd.code, odd.stderr]).toEqual([1, expect.stringMatching(/global_batch_size is 8, which 3 GPUs/)]);
    expect(existsSync(`${bundle}2`)).toBe(false);
    const linked = join(freshFolder(), 'linked');
    expect((await cli('export', "a run's", '--format', 'bundle', '--out', linked, '--link')).code).toBe(0);
    expect(readFileSync(join(linked, 'dataset', 'identifiers.json'), 'utf8')).toBeTruthy();
  });

  it('comes back as the continuation of its run, with its curves, and trains on', async () => {
    const none = await cli('import-checkpoint', bundle);
    expect([none.code, none.stderr]).toEqual([1, expect.stringMatching(/result holds no step_N yet/)]);
    // What the reference leaves after its first interval: weights, and a history in W&B.
    mkdirSync(join(bundle, 'result'));
    copyFileSync(join(bundle, 'step_10'), join(bundle, 'result', 'step_10'));
    copyFileSync(join(bundle, 'all_config.yaml'), join(bundle, 'result', 'all_config.yaml'));
    const history = join(root, 'history.csv');
    const line = (step: number, more = '') => `${step},${step},${step * 2},${1 / step},${more}`;
    const rows = Array.from({ length: 12 }, (_, i) => line(i + 1, i === 9 ? '0.25' : ''));
    writeFileSync(history, [',_step,_runtime,train/lm_loss,all.exact_accuracy', ...rows].join('\n'));

    const back = await cli('import-checkpoint', bundle, '--metrics', history, '--json');
    expect(back).toMatchObject({
      code: 0,
      stderr: expect.stringMatching(/2 points behind step_10 were left out/) as string,
    });
    expect(jsonLines(back.stdout)[0]).toMatchObject({ event: 'brought_back', step: 20, points: 11, status: 'stopped' });
    const run = await show();
    expect(run).toMatchObject({ status: 'stopped', step: 20, total_steps: 30, last_exact_accuracy: 0.25 });
    const metrics = run.metrics as { name: string; steps: number[]; seconds: number[]; values: number[] }[];
    const loss = metrics.find((m) => m.name === 'lm_loss');
    expect(loss?.steps).toEqual(Array.from({ length: 20 }, (_, i) => i + 1));
    expect(loss?.values.slice(10)).toEqual(Array.from({ length: 10 }, (_, i) => Math.fround(1 / (i + 1))));
    const steps = (run.checkpoints as { step: number; reason: string; exact_accuracy: number | null }[])[0];
    expect(steps).toMatchObject({ step: 20, reason: 'imported', exact_accuracy: 0.25 });

    const on = await cli('train', '--resume', "a run's", '--max-steps', '30', '--json');
    expect(on.code).toBe(0);
    const told = jsonLines(on.stdout);
    expect(told.filter((e) => e.event === 'metrics').map((e) => e.step)).toEqual(
      Array.from({ length: 10 }, (_, i) => 21 + i),
    );
    // One interval was left: it ends with the run.
    expect(told.at(-1)).toMatchObject({ event: 'done', status: 'done', step: 30 });

    const late = await cli('import-checkpoint', bundle);
    expect([late.code, late.stderr]).toEqual([1, expect.stringMatching(/has been trained here to step 30 since/)]);
    const own = await cli('import-checkpoint', bundle, '--new', '--name', 'own', '--data', join(root, 'da ta'));
    expect([own.code, own.stderr]).toEqual([0, expect.stringMatching(/The run is own \(.*\), stopped at step 10/)]);
  });

  it('is told from what is none', async () => {
    const wrong = await cli('import-checkpoint', bundle, '--name', 'x');
    expect([wrong.code, wrong.stderr]).toEqual([2, expect.stringMatching(/--name does not go with a bundle/)]);
    const folder = freshFolder();
    writeFileSync(join(folder, 'trm-studio.json'), '{"format": "trm-studio-bundle"}');
    const damaged = await cli('import-checkpoint', folder);
    expect([damaged.code, damaged.stderr]).toEqual([1, expect.stringMatching(/is not what the studio wrote/)]);
    writeFileSync(join(folder, 'trm-studio.json'), 'x');
    expect((await cli('import-checkpoint', folder)).stderr).toMatch(/is no JSON/);
    const lone = await cli('import-checkpoint', join(root, 'da ta', 'identifiers.json'), '--metrics', 'x.csv');
    expect([lone.code, lone.stderr]).toEqual([2, expect.stringMatching(/--metrics goes with a bundle/)]);
  });
});

describe('metrics of elsewhere', () => {
  const read = async (content: string): Promise<[number, number | null, Record<string, number>][]> => {
    const path = join(freshFolder(), 'm');
    writeFileSync(path, content);
    const rows: LoggedRow[] = [];
    for await (const row of readMetricsFile(path)) rows.push(row);
    return rows.map(({ step, runtime, values }) => [step, runtime, Object.fromEntries(values)]);
  };

  it('are read as W&B gives them: a history, a chart, JSON lines', async () => {
    expect(
      await read(
        '\ufeff,_step,_runtime,train/lm_loss,all.accuracy,num_params,note\r\n0,0,0.5,,,7000000,\r\n1,1,1.5,2.5,NaN,,x\r\n',
      ),
    ).toEqual([[1, 1.5, { lm_loss: 2.5 }]]);
    expect(
      await read(
        '"Step","my, ""run"" - train/lm_loss","my, ""run"" - train/lm_loss__MIN","x__MAX"\n"5","0.25","0","1"\n',
      ),
    ).toEqual([[5, null, { lm_loss: 0.25 }]]);
    expect(
      await read(
        '{"_step":3,"train/lr":0.1,"all":{"accuracy":0.5},"gone":null,"_wandb":{"x":1},"w":"NaN"}\n\n{"_step":4,"ARC/pass@2":1}\n',
      ),
    ).toEqual([
      [3, null, { lr: 0.1, 'eval/accuracy': 0.5 }],
      [4, null, { 'ARC/pass@2': 1 }],
    ]);
  });

  it('are refused with the place of the fault', async () => {
    await expect(read('a,b\n1,2\n')).rejects.toThrow(/has no column _step or Step, but a, b/);
    await expect(read('_step,x\n1.5,2\n')).rejects.toThrow(/has the step 1\.5 in line 2/);
    await expect(read('{"_step":1}\n{"_step"')).rejects.toThrow(/is no JSON in line 2/);
    await expect(read('{"x":1}\n')).rejects.toThrow(/has the step nothing in line 1/);
  });
});
