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

export const BUNDLED: Readonly<Record<BundledName, { title: string; licence: string; count: number }>> = {
  training: { title: 'ARC-AGI-1 training', licence: 'Apache-2.0', count: 400 },
  evaluation: { title: 'ARC-AGI-1 evaluation', licence: 'Apache-2.0', count: 400 },
  training2: { title: 'ARC-AGI-2 training', licence: 'Apache-2.0', count: 1000 },
  evaluation2: { title: 'ARC-AGI-2 evaluation', licence: 'Apache-2.0', count: 120 },
  concept: { title: 'ConceptARC', licence: 'MIT, © 2024 Victor Vikram Odouard', count: 160 },
};

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
 * @throws StudioError `damaged` if the file cannot be unpacked or is not as it was packed
 */
export async function readBundled(resources: string, name: BundledName): Promise<Task[]> {
  const file = join(resources, 'arc', `${name}.json.br`);
  const packed = await readFile(file);
  let tasks: Task[];
  try {
    const json = await promisify(brotliDecompress)(packed, { maxOutputLength: MAX_UNPACKED });
    tasks = (JSON.parse(json.toString('utf8')) as PackedTask[]).map((task) => unpackTask(task, file));
  } catch (cause) {
    throw new StudioError('damaged', `${file} is damaged: install TRM Studio again.`, undefined, { cause });
  }
  if (tasks.length !== BUNDLED[name].count) {
    throw new StudioError(
      'damaged',
      `${file} holds ${tasks.length} of ${BUNDLED[name].count} tasks: install TRM Studio again.`,
    );
  }
  return tasks;
}

function unpackTask({ name, train, test, test_first }: PackedTask, file: string): Task {
  const pairs = (list: [PackedGrid, PackedGrid][]) =>
    list.map(([input, output]) => ({ input: unpackGrid(input), output: unpackGrid(output) }));
  const value = test_first ? { test: pairs(test), train: pairs(train) } : { train: pairs(train), test: pairs(test) };
  return parseTask(name, value, file);
}
