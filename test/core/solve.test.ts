/** Test-time training with real networks on a task small enough for a few seconds. */
import { beforeAll, describe, expect, it } from 'vitest';
import type { Task } from '../../src/shared/arc';
import { SolveOptionsSchema, type SolveCheck } from '../../src/shared/solve';
import { loadBackend } from '../../src/core/backend/load';
import { scratchModels } from '../../src/core/solve/model';
import { isBehind, solveTask } from '../../src/core/solve/solve';
import { TaskViews, smallestCanvas } from '../../src/core/solve/views';
import { Random } from '../../src/core/lib/random';

/** Both cells take the left one's colour. */
const pair = (a: number, b: number) => ({ input: [[a, b]], output: [[a, a]] });
const TASK: Task = { name: 'left', train: [pair(1, 2), pair(3, 4), pair(5, 1)], test: [{ input: [[7, 2]] }] };

beforeAll(loadBackend);

async function solve(max_steps: number) {
  const options = SolveOptionsSchema.parse({ budget_seconds: 600, max_steps, views: 16, seed: 3 });
  const canvas = smallestCanvas(TASK);
  const models = scratchModels(options, canvas);
  const views = new TaskViews(TASK, options.views, canvas, new Random(options.seed, 'views'));
  const seen: SolveCheck[] = [];
  try {
    const { voted, ...outcome } = await solveTask(TASK, views, models, options, {
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
