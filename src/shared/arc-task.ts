/**
 * From parsed JSON to a task. Every fault becomes one sentence that names the file, the place, the value and the fix.
 * Pairs are counted as in JSON (`train[2]` is the third); rows and columns as people do, from 1.
 */
import { COLOURS, MAX_GRID, type Grid, type Pair, type Task } from './arc';
import { StudioError } from './errors';
import { proposeSegment, segmentFault } from './path-segment';

/** Stands between the parts of an augmented puzzle's name in identifiers.json, so no task's name may hold it. */
export const NAME_SEPARATOR = '|||';

const MAX_NAME = 200;
/** Enough to mend a file by; a hundred bad grids need no hundred sentences. */
const MAX_FAULTS = 20;

const ALLOWED_SIZE = `a grid has 1 to ${MAX_GRID} rows and columns`;

/** The value as it stands in the file, shortened: `10`, `"3"`, `null`, `[1,2,…`. */
function shown(value: unknown): string {
  const text = JSON.stringify(value) ?? 'nothing';
  return text.length > 40 ? `${text.slice(0, 39)}…` : text;
}

const isObject = (value: unknown): value is Record<string, unknown> =>
  typeof value === 'object' && value !== null && !Array.isArray(value);

/** What is wrong with a value that should be a grid, without the file; null if nothing is. At most one fault per grid. */
export function gridFault(value: unknown, place: string): string | null {
  if (!Array.isArray(value)) return `${place} is ${shown(value)}: write the grid as a list of rows`;
  if (value.length === 0) return `${place} is empty: give it rows, ${ALLOWED_SIZE}`;
  if (value.length > MAX_GRID) return `${place} has ${value.length} rows: cut it down, ${ALLOWED_SIZE}`;
  for (let r = 0; r < value.length; r++) {
    const row: unknown = value[r];
    const at = `${place} row ${r + 1}`;
    if (!Array.isArray(row)) return `${at} is ${shown(row)}: write each row as a list of colours`;
    if (row.length === 0) return `${at} is empty: give it cells, ${ALLOWED_SIZE}`;
    if (row.length > MAX_GRID) return `${at} has ${row.length} columns: cut it down, ${ALLOWED_SIZE}`;
    if (row.length !== (value[0] as unknown[]).length) {
      const first = (value[0] as unknown[]).length;
      return `${at} has ${row.length} ${row.length === 1 ? 'cell' : 'cells'} where row 1 has ${first}: give every row the same length`;
    }
    for (let c = 0; c < row.length; c++) {
      const cell: unknown = row[c];
      if (typeof cell !== 'number' || !Number.isInteger(cell) || cell < 0 || cell >= COLOURS) {
        return `${at}, column ${c + 1} is ${shown(cell)}: use a colour from 0 to ${COLOURS - 1}`;
      }
    }
  }
  return null;
}

function checkPairs(value: unknown, part: 'train' | 'test', fault: (sentence: string) => void): Pair[] {
  if (!Array.isArray(value)) {
    fault(
      value === undefined
        ? `"${part}" is missing: add it, a task has the lists "train" and "test"`
        : `"${part}" is ${shown(value)}: make it a list of pairs`,
    );
    return [];
  }
  if (value.length === 0) {
    fault(
      part === 'train'
        ? '"train" is empty: give at least one demonstration, a pair of input and output'
        : '"test" is empty: give at least one test input',
    );
  }
  const pairs: Pair[] = [];
  value.forEach((pair: unknown, i) => {
    const place = `${part}[${i}]`;
    if (!isObject(pair)) {
      fault(`${place} is ${shown(pair)}: write a pair as {"input": …, "output": …}`);
      return;
    }
    if (!Object.hasOwn(pair, 'input')) fault(`${place} has no input: add it`);
    else {
      const wrong = gridFault(pair.input, `${place}.input`);
      if (wrong) fault(wrong);
    }
    const hasOutput = Object.hasOwn(pair, 'output');
    if (hasOutput) {
      const wrong = gridFault(pair.output, `${place}.output`);
      if (wrong) fault(wrong);
    } else if (part === 'train') fault(`${place} has no output: add it, or move the pair to "test"`);
    pairs.push(hasOutput ? { input: pair.input as Grid, output: pair.output as Grid } : { input: pair.input as Grid });
  });
  return pairs;
}

/** What is wrong with a task's name, without the file; null if nothing is. */
export function nameFault(name: string): string | null {
  if (name.trim() === '') return 'a task has an empty name: name it';
  if (name.length > MAX_NAME)
    return `the task name ${shown(name)} has ${name.length} characters: use at most ${MAX_NAME}`;
  if (name.includes(NAME_SEPARATOR)) {
    return `the task name ${shown(name)} holds "${NAME_SEPARATOR}", which marks augmented puzzles: rename the task`;
  }
  // Answers, traces and pictures are written under it.
  const fault = segmentFault(name);
  if (fault)
    return `the task name ${shown(name)} ${fault}, so no file can be named after it: call it ${shown(proposeSegment(name))}`;
  return null;
}

export interface CheckedTask {
  /** Null if there are faults. */
  task: Task | null;
  /** One sentence each, in the order of the file. */
  faults: string[];
}

/**
 * Checks a parsed JSON value and takes from it what a task is made of; other keys are left aside.
 *
 * @param file how the file is called in the sentences; for a task in a collection e.g. `x_challenges.json, task 00d62c1b`
 */
export function checkTask(name: string, value: unknown, file: string): CheckedTask {
  const faults: string[] = [];
  let more = 0;
  const fault = (sentence: string): void => {
    if (faults.length < MAX_FAULTS) faults.push(`${file}: ${sentence}.`);
    else more++;
  };
  const wrongName = nameFault(name);
  if (wrongName) fault(wrongName);
  if (!isObject(value)) {
    fault(`${shown(value)} is no task: write {"train": […], "test": […]}`);
    return { task: null, faults };
  }
  const train = checkPairs(value.train, 'train', fault);
  const test = checkPairs(value.test, 'test', fault);
  if (more > 0)
    faults[MAX_FAULTS - 1] = `${file}: ${more + 1} more faults of this kind; mend the first ones and try again.`;
  if (faults.length > 0) return { task: null, faults };
  const keys = Object.keys(value);
  const task: Task = { name, train: train as Task['train'], test };
  // Two names that are no array indices keep the file's order through JSON.parse.
  if (keys.indexOf('test') < keys.indexOf('train')) task.test_first = true;
  return { task, faults };
}

/** @throws StudioError `bad_input` with the first fault's sentence and all of them in `data.faults` */
export function parseTask(name: string, value: unknown, file: string): Task {
  const { task, faults } = checkTask(name, value, file);
  if (!task) throw new StudioError('bad_input', faults[0], { faults });
  return task;
}

/** The longest side of any of the task's grids. */
export function largestSide(task: Task): number {
  let side = 0;
  for (const { input, output } of [...task.train, ...task.test]) {
    for (const grid of output ? [input, output] : [input]) side = Math.max(side, grid.length, grid[0].length);
  }
  return side;
}
