/**
 * Tasks that stand in two collections, by name or by their grids, and answers of a test set that stand in a training
 * set: what reviewers of this field look for first.
 */
import type { Task } from '../../shared/arc';
import type { DataWarning } from '../../shared/dataset';
import { pairGrids, shapeKey } from './pair-key';
import { Breather, type WorkOptions } from '../lib/work';

export interface TaskSet {
  name: string;
  title: string;
  tasks: readonly Task[];
  /** Its test pairs are what models are tested on. */
  test: boolean;
}

/** Collections are test sets by their names, as in ARC's repositories, unless a recipe says which one is. */
export function isTestSet(name: string): boolean {
  return /(?:^|[^a-z])(?:eval|test)/i.test(name);
}

/** A collection with what its tasks are compared by. */
interface Indexed extends TaskSet {
  /** Name → key of all its pairs together. */
  byName: Map<string, string>;
  byContent: Map<string, string>;
  /** Keys of all solved pairs → the task that has it. */
  pairs: Map<string, string>;
  /** Task → keys of its solved test pairs. */
  answers: Map<string, string[]>;
}

export interface TaskKeys {
  /** Of all its pairs together, in any order. */
  content: string;
  /** Of its solved pairs; those of its test pairs are `answers` too. */
  solved: string[];
  answers: string[];
}

/** What a task is compared by: equal where grids are, also when they are turned or recoloured. */
export function taskKeys(task: Task): TaskKeys {
  const [train, test] = [task.train, task.test].map((pairs) => pairs.map((pair) => shapeKey(pairGrids(pair))));
  const answers = test.filter((_, i) => task.test[i].output);
  return { content: [...train, ...test].sort().join(''), solved: [...train, ...answers], answers };
}

async function index(set: TaskSet, breathe: () => Promise<void>): Promise<Indexed> {
  const indexed: Indexed = {
    ...set,
    byName: new Map(),
    byContent: new Map(),
    pairs: new Map(),
    answers: new Map(),
  };
  for (const task of set.tasks) {
    await breathe();
    const { content, solved, answers } = taskKeys(task);
    for (const key of solved) if (!indexed.pairs.has(key)) indexed.pairs.set(key, task.name);
    indexed.byName.set(task.name, content);
    if (!indexed.byContent.has(content)) indexed.byContent.set(content, task.name);
    indexed.answers.set(task.name, answers);
  }
  return indexed;
}

/** A few names for a sentence; the warning holds them all. */
function some(names: readonly string[]): string {
  return names.length > 4 ? `${names.slice(0, 3).join(', ')} and ${names.length - 3} more` : names.join(', ');
}
const tasks = (n: number): string => (n === 1 ? '1 task' : `${n.toLocaleString('en')} tasks`);

/**
 * Compares every collection of `fresh` with each other one and with those of `known`.
 *
 * @param stored whether `known` are collections that the studio holds already, so that equal ones are stored twice
 * @throws StudioError `cancelled`
 */
export async function findOverlaps(
  fresh: readonly TaskSet[],
  known: readonly TaskSet[],
  stored: boolean,
  options: WorkOptions = {},
): Promise<DataWarning[]> {
  const breather = new Breather(options, 'The comparison of tasks');
  const total = [...fresh, ...known].reduce((sum, set) => sum + set.tasks.length, 0);
  let done = 0;
  const breathe = (): Promise<void> => breather.breathe(done++, total, 'tasks compared');
  const indexed: Indexed[] = [];
  for (const set of [...fresh, ...known]) indexed.push(await index(set, breathe));
  const warnings: DataWarning[] = [];
  for (let a = 0; a < fresh.length; a++) {
    for (let b = a + 1; b < indexed.length; b++) {
      warnings.push(...compare(indexed[a], indexed[b], stored && b >= fresh.length));
    }
  }
  return warnings;
}

function compare(a: Indexed, b: Indexed, stored: boolean): DataWarning[] {
  const warnings: DataWarning[] = [];
  const warn = (kind: DataWarning['kind'], relation: DataWarning['relation'], message: string, names: string[]): void =>
    void (names.length && warnings.push({ kind, relation, message, tasks: names, subsets: [a.name, b.name] }));
  const equal: string[] = [];
  const changed: string[] = [];
  const renamed: string[] = [];
  for (const [name, content] of a.byName) {
    const other = b.byName.get(name);
    if (other === content) equal.push(name);
    else if (b.byContent.has(content)) renamed.push(name);
    else if (other !== undefined) changed.push(name);
  }
  const twice = stored && equal.length === a.byName.size && a.byName.size > 0;
  if (twice) {
    warn(
      'imported_before',
      'same',
      `${a.title}: ${a.byName.size === 1 ? `the task ${equal[0]} is` : `all ${tasks(equal.length)} are`} in the studio already, in ${b.title}: importing again stores ${equal.length === 1 ? 'it' : 'them'} twice.`,
      equal,
    );
  } else {
    warn(
      'same_task',
      'same',
      `${tasks(equal.length)} of ${a.title} ${equal.length === 1 ? 'is' : 'are'} in ${b.title} too (${some(equal)}): in a dataset of both, equal names share one embedding row.`,
      equal,
    );
  }
  warn(
    'same_task',
    'same_grids',
    `${tasks(renamed.length)} of ${a.title} ${renamed.length === 1 ? 'has' : 'have'} the same grids as one in ${b.title}, under another name or turned or recoloured (${some(renamed.map((name) => `${name} = ${b.byContent.get(a.byName.get(name) as string)}`))}).`,
    renamed,
  );
  warn(
    'same_task',
    'same_name',
    `${tasks(changed.length)} of ${a.title} ${changed.length === 1 ? 'has' : 'have'} the name of one in ${b.title} but other grids (${some(changed)}): in a dataset of both, they would share embedding rows.`,
    changed,
  );
  if (a.test !== b.test) warnings.push(...(a.test ? leaks(a, b) : leaks(b, a)));
  return warnings;
}

/** Tasks of a test set of which a test answer, turned or recoloured perhaps, stands among the pairs of a training set. */
function leaks(test: Indexed, train: Indexed): DataWarning[] {
  const names: string[] = [];
  const shown: string[] = [];
  for (const [name, answers] of test.answers) {
    const holder = answers.map((key) => train.pairs.get(key)).find((found) => found !== undefined);
    if (holder === undefined) continue;
    names.push(name);
    shown.push(holder === name ? name : `${name} as ${holder}`);
  }
  if (names.length === 0) return [];
  const n = names.length;
  return [
    {
      kind: 'leak',
      relation: 'leak',
      message: `${tasks(n)} of the test set ${test.title} ${n === 1 ? 'has its answer' : 'have their answers'} in ${train.title} (${some(shown)}): a model trained on ${train.title} and tested on ${test.title} has seen ${n === 1 ? 'it' : 'them'}; use only one of the two.`,
      tasks: names,
      subsets: [test.name, train.name],
    },
  ];
}
