import { describe, expect, it } from 'vitest';
import { checkTask, largestSide, parseTask } from '../../src/shared/arc-task';
import { StudioError } from '../../src/shared/errors';

const grid = [
  [0, 1],
  [2, 3],
];
const pair = { input: grid, output: grid };
const good = { train: [pair, pair, pair], test: [{ input: grid }] };

const faults = (value: unknown, name = 'x'): string[] => checkTask(name, value, 'x.json').faults;
/** The one fault of a task whose third output is `output`. */
const outputFault = (output: unknown): string => {
  const found = faults({ ...good, train: [pair, pair, { input: grid, output }] });
  expect(found).toHaveLength(1);
  return found[0];
};
const rows = (n: number, m: number): number[][] => Array.from({ length: n }, () => Array<number>(m).fill(0));

describe('a task', () => {
  it('is taken with its pairs, and without other keys', () => {
    const task = parseTask('x', { ...good, name: 'else', train: [{ ...pair, note: 1 }] }, 'x.json');
    expect(task).toEqual({ name: 'x', train: [pair], test: [{ input: grid }] });
  });

  it('remembers that its file lists the test pairs first', () => {
    expect(parseTask('x', { test: good.test, train: good.train }, 'x.json').test_first).toBe(true);
  });

  it('may have grids of 1×1 and 30×30', () => {
    const task = parseTask('x', { ...good, test: [{ input: rows(30, 30), output: rows(1, 1) }] }, 'x.json');
    expect(largestSide(task)).toBe(30);
  });

  it.each([
    [null, 'x.json: null is no task: write {"train": […], "test": […]}.'],
    [[1], 'x.json: [1] is no task: write {"train": […], "test": […]}.'],
    [{ test: good.test }, 'x.json: "train" is missing: add it, a task has the lists "train" and "test".'],
    [{ train: good.train }, 'x.json: "test" is missing: add it, a task has the lists "train" and "test".'],
    [{ ...good, train: [] }, 'x.json: "train" is empty: give at least one demonstration, a pair of input and output.'],
    [{ ...good, test: [] }, 'x.json: "test" is empty: give at least one test input.'],
    [{ ...good, train: {} }, 'x.json: "train" is {}: make it a list of pairs.'],
    [
      { ...good, train: [pair, { input: grid }] },
      'x.json: train[1] has no output: add it, or move the pair to "test".',
    ],
    [{ ...good, train: [{ output: grid }] }, 'x.json: train[0] has no input: add it.'],
    [{ ...good, test: [7] }, 'x.json: test[0] is 7: write a pair as {"input": …, "output": …}.'],
    [
      { ...good, test: [{ input: grid, output: null }] },
      'x.json: test[0].output is null: write the grid as a list of rows.',
    ],
  ])('is refused: %j', (value, sentence) => {
    expect(faults(value)).toEqual([sentence]);
  });

  it.each([
    ['ragged', [[1, 2, 3], [1, 2, 3], [1, 2, 3], [1, 2]], 'row 4 has 2 cells where row 1 has 3: give every row the same length'],
    ['no rows', [], 'is empty: give it rows, a grid has 1 to 30 rows and columns'],
    ['an empty row', [[]], 'row 1 is empty: give it cells, a grid has 1 to 30 rows and columns'],
    ['31 rows', rows(31, 1), 'has 31 rows: cut it down, a grid has 1 to 30 rows and columns'],
    ['31 columns', rows(1, 31), 'row 1 has 31 columns: cut it down, a grid has 1 to 30 rows and columns'],
    ['colour 10', [[0], [10]], 'row 2, column 1 is 10: use a colour from 0 to 9'],
    ['colour −1', [[0, -1]], 'row 1, column 2 is -1: use a colour from 0 to 9'],
    ['colour 1.5', [[1.5]], 'row 1, column 1 is 1.5: use a colour from 0 to 9'],
    ['colour "3"', [['3']], 'row 1, column 1 is "3": use a colour from 0 to 9'],
    ['colour null', [[null]], 'row 1, column 1 is null: use a colour from 0 to 9'],
    ['colour true', [[true]], 'row 1, column 1 is true: use a colour from 0 to 9'],
    ['a row of text', ['012'], 'row 1 is "012": write each row as a list of colours'],
    ['text', '012', 'is "012": write the grid as a list of rows'],
    ['null', null, 'is null: write the grid as a list of rows'],
  ])('with %s as a grid is refused', (_, output, sentence) => {
    expect(outputFault(output)).toBe(`x.json: train[2].output ${sentence}.`);
  }); // prettier-ignore

  it('names several faults, each in one sentence, and not without end', () => {
    expect(faults({ train: [{ input: [], output: [[10]] }], test: [{ input: [[-1]] }] })).toHaveLength(3);
    const many = faults({ ...good, train: Array.from({ length: 500 }, () => ({ input: [], output: [] })) });
    expect(many).toHaveLength(20);
    expect(many[19]).toBe('x.json: 981 more faults of this kind; mend the first ones and try again.');
  });

  it('must have a name that augmented puzzles can carry', () => {
    expect(faults(good, ' ')).toEqual(['x.json: a task has an empty name: name it.']);
    expect(faults(good, 'a|||b')[0]).toContain('which marks augmented puzzles: rename the task');
    expect(faults(good, 'n'.repeat(201))[0]).toContain('has 201 characters: use at most 200');
  });

  it('throws all of it as one error', () => {
    const wrong = { train: [], test: [] };
    try {
      parseTask('x', wrong, 'x.json');
      expect.unreachable();
    } catch (error) {
      expect(error).toBeInstanceOf(StudioError);
      expect((error as StudioError).code).toBe('bad_input');
      expect((error as StudioError).data?.faults).toEqual(faults(wrong));
    }
  });

  it('meets any JSON with sentences, never with a fault of its own', () => {
    const parts: unknown[] = [
      null,
      true,
      0,
      -1,
      1.5,
      '',
      '3',
      [],
      {},
      [[]],
      [[1]],
      [{}],
      good.train,
      good.test,
      { input: grid },
    ];
    for (const train of parts) {
      for (const test of parts) {
        const { task, faults: found } = checkTask('x', { train, test }, 'x.json');
        expect(task === null).toBe(found.length > 0);
        for (const sentence of found) expect(sentence).toMatch(/^x\.json: .+: .+\.$/);
      }
    }
  });
});
