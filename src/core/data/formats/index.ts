/** The formats that are known besides `{train, test}` and Kaggle's pairs of files: a line for each. */
import type { JsonDocument } from '../../arc/json';
import { isRecord } from '../../arc/kaggle';
import { arckit } from './arckit';
import { barc } from './barc';
import { isTaskLike, type Candidate, type Reading, type TaskFormat, type TaskRecord } from './format';
import { named } from './named';
import { pairs } from './pairs';

export const FORMATS: readonly TaskFormat[] = [pairs, arckit, named, barc];

/** One task of a list or of JSON lines, whichever format it has; null if it has none. */
export function readRecord(value: unknown): (TaskRecord & { title: string }) | null {
  for (const { title, record } of FORMATS) {
    const found = record?.(value);
    if (found) return { ...found, title };
  }
  return null;
}

/**
 * A parsed file in one of the formats; null if it is in none.
 * @param file how it is called in sentences
 * @param name its own, without the ending: for tasks and collections that have no other
 */
export function readDocument(document: JsonDocument, file: string, name: string): Reading | null {
  for (const format of FORMATS) {
    const found = format.document?.(document, file, name);
    if (found) return found;
  }
  const { value } = document;
  if (Array.isArray(value)) return readList(value, file, name);
  // One with "train" and "test" of its own is a task, and its file names it.
  const one = isTaskLike(value) ? null : readRecord(value);
  if (!one) return null;
  return {
    kind: one.title,
    single: true,
    collections: [{ name, candidates: [{ name: one.name ?? name, value: one.value, place: file }] }],
    notes: one.notes,
  };
}

function readList(list: readonly unknown[], file: string, name: string): Reading | null {
  const records = list.map(readRecord);
  const [first] = records.filter((record) => record !== null);
  if (!first) return null;
  const notes = new Set<string>();
  const candidates = records.map((record, i): Candidate => {
    record?.notes.forEach((note) => notes.add(note));
    if (record && record.name === null) notes.add(madeNames(name, 'place in the list'));
    const given = record?.name ?? `${name}-${i + 1}`;
    return { name: given, value: record ? record.value : list[i], place: `${file}, element ${i + 1} (${given})` };
  });
  return { kind: `list of ${first.title}`, single: false, collections: [{ name, candidates }], notes: [...notes] };
}

/** What is said where names are made. @param by "line", "place in the list" */
export const madeNames = (name: string, by: string): string =>
  `tasks without a name are called ${name}-1, ${name}-2, … by their ${by}`;

/** RE-ARC's metadata.json: numbers about tasks, and no tasks. */
export function isTaskNumbers(value: unknown): boolean {
  const all = isRecord(value) ? Object.values(value) : [];
  return all.length > 0 && all.every((v) => isRecord(v) && Object.hasOwn(v, 'n_examples') && !isTaskLike(v));
}
