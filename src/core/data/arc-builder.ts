/**
 * ARC tasks → a dataset, draw for draw as the reference's `build_arc_dataset.py`, so that equal arguments give equal
 * files. Where Python's split order hangs on its hash seed, ours is train first. Differences, all told in the sidecar
 * or refused: canvases smaller than 30 (tasks that do not fit are left out), and missing solutions, which the reference
 * fills with `[[0]]`, are an error.
 */
import { join } from 'node:path';
import type { Task } from '../../shared/arc';
import { IDENTITY, augmentedName, type Augmentation } from '../../shared/arc-augment';
import { ARC_VOCAB, paintCanvas } from '../../shared/arc-canvas';
import { largestSide } from '../../shared/arc-task';
import type { ArcRecipe, DatasetSidecar } from '../../shared/dataset';
import { StudioError } from '../../shared/errors';
import { nearest } from '../../shared/nearest';
import { arcPuzzle, drawAugmentations, type ArcPuzzle, type FlatPair } from './arc-augment';
import { LegacyRandom } from './numpy-random';
import { pythonJson, type PythonValue } from './python-json';
import { SplitWriter, writeIdentifiers, writeSidecar } from './split-writer';
import { Breather, makeWholeFolder, writeDurable, type WorkOptions } from './whole-folder';

/** The tasks of one subset, in the order of their file. */
export interface TaskSubset {
  name: string;
  tasks: Task[];
}

/** A task and its augmentations: the puzzles of one group. */
interface Group {
  puzzle: ArcPuzzle;
  augmentations: Augmentation[];
  /** Embedding row of each. */
  identifiers: Int32Array;
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
  const { chosen, leftOut } = chooseTasks(recipe, subsets);
  return makeWholeFolder(out, async (folder) => {
    const random = new LegacyRandom(recipe.seed);
    const breather = new Breather(options, 'Building the dataset');
    const shortfalls: DatasetSidecar['shortfalls'] = [];
    const testTasks: Task[] = [];
    const groups: Group[] = [];
    const total = chosen.reduce((sum, { tasks }) => sum + tasks.length, 0);
    for (const { name, tasks } of chosen) {
      const toTest = name === recipe.test_set || name === SECOND_TEST_SET;
      const shuffled = [...tasks];
      random.shuffle(shuffled);
      for (const task of shuffled) {
        const puzzle = arcPuzzle(task, toTest);
        const augmentations = [IDENTITY, ...drawAugmentations(puzzle, recipe.num_aug, random)];
        if (augmentations.length <= recipe.num_aug) {
          shortfalls.push({ name: task.name, wanted: recipe.num_aug, found: augmentations.length - 1 });
        }
        if (toTest) testTasks.push(task);
        groups.push({ puzzle, augmentations, identifiers: new Int32Array(augmentations.length) });
        await breather.breathe(groups.length, total, 'tasks augmented');
      }
    }
    const names = assignIdentifiers(groups);
    await writeSplits(folder, recipe, groups, names.length + 1, random, breather);
    writeIdentifiers(folder, names);
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

/** The tasks that take part, in the recipe's order of subsets, and those left out. */
function chooseTasks(
  recipe: ArcRecipe,
  subsets: readonly TaskSubset[],
): { chosen: TaskSubset[]; leftOut: DatasetSidecar['left_out'] } {
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
  const unsolved = chosen.flatMap(({ tasks }) => tasks.filter((task) => task.test.some((pair) => !pair.output)));
  if (unsolved.length > 0) {
    const [first] = unsolved;
    throw new StudioError(
      'bad_input',
      `${unsolved.length === 1 ? 'One task has' : `${unsolved.length} tasks have`} no solution for a test input (${first.name}${unsolved.length > 1 ? ', …' : ''}): import the solutions file too, or leave the subset out.`,
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
 */
function assignIdentifiers(groups: readonly Group[]): string[] {
  const names: string[] = [];
  const occurrences = new Map<string, number>();
  for (const { puzzle } of groups) occurrences.set(puzzle.name, (occurrences.get(puzzle.name) ?? 0) + 1);
  const shared = new Map<string, number>(); // only names that can recur: with 1000 augmentations there are a million
  for (const { puzzle, augmentations, identifiers } of groups) {
    const recurs = (occurrences.get(puzzle.name) ?? 0) > 1;
    augmentations.forEach((augmentation, i) => {
      const name = augmentedName(puzzle.name, augmentation);
      const known = recurs ? shared.get(name) : undefined;
      if (known !== undefined) identifiers[i] = known;
      else {
        identifiers[i] = names.push(name);
        if (recurs) shared.set(name, identifiers[i]);
      }
    });
  }
  return names;
}

async function writeSplits(
  folder: string,
  recipe: ArcRecipe,
  groups: readonly Group[],
  numPuzzleIdentifiers: number,
  random: LegacyRandom,
  breather: Breather,
): Promise<void> {
  const splits = [
    { name: 'train', groups, pairs: (p: ArcPuzzle) => p.train, move: true },
    {
      name: 'test',
      groups: groups.filter(({ puzzle }) => puzzle.test.length > 0),
      pairs: (p: ArcPuzzle) => p.test,
      move: false,
    },
  ].filter((split) => split.groups.length > 0);
  const count = (f: (group: Group) => number, of: readonly Group[]): number => of.reduce((sum, g) => sum + f(g), 0);
  const total = splits.reduce((sum, split) => sum + count((g) => g.augmentations.length, split.groups), 0);
  let done = 0;
  for (const split of splits) {
    const writer = new SplitWriter(join(folder, split.name), {
      examples: count((g) => g.augmentations.length * split.pairs(g.puzzle).length, split.groups),
      puzzles: count((g) => g.augmentations.length, split.groups),
      groups: split.groups.length,
      seqLen: recipe.canvas ** 2,
      vocabSize: ARC_VOCAB,
      numPuzzleIdentifiers,
      meanIsFloat: true,
    });
    try {
      for (const { puzzle, augmentations, identifiers } of split.groups) {
        for (let i = 0; i < augmentations.length; i++) {
          writePuzzle(writer, split.pairs(puzzle), augmentations[i], recipe.canvas, split.move, random);
          writer.endPuzzle(identifiers[i]);
          await breather.breathe(++done, total, 'puzzles written');
        }
        writer.endGroup();
      }
      writer.finish();
    } catch (error) {
      writer.abandon();
      throw error;
    }
  }
}

/** One example stays in the corner; in split train each other one is moved by its own two draws. */
function writePuzzle(
  writer: SplitWriter,
  pairs: readonly FlatPair[],
  { t, images }: Augmentation,
  canvas: number,
  move: boolean,
  random: LegacyRandom,
): void {
  const turned = t === 1 || t === 3 || t === 6 || t === 7;
  const unmoved = random.randint(0, pairs.length);
  pairs.forEach(({ input, output }, i) => {
    let row = 0;
    let column = 0;
    if (move && i !== unmoved) {
      const rows = Math.max(input.rows, output.rows);
      const columns = Math.max(input.columns, output.columns);
      row = random.randint(0, canvas - (turned ? columns : rows) + 1);
      column = random.randint(0, canvas - (turned ? rows : columns) + 1);
    }
    writer.example((inputs, inputStart, labels, labelStart) => {
      paintCanvas(inputs, inputStart, canvas, input, t, images, row, column);
      paintCanvas(labels, labelStart, canvas, output, t, images, row, column);
    });
  });
}

/** `test_puzzles.json`: the tasks of the test split with their solutions, keys in the order of their files. */
function testPuzzles(tasks: readonly Task[]): Map<string, PythonValue> {
  return new Map(
    tasks.map(({ name, train, test, test_first }): [string, PythonValue] => {
      const pairs = (list: Task['test']): PythonValue =>
        list.map(({ input, output }) => ({ input, output: output as number[][] }));
      return [
        name,
        test_first ? { test: pairs(test), train: pairs(train) } : { train: pairs(train), test: pairs(test) },
      ];
    }),
  );
}
