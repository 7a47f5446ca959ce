/** The vote and its scores: the reference's own numbers on its own predictions, and cases worked out by hand. */
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { gunzipSync } from 'node:zlib';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { arcMetrics, scoresByViews, scoreTask, submission, viewLadder } from '../../src/core/arc/scores';
import { GridPool, Votes } from '../../src/core/arc/voting';
import { writeSafetensors } from '../../src/core/checkpoint/formats/safetensors-write';
import { readSafetensors } from '../../src/core/checkpoint/formats/safetensors';
import { readTestTasks, undoAugmentation } from '../../src/core/evaluate/arc-votes';
import { scorePredictions } from '../../src/core/evaluate/predictions';
import { readVotes, writeVotes } from '../../src/core/evaluate/votes-file';
import type { Task } from '../../src/shared/arc';
import { IDENTITY } from '../../src/shared/arc-augment';
import { flattenGrid, recolourGrid, transformGrid, type Dihedral, type FlatGrid } from '../../src/shared/arc-grid';

const GOLDEN = resolve(__dirname, '../golden');
const DATASET = join(GOLDEN, 'arc-tiny/expected');
const quiet = { stopped: () => false, progress: () => undefined };

let folder: string;
let predictions: string;
beforeAll(() => {
  folder = mkdtempSync(join(tmpdir(), 'trm-voting-'));
  predictions = join(folder, 'predictions.safetensors');
  writeFileSync(predictions, gunzipSync(readFileSync(join(GOLDEN, 'evaluator/predictions.safetensors.gz'))));
});
afterAll(() => rmSync(folder, { recursive: true, force: true }));

const json = (...path: string[]): unknown => JSON.parse(readFileSync(join(...path), 'utf8'));

describe('the reference’s evaluator', () => {
  it('has equal metrics and an equal submission', async () => {
    const out = join(folder, 'golden');
    const report = await scorePredictions([predictions], DATASET, out, quiet);
    expect(json(out, 'metrics.json')).toMatchObject(json(GOLDEN, 'evaluator/metrics.json') as object);
    expect(json(out, 'submission.json')).toEqual(json(GOLDEN, 'evaluator/submission.json'));
    // One test input per task: the two families agree.
    expect(report?.metrics).toMatchObject({ 'ARC Prize/score': 0.75, 'ARC Prize/tasks_solved': 0.75, count: 16 });
    expect(report?.tasks.map(({ outcome }) => outcome).sort()).toEqual(['missed', 'solved', 'solved', 'solved']);
    const [first] = report?.tasks[0].inputs ?? [];
    expect(first.votes).toBe(4);
    expect(first.candidates[0].views[0]).toMatch(/^0692e18c/);
  });

  it('does not mind padding, or the order of the rows where no votes are tied', async () => {
    const { tensors } = await readSafetensors(predictions);
    const S = 900;
    const order = [...Array.from({ length: 16 }, (_, i) => 15 - i), -1, -1];
    const rows = (name: string, width: number, type: typeof Int32Array | typeof Float32Array) => {
      const from = tensors.get(name)?.data as Int32Array;
      const data = new type(order.length * width);
      order.forEach((row, i) => row >= 0 && data.set(from.subarray(row * width, (row + 1) * width), i * width));
      return { shape: width === 1 ? [order.length] : [order.length, width], data };
    };
    const shuffled = join(folder, 'shuffled.safetensors');
    await writeSafetensors(
      shuffled,
      new Map([
        ['preds', rows('preds', S, Int32Array)],
        ['inputs', rows('inputs', S, Int32Array)],
        ['puzzle_identifiers', rows('puzzle_identifiers', 1, Int32Array)],
        ['q_halt_logits', rows('q_halt_logits', 1, Float32Array)],
      ]),
      {},
    );
    const out = join(folder, 'shuffled');
    const report = await scorePredictions([shuffled], DATASET, out, quiet);
    expect(json(out, 'metrics.json')).toMatchObject(json(GOLDEN, 'evaluator/metrics.json') as object);
    expect(json(out, 'submission.json')).toEqual(json(GOLDEN, 'evaluator/submission.json'));
    expect(report?.metrics.count).toBe(16);
    expect(report?.notes).toEqual([]);
  });

  it('reads what PyTorch saved: one file per process, preds as int64', async () => {
    // The same predictions, saved by PyTorch's own torch.save.
    const files = [0, 1].map((rank) => {
      const name = `step_5_all_preds.${rank}`;
      writeFileSync(join(folder, name), gunzipSync(readFileSync(join(GOLDEN, 'evaluator', `${name}.gz`))));
      return join(folder, name);
    });
    const out = join(folder, 'torch');
    await scorePredictions(files, DATASET, out, quiet);
    expect(json(out, 'metrics.json')).toMatchObject(json(GOLDEN, 'evaluator/metrics.json') as object);
    expect(json(out, 'submission.json')).toEqual(json(GOLDEN, 'evaluator/submission.json'));
  });

  it('says what a file lacks', async () => {
    const { tensors } = await readSafetensors(predictions);
    const write = async (name: string, change: (all: typeof tensors) => void) => {
      const all = new Map(tensors);
      change(all);
      const path = join(folder, name);
      await writeSafetensors(path, all, {});
      return scorePredictions([path], DATASET, join(folder, 'bad'), quiet);
    };
    await expect(write('no-q', (all) => all.delete('q_halt_logits'))).rejects.toThrow('no tensor "q_halt_logits"');
    await expect(write('no-preds', (all) => all.delete('preds'))).rejects.toThrow('no tensor "preds" (it has');
    const narrow = { shape: [16, 4], data: new Int32Array(64) };
    await expect(write('narrow', (all) => all.set('preds', narrow))).rejects.toThrow(
      '"preds" has shape [16, 4], and the dataset needs [16, 900]',
    );
    const strange = { shape: [16], data: new Int32Array(16).fill(999) };
    await expect(write('ids', (all) => all.set('puzzle_identifiers', strange))).rejects.toThrow('identifier 999');
    const floats = { shape: [16, 900], data: new Float32Array(16 * 900) };
    await expect(write('floats', (all) => all.set('preds', floats))).rejects.toThrow('"preds" is F32');
    const nan = { shape: [16], data: new Float32Array(16).fill(NaN) };
    await expect(write('nan', (all) => all.set('q_halt_logits', nan))).rejects.toThrow('not a number in row 0');
  });
});

const grid = (text: string): FlatGrid => flattenGrid(text.split('/').map((row) => Array.from(row, Number)));

describe('votes', () => {
  it('rank by number, then by mean q, and equals in the order of their first vote', () => {
    const votes = new Votes();
    const cast: [string, number][] = [
      ['1', 0.4],
      ['2', 0.9],
      ['3', 0.5],
      ['1', 0.4],
      ['4', 0.5],
      ['2', 0.1],
    ];
    cast.forEach(([g, q], view) => votes.add('t', grid('0'), grid(g), q, view));
    const ballot = votes.ballot('t', grid('0'));
    const ranked = ballot?.candidates().map((c) => [votes.pool.get(c.grid).cells[0], c.votes, c.mean_q]);
    // 1 and 2 have two votes each, means 0.4 and 0.5; 3 and 4 one each, both 0.5: 3 came first.
    expect(ranked).toEqual([
      [2, 2, 0.5],
      [1, 2, 0.4],
      [3, 1, 0.5],
      [4, 1, 0.5],
    ]);
    expect(ballot?.candidates(3).map((c) => votes.pool.get(c.grid).cells[0])).toEqual([2, 3, 1]);
    expect(ballot?.voters(votes.pool.indexOf(grid('2')))).toEqual([
      { view: 1, q: 0.9 },
      { view: 5, q: 0.1 },
    ]);
    expect(votes.ballot('other', grid('0'))).toBeNull();
    expect(votes.ballot('t', grid('9'))).toBeNull();
  });

  it('keep each grid once, whatever its size, and find it again among many', () => {
    const pool = new GridPool();
    const made = Array.from({ length: 5000 }, (_, i) => {
      const rows = i % 31;
      const columns = rows === 0 ? 0 : 1 + (i % 30);
      const cells = Uint8Array.from({ length: rows * columns }, (__, c) => (i >> (c % 13)) % 10);
      return { rows, columns, cells };
    });
    const numbers = made.map((g) => pool.add(g));
    const distinct = new Set(made.map((g) => `${g.rows} ${g.columns} ${g.cells.join('')}`));
    expect(pool.size).toBe(distinct.size);
    made.forEach((g, i) => {
      expect(pool.indexOf(g)).toBe(numbers[i]);
      expect(pool.get(numbers[i])).toEqual(g);
    });
    // The same cells in another shape are another grid.
    expect(pool.indexOf(grid('12/34'))).toBe(-1);
    expect(pool.add(grid('12/34'))).not.toBe(pool.add(grid('1234')));
  });

  it('come back from a file as they were, and a damaged one is told', async () => {
    const votes = new Votes();
    for (let i = 0; i < 40; i++) votes.add(`task ${i % 3}`, grid(`${i % 2}`), grid(`${i % 7}1`), i / 40, i);
    const path = join(folder, 'votes.safetensors');
    await writeVotes(path, votes, { hello: 1 });
    const back = await readVotes(path);
    expect(back.about).toEqual({ hello: 1 });
    expect(back.votes.save()).toEqual(votes.save());
    const { tensors, metadata } = await readSafetensors(path);
    await writeSafetensors(path, new Map([...tensors].filter(([name]) => name !== 'grids')), metadata);
    await expect(readVotes(path)).rejects.toThrow('holds no votes');
  });
});

describe('a view', () => {
  it.each([0, 1, 2, 3, 4, 5, 6, 7] as Dihedral[])('is mapped back from symmetry %d', (t) => {
    const own = grid('123/456');
    const images = Uint8Array.from([0, 3, 1, 2, 9, 4, 5, 6, 7, 8]);
    expect(undoAugmentation(transformGrid(recolourGrid(own, images), t), { t, images })).toEqual(own);
    expect(undoAugmentation(grid('5'), IDENTITY)).toEqual(grid('5'));
  });

  it('without any grid stays without', () => {
    const none = { rows: 0, columns: 0, cells: new Uint8Array(0) };
    expect(undoAugmentation(none, { t: 1, images: IDENTITY.images })).toEqual(none);
  });
});

describe('scores', () => {
  const pair = (input: number, output?: number) =>
    output === undefined ? { input: [[input]] } : { input: [[input]], output: [[output]] };
  const task = (name: string, ...test: Task['test']): Task => ({ name, train: [], test });
  /** Votes for the grid of one cell; the earlier listed the better. */
  const vote = (votes: Votes, name: string, input: number, ranking: number[]) =>
    ranking.forEach((colour, place) => {
      for (let n = 0; n < ranking.length - place; n++) votes.add(name, grid(`${input}`), grid(`${colour}`), 0.5, n);
    });

  it('of the reference and of ARC Prize differ where tasks have several test inputs', () => {
    const tasks = [task('a', pair(1, 5)), task('b', pair(1, 5), pair(2, 6), pair(3, 7))];
    const votes = new Votes();
    vote(votes, 'a', 1, [5]);
    vote(votes, 'b', 1, [4, 5]);
    vote(votes, 'b', 2, [1, 2, 6]);
    // Nothing for the third input of b.
    const scored = tasks.map((t) => scoreTask(t, votes));
    const metrics = arcMetrics(scored);
    expect(metrics['ARC/pass@1']).toBe((1 + 0) / 2);
    expect(metrics['ARC/pass@2']).toBe((1 + 1 / 3) / 2);
    expect(metrics['ARC/pass@5']).toBe((1 + 2 / 3) / 2);
    expect(metrics['ARC Prize/score']).toBe(2 / 4);
    expect(metrics['ARC Prize/tasks_solved']).toBe(1 / 2);
    expect(scored.map(({ outcome }) => outcome)).toEqual(['solved', 'missed']);
    const answers = submission(scored, votes);
    expect(answers.get('a')).toEqual([{ attempt_1: [[5]], attempt_2: [[5]] }]);
    expect(answers.get('b')?.map((x) => [x.attempt_1[0][0], x.attempt_2[0][0]])).toEqual([
      [4, 5],
      [1, 2],
      [0, 0],
    ]);
  });

  it('leave tasks without targets out, and tell a target among the first ten', () => {
    const votes = new Votes();
    vote(votes, 'open', 1, [5]);
    vote(votes, 'close', 1, [1, 2, 3, 4, 5]);
    const scored = [task('open', pair(1)), task('close', pair(1, 5))].map((t) => scoreTask(t, votes));
    expect(scored.map(({ outcome }) => outcome)).toEqual(['unknown', 'close']);
    expect(arcMetrics(scored)).toMatchObject({ 'ARC/pass@2': 0, 'ARC/pass@5': 1, 'ARC/tasks': 1 });
    expect(arcMetrics(scored.slice(0, 1))).toEqual({});
  });

  it('follow the number of views', () => {
    const votes = new Votes();
    // The first view is wrong twice over, later ones outvote it.
    [9, 8, 5, 5].forEach((colour, view) => votes.add('a', grid('1'), grid(`${colour}`), 0.5, view));
    const curve = scoresByViews([task('a', pair(1, 5))], votes);
    expect(curve.map((c) => [c.views, c.pass_1, c.pass_2])).toEqual([
      [1, 0, 0],
      [2, 0, 0],
      [4, 1, 1],
    ]);
    expect(viewLadder(1000).slice(-2)).toEqual([500, 1000]);
    expect(viewLadder(0)).toEqual([]);
  });

  it('take the tasks in the file’s order, names like numbers included', async () => {
    const tasks = await readTestTasks(DATASET);
    expect(tasks.map(({ name }) => name)).toEqual(['0692e18c', '00576224', '03560426', '009d5c81']);
    const home = mkdtempSync(join(folder, 'numbers-'));
    const one = '{"train": [{"input": [[1]], "output": [[1]]}], "test": [{"input": [[1]], "output": [[2]]}]}';
    writeFileSync(join(home, 'test_puzzles.json'), `{"zz": ${one}, "10197236": ${one}}`);
    expect((await readTestTasks(home)).map(({ name }) => name)).toEqual(['zz', '10197236']);
  });
});
