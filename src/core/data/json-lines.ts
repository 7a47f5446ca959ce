/** JSON lines: a task in each line, read one by one, however many there are. */
import type { Task } from '../../shared/arc';
import { StudioError } from '../../shared/errors';
import { parseJson } from '../arc/json';
import { linesOf, sentenceOf } from './chunks';
import { FirstFaults } from './counted';
import { madeNames, readRecord } from './formats';
import type { Candidate } from './formats/format';
import type { GatheredFile } from './gather';
import { packTask } from './packed-task';

export interface LinesRead {
  /** "BARC"; null where no line is a task. */
  title: string | null;
  tasks: Task[];
  notes: string[];
}

const MAX_LINE = 64 * 2 ** 20;
const MAX_BYTES = 4 * 2 ** 30;

const NO_RECORD = 'holds no task: write {"name", "train", "test"} or {"examples"}';

/**
 * @param name the file's without its ending, for tasks without a name
 * @param take checks one task and tells `wrong` its faults; null if it is left out
 * @param fault told of the first faults in the order of the lines, and of how many more there are
 * @param breathe called after each line
 * @throws StudioError `too_large` for a longer line than 64 MB, or more than 4 GB; `damaged`; errors of the file system
 */
export async function readJsonLines(
  file: GatheredFile,
  name: string,
  take: (candidate: Candidate, wrong: (message: string) => void) => Task | null,
  fault: (message: string) => void,
  breathe: () => Promise<void>,
): Promise<LinesRead> {
  const read: LinesRead = { title: null, tasks: [], notes: [] };
  const notes = new Set<string>();
  const first = new Map<string, number>();
  const faults = new FirstFaults();
  const wrong = faults.add;
  let total = 0;
  for await (const { line, bytes } of linesOf(file, MAX_LINE)) {
    await breathe();
    total += bytes.byteLength + 1;
    if (total > MAX_BYTES) {
      throw new StudioError('too_large', `${file.relative} holds more than 4 GB of text: import a part of it.`);
    }
    const text = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength).toString('utf8');
    if (text.trim() === '') continue;
    const place = `${file.relative}, line ${line}`;
    const record = parsed(text, place, wrong);
    if (record === undefined) continue;
    const found = readRecord(record);
    if (!found) {
      wrong(`${place} ${NO_RECORD}.`);
      continue;
    }
    read.title ??= found.title;
    found.notes.forEach((note) => notes.add(note));
    if (found.name === null) notes.add(madeNames(name, 'line'));
    const given = found.name ?? `${name}-${line}`;
    const other = first.get(given);
    if (other !== undefined) {
      wrong(`${place}: the task ${given} appears twice, first in line ${other}: keep one of the two.`);
      continue;
    }
    first.set(given, line);
    const task = take({ name: given, value: found.value, place }, wrong);
    if (task) read.tasks.push(packTask(task));
  }
  if (read.title === null) {
    fault(`${file.relative}: no line ${NO_RECORD.replace('holds no', 'holds a')} in each.`);
    return read;
  }
  faults.tell(file.relative, fault);
  read.notes = [...notes];
  return read;
}

/** Undefined for what is no JSON, which is told. */
function parsed(text: string, place: string, wrong: (message: string) => void): unknown {
  try {
    const { value, duplicates } = parseJson(text, place);
    if (duplicates.length === 0) return value;
    wrong(`${place}: the key "${duplicates[0].key}" appears twice in one object: keep one.`);
  } catch (error) {
    const message = sentenceOf(error);
    const { column } = (error as StudioError).data ?? {};
    wrong(
      typeof column === 'number' ? `${place} is no JSON at character ${column}: mend or remove the line.` : message,
    );
  }
  return undefined;
}
