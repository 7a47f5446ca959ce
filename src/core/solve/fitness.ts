/** Whether a task can be solved at all, on this canvas and in this time, said in a sentence before or after trying. */
import { MAX_GRID, type Task } from '../../shared/arc';
import { flattenGrid } from '../../shared/arc-grid';
import { StudioError } from '../../shared/errors';
import type { SolveOptions } from '../../shared/solve';
import { CHECK_EVERY, type SolveOutcome } from './solve';

/** Steps after which some of the smallest tasks were solved (docs/solving.md): with fewer, an answer is luck. */
const SOME_STEPS = 100;

/**
 * How many times as large as its input every demonstrated output is, in rows and columns alike, where the inputs' sizes
 * differ: then it is a rule, and not a constant output by accident. Null where there is no such number above 1.
 */
function scaleOf(task: Task): number | null {
  const sizes = task.train.map(({ input, output }) => ({ from: flattenGrid(input), to: flattenGrid(output) }));
  const ratios = new Set(sizes.flatMap(({ from, to }) => [to.rows / from.rows, to.columns / from.columns]));
  const inputs = new Set(sizes.map(({ from }) => `${from.rows} ${from.columns}`));
  const [ratio] = ratios;
  return ratios.size === 1 && inputs.size > 1 && ratio > 1 ? ratio : null;
}

const sideOf = (grid: Task['test'][number]['input']): number => Math.max(grid.length, grid[0].length);

/** The largest answer that the demonstrations leave no doubt of. */
function certainSide(task: Task): { scale: number; side: number } | null {
  const scale = scaleOf(task);
  return scale === null ? null : { scale, side: scale * Math.max(...task.test.map(({ input }) => sideOf(input))) };
}

/** @throws StudioError `bad_input` where nothing can be learned, or no answer can be written down */
export function refuseHopeless(task: Task): void {
  if (task.train.length === 0) {
    throw new StudioError('bad_input', `${task.name} has no demonstration: give it at least one pair to learn from.`);
  }
  if (task.test.length === 0) {
    throw new StudioError('bad_input', `${task.name} has no test input: give it at least one to answer.`);
  }
  const expected = certainSide(task);
  if (!expected || expected.side <= MAX_GRID) return;
  throw new StudioError(
    'bad_input',
    `${task.name}: its outputs are ${times(expected.scale)} as large as its inputs, so an answer would have ${expected.side} cells a side, and a grid has at most ${MAX_GRID}: check its test inputs.`,
  );
}

/** @throws StudioError `bad_input` where the task or its answer does not fit a checkpoint's canvas */
export function refuseTooLarge(task: Task, canvas: number, checkpoint: string): void {
  const shown = [...task.train.flatMap(({ input, output }) => [input, output]), ...task.test.map(({ input }) => input)];
  const largest = Math.max(...shown.map(sideOf));
  const trained = `${checkpoint} was trained on a canvas of ${canvas} × ${canvas}: choose a checkpoint of a larger canvas, or start from nothing.`;
  if (largest > canvas) {
    throw new StudioError('bad_input', `${task.name} has a grid of ${largest} cells a side, and ${trained}`);
  }
  const expected = certainSide(task);
  if (!expected || expected.side <= canvas) return;
  throw new StudioError(
    'bad_input',
    `${task.name}: its outputs are ${times(expected.scale)} as large as its inputs, so an answer has ${expected.side} cells a side, and ${trained}`,
  );
}

const times = (scale: number): string => `${Number(scale.toFixed(2))} times`;

/** What one should know of an answer that came too early. */
export function notesOf({ ended, steps, seconds }: SolveOutcome, { budget_seconds }: SolveOptions): string[] {
  if (ended !== 'budget' || steps >= CHECK_EVERY) return [];
  const each = seconds / steps;
  const fitted = steps === 1 ? 'Only one step fits' : `Only ${steps} steps fit`;
  return [
    `${fitted} into ${budget_seconds} s here, so the answer is a guess: give it ${Math.ceil((SOME_STEPS * each) / 60)} min or more.`,
  ];
}
