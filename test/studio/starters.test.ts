/** The models that ship: their files, and what they can do from a fresh home, with a real compute process. */
import { mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { afterAll, describe, expect, it } from 'vitest';
import { openModelSource } from '../../src/core/checkpoint/import/model-source';
import { readBundled } from '../../src/core/data/bundled';
import { presetConfig } from '../../src/shared/presets';
import { provenance, STARTERS, starterRun } from '../../src/shared/starters';
import { jsonLines, runCli } from './processes';

const SHIPPED = resolve('resources/starters');
const fileOf = (name: string, step: number) => join(SHIPPED, name, `step_${step}.safetensors`);

const folder = mkdtempSync(join(tmpdir(), 'trm-starters-'));
afterAll(() => rmSync(folder, { recursive: true, force: true }));
const cli = (...args: string[]) => runCli(args, { env: { TRM_HOME: join(folder, 'home') } });

describe('the files of the starters', () => {
  it('are at most 8 MB together', () => {
    const files = readdirSync(SHIPPED, { recursive: true, encoding: 'utf8' }).map((name) => join(SHIPPED, name));
    const bytes = files.reduce((sum, file) => sum + (statSync(file).isFile() ? statSync(file).size : 0), 0);
    expect(bytes).toBeLessThanOrEqual(8 * 2 ** 20);
  });

  it.each(STARTERS)('open: $name, the network of its preset, at its step', ({ name, step, preset }) => {
    const source = openModelSource(fileOf(name, step));
    try {
      expect(source.step).toBe(step);
      expect(source.config?.config.arch).toEqual(presetConfig(preset).arch);
      expect(source.config?.config.data_paths).toEqual(['starter']);
      const table = source.table();
      expect(table?.rows ?? null).toBe(name === 'arc-small' ? source.names?.table.length : null);
    } finally {
      source.close();
    }
  });

  it('name only tasks of the ARC-AGI-1 training set', async () => {
    const names = JSON.parse(readFileSync(join(SHIPPED, 'arc-small', 'identifiers.json'), 'utf8')) as string[];
    const training = new Set((await readBundled(resolve('resources'), 'training')).map((task) => task.name));
    const tasks = new Set(names.slice(1).map((name) => name.split('|||')[0]));
    expect(tasks.size).toBe(178);
    expect([...tasks].filter((task) => !training.has(task))).toEqual([]);
  });
});

describe('a fresh home', () => {
  it('evaluates the Sudoku starter on puzzles that it never saw, and solves nearly all of them', async () => {
    const data = join(folder, 'sudoku');
    const built = await cli('build-sudoku-dataset', '--generate', '1', '--test', '32', '--blanks', '36-45', '--seed', '77', '--output-dir', data); // prettier-ignore
    expect(built.code).toBe(0);
    const out = join(folder, 'scores');
    const ended = await cli('eval', '--checkpoint', 'sudoku-9x9', '--data', data, '--out', out);
    expect(ended).toMatchObject({ code: 0 });
    const { exact_accuracy, count } = JSON.parse(readFileSync(join(out, 'metrics.json'), 'utf8')) as Record<
      string,
      number
    >;
    expect(count).toBe(32);
    expect(exact_accuracy).toBeGreaterThanOrEqual(30 / 32);

    // It is a run like any other now, and says where it comes from.
    const [starter] = STARTERS.filter(({ name }) => name === 'sudoku-9x9');
    const [run] = jsonLines((await cli('runs', 'show', starter.title, '--json')).stdout);
    expect(run).toMatchObject({
      id: starterRun('sudoku-9x9'),
      preset: 'starter-sudoku',
      reason: provenance(starter),
      step: starter.step,
      has_checkpoint: true,
    });
  });

  it('solves from the ARC starter', async () => {
    const tasks = join(folder, 'tasks');
    mkdirSync(tasks);
    const task = {
      train: [
        { input: [[1, 0]], output: [[0, 1]] },
        { input: [[2, 3]], output: [[3, 2]] },
      ],
      test: [{ input: [[4, 5]] }],
    };
    writeFileSync(join(tasks, 'flip.json'), JSON.stringify(task));
    const out = join(folder, 'answers');
    const args = ['solve', tasks, '--checkpoint', 'arc-small', '--max-steps', '2', '--views', '8', '--out', out];
    expect(await cli(...args)).toMatchObject({ code: 0 });
    const result = JSON.parse(readFileSync(join(out, 'flip.json'), 'utf8')) as Record<string, unknown>;
    expect(result).toMatchObject({ steps: 2, canvas: 10, checkpoint: { step: STARTERS[0].step } });
    // Taken in once: the second time it is the same run.
    expect(await cli(...args)).toMatchObject({ code: 0 });
    // A task that does not fit its canvas takes nothing from the others.
    const wide = Array.from({ length: 12 }, (_, i) => i % 10);
    writeFileSync(join(tasks, 'a-wide.json'), JSON.stringify({ ...task, test: [{ input: [wide] }] }));
    const mixed = await cli(...args);
    expect(mixed).toMatchObject({
      code: 1,
      stderr: expect.stringContaining('a-wide has a grid of 12 cells a side') as string,
    });
    expect(mixed.stderr).toContain('1 of 2 tasks failed, as said above.');
    const submission = JSON.parse(readFileSync(join(out, 'submission.json'), 'utf8')) as object;
    expect(Object.keys(submission)).toEqual(['flip']);
    const runs = jsonLines((await cli('runs', 'list', '--json')).stdout);
    expect(runs.filter((run) => run.id === starterRun('arc-small'))).toHaveLength(1);
  });
});
