/** Datasets among gathered files: folders that a builder wrote, and CSVs of Sudoku or mazes. */
import type { ImportDataset, ImportItem } from '../../shared/contract/imports';
import { StudioError, toWireError } from '../../shared/errors';
import { parseJson } from '../arc/json';
import { formatOfPuzzle, readBoards, type CsvFormat } from './csv-builder';
import { folderOf, type GatheredFile } from './gather';
import { guessLayout, parseMetadata, parseSidecar } from './metadata';
import { csvColumns, readPuzzleCsv, splitCsvLine } from './puzzle-csv';
import { DatasetStore } from './store';
import { Breather, type WorkOptions } from '../lib/work';

interface Part {
  /** Inside the dataset's folder: "train/dataset.json". */
  name: string;
  file: GatheredFile;
}

/** What is shown of one, and what is needed to store it. */
export interface FoundDataset extends ImportDataset {
  from:
    | { how: 'linked'; folder: string }
    | { how: 'copied'; parts: Part[] }
    | { how: 'built'; puzzle: 'sudoku' | 'maze'; train: GatheredFile; test: GatheredFile | null; holdOut: number };
}

export interface Finder {
  datasets: FoundDataset[];
  item(item: ImportItem): void;
  fault(file: Pick<GatheredFile, 'path'>, message: string): void;
}

/** Test puzzles that are held out of a CSV that comes alone: a tenth, a thousand at most. */
const HOLD_OUT_SHARE = 0.1;
const MOST_HELD_OUT = 1000;

/** The files of a dataset's folder; others in it are none of its business. */
const PART =
  /^(?:(?:train|test)\/(?:dataset\.json|[\w-]+__\w+\.npy)|identifiers\.json|test_puzzles\.json|studio\.json)$/;

/** Does `act`; what it finds wrong with the file is told, and it yields null. */
async function attempt<T>(file: Pick<GatheredFile, 'path'>, finder: Finder, act: () => Promise<T>): Promise<T | null> {
  try {
    return await act();
  } catch (error) {
    const wire = toWireError(error);
    if (wire.code === 'internal' || wire.code === 'cancelled') throw error;
    finder.fault(file, wire.message);
    return null;
  }
}

/**
 * Finds dataset folders: those with train/dataset.json or test/dataset.json.
 * @returns the files that belong to none
 */
export async function takeFolders(files: readonly GatheredFile[], finder: Finder): Promise<GatheredFile[]> {
  const folders = new Map<string, Part[]>();
  for (const { relative } of files) {
    const match = /^(.*\/)?(?:train|test)\/dataset\.json$/.exec(relative);
    if (match) folders.set(match[1] ?? '', []);
  }
  if (folders.size === 0) return [...files];
  const rest: GatheredFile[] = [];
  for (const file of files) {
    let taken = false;
    for (const [folder, parts] of folders) {
      const name = file.relative.startsWith(folder) ? file.relative.slice(folder.length) : '';
      if (!PART.test(name)) continue;
      parts.push({ name, file });
      taken = true;
      break;
    }
    if (!taken) rest.push(file);
  }
  for (const [folder, parts] of folders) {
    const source = whole(parts[0].file.path, parts[0].name);
    const name = (parts[0].file.disk === null ? folder : source).split(/[\\/]/).filter(Boolean).pop() ?? 'dataset';
    const found = await attempt({ path: source }, finder, () => readFolder(name, source, parts));
    if (!found) continue;
    finder.datasets.push(found);
    finder.item({
      file: source,
      recognised_as: 'dataset folder',
      tasks: 0,
      puzzles: found.train_examples + found.test_examples,
    });
  }
  return rest;
}

/** "/data/x" of "/data/x/train/dataset.json"; the path itself where it is no longer than the name. */
const whole = (path: string, name: string): string =>
  path.length > name.length ? path.slice(0, -name.length - 1) : path;

async function readFolder(name: string, source: string, parts: Part[]): Promise<FoundDataset> {
  if (parts[0].file.disk === null) return readSent(name, source, parts);
  const store = DatasetStore.open(source);
  try {
    store.check();
    const examples = (split: 'train' | 'test'): number => (store.hasSplit(split) ? store.split(split).examples : 0);
    return {
      name,
      kind: store.kind,
      source,
      how: 'linked',
      rows: store.rows,
      columns: store.columns,
      train_examples: examples('train'),
      test_examples: examples('test'),
      from: { how: 'linked', folder: source },
    };
  } finally {
    store.close();
  }
}

/** A folder of which only the content is here: what its JSON says. The arrays are checked when they are stored. */
async function readSent(name: string, source: string, parts: Part[]): Promise<FoundDataset> {
  const read = async <T>(part: string, parse: (value: unknown, file: string) => T): Promise<T | null> => {
    const file = parts.find((p) => p.name === part)?.file;
    return file ? parse(parseJson(await file.read(), file.relative).value, file.relative) : null;
  };
  const train = await read('train/dataset.json', parseMetadata);
  const test = await read('test/dataset.json', parseMetadata);
  const known = train ?? test;
  const layout = (await read('studio.json', parseSidecar)) ?? (known && guessLayout(known));
  if (!layout) {
    throw new StudioError('bad_input', `${source} is no puzzle that is known here (ARC, Sudoku, maze): leave it out.`);
  }
  const examples = (m: typeof train): number => (m ? Math.round(m.total_puzzles * m.mean_puzzle_examples) : 0);
  return {
    name,
    kind: layout.kind,
    source,
    how: 'copied',
    rows: layout.rows,
    columns: layout.columns,
    train_examples: examples(train),
    test_examples: examples(test),
    from: { how: 'copied', parts },
  };
}

/** Whether a CSV in a dropped folder is meant: other tables lie in folders too. */
export async function hasPuzzleHeader(file: GatheredFile): Promise<boolean> {
  const source = await file.open();
  try {
    const head = Buffer.from(await source.read(0, 4096)).toString('latin1');
    return csvColumns(splitCsvLine(head.split(/\r?\n/, 1)[0])) !== null;
  } finally {
    await source.close();
  }
}

interface ReadCsv {
  file: GatheredFile;
  format: CsvFormat;
  count: number;
  side: number;
}

/** Reads CSVs through, so that what is wrong with them is said at once; train.csv and the test.csv beside it are one. */
export async function takeCsvs(files: readonly GatheredFile[], finder: Finder, options: WorkOptions): Promise<void> {
  const read: ReadCsv[] = [];
  for (const file of files) {
    const csv = await attempt(file, finder, () => readThrough(file, options));
    if (!csv) continue;
    finder.item({
      file: file.path,
      recognised_as: csv.format.kind === 'maze' ? 'maze CSV' : 'Sudoku CSV',
      tasks: 0,
      puzzles: csv.count,
    });
    read.push(csv);
  }
  const is = (name: string, { file }: ReadCsv): boolean => file.relative.slice(folderOf(file.relative).length) === name;
  const tests = new Map(
    read
      .filter((csv) => is('test.csv', csv))
      .map((csv) => [`${folderOf(csv.file.relative)} ${csv.format.kind} ${csv.side}`, csv]),
  );
  const paired = new Set<ReadCsv>();
  for (const train of read.filter((csv) => is('train.csv', csv))) {
    const test = tests.get(`${folderOf(train.file.relative)} ${train.format.kind} ${train.side}`);
    if (!test) continue;
    paired.add(train).add(test);
    finder.datasets.push(fromCsv(train, test, train.file.relative.split('/').slice(-2, -1)[0] ?? train.format.kind));
  }
  for (const csv of read) {
    if (paired.has(csv)) continue;
    const name = csv.file.relative.slice(folderOf(csv.file.relative).length).replace(/\.csv$/i, '');
    finder.datasets.push(fromCsv(csv, null, name));
  }
}

function fromCsv(train: ReadCsv, test: ReadCsv | null, name: string): FoundDataset {
  const holdOut = test ? 0 : Math.min(MOST_HELD_OUT, Math.floor(train.count * HOLD_OUT_SHARE));
  return {
    name,
    kind: train.format.kind,
    source: train.file.path,
    how: 'built',
    rows: train.side,
    columns: train.side,
    train_examples: train.count - holdOut,
    test_examples: test?.count ?? holdOut,
    from: { how: 'built', puzzle: train.format.kind, train: train.file, test: test?.file ?? null, holdOut },
  };
}

async function readThrough(file: GatheredFile, options: WorkOptions): Promise<ReadCsv> {
  const source = await file.open();
  try {
    const csv = { name: file.relative, source };
    const first = await readPuzzleCsv(csv).next();
    if (first.done) throw new StudioError('bad_input', `${file.relative} holds no puzzles: choose another file.`);
    const format = formatOfPuzzle(first.value.q);
    if (!format) {
      throw new StudioError(
        'bad_input',
        `${file.relative}: line ${first.value.line}, q is ${JSON.stringify(first.value.q.slice(0, 40))}, neither Sudoku (digits and ".") nor a maze ("# SGo"): choose another file.`,
      );
    }
    const breather = new Breather({ ...options, progress: undefined }, 'The import');
    const { count, side } = await readBoards(csv, format, {}, (_board, index, { bytes }) =>
      (index & 255) === 0 ? breather.breathe(bytes, source.size, '') : undefined,
    );
    return { file, format, count, side };
  } finally {
    await source.close();
  }
}
