/** Paths with noise: repeatable, the same as a graph and op by op, and chosen as the rule says. */
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { rolloutsOf } from '../../src/cli/rollouts';
import { loadBackend } from '../../src/core/backend/load';
import { openData, type OpenData } from '../../src/core/data/merged';
import { evaluateBatch, type ActStep } from '../../src/core/act/batch';
import { Paths } from '../../src/core/act/paths';
import { RolloutSums } from '../../src/core/act/rollout-sums';
import { choosePaths, chosenStep, firstPaths, PathNoise, repeatRows } from '../../src/core/act/rollouts';
import { ROW_COLUMNS } from '../../src/core/act/forward';
import { TrainSampler } from '../../src/core/data/sampler';
import { Trainer } from '../../src/core/train/trainer';
import { RolloutsSchema } from '../../src/shared/rollouts';
import { tinyConfig, writeTinyDataset } from './fixture';

let home: string;
let data: OpenData;
let trainer: Trainer;

beforeAll(async () => {
  expect((await loadBackend()).backend).toBe('tensorflow');
  home = mkdtempSync(join(tmpdir(), 'trm-rollouts-'));
  data = openData([writeTinyDataset(join(home, 'data'))], []);
  const config = tinyConfig();
  const { seq_len, vocab_size } = data.train.metadata;
  const spec = { arch: config.arch, seq_len, vocab_size, num_puzzle_identifiers: data.numPuzzleIdentifiers };
  trainer = new Trainer(config, spec, 1000, null);
  const sampler = new TrainSampler(data.train, { batchSize: config.global_batch_size, epochs: 1000, seed: 0 });
  for (let i = 0; i < 20; i++) trainer.run(sampler.next() as NonNullable<ReturnType<TrainSampler['next']>>);
});
afterAll(() => {
  trainer.dispose();
  data.close();
  rmSync(home, { recursive: true, force: true });
});

const rollouts = RolloutsSchema.parse({ paths: 4, noise: 0.8, seed: 5 });

/** @param examples numbers in the split @param batch how many of them go at once */
function answers(examples: number[], batch: number, execution: 'eager' | 'recorded', options = rollouts) {
  const model = { ...trainer.evaluated('raw'), execution };
  const paths = new Paths(model.net.spec, options);
  const found: { tokens: number[]; q: number[]; plain: number[] }[] = [];
  for (let at = 0; at < examples.length; at += batch) {
    const numbers = examples.slice(at, at + batch);
    const asked = data.train.batch(numbers);
    const { rows, noise } = paths.start(asked, (place) => numbers[place]);
    const steps = evaluateBatch(model, trainer.puzzles, rows, 3, { noise, logits: true });
    const { plain, answer } = paths.settle(steps, asked);
    const S = model.net.spec.seq_len;
    const all = steps[2];
    numbers.forEach((_, e) =>
      found.push({
        tokens: [...answer.tokens.subarray(e * S, (e + 1) * S)],
        q: [...all.q_halt.subarray(e * options.paths, (e + 1) * options.paths)],
        plain: [...plain[2].tokens.subarray(e * S, (e + 1) * S)],
      }),
    );
  }
  return { found, metrics: paths.sums.metrics() };
}

describe('rollouts of a model', () => {
  it('are the same again, in other batches, and op by op; with another seed they are others', () => {
    const examples = [3, 0, 7, 12];
    const whole = answers(examples, 4, 'recorded');
    expect(answers(examples, 4, 'recorded')).toEqual(whole);
    const closeTo = (other: ReturnType<typeof answers>) =>
      other.found.forEach(({ q, tokens }, i) => {
        q.forEach((value, k) => expect(value).toBeCloseTo(whole.found[i].q[k], 4));
        expect(tokens).toEqual(whole.found[i].tokens);
      });
    closeTo(answers(examples, 4, 'eager'));
    closeTo(answers(examples, 1, 'recorded'));
    const other = answers(examples, 4, 'recorded', { ...rollouts, seed: 6 });
    // The path without noise is the same, the others are not.
    other.found.forEach(({ q }, i) => {
      expect(q[0]).toBeCloseTo(whole.found[i].q[0], 5);
      expect(q[1]).not.toBeCloseTo(whole.found[i].q[1], 5);
    });
  });

  it('run in a graph that was made for a model which is gone', () => {
    // The graph is kept by the model's shapes; noise makes another variant of it.
    const { config, spec } = trainer;
    const shapes = { ...spec, num_puzzle_identifiers: spec.num_puzzle_identifiers + 1 };
    const batch = data.train.batch([1, 4]);
    const gone = new Trainer(config, shapes, 1000, null);
    evaluateBatch(gone.evaluated('raw'), gone.puzzles, batch, 1);
    gone.dispose();
    const next = new Trainer(config, shapes, 1000, null);
    const { rows, noise } = new Paths(shapes, rollouts).start(batch, (place) => place);
    evaluateBatch(next.evaluated('raw'), next.puzzles, { ...rows, size: 8 }, 1, { noise });
    evaluateBatch(next.evaluated('raw'), next.puzzles, batch, 1);
    const single = new Paths(shapes, { ...rollouts, paths: 2 }).start(data.train.batch([1]), (place) => place);
    evaluateBatch(next.evaluated('raw'), next.puzzles, single.rows, 1, { noise: single.noise });
    next.dispose();
  });

  it('leave path 0 as it is without rollouts', () => {
    const batch = data.train.batch([2, 9]);
    const [last] = evaluateBatch(trainer.evaluated('raw'), trainer.puzzles, batch, 3, { lastOnly: true });
    const { found } = answers([2, 9], 2, 'recorded');
    found.forEach(({ plain, q }, e) => {
      expect(plain).toEqual([...last.tokens.subarray(e * 16, (e + 1) * 16)]);
      expect(q[0]).toBeCloseTo(last.q_halt[e], 5);
    });
  });

  it('make noise of the deviation that was asked for, new at every step', () => {
    const { spec } = trainer.evaluated('raw').net;
    const noise = new PathNoise(spec, { paths: 3, noise: 0.5, seed: 1 }, [0, 1]);
    const width = (16 + 1) * 32;
    const first = noise.next().slice();
    const second = noise.next().slice();
    expect(first).toHaveLength(6 * width);
    for (const step of [first, second]) {
      for (const row of [0, 3]) expect(step.subarray(row * width, (row + 1) * width).every((x) => x === 0)).toBe(true);
      const drawn = [1, 2, 4, 5].flatMap((row) => [...step.subarray(row * width, (row + 1) * width)]);
      const mean = drawn.reduce((a, b) => a + b, 0) / drawn.length;
      const deviation = Math.sqrt(drawn.reduce((a, b) => a + b * b, 0) / drawn.length);
      expect(Math.abs(mean)).toBeLessThan(0.05);
      expect(deviation).toBeCloseTo(0.5, 1);
    }
    expect(second).not.toEqual(first);
  });
});

/** Rows of two cells, each with its q and how many of its cells are right. */
function step(rows: [tokens: [number, number], q: number, correct: number][]): ActStep {
  const columns = new Float32Array(rows.length * ROW_COLUMNS.length);
  rows.forEach(([, , correct], i) => (columns[i * ROW_COLUMNS.length + ROW_COLUMNS.indexOf('correct')] = correct));
  return {
    tokens: Int32Array.from(rows.flatMap(([tokens]) => tokens)),
    q_halt: Float32Array.from(rows.map(([, q]) => q)),
    rows: columns,
  };
}

describe('choosing a path', () => {
  // Two examples of four paths; 5 6 is right in the first, 7 7 in the second.
  const last = step([
    [[1, 2], -1, 0],
    [[1, 2], -2, 0],
    [[5, 6], 3, 2],
    [[1, 3], 1, 0],
    [[7, 7], -1, 2],
    [[7, 8], 0, 1],
    [[7, 8], 2, 1],
    [[7, 7], 1, 2],
  ]);

  it('goes by q_halt or by votes, and of equally many votes by mean q', () => {
    const chosen = choosePaths(last, 4);
    expect(chosen).toEqual({ byQ: [2, 6], byVote: [0, 6], distinct: [3, 2], agreeing: [2, 2] });
    expect([...chosenStep(last, chosen, 'q').tokens]).toEqual([5, 6, 7, 8]);
    expect([...chosenStep(last, chosen, 'vote').tokens]).toEqual([1, 2, 7, 8]);
    expect([...firstPaths([last], 4)[0].q_halt]).toEqual([-1, -1]);
  });

  it('tells answers apart whose tokens differ by 256', () => {
    const wide = step([
      [[1, 2], 0, 0],
      [[257, 2], 1, 0],
      [[1, 258], 2, 0],
      [[1, 65538], 3, 0],
    ]);
    expect(choosePaths(wide, 4)).toMatchObject({ distinct: [4], agreeing: [1] });
  });

  it('tells how often one path, q, the vote and any path is right, and what is known without labels', () => {
    const sums = new RolloutSums(4);
    sums.add(last, choosePaths(last, 4), [2, 2], 2);
    const metrics = sums.metrics();
    expect(metrics).toMatchObject({
      'rollouts/exact_one_path': 0.5,
      'rollouts/exact_by_q': 0.5,
      'rollouts/exact_by_vote': 0,
      'rollouts/exact_by_any': 1,
      'rollouts/agreement': 0.5,
      'rollouts/distinct': 2.5,
      'rollouts/q_picks_vote': 0.5,
    });
    // First: q of the right path is above all three wrong ones. Second: −1 below both, 1 above 0 and below 2.
    expect(metrics['rollouts/q_ranks_right']).toBeCloseTo((3 + 1) / 7, 12);
    // Cells that differ from path 0: 0, 2, 1 of 2 and 1, 1, 0 of 2.
    expect(metrics['rollouts/spread']).toBeCloseTo((3 / 6 + 2 / 6) / 2, 12);
    const again = new RolloutSums(4);
    again.restore(JSON.parse(JSON.stringify(sums.save())) as Record<string, number>);
    expect(again.metrics()).toEqual(metrics);
    // Without labels there is no score, and padding does not count.
    const blind = new RolloutSums(4);
    blind.add(last, choosePaths(last, 4), [0, 0], 1);
    expect(Object.keys(blind.metrics())).toEqual([
      'rollouts/agreement',
      'rollouts/spread',
      'rollouts/distinct',
      'rollouts/q_picks_vote',
    ]);
  });

  it('repeats each example row by row', () => {
    const of = (...values: number[]) => Int32Array.from(values);
    const batch = { size: 2, filled: 1, inputs: of(1, 2, 3, 4), labels: of(5, 6, 7, 8), puzzle_identifiers: of(9, 10) };
    expect(repeatRows(batch, 2)).toEqual({
      size: 4,
      filled: 2,
      inputs: of(1, 2, 1, 2, 3, 4, 3, 4),
      labels: of(5, 6, 5, 6, 7, 8, 7, 8),
      puzzle_identifiers: of(9, 9, 10, 10),
    });
  });
});

describe('--rollouts and --noise', () => {
  it('have defaults for each other, and none without both', () => {
    expect(rolloutsOf({})).toBeNull();
    expect(rolloutsOf({ rollouts: '16' })).toEqual({ paths: 16, noise: 0.6, choose: 'q', seed: 0 });
    expect(rolloutsOf({ noise: '0.2', choose: 'vote', noiseSeed: '3' })).toEqual({
      paths: 8,
      noise: 0.2,
      choose: 'vote',
      seed: 3,
    });
  });

  it.each([
    [{ rollouts: '1' }, '--rollouts is 1: use a whole number from 2 to 256.'],
    [{ noise: '0' }, '--noise is 0: use a number above 0.'],
    [{ noise: '11' }, '--noise is 11: use a number up to 10.'],
    [{ rollouts: '4', choose: 'votes' }, '--choose is votes: did you mean vote?'],
    [{ choose: 'q' }, '--choose goes with --rollouts: without it there is one path, and no noise.'],
  ])('refuse %o in one sentence', (flags, sentence) => {
    expect(() => rolloutsOf(flags)).toThrow(sentence);
  });
});
