/**
 * Tells by their content what gathered files are: Kaggle's challenges and solutions, single tasks, collections in other
 * formats (`formats/`), archives of these, CSVs of Sudoku or mazes, dataset folders, something else.
 * Every fault becomes one sentence; nothing is stored here.
 */
import type { Task } from '../../shared/arc';
import type { ImportItem, ImportProblem } from '../../shared/contract/imports';
import { StudioError } from '../../shared/errors';
import { parseJson, type JsonDocument } from '../arc/json';
import { isRecord, joinSolutions, readChallenges } from '../arc/kaggle';
import { checkTask } from '../../shared/arc-task';
import { sentenceOf } from './chunks';
import { isTaskNumbers, readDocument } from './formats';
import type { Candidate, Reading } from './formats/format';
import { shapeOf } from './formats/shape';
import { readJsonLines } from './json-lines';
import { CountedFaults, FirstFaults } from './counted';
import { isOversized } from './oversized';
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

export interface RecogniseOptions extends WorkOptions {
  /** Pairs under `arc-gen`, as in the Code Golf tasks of 2025, become further demonstrations instead of being left out. */
  arcGen?: boolean;
}

const MAX_TOTAL_BYTES = 2 ** 30;
const JSON_LINES = /\.(jsonl|ndjson)$/i;

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

const nameOf = (relative: string): string =>
  relative.slice(relative.lastIndexOf('/') + 1).replace(/\.(json|jsonl|ndjson)$/i, '');
/** "arc-agi_training_challenges" → "arc-agi_training": what both files of a pair share. */
const stemOf = (relative: string): string => nameOf(relative).replace(/[-_. ]?(challenges|solutions)$/i, '');

type TellFault = (message: string) => void;

class Recogniser implements Finder {
  readonly items: ImportItem[] = [];
  readonly datasets: FoundDataset[] = [];
  readonly problems: ImportProblem[] = [];
  private readonly pairs = new Map<string, Pair>();
  private readonly singles: { file: GatheredFile; task: Task }[] = [];
  private readonly collections: { file: GatheredFile; name: string; tasks: Task[] }[] = [];
  private readonly counted = new CountedFaults();
  private notJson: GatheredFile[] = [];

  constructor(private readonly arcGen: boolean) {}

  fault(file: Pick<GatheredFile, 'path'>, message: string, harmless = false): void {
    this.problems.push({ file: file.path, message, harmless });
  }

  private faults(file: GatheredFile, messages: readonly string[]): void {
    const first = new FirstFaults();
    messages.forEach(first.add);
    first.tell(file.relative, (message) => this.fault(file, message));
  }

  add(file: GatheredFile, bytes: Uint8Array): void {
    const document = parseJson(bytes, file.relative);
    const reading = readDocument(document, file.relative, nameOf(file.relative));
    if (reading) return this.take(file, reading, document);
    const shape = shapeOf(document.value);
    switch (shape) {
      case 'task': {
        // Those in a folder are told as one.
        if (!file.relative.includes('/')) this.itemOf(file, 'single task', 1);
        if (this.hasTwice(file, document)) return;
        const name = nameOf(file.relative);
        const wrong = (message: string): void => this.fault(file, message);
        const task = this.check(file, { name, value: document.value, place: file.relative }, wrong);
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
        if (isTaskNumbers(document.value)) return void this.notJson.push(file);
        this.fault(
          file,
          `${file.relative} is JSON but holds no task: a task has "train" and "test", a collection maps names to tasks.`,
        );
    }
  }

  /** JSON lines. @throws StudioError for what ends the file early; errors of the file system */
  async addLines(file: GatheredFile, breathe: () => Promise<void>): Promise<void> {
    const name = nameOf(file.relative);
    const check = (candidate: Candidate, wrong: TellFault): Task | null => this.check(file, candidate, wrong);
    const fault = (message: string): void => this.fault(file, message);
    const { title, tasks, notes } = await readJsonLines(file, name, check, fault, breathe);
    if (title === null) return;
    this.itemOf(file, `JSON lines of ${title}`, tasks.length);
    for (const note of notes) this.counted.note(file, note);
    this.collections.push({ file, name, tasks });
  }

  /** What a format made of a file. */
  private take(file: GatheredFile, { kind, single, collections, notes }: Reading, document: JsonDocument): void {
    const inFolder = file.relative.includes('/');
    const count = collections.reduce((sum, { candidates }) => sum + candidates.length, 0);
    if (!single || !inFolder) this.itemOf(file, kind, count);
    if (this.hasTwice(file, document)) return;
    for (const note of notes) this.counted.note(file, note);
    const wrong = new FirstFaults();
    for (const { name, candidates } of collections) {
      const tasks = new Map<string, Task>();
      for (const candidate of candidates) {
        if (tasks.has(candidate.name)) {
          wrong.add(`${candidate.place}: the task appears twice: keep one of the two.`);
          continue;
        }
        const task = this.check(file, candidate, wrong.add);
        if (task) tasks.set(task.name, task);
      }
      if (single) this.singles.push(...[...tasks.values()].map((task) => ({ file, task })));
      else this.collections.push({ file, name, tasks: [...tasks.values()] });
    }
    wrong.tell(file.relative, (message) => this.fault(file, message));
  }

  /** The task, or null where it is wrong, which is told, or too large, which is counted. */
  private check(file: GatheredFile, { name, value, place }: Candidate, wrong: TellFault): Task | null {
    if (this.tooLarge(file, value, place)) return null;
    const { task, faults } = checkTask(name, this.withGenerated(file, value, place), place);
    faults.forEach(wrong);
    return task;
  }

  private tooLarge(file: GatheredFile, value: unknown, place: string): boolean {
    if (!isOversized(value)) return false;
    this.counted.oversized.add(file, place);
    return true;
  }

  /** A task's further pairs are taken or told, as was asked. */
  private withGenerated(file: GatheredFile, value: unknown, place: string): unknown {
    if (!isRecord(value) || !Array.isArray(value['arc-gen'])) return value;
    const further = value['arc-gen'] as unknown[];
    if (!this.arcGen) {
      if (further.length > 0) this.counted.generated.add(file, place);
      return value;
    }
    return Array.isArray(value.train) ? { ...value, train: [...(value.train as unknown[]), ...further] } : value;
  }

  private hasTwice(file: GatheredFile, { duplicates: [twice] }: JsonDocument): boolean {
    if (!twice) return false;
    this.fault(
      file,
      `${file.relative}: the key "${twice.key}" appears twice in one object at line ${twice.line}: keep one.`,
    );
    return true;
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
        `${file.relative} cannot be imported: drop tasks (.json, .jsonl, .zip, .tar, .gz), CSVs of Sudoku or mazes, or the folder of a dataset.`,
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
    for (const { file, name, tasks } of this.collections) {
      if (tasks.length > 0) subsets.push({ ...names.take(name), source: file.path, tasks });
    }
    const collections = new Set(subsets.flatMap(({ tasks }) => tasks.map(({ name }) => name)));
    const groups = names.group(
      this.singles,
      collections,
      (file, message) => this.fault(file, message),
      (file) => this.counted.note(file, 'other tasks have these names too, so the folder’s name stands in front'),
    );
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
    const taken = subsets.filter(({ tasks }) => tasks.length > 0);
    this.problems.push(...this.counted.problems(taken.length === 0));
    return taken;
  }

  private collection({ challenges, solutions }: Pair, names: SubsetNames): RecognisedSubset | null {
    if (!challenges) {
      const { file } = solutions as Half;
      this.fault(
        file,
        `${file.relative} has no challenges next to it: add ${stemOf(file.relative)}_challenges.json too.`,
      );
      return null;
    }
    const { file } = challenges;
    let { tasks, faults } = readChallenges(challenges.document, file.relative, (task, place) =>
      this.tooLarge(file, task, place),
    );
    this.faults(file, faults);
    if (solutions) {
      const { keys } = challenges.document;
      ({ tasks, faults } = joinSolutions(tasks, keys, solutions.document, solutions.file.relative, file.relative));
      this.faults(solutions.file, faults);
    } else if (tasks.some((task) => task.test.some((pair) => !pair.output))) {
      this.fault(file, `${file.relative} has no solutions next to it: test outputs stay unknown.`, true);
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
  options: RecogniseOptions = {},
): Promise<Recognised> {
  const recogniser = new Recogniser(options.arcGen ?? false);
  const breather = new Breather(options, 'The import');
  const unpacked = await unpackArchives(gathered, (file, message) => recogniser.fault(file, message), options);
  for (const { file, kind } of unpacked.archives) {
    recogniser.item({ file: file.path, recognised_as: kind, tasks: 0, puzzles: 0 });
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
    const lines = JSON_LINES.test(file.relative);
    if (!lines && !/\.json$/i.test(file.relative)) {
      recogniser.other(file);
      continue;
    }
    try {
      if (lines) {
        await recogniser.addLines(file, () => breather.breathe(i, files.length, 'files read'));
        continue;
      }
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
      if (total > MAX_TOTAL_BYTES) throw error;
      recogniser.fault(file, sentenceOf(error));
    }
  }
  await takeCsvs(csvs, recogniser, options);
  await breather.breathe(files.length, files.length, 'files read');
  const subsets = recogniser.finish(new SubsetNames(taken));
  const { items, problems, datasets } = recogniser;
  return { items, problems, subsets, datasets };
}
