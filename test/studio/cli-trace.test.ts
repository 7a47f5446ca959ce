/** `trm trace` on a solve: files that say what the window's playback says. */
import { existsSync, mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { parseHeader } from '../../src/core/checkpoint/formats/safetensors';
import type { TraceMeta } from '../../src/shared/trace';
import { freshFolder } from './home';
import { jsonLines, runCli } from './processes';

const TASK = {
  train: [
    { input: [[1, 2]], output: [[3, 3]] },
    { input: [[2, 5]], output: [[3, 3]] },
  ],
  test: [{ input: [[4, 1]], output: [[3, 3]] }, { input: [[7, 7]] }],
};

let home: string;
beforeAll(async () => {
  // For all tests: a fresh folder goes with the test that asked for it.
  const folder = mkdtempSync(join(tmpdir(), 'trm-cli-trace-'));
  home = join(folder, 'home');
  const file = join(folder, 'fill.json');
  writeFileSync(file, JSON.stringify(TASK));
  const line = ['solve', file, '--out', join(folder, 'out'), '--max-steps', '25', '--views', '4', '--home', home];
  expect((await runCli(line, {})).code).toBe(0);
}, 60_000);
afterAll(() => rmSync(join(home, '..'), { recursive: true, force: true }));

const trace = (out: string, ...words: string[]) =>
  runCli(['trace', ...words, '--out', out, '--json', '--home', home], {});

function metaOf(path: string): TraceMeta {
  const bytes = readFileSync(path);
  return JSON.parse(parseHeader(bytes, bytes.length, path).metadata.trace) as TraceMeta;
}

describe('trm trace', () => {
  it('writes the trace of a solved task with all its views, and the same as JSON', async () => {
    const out = join(freshFolder(), 'traces');
    const ended = await trace(out, 'fill');
    expect(ended.code).toBe(0);
    const [said] = jsonLines(ended.stdout) as { event: string; puzzle: string; path: string; json: string }[];
    expect(said).toMatchObject({ event: 'trace', puzzle: expect.stringMatching(/^fill/) as string });
    const meta = metaOf(said.path);
    expect(meta).toMatchObject({ schema: 2, run_name: 'solve of fill', checkpoint_step: 25, split: 'test' });
    // The view that won, on the first of the two test inputs.
    expect(meta.index % 2).toBe(0);
    expect(meta.views).toHaveLength(4);
    expect(meta.updates.length).toBeGreaterThan(0);
    const json = JSON.parse(readFileSync(said.json, 'utf8')) as { steps: unknown[]; views: unknown[]; meta: TraceMeta };
    expect([json.steps.length, json.views.length, json.meta]).toEqual([meta.act_steps, 4, meta]);
    expect(readdirSync(out)).toHaveLength(2);
  }, 30_000);

  it('traces either of the two networks that voted', async () => {
    const out = join(freshFolder(), 'traces');
    const said = async (network: string) => {
      const ended = await trace(
        join(out, network),
        'fill',
        '--network',
        network,
        '--example',
        'test:0',
        '--views',
        '0',
      );
      expect(ended.stderr).not.toContain('kept no network');
      return metaOf((jsonLines(ended.stdout)[0] as { path: string }).path);
    };
    const [attention, mlp] = [await said('attention'), await said('mlp')];
    expect([attention.heads, mlp.heads]).toEqual([4, 0]);
  }, 30_000);

  it('takes an example, more ACT steps, no updates, and a task file that the model never saw', async () => {
    const out = join(freshFolder(), 'traces');
    const one = await trace(out, 'fill', '--example', 'train:1', '--act-steps', '7', '--no-inner', '--views', '0');
    expect(one.code).toBe(0);
    const first = metaOf((jsonLines(one.stdout)[0] as { path: string }).path);
    expect(first).toMatchObject({ split: 'train', index: 1, act_steps: 7, updates: [], solved: expect.any(Boolean) });
    expect(first.views.length).toBeLessThan(2);
    const other = join(freshFolder(), 'other.json');
    mkdirSync(join(other, '..'), { recursive: true });
    writeFileSync(other, JSON.stringify({ ...TASK, test: [{ input: [[5, 6]] }] }));
    const two = await trace(out, 'fill', '--task', other, '--views', '2');
    expect(two.code).toBe(0);
    expect(two.stderr).toContain('The checkpoint never saw other: it gets the mean of all embeddings.');
    const second = metaOf((jsonLines(two.stdout)[0] as { path: string }).path);
    expect(second).toMatchObject({ puzzle: 'other', solved: null });
    expect(second.views).toHaveLength(3);
  }, 60_000);

  it.each([
    [['nothing'], 1, 'There is no run "nothing"'],
    [['fill', '--network', 'cnn'], 2, '--network is cnn: use attention or mlp or checkpoint.'],
    [['fill', '--network', 'checkpoint'], 1, 'The solve of fill kept no network checkpoint: choose '],
    [['fill', '--example', 'test:8'], 2, 'Example 8 is not in the test split'],
    [['fill', '--example', 'dev:8'], 2, 'Use train:N or test:N'],
    [['fill', '--puzzle', 'x'], 1, 'There is no puzzle x'],
    [['fill', '--puzzle', 'x', '--example', 'test:0'], 2, 'give one of them'],
    [['fill', '--weights', 'best'], 2, '--weights is best'],
  ])('%j is refused in one sentence, and leaves nothing', async (words, code, says) => {
    const out = join(freshFolder(), 'traces');
    const ended = await trace(out, ...words);
    expect([ended.code, ended.stderr]).toEqual([code, expect.stringContaining(says)]);
    expect(ended.stderr).not.toMatch(/\n\s+at /);
    expect(existsSync(out)).toBe(false);
  });
});
