/**
 * ARC tasks → a dataset, draw for draw as the reference's `build_arc_dataset.py`, so that equal arguments give equal
 * files. Where Python's split order hangs on its hash seed, ours is train first. Differences, all told in the sidecar
 * or refused: canvases smaller than 30 (tasks that do not fit are left out), and missing solutions, which the reference
 * fills with `[[0]]` in silence, are an error unless the recipe allows them.
 */
import { join } from 'node:path';
import type { Task } from '../../shared/arc';
import { largestSide } from '../../shared/arc-task';
import type { ArcRecipe, DatasetSidecar } from '../../shared/dataset';
import { StudioError } from '../../shared/errors';
import { nearest } from '../../shared/nearest';
import { NO_SOLUTION, arcPuzzle, drawAugmentations } from './arc-augment';
import { writeArcSplits, type ArcGroup } from './arc-writer';
import { leaveOutLeaks } from './leave-out';
import { LegacyRandom } from './numpy-random';
import { pythonJson, type PythonValue } from './python-json';
import { writeIdentifiers, writeSidecar } from './split-writer';
import { makeWholeFolder, writeDurable } from '../lib/whole-folder';
import { Breather, type WorkOptions } from '../lib/work';

/** The tasks of one subset, in the order of their file. */
export interface TaskSubset {
  name: string;
  tasks: Task[];
}

/** The name that sends a subset's test pairs to split test whatever the test set is called; the reference's default. */
const SECOND_TEST_SET = 'your_test_set';

/**
 * Builds the folder `out` (it appears when complete). Draws come from `recipe.seed` alone: the same recipe and tasks
 * give the same bytes.
 *
 * @throws StudioError `bad_input` for what the recipe or the tasks lack, `conflict` if `out` is taken, `cancelled`
 */
export async function buildArc(
  recipe: ArcRecipe,
  subsets: readonly TaskSubset[],
  out: string,
  options: WorkOptions = {},
): Promise<DatasetSidecar> {
  const { chosen, leftOut } = await withoutLeaks(recipe, chooseTasks(recipe, subsets), options);
  return makeWholeFolder(out, async (folder) => {
    const random = new LegacyRandom(recipe.seed);
    const breather = new Breather(options, 'Building the dataset');
    const shortfalls: DatasetSidecar['shortfalls'] = [];
    const testTasks: Task[] = [];
    const groups: ArcGroup[] = [];
    const total = chosen.reduce((sum, { tasks }) => sum + tasks.length, 0);
    for (const { name, tasks } of chosen) {
      const toTest = isTestSubset(recipe, name);
      const shuffled = [...tasks];
      random.shuffle(shuffled);
      for (const task of shuffled) {
        const puzzle = arcPuzzle(task, toTest);
        const augmentations = drawAugmentations(puzzle, recipe.num_aug, random);
        if (augmentations.length <= recipe.num_aug) {
          shortfalls.push({ name: task.name, wanted: recipe.num_aug, found: augmentations.length - 1 });
        }
        if (toTest) testTasks.push(task);
        groups.push({ puzzle, augmentations, identifiers: new Int32Array(augmentations.length) });
        await breather.breathe(groups.length, total, 'tasks augmented');
      }
    }
    const identifiers = assignIdentifiers(groups);
    await writeArcSplits(folder, recipe.canvas, groups, identifiers + 1, random, breather);
    await writeIdentifiers(folder, namesInOrder(groups), () =>
      breather.breathe(identifiers, identifiers, 'names written'),
    );
    writeDurable(join(folder, 'test_puzzles.json'), [pythonJson(testPuzzles(testTasks))]);
    const sidecar: DatasetSidecar = {
      schema: 1,
      kind: 'arc',
      rows: recipe.canvas,
      columns: recipe.canvas,
      recipe,
      shortfalls,
      left_out: leftOut,
    };
    writeSidecar(folder, sidecar);
    return sidecar;
  });
}

/** Whether the recipe sends the subset's test pairs to split test. */
export const isTestSubset = (recipe: ArcRecipe, name: string): boolean =>
  name === recipe.test_set || name === SECOND_TEST_SET;

interface Chosen {
  chosen: TaskSubset[];
  leftOut: DatasetSidecar['left_out'];
}

/** Without what the training subsets give away of the test set, where the recipe asks for that. */
async function withoutLeaks(recipe: ArcRecipe, { chosen, leftOut }: Chosen, options: WorkOptions): Promise<Chosen> {
  if (!recipe.leave_out_leaks) return { chosen, leftOut };
  const clean = await leaveOutLeaks(chosen, (name) => isTestSubset(recipe, name), options);
  return { chosen: clean.subsets, leftOut: [...leftOut, ...clean.leftOut] };
}

/** The tasks that take part, in the recipe's order of subsets, and those left out. */
function chooseTasks(recipe: ArcRecipe, subsets: readonly TaskSubset[]): Chosen {
  const leftOut: DatasetSidecar['left_out'] = [];
  const missing = new Set(recipe.tasks);
  const only = recipe.tasks && new Set(recipe.tasks);
  const known = new Set<string>();
  const chosen = recipe.subsets.map((name) => {
    const subset = subsets.find((s) => s.name === name);
    if (!subset) throw unknownSubset(name, subsets);
    const tasks = subset.tasks.filter((task) => {
      known.add(task.name);
      if (only && !only.has(task.name)) return false;
      missing.delete(task.name);
      const side = largestSide(task);
      if (side <= recipe.canvas) return true;
      leftOut.push({
        name: task.name,
        reason: `A grid of it has a side of ${side}, more than the canvas of ${recipe.canvas}.`,
      });
      return false;
    });
    return { name, tasks };
  });
  for (const name of missing) {
    const close = nearest(name, [...known]);
    throw new StudioError(
      'bad_input',
      `The task ${name} is in none of ${recipe.subsets.join(', ')}: ${close ? `did you mean ${close}?` : 'check its name.'}`,
    );
  }
  const unsolved = recipe.allow_missing_solutions
    ? []
    : chosen.flatMap(({ tasks }) => tasks.filter((task) => task.test.some((pair) => !pair.output)));
  if (unsolved.length > 0) {
    const [first] = unsolved;
    throw new StudioError(
      'bad_input',
      `${unsolved.length === 1 ? 'One task has' : `${unsolved.length} tasks have`} no solution for a test input (${first.name}${unsolved.length > 1 ? ', …' : ''}): import the solutions file too, leave the subset out, or allow missing solutions.`,
      { tasks: unsolved.map((task) => task.name) },
    );
  }
  if (chosen.every(({ tasks }) => tasks.length === 0)) {
    throw new StudioError(
      'bad_input',
      leftOut.length > 0
        ? `None of the ${leftOut.length} tasks fits a canvas of ${recipe.canvas}: choose a larger canvas.`
        : 'The chosen subsets hold no tasks: choose others.',
    );
  }
  return { chosen, leftOut };
}

function unknownSubset(name: string, subsets: readonly TaskSubset[]): StudioError {
  const close = nearest(
    name,
    subsets.map((s) => s.name),
  );
  return new StudioError(
    'bad_input',
    `There is no subset "${name}": ${close ? `did you mean ${close}?` : `there are ${subsets.map((s) => s.name).join(', ') || 'none'}.`}`,
  );
}

/**
 * Numbers the puzzles from 1 in order of first appearance of their names. Every puzzle stands in split train, so that
 * split alone decides; a task in two subsets shares the rows of equal names.
 *
 * @returns how many there are
 */
function assignIdentifiers(groups: readonly ArcGroup[]): number {
  const occurrences = new Map<string, number>();
  for (const { puzzle } of groups) occurrences.set(puzzle.name, (occurrences.get(puzzle.name) ?? 0) + 1);
  const shared = new Map<string, Map<number, number>>(); // only tasks that recur: of all there are millions of names
  let last = 0;
  for (const { puzzle, augmentations, identifiers } of groups) {
    let rows = shared.get(puzzle.name);
    if ((occurrences.get(puzzle.name) ?? 0) > 1 && !rows) shared.set(puzzle.name, (rows = new Map()));
    for (let i = 0; i < augmentations.length; i++) {
      const code = rows ? augmentations.code(i) : 0;
      const known = rows?.get(code);
      identifiers[i] = known ?? ++last;
      if (known === undefined) rows?.set(code, last);
    }
  }
  return last;
}

/** The names of the rows 1, 2, …: walks the groups again instead of keeping millions of them. */
function* namesInOrder(groups: readonly ArcGroup[]): Generator<string> {
  let last = 0;
  for (const { puzzle, augmentations, identifiers } of groups) {
    for (let i = 0; i < augmentations.length; i++) {
      if (identifiers[i] !== last + 1) continue;
      last++;
      yield augmentations.name(i, puzzle.name);
    }
  }
}

/** `test_puzzles.json`: the tasks of the test split with their solutions, keys in the order of their files. */
function testPuzzles(tasks: readonly Task[]): Map<string, PythonValue> {
  return new Map(
    tasks.map(({ name, train, test, test_first }): [string, PythonValue] => {
      const pairs = (list: Task['test']): PythonValue =>
        list.map(({ input, output }) => ({ input, output: output ?? NO_SOLUTION }));
      return [
        name,
        test_first ? { test: pairs(test), train: pairs(train) } : { train: pairs(train), test: pairs(test) },
      ];
    }),
  );
}
