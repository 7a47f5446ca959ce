/** Test-time training with real networks on a task small enough for a few seconds. */
import { beforeAll, describe, expect, it } from 'vitest';
import type { Task } from '../../src/shared/arc';
import { SolveOptionsSchema, type Candidate, type SolveCheck, type SolveOptions } from '../../src/shared/solve';
import { loadBackend } from '../../src/core/backend/load';
import { notesOf, refuseHopeless, refuseTooLarge } from '../../src/core/solve/fitness';
import { Marks } from '../../src/core/solve/marks';
import { scratchModels } from '../../src/core/solve/model';
import { isBehind, solveTask } from '../../src/core/solve/solve';
import { TaskViews, smallestCanvas } from '../../src/core/solve/views';
import { Random } from '../../src/core/lib/random';

/** Both cells take the left one's colour. */
const pair = (a: number, b: number) => ({ input: [[a, b]], output: [[a, a]] });
const TASK: Task = { name: 'left', train: [pair(1, 2), pair(3, 4), pair(5, 1)], test: [{ input: [[7, 2]] }] };

beforeAll(loadBackend);

async function solve(max_steps: number, more: Partial<SolveOptions> = {}, task = TASK) {
  const options = SolveOptionsSchema.parse({ budget_seconds: 600, max_steps, views: 16, seed: 3, ...more });
  const canvas = smallestCanvas(task);
  const models = scratchModels(options, canvas);
  const views = new TaskViews(task, options.views, canvas, new Random(options.seed, 'views'));
  const seen: SolveCheck[] = [];
  try {
    const { voted, ...outcome } = await solveTask(task, views, models, options, {
      cancelled: () => false,
      step: () => undefined,
      check: (check) => seen.push(check),
    });
    return { voted: voted.map(({ name }) => name), steps: models.map(({ trainer }) => trainer.step), outcome, seen };
  } finally {
    for (const { trainer } of models) trainer.dispose();
  }
}

describe('a solve from nothing', () => {
  it('trains both networks, names the leading one first, and gives the same answer for the same seed', async () => {
    const [one, two] = [await solve(50), await solve(50)];
    expect(one.steps).toEqual([50, 50]);
    const untimed = ({ outcome }: typeof one) => ({
      candidates: outcome.candidates,
      checks: outcome.checks.map(({ seconds: _, ...check }) => check),
    });
    expect(untimed(one)).toEqual(untimed(two));
    expect(one.seen.map(({ step }) => step)).toEqual([25, 50]);
    for (const { networks = [], held_out, support } of one.seen) {
      expect(networks.map(({ name }) => name).sort()).toEqual(['attention', 'mlp']);
      expect({ held_out, support }).toEqual({ held_out: networks[0].held_out, support: networks[0].support });
      expect(networks[0].held_out).toBeGreaterThanOrEqual(networks[1].held_out ?? 0);
    }
    expect(one.voted).toEqual(one.seen.at(-1)?.networks?.map(({ name }) => name));
    for (const { votes, views, voters = [] } of one.outcome.candidates[0]) {
      expect(voters.reduce((sum, of) => sum + of.views.length, 0)).toBe(votes);
      expect(new Set(voters.flatMap((of) => of.views))).toEqual(new Set(views));
    }
    // Every view of every network has one vote.
    const votes = one.outcome.candidates[0].reduce((sum, { votes }) => sum + votes, 0);
    expect(votes).toBeLessThanOrEqual(32);
    expect(votes).toBeGreaterThan(0);
  });
});

describe('a network that falls behind', () => {
  const network = (held_out: number | null, fitted: number) => ({
    name: 'mlp' as const,
    held_out,
    fitted,
    support: [0],
  });

  it('is given up by what it solves of what was held out, or of what it fitted where nothing was', () => {
    expect(isBehind(network(0.5, 0), network(0.81, 1))).toBe(true);
    expect(isBehind(network(0.55, 0), network(0.8, 1))).toBe(false);
    expect(isBehind(network(null, 0.2), network(null, 1))).toBe(true);
    // The leading one never is.
    expect(isBehind(network(0, 0), network(0, 0))).toBe(false);
  });
});
describe('marks', () => {
  const candidate = (colour: number): Candidate => ({ grid: [[colour]], votes: 1, q: 0.5, views: [] });

  it('are due when an answer would be there just in time, and end with what there is', () => {
    const marks = new Marks([120, 60, 60, 600, 900], 600);
    expect([marks.due(50, 5), marks.due(50, 10), marks.due(70, 0)]).toEqual([false, true, true]);
    marks.tell(59, 30, [[candidate(1), candidate(2)]]);
    expect(marks.due(60, 1)).toBe(false);
    marks.end(100, 50, [[candidate(3)], []]);
    expect(marks.told).toEqual([
      { at: 60, seconds: 59, step: 30, attempts: [{ attempt_1: [[1]], attempt_2: [[2]] }] },
      ...[120, 600].map((at) => ({
        at,
        seconds: 100,
        step: 50,
        attempts: [
          { attempt_1: [[3]], attempt_2: [[3]] },
          { attempt_1: [[0]], attempt_2: [[0]] },
        ],
      })),
    ]);
  });

  it('that went by while an answer was made get that answer', () => {
    const marks = new Marks([10, 20, 30], 60);
    marks.tell(21, 5, [[candidate(4)]]);
    expect(marks.told.map(({ at, seconds }) => [at, seconds])).toEqual([
      [10, 21],
      [20, 21],
    ]);
  });
});

describe('a solve along paths with noise', () => {
  it('gives each view one vote of one of its paths, the same again for the same seed', async () => {
    const rollouts = { paths: 4, noise: 0.6, choose: 'q' as const, seed: 1 };
    const [one, two] = [await solve(30, { rollouts, marks: [600] }), await solve(30, { rollouts })];
    expect(one.outcome.candidates).toEqual(two.outcome.candidates);
    expect(one.outcome.rollouts).toEqual(two.outcome.rollouts);
    // The labels are not looked at.
    expect(Object.keys(one.outcome.rollouts ?? {})).toEqual([
      'rollouts/agreement',
      'rollouts/spread',
      'rollouts/distinct',
      'rollouts/q_picks_vote',
    ]);
    const votes = one.outcome.candidates[0].reduce((sum, { votes: count }) => sum + count, 0);
    expect(votes).toBeLessThanOrEqual(32);
    // How many of the views have an answer at all depends on the machine's sums.
    expect(votes).toBeGreaterThan(0);
    // The mark is the end.
    const [mark] = one.outcome.marks ?? [];
    expect(mark).toMatchObject({ at: 600, step: 30 });
    expect(mark.attempts[0].attempt_1).toEqual(one.outcome.candidates[0][0].grid);
    // Training and what it goes by are as without noise.
    const plain = await solve(30);
    expect(one.seen.map(({ held_out, fitted }) => [held_out, fitted])).toEqual(
      plain.seen.map(({ held_out, fitted }) => [held_out, fitted]),
    );
  });
});

describe('odd tasks', () => {
  it('with one demonstration, or ten test inputs, are solved like others', async () => {
    const single = await solve(2, {}, { ...TASK, name: 'single', train: [TASK.train[0]] });
    expect(single.outcome.checks.at(-1)).toMatchObject({ step: 2, held_out: null });
    const inputs = Array.from({ length: 10 }, (_, i) => ({ input: [[i, (i + 3) % 10]] }));
    const ten = await solve(2, {}, { ...TASK, name: 'ten', test: inputs });
    expect(ten.outcome.candidates).toHaveLength(10);
    expect(ten.outcome.checks.at(-1)?.support).toHaveLength(10);
  });

  it.each([
    ['no demonstration', { ...TASK, train: [] }, 'left has no demonstration: give it at least one pair to learn from.'],
    ['no test input', { ...TASK, test: [] }, 'left has no test input: give it at least one to answer.'],
    [
      'an answer larger than a grid may be',
      grown(3, [1, 2], 11),
      'grown: its outputs are 3 times as large as its inputs, so an answer would have 33 cells a side, and a grid has at most 30: check its test inputs.',
    ],
  ])('with %s are refused', (_, task, sentence) => {
    expect(() => refuseHopeless(task)).toThrow(sentence);
  });

  it('are not refused for an output that is large by accident', () => {
    expect(() => refuseHopeless(grown(3, [2, 2], 20))).not.toThrow();
    expect(() => refuseHopeless(grown(3, [1, 2], 10))).not.toThrow();
    expect(() => refuseHopeless(TASK)).not.toThrow();
  });

  it('whose grids or answers do not fit a checkpoint’s canvas are refused with both sizes', () => {
    expect(() => refuseTooLarge(grown(2, [1, 2], 3), 5, 'arc-small')).toThrow(
      /outputs are 2 times as large as its inputs, so an answer has 6 cells a side, and arc-small was trained on a canvas of 5 × 5/,
    );
    expect(() => refuseTooLarge(grown(2, [1, 2], 7), 5, 'arc-small')).toThrow(/has a grid of 7 cells a side/);
    expect(() => refuseTooLarge(grown(2, [1, 2], 2), 5, 'arc-small')).not.toThrow();
  });

  it('and budgets under some steps say so', async () => {
    const { outcome } = await solve(1000, { budget_seconds: 1 });
    const options = SolveOptionsSchema.parse({ budget_seconds: 2 });
    expect(outcome.candidates).toHaveLength(1);
    const early = { ...outcome, ended: 'budget' as const, steps: 1, seconds: 3 };
    expect(notesOf(early, options)).toEqual([
      'Only one step fits into 2 s here, so the answer is a guess: give it 5 min or more.',
    ]);
    expect(notesOf({ ...early, steps: 12, seconds: 2 }, options)[0]).toMatch(/^Only 12 steps fit into 2 s here/);
    expect(notesOf({ ...early, steps: 25 }, options)).toEqual([]);
    expect(notesOf({ ...early, ended: 'cancelled' }, options)).toEqual([]);
  });
});

/** Outputs `scale` times as large as their square inputs. @param sides of the demonstrated inputs @param test of the test's */
function grown(scale: number, sides: number[], test: number): Task {
  const square = (side: number) => Array.from({ length: side }, () => Array<number>(side).fill(1));
  return {
    name: 'grown',
    train: sides.map((side) => ({ input: square(side), output: square(scale * side) })),
    test: [{ input: square(test) }],
  };
}
