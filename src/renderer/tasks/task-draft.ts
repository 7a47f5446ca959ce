/** A task while it is drawn, as plain values that are never changed in place: undo keeps the old ones. */
import { unpackGrid, type PackedGrid } from '@shared/arc';
import { checkTask } from '@shared/arc-task';
import type { Input } from '@shared/contract';
import type { TaskDetail } from '@shared/contract/tasks';

export type Part = 'train' | 'test';

export interface DraftPair {
  /** Stays with the pair wherever it moves. */
  key: number;
  input: PackedGrid;
  /** Null only in test pairs: the solution is unknown. */
  output: PackedGrid | null;
}

export interface TaskDraft {
  name: string;
  train: readonly DraftPair[];
  test: readonly DraftPair[];
}

export const BLANK_GRID = '000/000/000';

export function blankDraft(name: string): TaskDraft {
  return {
    name,
    train: [{ key: 1, input: BLANK_GRID, output: BLANK_GRID }],
    test: [{ key: 2, input: BLANK_GRID, output: BLANK_GRID }],
  };
}

export function draftOf(task: Pick<TaskDetail, 'train' | 'test'>, name: string): TaskDraft {
  let key = 0;
  const pairs = (list: readonly { input: PackedGrid; output: PackedGrid | null }[]): DraftPair[] =>
    list.map(({ input, output }) => ({ key: ++key, input, output }));
  return { name, train: pairs(task.train), test: pairs(task.test) };
}

export const partOf = (draft: TaskDraft, key: number): Part | null =>
  draft.train.some((p) => p.key === key) ? 'train' : draft.test.some((p) => p.key === key) ? 'test' : null;

export const pairOf = (draft: TaskDraft, key: number): DraftPair | undefined =>
  draft.train.find((p) => p.key === key) ?? draft.test.find((p) => p.key === key);

const nextKey = (draft: TaskDraft): number => Math.max(0, ...[...draft.train, ...draft.test].map((p) => p.key)) + 1;

export function setGrid(draft: TaskDraft, key: number, side: 'input' | 'output', grid: PackedGrid | null): TaskDraft {
  const change = (pairs: readonly DraftPair[]): readonly DraftPair[] =>
    pairs.some((p) => p.key === key && p[side] !== grid)
      ? pairs.map((p) => (p.key === key ? { ...p, [side]: grid } : p))
      : pairs;
  const train = change(draft.train);
  const test = change(draft.test);
  return train === draft.train && test === draft.test ? draft : { ...draft, train, test };
}

/** A pair behind the given one, as its copy, or at the end of its part with blank grids of the last pair's sizes. */
export function addPair(draft: TaskDraft, part: Part, copyOf?: number): { draft: TaskDraft; key: number } {
  const key = nextKey(draft);
  const pairs = draft[part];
  const at = copyOf === undefined ? pairs.length - 1 : pairs.findIndex((p) => p.key === copyOf);
  const model = pairs[at] ?? draft.train[draft.train.length - 1] ?? { input: BLANK_GRID, output: BLANK_GRID };
  const blank = (grid: PackedGrid): PackedGrid => (copyOf === undefined ? grid.replace(/\d/g, '0') : grid);
  const output = model.output === null ? null : blank(model.output);
  const pair = { key, input: blank(model.input), output };
  return { draft: { ...draft, [part]: [...pairs.slice(0, at + 1), pair, ...pairs.slice(at + 1)] }, key };
}

export function removePair(draft: TaskDraft, key: number): TaskDraft {
  return { ...draft, train: draft.train.filter((p) => p.key !== key), test: draft.test.filter((p) => p.key !== key) };
}

/** One place up (−1) or down (+1) within its part; as it was at the end. */
export function movePair(draft: TaskDraft, key: number, by: -1 | 1): TaskDraft {
  const part = partOf(draft, key);
  if (!part) return draft;
  const pairs = [...draft[part]];
  const at = pairs.findIndex((p) => p.key === key);
  const to = at + by;
  if (to < 0 || to >= pairs.length) return draft;
  [pairs[at], pairs[to]] = [pairs[to], pairs[at]];
  return { ...draft, [part]: pairs };
}

/** From the demonstrations to the tests or back. A demonstration needs an output: an unknown one becomes blank. */
export function changePart(draft: TaskDraft, key: number): TaskDraft {
  const part = partOf(draft, key);
  const pair = pairOf(draft, key);
  if (!part || !pair) return draft;
  const rest = removePair(draft, key);
  if (part === 'train') return { ...rest, test: [...rest.test, pair] };
  return { ...rest, train: [...rest.train, { ...pair, output: pair.output ?? pair.input.replace(/\d/g, '0') }] };
}

/** What stands against storing it, by the rules of the import, in sentences without the file. */
export function draftFaults(draft: TaskDraft): string[] {
  const value = {
    train: draft.train.map((p) => ({ input: unpackGrid(p.input), output: unpackGrid(p.output ?? '') })),
    test: draft.test.map((p) => ({
      input: unpackGrid(p.input),
      ...(p.output === null ? {} : { output: unpackGrid(p.output) }),
    })),
  };
  const FILE = 'x';
  return checkTask(draft.name.trim(), value, FILE).faults.map((text) => {
    const words = text.slice(FILE.length + 2);
    return words.charAt(0).toUpperCase() + words.slice(1);
  });
}

export function toInput(draft: TaskDraft, id: number | null): Input<'tasks.save'> {
  return {
    id,
    name: draft.name.trim(),
    train: draft.train.map(({ input, output }) => ({ input, output: output ?? BLANK_GRID })),
    test: draft.test.map(({ input, output }) => ({ input, output })),
  };
}

/** The same task, whatever the keys of its pairs. */
export function sameTask(a: TaskDraft, b: TaskDraft): boolean {
  return JSON.stringify(toInput(a, null)) === JSON.stringify(toInput(b, null));
}

/** The task as a file of the official form. */
export function taskJson(pairs: Pick<TaskDetail, 'train' | 'test'>): string {
  const grid = (packed: PackedGrid): string =>
    `[${unpackGrid(packed)
      .map((row) => `[${row.join(', ')}]`)
      .join(', ')}]`;
  const pair = ({ input, output }: { input: PackedGrid; output: PackedGrid | null }): string =>
    `    {"input": ${grid(input)}${output === null ? '' : `, "output": ${grid(output)}`}}`;
  const list = (items: readonly { input: PackedGrid; output: PackedGrid | null }[]): string =>
    `[\n${items.map(pair).join(',\n')}\n  ]`;
  return `{\n  "train": ${list(pairs.train)},\n  "test": ${list(pairs.test)}\n}\n`;
}

/** A kept draft as it was remembered; null if it is none. */
export function readDraft(value: unknown): TaskDraft | null {
  const kept = value as Partial<Record<keyof TaskDraft, unknown>> | null;
  if (typeof kept !== 'object' || kept === null || typeof kept.name !== 'string') return null;
  const grid = (v: unknown): v is PackedGrid => typeof v === 'string' && /^[0-9]+(\/[0-9]+)*$/.test(v);
  const pairs = (list: unknown, part: Part): DraftPair[] | null =>
    Array.isArray(list) &&
    list.every(
      (p: Partial<DraftPair> | null) =>
        typeof p?.key === 'number' && grid(p.input) && (grid(p.output) || (part === 'test' && p.output === null)),
    )
      ? (list as DraftPair[])
      : null;
  const train = pairs(kept.train, 'train');
  const test = pairs(kept.test, 'test');
  return train && test ? { name: kept.name, train, test } : null;
}
