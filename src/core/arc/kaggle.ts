/**
 * Collections in Kaggle's form: `X_challenges.json` maps each task's name to `{train, test}`, `X_solutions.json` maps
 * it to the outputs of its test inputs.
 */
import { existsSync } from 'node:fs';
import type { Grid, Task } from '../../shared/arc';
import { StudioError } from '../../shared/errors';
import { sameGrid } from '../../shared/arc-grid';
import { parseJson, readLimited, type JsonDocument } from './json';
import { checkTask, gridFault } from '../../shared/arc-task';

export interface Collection {
  /** The faultless ones, in the file's order. */
  tasks: Task[];
  /** One sentence each. */
  faults: string[];
}

const plural = (n: number, word: string): string => `${n} ${word}${n === 1 ? '' : 's'}`;

/**
 * @param document of which `value` is an object
 * @param skip told of each task before it is checked; where it says so, the task is left out without a fault
 */
export function readChallenges(
  { value, keys, duplicates }: JsonDocument,
  file: string,
  skip: (task: unknown, place: string) => boolean = () => false,
): Collection {
  const faults: string[] = [];
  for (const { key, depth, line } of duplicates) {
    faults.push(
      depth === 1
        ? `${file}: the task ${key} appears twice, again at line ${line}: keep one of the two.`
        : `${file}: the key "${key}" appears twice in one object at line ${line}: keep one of the two.`,
    );
  }
  const twice = new Set(duplicates.filter(({ depth }) => depth === 1).map(({ key }) => key));
  const tasks: Task[] = [];
  for (const name of keys) {
    if (twice.has(name)) continue;
    const task = (value as Record<string, unknown>)[name];
    const place = `${file}, task ${name}`;
    if (skip(task, place)) continue;
    const checked = checkTask(name, task, place);
    if (checked.task) tasks.push(checked.task);
    faults.push(...checked.faults);
  }
  return { tasks, faults };
}

/**
 * The tasks with their test outputs. A task whose solution is missing, incomplete or no grid is left out, with a fault;
 * a solution without a task is a fault too: the two files do not belong together then.
 *
 * @param names every key of the challenges file, also of tasks that have faults of their own
 */
export function joinSolutions(
  tasks: readonly Task[],
  names: readonly string[],
  { value, keys, duplicates }: JsonDocument,
  file: string,
  challengesFile: string,
): Collection {
  const faults: string[] = [];
  for (const { key, line } of duplicates) {
    faults.push(`${file}: the solution of ${key} appears twice, again at line ${line}: keep one of the two.`);
  }
  const known = new Set(names);
  for (const key of keys) {
    if (!known.has(key))
      faults.push(
        `${file}: the solution ${key} belongs to no task of ${challengesFile}: use the matching pair of files.`,
      );
  }
  const twice = new Set(duplicates.map(({ key }) => key));
  const solved: Task[] = [];
  for (const task of tasks) {
    if (twice.has(task.name)) continue;
    const wrong = solutionFault(
      task,
      Object.hasOwn(value as object, task.name),
      (value as Record<string, unknown>)[task.name],
    );
    if (wrong) faults.push(`${file}: ${wrong}.`);
    else {
      const outputs = (value as Record<string, Grid[]>)[task.name];
      solved.push({ ...task, test: task.test.map(({ input }, i) => ({ input, output: outputs[i] })) });
    }
  }
  return { tasks: solved, faults };
}

function solutionFault(task: Task, given: boolean, outputs: unknown): string | null {
  if (!given) return `there is no solution of the task ${task.name}: add it, or use the matching pair of files`;
  if (!Array.isArray(outputs))
    return `the solution of ${task.name} is no list: write a list of grids, one for each test input`;
  if (outputs.length !== task.test.length) {
    return `the task ${task.name} has ${plural(task.test.length, 'test input')} and ${plural(outputs.length, 'solution')}: give one solution for each test input`;
  }
  for (let i = 0; i < outputs.length; i++) {
    const wrong = gridFault(outputs[i], `${task.name}[${i}]`);
    if (wrong) return wrong;
    const { output } = task.test[i];
    if (output && !sameGrid(output, outputs[i] as Grid)) {
      return `the solution ${task.name}[${i}] differs from the output in the challenges file: remove the wrong one`;
    }
  }
  return null;
}

/** Whether a parsed value can be a collection at all. */
export const isRecord = (value: unknown): value is Record<string, unknown> =>
  typeof value === 'object' && value !== null && !Array.isArray(value);

/**
 * One subset as the reference's builder names it: `PREFIX_SUBSET_challenges.json`, and `…_solutions.json` if it exists.
 * @throws StudioError with the first fault's sentence and all of them in `data.faults`
 */
export async function readKaggleSubset(prefix: string, subset: string): Promise<Task[]> {
  const file = `${prefix}_${subset}_challenges.json`;
  const challenges = await readRecord(file);
  const { tasks, faults } = readChallenges(challenges, file);
  let collection: Collection = { tasks, faults };
  const solutionsFile = `${prefix}_${subset}_solutions.json`;
  if (faults.length === 0 && existsSync(solutionsFile)) {
    collection = joinSolutions(tasks, challenges.keys, await readRecord(solutionsFile), solutionsFile, file);
  }
  if (collection.faults.length > 0) {
    throw new StudioError('bad_input', collection.faults[0], { faults: collection.faults });
  }
  return collection.tasks;
}

async function readRecord(file: string): Promise<JsonDocument> {
  const document = parseJson(await readLimited(file), file);
  if (!isRecord(document.value)) {
    throw new StudioError('bad_input', `${file} is no collection of tasks: its outermost part must be an object, {…}.`);
  }
  return document;
}
