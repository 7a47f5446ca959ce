/** `trm solve`: tasks from files, answers, marks and rollouts, and what it refuses. */
import { mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import type { Task } from '../../src/shared/arc';
import type { SolveResult } from '../../src/shared/solve';
import { freshFolder } from './home';
import { jsonLines, runCli } from './processes';

/** Every cell of the output is colour 3. */
const TASK: Task = {
  name: 'fill',
  train: [
    { input: [[1, 2]], output: [[3, 3]] },
    { input: [[2, 5]], output: [[3, 3]] },
  ],
  test: [{ input: [[4, 1]], output: [[3, 3]] }],
};
describe('trm solve', () => {
  it('writes an answer per task and a submission', async () => {
    const home = freshFolder();
    const tasks = freshFolder();
    mkdirSync(tasks, { recursive: true });
    const { name: _name, ...content } = TASK;
    writeFileSync(join(tasks, 'fill.json'), JSON.stringify(content));
    const out = join(freshFolder(), 'answers');
    const line = [
      'solve',
      tasks,
      '--out',
      out,
      '--max-steps',
      '30',
      '--views',
      '4',
      '--json',
      '--home',
      home,
      '--rollouts',
      '2',
      '--marks',
      '60s',
    ];
    const ended = await runCli(line, {});
    expect(ended.code).toBe(0);
    expect(jsonLines(ended.stdout)).toMatchObject([{ event: 'solve', task: 'fill', status: 'done', step: 30 }]);
    const result = JSON.parse(readFileSync(join(out, 'fill.json'), 'utf8')) as SolveResult;
    expect(JSON.parse(readFileSync(join(out, 'submission.json'), 'utf8'))).toEqual({ fill: result.attempts });
    expect(result.marks).toMatchObject([{ at: 60, step: 30, attempts: result.attempts }]);
    expect(result.options.rollouts).toEqual({ paths: 2, noise: 0.6, choose: 'q', seed: 0 });
    expect(Object.keys(result.rollouts ?? {})).toContain('rollouts/agreement');
  }, 60_000);

  it.each([
    [['solve', 'nowhere.json', '--out', 'x'], 1, 'does not exist'],
    [['solve', 'a.json', '--out', 'x', '--budget', 'soon'], 2, '--budget is soon'],
    [['solve', 'a.json', '--out', 'x', '--learn', 'some'], 2, '--learn is some'],
    [['solve', 'a.json', '--out', 'x', '--noise', 'much'], 2, '--noise is much: use a number above 0.'],
    [
      ['solve', 'a.json', '--out', 'x', '--budget', '1m', '--marks', '30s,2m'],
      2,
      '--marks has 120 s, and the budget is 60 s',
    ],
    [['solve', 'a.json'], 2, '--out'],
  ])('%j is refused in one sentence', async (line, code, says) => {
    const ended = await runCli([...line, '--home', freshFolder()], {});
    expect([ended.code, ended.stderr]).toEqual([code, expect.stringContaining(says)]);
  });
});
