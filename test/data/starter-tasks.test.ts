import { describe, expect, it } from 'vitest';
import { arcCollection } from '../../scripts/solve/arc.mjs';
import { starterTasks } from '../../scripts/starters/lib/arc-tasks.mjs';

const task = (name: string, train: string[][], test: string[][] = [['9', '8']]) => ({ name, train, test });

describe('tasks that a starter may learn', () => {
  it('fit the canvas, and share neither name nor pair with what is held out or came before', () => {
    const heldOut = [task('eval', [['1', '2']], [['3', '4']])];
    const chosen = starterTasks(
      [
        task('good', [['12/34', '1']], [['5', '6']]),
        task('eval', [['7', '7']], [['7', '6']]),
        // Its demonstration is a test pair of the held-out task.
        task('same-pair', [['3', '4']], [['7', '5']]),
        task('good', [['8', '8']], [['8', '7']]),
        task('again', [['5', '6']], [['6', '6']]),
        task('wide', [['123', '1']], [['6', '5']]),
        task('tall', [['1', '1/2/3']], [['6', '4']]),
      ],
      heldOut,
      2,
    );
    expect(chosen.map(({ name, train }) => `${name} ${train[0][0]}`)).toEqual(['good 12/34']);
  });

  it('of the bundled sets hold no grid pair of an evaluation set', () => {
    const evaluation = ['evaluation', 'evaluation2'].flatMap(arcCollection);
    const chosen = starterTasks(['training2', 'training'].flatMap(arcCollection), evaluation, 12);
    expect(chosen).toHaveLength(285);
    const held = new Set(evaluation.flatMap(({ train, test }) => [...train, ...test]).map((pair) => pair.join('>')));
    const learned = chosen.flatMap(({ train, test }) => [...train, ...test]).map((pair) => pair.join('>'));
    expect(learned.filter((pair) => held.has(pair))).toEqual([]);
  });
});
