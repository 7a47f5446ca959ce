/** The collections that ship with the app, packed by resources/pack.mjs. */
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { brotliDecompress } from 'node:zlib';
import { unpackGrid, type PackedGrid, type Task } from '../../shared/arc';
import type { BUNDLED_SUBSETS } from '../../shared/dataset';
import { StudioError } from '../../shared/errors';
import { parseTask } from '../../shared/arc-task';

export type BundledName = (typeof BUNDLED_SUBSETS)[number];

export interface Bundled {
  title: string;
  licence: string;
  count: number;
  /** The repository that it comes from. */
  source: string;
  /** Of the files, newest last; the first one is what datasets are built from. */
  editions: readonly Edition[];
}

export interface Edition {
  /** "reference", or the day of the commit. */
  name: string;
  /** In the source's repository; null where who copied it (the reference) does not say. */
  commit: string | null;
  date: string | null;
  /** Test inputs over all tasks. */
  test_inputs: number;
}

/** As the reference's combined files have it, which datasets need to equal its own byte for byte. */
const reference = (test_inputs: number): Edition => ({ name: 'reference', commit: null, date: null, test_inputs });

const ARC_1 = 'https://github.com/fchollet/ARC-AGI';
const ARC_2 = 'https://github.com/arcprize/ARC-AGI-2';
const APACHE = 'Apache-2.0';

export const BUNDLED: Readonly<Record<BundledName, Bundled>> = {
  training: { title: 'ARC-AGI-1 training', licence: APACHE, count: 400, source: ARC_1, editions: [reference(416)] },
  evaluation: { title: 'ARC-AGI-1 evaluation', licence: APACHE, count: 400, source: ARC_1, editions: [reference(419)] },
  training2: { title: 'ARC-AGI-2 training', licence: APACHE, count: 1000, source: ARC_2, editions: [reference(1076)] },
  evaluation2: {
    title: 'ARC-AGI-2 evaluation',
    licence: APACHE,
    count: 120,
    source: ARC_2,
    editions: [reference(172), { name: '2025-05-15', commit: 'f3283f7', date: '2025-05-15', test_inputs: 167 }],
  },
  concept: {
    title: 'ConceptARC',
    licence: 'MIT, © 2024 Victor Vikram Odouard',
    count: 160,
    source: 'https://github.com/victorvikram/ConceptARC',
    editions: [reference(480)],
  },
};

/** A bundled collection by its name or by its title in lower case with dashes ("arc-agi-2-evaluation"); null without one. */
export function findBundled(text: string): BundledName | null {
  const wanted = text.toLowerCase();
  const names = Object.keys(BUNDLED) as BundledName[];
  return (
    names.find((name) => name === wanted || BUNDLED[name].title.toLowerCase().replaceAll(' ', '-') === wanted) ?? null
  );
}

/** Ten times what the largest collection unpacks to. */
const MAX_UNPACKED = 16 * 2 ** 20;

interface PackedTask {
  name: string;
  train: [PackedGrid, PackedGrid][];
  test: [PackedGrid, PackedGrid][];
  test_first?: boolean;
}

/**
 * The tasks of a bundled collection, solutions included, in the order of its Kaggle file.
 *
 * @param resources the project's `resources` folder
 * @param edition one of the collection's; other ones than the first are the first with some of its tasks replaced
 * @throws StudioError `damaged` if a file cannot be unpacked or is not as it was packed, `bad_input` for an edition that
 *   there is none of
 */
export async function readBundled(resources: string, name: BundledName, edition = 'reference'): Promise<Task[]> {
  const { count, editions } = BUNDLED[name];
  const place = editions.findIndex((known) => known.name === edition);
  if (place < 0) {
    const known = editions.map((one) => one.name).join(', ');
    throw new StudioError('bad_input', `There is no edition ${edition} of ${BUNDLED[name].title}: choose ${known}.`);
  }
  const tasks = await readPacked(resources, name);
  if (tasks.length !== count) {
    throw new StudioError(
      'damaged',
      `${fileOf(resources, name)} holds ${tasks.length} of ${count} tasks: install TRM Studio again.`,
    );
  }
  if (place === 0) return tasks;
  const changed = new Map((await readPacked(resources, `${name}-${edition}`)).map((task) => [task.name, task]));
  return tasks.map((task) => changed.get(task.name) ?? task);
}

const fileOf = (resources: string, name: string): string => join(resources, 'arc', `${name}.json.br`);

async function readPacked(resources: string, name: string): Promise<Task[]> {
  const file = fileOf(resources, name);
  const packed = await readFile(file);
  try {
    const json = await promisify(brotliDecompress)(packed, { maxOutputLength: MAX_UNPACKED });
    return (JSON.parse(json.toString('utf8')) as PackedTask[]).map((task) => unpackTask(task, file));
  } catch (cause) {
    throw new StudioError('damaged', `${file} is damaged: install TRM Studio again.`, undefined, { cause });
  }
}

function unpackTask({ name, train, test, test_first }: PackedTask, file: string): Task {
  const pairs = (list: [PackedGrid, PackedGrid][]) =>
    list.map(([input, output]) => ({ input: unpackGrid(input), output: unpackGrid(output) }));
  const value = test_first ? { test: pairs(test), train: pairs(train) } : { train: pairs(train), test: pairs(test) };
  return parseTask(name, value, file);
}
