/** Checkpoints in and out, as the command line does it: with a real compute process. */
import { existsSync, mkdtempSync, readdirSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { openTensorFile } from '../../src/core/checkpoint/formats/open';
import { CORPUS, contentOf } from '../checkpoint/fixtures';
import { ARC_TINY, arcNames, bytesOf, tinyConfig, writeReference, type Written } from '../checkpoint/model';
import { freshFolder } from './home';
import { jsonLines, runCli } from './processes';

/** `freshFolder` lasts for one test. */
const folder = mkdtempSync(join(tmpdir(), 'trm-exchange-cli-'));
afterAll(() => rmSync(folder, { recursive: true, force: true }));
const home = join(folder, 'home');
const cli = (...args: string[]) => runCli(args, { env: { TRM_HOME: home } });
let reference: Written;
let sudoku: Written;

beforeAll(async () => {
  const names = arcNames();
  reference = await writeReference(join(folder, 'arc'), tinyConfig(), {
    rows: names.length,
    identifiers: names,
  });
  const small = { ...tinyConfig(undefined, { halt_max_steps: 2 }), eval_interval: 100 };
  sudoku = await writeReference(join(folder, 'sudoku'), small, {
    rows: 1,
    seq_len: 16,
    vocab_size: 6,
    step: 'step_20',
  });
});

describe('trm import-checkpoint', () => {
  it('makes a run of a step_N, with what was found, and exports it byte for byte', async () => {
    const ended = await cli('import-checkpoint', reference.path, '--data', ARC_TINY, '--name', 'from afar', '--json');
    expect(ended.code).toBe(0);
    const [imported] = jsonLines(ended.stdout);
    expect(imported).toMatchObject({
      event: 'imported', step: 500, exact: false, data_path: ARC_TINY, warnings: [],
      embedding: { rule: 'names', mean: 0, matched: arcNames().length },
    }); // prettier-ignore
    const [run] = jsonLines((await cli('runs', 'show', 'from afar', '--json')).stdout);
    expect(run).toMatchObject({ status: 'stopped', step: 500, dataset_name: 'expected', has_checkpoint: true });
    expect((run.pinned as unknown[]).length).toBeGreaterThan(0);

    const out = freshFolder();
    for (const format of ['pytorch', 'safetensors']) {
      expect((await cli('export', 'from afar', '--format', format, '--out', out)).code).toBe(0);
    }
    expect(readdirSync(out).sort()).toEqual([
      'all_config.yaml',
      'identifiers.json',
      'step_500',
      'step_500.safetensors',
    ]);
    const expected = Object.fromEntries([...reference.tensors].map(([name, t]) => [name, bytesOf(t)]));
    for (const name of ['step_500', 'step_500.safetensors']) {
      const content = contentOf(openTensorFile(join(out, name)));
      expect(Object.fromEntries(Object.entries(content).map(([key, { hex }]) => [key, hex]))).toEqual(expected);
    }
    const again = await cli('export', 'from afar', '--format', 'pytorch', '--out', out);
    expect(again).toMatchObject({ code: 1, stderr: expect.stringMatching(/already there.*--force/) as string });
  });

  it('is the start of a continued training and of an evaluation', async () => {
    const data = join(freshFolder(), 'sudoku');
    await cli('build-sudoku-dataset', '--generate', '40', '--size', '4', '--output-dir', data);
    const imported = await cli('import-checkpoint', sudoku.path, '--data', data, '--name', 'sudoku');
    expect(imported).toMatchObject({ code: 0, stderr: expect.stringMatching(/stopped at step 20/) as string });
    const trained = await cli('train', '--resume', 'sudoku', '--max-steps', '22', '--json');
    expect(trained.code).toBe(0);
    const events = jsonLines(trained.stdout);
    expect(events.filter((e) => e.event === 'metrics').map((e) => e.step)).toEqual([21, 22]);
    expect(events.at(-1)).toMatchObject({ event: 'done', status: 'done', step: 22 });

    // And of another run: the model must be the same, which is said before anything runs.
    const start = (...more: string[]) =>
      cli('train', `data_paths=[${data}]`, `load_checkpoint=${sudoku.path}`, 'arch.hidden_size=32', 'arch.num_heads=2',
        'arch.L_layers=1', 'arch.H_layers=1', 'arch.H_cycles=2', 'arch.puzzle_emb_ndim=32', 'arch.puzzle_emb_len=2',
        'arch.halt_max_steps=2', 'global_batch_size=4', 'epochs=100', 'eval_interval=100', '--max-steps', '1', ...more); // prettier-ignore
    const wrong = await start('arch.L_cycles=6');
    expect(wrong.code).toBe(1);
    expect(wrong.stderr).toMatch(/arch\.L_cycles is 6 here and 4 in load_checkpoint/);
    expect((await start('arch.L_cycles=4')).code).toBe(0);
  });

  it('explains without writing, and takes what the checkpoint does not say', async () => {
    const before = jsonLines((await cli('runs', '--json')).stdout).length;
    const { path } = await writeReference(freshFolder(), tinyConfig(), { config: null, rows: 3 });
    const ended = await cli('import-checkpoint', path, '--dry-run', 'arch.L_cycles=4', '--json');
    const [report] = jsonLines(ended.stdout);
    expect(report).toMatchObject({ event: 'inspected', config_from: null, config: { arch: { L_cycles: 4 } } });
    expect(ended.stderr).toMatch(/taken as arch\.num_heads=8: the weights do not show it/);
    expect(jsonLines((await cli('runs', '--json')).stdout)).toHaveLength(before);
  });

  it.each([
    ['a pickle that would run a command', join(CORPUS, 'torch-2.15-bad-system.pt'), /asks for "posix\.system"/],
    ['a file that is not there', join(CORPUS, 'nothing'), /does not exist: check the path/],
    ['a folder', CORPUS, /is not a file/],
    ['a state dict of something else', join(CORPUS, 'torch-2.15-module.pt'), /no checkpoint of a Tiny Recursive Model/],
  ])('%s: exit code 1, a sentence, and nothing left', async (_what, path, sentence) => {
    const empty = freshFolder();
    const ended = await runCli(['import-checkpoint', path], { env: { TRM_HOME: empty } });
    expect(ended.code).toBe(1);
    expect(ended.stderr.trim()).toMatch(sentence);
    expect(ended.stderr.trim().split('\n')).toHaveLength(1);
    expect(readdirSync(join(empty, 'runs'))).toEqual([]);
    expect(existsSync(resolve('opened'))).toBe(false);
  });

  it.each([
    [['export', 'x', '--format', 'pytroch', '--out', 'y'], /did you mean pytorch\?/],
    [['export', 'x', '--out', 'y'], /Required option/],
    [['import-checkpoint', 'x', 'arch.L_cycle=4'], /did you mean arch\.L_cycles/],
    [['import-checkpoint'], /Missing required argument|missing required argument/],
  ])('%j is wrong usage', async (args, sentence) => {
    const ended = await cli(...args);
    expect(ended.code).toBe(2);
    expect(ended.stderr).toMatch(sentence);
  });
});
