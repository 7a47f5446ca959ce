import { describe, expect, it } from 'vitest';
import type { Task } from '../../src/shared/arc';
import { parseAugmentedName } from '../../src/shared/arc-augment';
import { cropGrid, decodeCanvas } from '../../src/shared/arc-canvas';
import { flattenGrid, recolourGrid, transformGrid, unflattenGrid } from '../../src/shared/arc-grid';
import { IGNORE_LABEL } from '../../src/core/data/batch';
import { mapBack } from '../../src/core/solve/compare';
import { isSettled } from '../../src/core/solve/solve';
import { TaskViews, smallestCanvas } from '../../src/core/solve/views';
import { Random } from '../../src/core/lib/random';
import type { SolveCheck } from '../../src/shared/solve';

/** Two demonstrations of different shapes; the answer is known to the file and must not be to the views. */
const TASK: Task = {
  name: 'wide',
  train: [
    { input: [[1, 2, 3]], output: [[3, 2, 1]] },
    { input: [[4], [5]], output: [[5], [4]] },
  ],
  test: [{ input: [[6, 7]], output: [[9, 9, 9, 9, 9, 9, 9, 9, 9]] }],
};
const views = (count: number, canvas = smallestCanvas(TASK)) =>
  new TaskViews(TASK, count, canvas, new Random(1, 'views'));

describe('the canvas', () => {
  it('is one more than the largest side that a solver may see, whatever the answer is', () => {
    expect(smallestCanvas(TASK)).toBe(4);
  });

  it('leaves room for outputs that grow with their inputs', () => {
    const grow: Task = {
      name: 'grow',
      train: [{ input: [[1]], output: [[1, 1, 1]] }],
      test: [{ input: [[1, 2, 3, 4]] }],
    };
    expect(smallestCanvas(grow)).toBe(13);
    expect(smallestCanvas({ ...grow, test: [{ input: [Array<number>(20).fill(1)] }] })).toBe(30);
  });
});

describe('views', () => {
  it('are different, the first is the task itself, and names say what was done', () => {
    const drawn = views(40).views;
    expect(new Set(drawn.map((view) => view.name)).size).toBe(40);
    expect(drawn[0].name).toBe('wide');
    expect(drawn.map((view) => view.id)).toEqual(Array.from({ length: 40 }, (_, i) => i + 1));
    for (const view of drawn.slice(1)) expect(parseAugmentedName(view.name).augmentation).toEqual(view.augmentation);
    for (let t = 0; t < 8; t++) expect(drawn.filter((view) => view.augmentation.t === t)).toHaveLength(5);
  });

  it('are the same for the same seed', () => {
    expect(views(20).views).toEqual(views(20).views);
  });

  it('keep a demonstration back in every third, each in turn, and none of a task with only one', () => {
    expect(views(9).views.map((view) => view.heldOut)).toEqual([null, null, 0, null, null, 1, null, null, 0]);
    const single = new TaskViews({ ...TASK, train: [TASK.train[0]] }, 9, 4, new Random(1, 'views'));
    expect(single.views.every((view) => view.heldOut === null)).toBe(true);
    expect(single.heldOutQuestions()).toEqual([]);
  });
});

describe('training examples', () => {
  it('are demonstrations as their view shows them, input and output at one place, never the one that is kept back', () => {
    const set = views(12);
    const batch = set.trainingBatch(200, new Random(2, 'batch'));
    const { cells, canvas } = set;
    const places = new Set<string>();
    for (let b = 0; b < batch.size; b++) {
      const view = set.views[batch.puzzle_identifiers[b] - 1];
      const input = decodeCanvas(batch.inputs.subarray(b * cells, (b + 1) * cells), canvas);
      const labels = batch.labels.subarray(b * cells, (b + 1) * cells);
      const output = decodeCanvas(
        labels.map((label) => (label === IGNORE_LABEL ? 0 : label)),
        canvas,
      );
      if (!input || !output) throw new Error('no grid on the canvas');
      expect([output.row, output.column]).toEqual([input.row, input.column]);
      places.add(`${input.row} ${input.column}`);
      const asked = unflattenGrid(mapBack(input.grid, view));
      const demonstration = TASK.train.findIndex((pair) => JSON.stringify(pair.input) === JSON.stringify(asked));
      expect(demonstration).toBeGreaterThanOrEqual(0);
      expect(demonstration).not.toBe(view.heldOut);
      expect(unflattenGrid(mapBack(output.grid, view))).toEqual(TASK.train[demonstration].output);
    }
    expect(places.size).toBeGreaterThan(5);
  });
});

describe('questions', () => {
  it('show test inputs without their answers, at the top left', () => {
    const set = views(3);
    const questions = set.testQuestions();
    expect(questions.map(({ view, test }) => [view.id, test])).toEqual([
      [1, 0],
      [2, 0],
      [3, 0],
    ]);
    const [{ batch, asked }] = [...set.questionBatches(questions, 4)];
    expect([batch.filled, asked.length]).toEqual([3, 3]);
    expect(batch.labels.every((label) => label === IGNORE_LABEL)).toBe(true);
    for (let b = 0; b < 3; b++) {
      const grid = cropGrid(batch.inputs.subarray(b * set.cells, (b + 1) * set.cells), set.canvas);
      expect(unflattenGrid(mapBack(grid, asked[b].view))).toEqual([[6, 7]]);
    }
  });
});

describe('mapping back', () => {
  it('undoes every view', () => {
    const grid = flattenGrid([
      [0, 1, 2],
      [3, 4, 5],
    ]);
    for (const view of views(50).views) {
      const { t, images } = view.augmentation;
      expect(mapBack(transformGrid(recolourGrid(grid, images), t), view)).toEqual(grid);
    }
  });
});

describe('stopping early', () => {
  const check = (held_out: number | null, support: number, fitted = 1): SolveCheck => ({
    step: 25,
    seconds: 1,
    held_out,
    fitted,
    support: [support],
    networks: [],
  });
  it('takes held-out demonstrations that are solved and a vote that stands still', () => {
    expect(isSettled([check(0.7, 0.8)], ['a', 'a', 'a'])).toBe(true);
    expect(isSettled([check(0.7, 0.8)], ['b', 'a', 'a'])).toBe(false);
    expect(isSettled([check(0.7, 0.8)], ['a', 'a'])).toBe(false);
    expect(isSettled([check(0.5, 0.8)], ['a', 'a', 'a'])).toBe(false);
    expect(isSettled([check(0.7, 0.65)], ['a', 'a', 'a'])).toBe(false);
  });
  it('asks for a perfect fit where nothing can be held out', () => {
    expect(isSettled([check(null, 0.8, 0.99)], ['a', 'a', 'a'])).toBe(false);
    expect(isSettled([check(null, 0.8)], ['a', 'a', 'a'])).toBe(true);
  });
});
