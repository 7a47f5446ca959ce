import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { bundledSet, readSubmissions, sayScore } from '../../src/cli/score-submission';
import { parseJson } from '../../src/core/arc/json';
import { readSubmission, scoreSubmission, type Submission } from '../../src/core/arc/submission';
import { findBundled, readBundled, type BundledName } from '../../src/core/data/bundled';
import type { Task } from '../../src/shared/arc';

const cases = resolve(import.meta.dirname, 'cases');
const resources = resolve(import.meta.dirname, '../../resources');
const read = (value: unknown, file = 's.json'): Submission =>
  readSubmission(parseJson(typeof value === 'string' ? value : JSON.stringify(value), file), file, 's');
const [a, b, c] = [[[1]], [[2, 2]], [[3]]];
const task = (name: string, ...outputs: number[][][]): Task => ({
  name,
  train: [{ input: a, output: b }],
  test: outputs.map((output) => ({ input: a, output })),
});
const two = (first: unknown, second: unknown = null) => ({ attempt_1: first, attempt_2: second });

describe('a submission', () => {
  it('is scored over all tasks of the set, by test inputs, by tasks, and as the mean over tasks', () => {
    const set = [task('x', a, b), task('y', c), task('z', a), task('none', a)];
    const submission = read({ x: [two(a, b), two(c, b)], y: [two(a, b)], z: [two(a, a)], other: [two(a)] });
    const score = scoreSubmission(set, submission, 'The set');
    expect(score.metrics).toEqual({
      'ARC/pass@1': (1 / 2 + 0 + 1 + 0) / 4,
      'ARC/pass@2': (1 + 0 + 1 + 0) / 4,
      'ARC Prize/score': 3 / 5,
      'ARC Prize/tasks_solved': 2 / 4,
      'ARC/tasks': 4,
      'ARC/test_inputs': 5,
    });
    expect(score.tasks.map((t) => [t.name, t.solved, t.right])).toEqual([
      ['x', true, [1, 2]],
      ['y', false, [null]],
      ['z', true, [1]],
      ['none', false, [null]],
    ]);
    expect([score.missing, score.unknown, score.uneven]).toEqual([['none'], ['other'], []]);
  });

  it('with another number of entries is named, and what is missing counts as missed', () => {
    const score = scoreSubmission([task('x', a, b)], read({ x: [two(a)] }), 'The set');
    expect([score.uneven, score.metrics['ARC Prize/score']]).toEqual([[{ name: 'x', entries: 1, test_inputs: 2 }], 0.5]);
    expect(scoreSubmission([task('x', a)], read({ x: [] }), 'The set').tasks[0].right).toEqual([null]);
  }); // prettier-ignore

  it('of arc-agi-benchmarking is a list for one task, named in its metadata or by its file', () => {
    const file = readFileSync(join(cases, 'submission-benchmarking.json'), 'utf8');
    const [entry] = JSON.parse(file) as { attempt_1: { answer: number[][] }; attempt_2: { answer: number[][] } }[];
    expect(read(file)).toEqual(new Map([['fine', [[entry.attempt_1.answer, entry.attempt_2.answer]]]]));
    expect([...read([two({ answer: a })]).keys()]).toEqual(['s']);
    expect(read([{ attempt_1: { answer: [] } }, null])).toEqual(new Map([['s', [[null, null], []]]]));
  });

  it.each<[unknown, string]>([
    [{}, 's.json holds no attempts: choose a submission.json.'],
    [3, 's.json holds no attempts: choose a submission.json.'],
    [{ x: 3 }, 's.json: x is no list: write one entry for each test input.'],
    [{ x: [[[1]]] }, 's.json: x[0] has no attempt: write {"attempt_1": …, "attempt_2": …}.'],
    [{ x: [two([[10]])] }, 's.json: x[0].attempt_1 row 1, column 1 is 10: use a colour from 0 to 9.'],
    ['{"x": [], "x": []}', 's.json: the key "x" appears twice at line 1: keep one.'],
  ])('is refused with one sentence: %j', (value, message) => {
    expect(() => read(value)).toThrow(message);
  });

  it('for another set, or without answers to compare with, is refused', () => {
    expect(() => scoreSubmission([task('x', a)], read({ y: [two(a)] }), 'The set')).toThrow(
      'The set has none of the 1 tasks of the submission (y, …): choose the set that it was made for.',
    );
    const open = { ...task('x'), test: [{ input: a }] };
    expect(() => scoreSubmission([open], read({ x: [two(a)] }), 'The set')).toThrow('The set lacks the answers of x');
  });
});

describe('trm score', () => {
  let folder: string;
  const said: string[] = [];
  beforeEach(() => {
    folder = mkdtempSync(join(tmpdir(), 'trm-score-'));
    said.length = 0;
    vi.spyOn(process.stderr, 'write').mockImplementation((text) => said.push(String(text)) > 0);
  });
  afterEach(() => {
    vi.restoreAllMocks();
    rmSync(folder, { recursive: true, force: true });
  });
  async function score(path: string, set: string, edition?: string) {
    const answers = await bundledSet(findBundled(set) as BundledName, edition);
    const result = scoreSubmission(answers.tasks, await readSubmissions(path, 's'), answers.title);
    sayScore(answers, result);
    return { edition: answers.edition, ...result };
  }
  const perfect = async (edition: string): Promise<Record<string, unknown>> =>
    Object.fromEntries(
      (await readBundled(resources, 'evaluation2', edition)).map((t) => [t.name, t.test.map((p) => two(p.output))]),
    );

  it('takes a bundled set in its newest edition or the one that is named, and says which', async () => {
    const file = join(folder, 'submission.json');
    writeFileSync(file, JSON.stringify(await perfect('2025-05-15')));
    const official = await score(file, 'arc-agi-2-evaluation');
    expect([official.edition, official.metrics['ARC Prize/score'], official.metrics['ARC/test_inputs']]).toEqual(['2025-05-15', 1, 167]);
    expect(said[0]).toBe('ARC-AGI-2 evaluation, edition 2025-05-15: 100.0 % of the test inputs (167 of 167), 120 of 120 tasks whole.\n');
    said.length = 0;
    const old = await score(file, 'evaluation2', 'reference');
    expect([old.edition, old.metrics['ARC/test_inputs']]).toEqual(['reference', 172]);
    expect(old.metrics['ARC Prize/score']).toBeLessThan(1);
    expect(said.at(-1)).toMatch(/another number of test inputs than the submission \(.*\); was it made for the edition 2025-05-15 \(--edition\)\?/);
  }); // prettier-ignore

  it('takes a folder of lists, one for each task', async () => {
    mkdirSync(join(folder, 'run'));
    const all = Object.entries(await perfect('2025-05-15')).slice(0, 3);
    for (const [name, attempts] of all) writeFileSync(join(folder, 'run', `${name}.json`), JSON.stringify(attempts));
    const { metrics } = await score(join(folder, 'run'), 'arc-agi-2-evaluation');
    expect(metrics['ARC Prize/tasks_solved']).toBe(3 / 120);
    expect(said.at(-1)).toMatch(/^117 tasks of the set are not in the submission and count as missed/);
  });

  it('refuses an unknown edition', async () => {
    const file = join(cases, 'submission-kaggle.json');
    await expect(score(file, 'arc-agi-2-evaluation', '2020')).rejects.toThrow('There is no edition 2020');
  }); // prettier-ignore
});
