/**
 * Tells by their content what gathered files are: Kaggle's challenges and solutions, single tasks, archives of these,
 * CSVs of Sudoku or mazes, dataset folders, something else.
 * Every fault becomes one sentence; nothing is stored here.
 */
import type { Task } from '../../shared/arc';
import type { ImportItem, ImportProblem } from '../../shared/contract/imports';
import { StudioError, toWireError } from '../../shared/errors';
import { parseJson, type JsonDocument } from '../arc/json';
import { isRecord, joinSolutions, readChallenges } from '../arc/kaggle';
import { checkTask } from '../../shared/arc-task';
import { hasPuzzleHeader, takeCsvs, takeFolders, type Finder, type FoundDataset } from './found-datasets';
import { folderOf, type GatheredFile } from './gather';
import { SubsetNames, type RecognisedSubset } from './subsets';
import { unpackArchives } from './unpack';
import { Breather, type WorkOptions } from '../lib/work';

export interface Recognised {
  items: ImportItem[];
  problems: ImportProblem[];
  /** Faultless tasks by the collection that they will be stored as. */
  subsets: RecognisedSubset[];
  datasets: FoundDataset[];
}

const MAX_TOTAL_BYTES = 2 ** 30;

type Shape = 'task' | 'challenges' | 'solutions' | 'submission' | 'empty' | 'other';

function shapeOf(value: unknown): Shape {
  if (!isRecord(value)) return 'other';
  if (Object.hasOwn(value, 'train') || Object.hasOwn(value, 'test')) {
    // A collection may hold a task called "test"; a task's own "test" is a list.
    const isTask = [value.train, value.test].some((part) => part !== undefined && !isRecord(part));
    if (isTask) return 'task';
  }
  const values = Object.values(value);
  if (values.length === 0) return 'empty';
  if (values.some((v) => isRecord(v) && (Object.hasOwn(v, 'train') || Object.hasOwn(v, 'test')))) return 'challenges';
  if (values.every(Array.isArray)) {
    const isAttempt = (v: unknown): boolean => isRecord(v) && Object.hasOwn(v, 'attempt_1');
    return values.some((v) => (v as unknown[]).some(isAttempt)) ? 'submission' : 'solutions';
  }
  return 'other';
}

/** What a folder of single tasks is, by the way in which the repositories of ARC lay theirs out. */
function folderKind(relative: string): string {
  if (/(^|\/)data\/(training|evaluation)\//.test(relative)) return 'ARC-AGI repository';
  return /(^|\/)corpus\/[^/]+\//.test(relative) ? 'ConceptARC repository' : 'folder of tasks';
}

/** One half of a Kaggle pair, waiting for the other. */
interface Half {
  file: GatheredFile;
  document: JsonDocument;
}

interface Pair {
  challenges?: Half;
  solutions?: Half;
}

const nameOf = (relative: string): string => relative.slice(relative.lastIndexOf('/') + 1).replace(/\.json$/i, '');
/** "arc-agi_training_challenges" → "arc-agi_training": what both files of a pair share. */
const stemOf = (relative: string): string => nameOf(relative).replace(/[-_. ]?(challenges|solutions)$/i, '');

class Recogniser implements Finder {
  readonly items: ImportItem[] = [];
  readonly datasets: FoundDataset[] = [];
  readonly problems: ImportProblem[] = [];
  private readonly pairs = new Map<string, Pair>();
  private readonly singles: { file: GatheredFile; task: Task }[] = [];
  private notJson: GatheredFile[] = [];

  fault(file: Pick<GatheredFile, 'path'>, message: string, harmless = false): void {
    this.problems.push({ file: file.path, message, harmless });
  }

  add(file: GatheredFile, bytes: Uint8Array): void {
    const document = parseJson(bytes, file.relative);
    const shape = shapeOf(document.value);
    switch (shape) {
      case 'task': {
        // Those in a folder are told as one.
        if (!file.relative.includes('/')) this.itemOf(file, 'single task', 1);
        const [twice] = document.duplicates;
        if (twice) {
          this.fault(
            file,
            `${file.relative}: the key "${twice.key}" stands twice in one object at line ${twice.line}: keep one.`,
          );
          return;
        }
        const { task, faults } = checkTask(nameOf(file.relative), document.value, file.relative);
        for (const message of faults) this.fault(file, message);
        if (task) this.singles.push({ file, task });
        return;
      }
      case 'challenges':
      case 'solutions':
        this.itemOf(file, `Kaggle ${shape}`, document.keys.length);
        this.half(file, document, shape);
        return;
      case 'submission':
        this.itemOf(file, 'Kaggle submission', 0);
        this.fault(file, `${file.relative} is a submission, which holds no tasks: left out.`, true);
        return;
      case 'empty':
        this.fault(file, `${file.relative} holds no tasks, only {}: choose another file.`);
        return;
      case 'other':
        this.fault(
          file,
          `${file.relative} is JSON but holds no task: a task has "train" and "test", a collection maps names to tasks.`,
        );
    }
  }

  /** A file in a dropped folder that is of another kind; dropped by itself it is a mistake worth a word. */
  other(file: GatheredFile): void {
    if (file.relative.includes('/')) this.notJson.push(file);
    else if (/\.npy$/i.test(file.relative))
      this.fault(
        file,
        `${file.relative} is one array of a dataset: drop the whole folder, with train/dataset.json and the others.`,
      );
    else
      this.fault(
        file,
        `${file.relative} is nothing that can be imported: drop tasks (.json, .zip), CSVs of Sudoku or mazes, or the folder of a dataset.`,
      );
  }

  item(item: ImportItem): void {
    this.items.push(item);
  }

  private itemOf(file: GatheredFile, recognised_as: string, tasks: number): void {
    this.item({ file: file.path, recognised_as, tasks, puzzles: 0 });
  }

  private half(file: GatheredFile, document: JsonDocument, part: 'challenges' | 'solutions'): void {
    const key = folderOf(file.relative) + stemOf(file.relative).toLowerCase();
    const pair = this.pairs.get(key) ?? {};
    this.pairs.set(key, pair);
    const other = pair[part];
    if (other) {
      this.fault(file, `${file.relative} holds the same collection as ${other.file.relative}: add one of the two.`);
    } else pair[part] = { file, document };
  }

  finish(names: SubsetNames): RecognisedSubset[] {
    const subsets = [...this.pairs.values()].flatMap((pair) => this.collection(pair, names) ?? []);
    const collections = new Set(subsets.flatMap(({ tasks }) => tasks.map(({ name }) => name)));
    const groups = names.group(this.singles, collections, (file, message) => this.fault(file, message));
    for (const { source, tasks, sample } of groups) {
      if (!sample.relative.includes('/')) continue;
      this.item({ file: source, recognised_as: folderKind(sample.relative), tasks: tasks.length, puzzles: 0 });
    }
    subsets.push(...groups);
    if (this.notJson.length > 0) {
      const [first] = this.notJson;
      const n = this.notJson.length;
      this.fault(
        first,
        n === 1
          ? `${first.relative} holds no tasks: left out.`
          : `${n} files that hold no tasks (${first.relative}, …): left out.`,
        true,
      );
    }
    return subsets.filter(({ tasks }) => tasks.length > 0);
  }

  private collection({ challenges, solutions }: Pair, names: SubsetNames): RecognisedSubset | null {
    if (!challenges) {
      const { file } = solutions as Half;
      this.fault(
        file,
        `${file.relative} has no challenges beside it: add ${stemOf(file.relative)}_challenges.json too.`,
      );
      return null;
    }
    const { file } = challenges;
    let { tasks, faults } = readChallenges(challenges.document, file.relative);
    for (const message of faults) this.fault(file, message);
    if (solutions) {
      const { keys } = challenges.document;
      ({ tasks, faults } = joinSolutions(tasks, keys, solutions.document, solutions.file.relative, file.relative));
      for (const message of faults) this.fault(solutions.file, message);
    } else if (tasks.some((task) => task.test.some((pair) => !pair.output))) {
      this.fault(file, `${file.relative} has no solutions beside it: test outputs stay unknown.`, true);
    }
    return { ...names.take(stemOf(file.relative)), source: file.path, tasks };
  }
}

/**
 * @param taken names of collections that exist already; new ones get another name
 * @throws StudioError `cancelled`, or `too_large` if all files together exceed 1 GB
 */
export async function recognise(
  gathered: readonly GatheredFile[],
  taken: readonly string[],
  options: WorkOptions = {},
): Promise<Recognised> {
  const recogniser = new Recogniser();
  const breather = new Breather(options, 'The import');
  const unpacked = await unpackArchives(gathered, (file, message) => recogniser.fault(file, message), options);
  for (const { file } of unpacked.archives) {
    recogniser.item({ file: file.path, recognised_as: 'zip archive', tasks: 0, puzzles: 0 });
  }
  const files = await takeFolders(unpacked.files, recogniser);
  const csvs: GatheredFile[] = [];
  let total = 0;
  for (let i = 0; i < files.length; i++) {
    const file = files[i];
    await breather.breathe(i, files.length, 'files read');
    if (/\.csv$/i.test(file.relative) && (!file.relative.includes('/') || (await hasPuzzleHeader(file)))) {
      csvs.push(file);
      continue;
    }
    if (!/\.json$/i.test(file.relative)) {
      recogniser.other(file);
      continue;
    }
    try {
      const bytes = await file.read();
      total += bytes.byteLength;
      if (total > MAX_TOTAL_BYTES) {
        throw new StudioError(
          'too_large',
          `${file.relative}: the files have more than 1 GB together: import fewer at a time.`,
        );
      }
      recogniser.add(file, bytes);
    } catch (error) {
      const wire = toWireError(error);
      if (wire.code === 'internal' || wire.code === 'cancelled' || total > MAX_TOTAL_BYTES) throw error;
      recogniser.fault(file, wire.message);
    }
  }
  await takeCsvs(csvs, recogniser, options);
  await breather.breathe(files.length, files.length, 'files read');
  const subsets = recogniser.finish(new SubsetNames(taken));
  const { items, problems, datasets } = recogniser;
  return { items, problems, subsets, datasets };
}
