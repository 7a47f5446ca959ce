import { COLOURS, MAX_GRID } from '@shared/arc';
import type { TaskSummary } from '@shared/contract/tasks';
import type { Outcomes } from './useOutcomes';

export const ORDERS = ['name', 'size', 'pairs'] as const;
export type TaskOrder = (typeof ORDERS)[number];

/** How the chosen colours are meant: all of them occur, one of them does, or no other one does. */
export const COLOUR_MODES = ['all', 'any', 'only'] as const;
export type ColourMode = (typeof COLOUR_MODES)[number];

export const SHAPES = ['any', 'same', 'other'] as const;
export type ShapeChoice = (typeof SHAPES)[number];

/** How the tasks of the chosen evaluation did: all of those in it, or some. */
export const RESULTS = ['all', 'solved', 'close', 'unsolved'] as const;
export type ResultChoice = (typeof RESULTS)[number];

/** Demonstrations; the last choice means that many or more. */
export const PAIR_CHOICES = [1, 2, 3, 4, 5, 6] as const;
export const MOST_PAIRS = PAIR_CHOICES[PAIR_CHOICES.length - 1];

export interface TaskFilter {
  search: string;
  /** Names of subsets; none means all. */
  subsets: string[];
  /** Largest side of any grid; 30 means any. */
  max_side: number;
  /** Bit c is set if colour c is chosen; 0 means any colours. */
  colours: number;
  colour_mode: ColourMode;
  /** Demonstrations, of PAIR_CHOICES; 0 means any number. */
  pairs: number;
  /** Outputs of their input's size, or not. */
  shape: ShapeChoice;
  /** Id of the evaluation whose results are shown; empty for none. */
  evaluation: string;
  result: ResultChoice;
  order: TaskOrder;
}

export const EMPTY_FILTER: TaskFilter = {
  search: '',
  subsets: [],
  max_side: MAX_GRID,
  colours: 0,
  colour_mode: 'all',
  pairs: 0,
  shape: 'any',
  evaluation: '',
  result: 'solved',
  order: 'name',
};

type Test = (task: TaskSummary) => boolean;
/** What can be filtered by, apart from the search: each has choices that are counted. */
export type Facet = 'subsets' | 'max_side' | 'colours' | 'pairs' | 'shape' | 'result';
const FACETS: readonly Facet[] = ['subsets', 'max_side', 'colours', 'pairs', 'shape', 'result'];

const fitsPairs = (n: number, choice: number): boolean => (choice === MOST_PAIRS ? n >= choice : n === choice);

/** Whether a task's colours are as chosen. */
export function fitsColours(colours: number, chosen: number, mode: ColourMode): boolean {
  if (chosen === 0) return true;
  if (mode === 'any') return (colours & chosen) !== 0;
  return mode === 'all' ? (colours & chosen) === chosen : (colours & ~chosen) === 0;
}

/** Whether a task did as chosen; `outcome` is undefined for one that was not evaluated. */
export function fitsResult(outcome: string | undefined, choice: ResultChoice): boolean {
  if (outcome === undefined) return false;
  if (choice === 'unsolved') return outcome === 'close' || outcome === 'missed';
  return choice === 'all' || outcome === choice;
}

function testsOf(f: TaskFilter, outcomes: Outcomes | null): Record<Facet | 'search', Test> {
  const needle = f.search.trim().toLowerCase();
  const subsets = new Set(f.subsets);
  return {
    search: (t) => needle === '' || t.name.toLowerCase().includes(needle),
    subsets: (t) => subsets.size === 0 || subsets.has(t.subset),
    max_side: (t) => t.max_side <= f.max_side,
    colours: (t) => fitsColours(t.colours, f.colours, f.colour_mode),
    pairs: (t) => f.pairs === 0 || fitsPairs(t.train_pairs, f.pairs),
    shape: (t) => f.shape === 'any' || t.same_shape === (f.shape === 'same'),
    // While its results are not there, an evaluation leaves nothing out.
    result: (t) => !f.evaluation || !outcomes || fitsResult(outcomes.get(t.name)?.outcome, f.result),
  };
}

/** How many things are chosen beside the search. */
export const countChosen = (f: TaskFilter): number =>
  (f.subsets.length > 0 ? 1 : 0) +
  (f.max_side < MAX_GRID ? 1 : 0) +
  (f.colours ? 1 : 0) +
  (f.pairs ? 1 : 0) +
  (f.shape === 'any' ? 0 : 1) +
  (f.evaluation ? 1 : 0);

/** Whether anything is left out by the filter. */
export const isFiltered = (f: TaskFilter): boolean => f.search.trim() !== '' || countChosen(f) > 0;

/** The tasks that pass, in the chosen order; by name they keep their order in the store (subset by subset). */
export function filterTasks(
  tasks: readonly TaskSummary[],
  f: TaskFilter,
  outcomes: Outcomes | null = null,
): TaskSummary[] {
  const tests = Object.values(testsOf(f, outcomes));
  const out = tasks.filter((task) => tests.every((test) => test(task)));
  if (f.order === 'size') out.sort((a, b) => a.max_side - b.max_side);
  if (f.order === 'pairs') out.sort((a, b) => b.train_pairs - a.train_pairs);
  return out;
}

/** For every choice, how many tasks it would show with all other filters as they are. */
export interface FacetCounts {
  subsets: Map<string, number>;
  /** By largest side: tasks of exactly that side. */
  sides: number[];
  /** By colour: tasks that hold it. */
  colours: number[];
  /** By choice of PAIR_CHOICES; 0 is all. */
  pairs: Map<number, number>;
  same: number;
  other: number;
  results: Record<ResultChoice, number>;
}

export function countFacets(
  tasks: readonly TaskSummary[],
  f: TaskFilter,
  outcomes: Outcomes | null = null,
): FacetCounts {
  const tests = testsOf(f, outcomes);
  const counts: FacetCounts = {
    subsets: new Map(),
    sides: new Array<number>(MAX_GRID + 1).fill(0),
    colours: new Array<number>(COLOURS).fill(0),
    pairs: new Map(),
    same: 0,
    other: 0,
    results: { all: 0, solved: 0, close: 0, unsolved: 0 },
  };
  const add = <K>(map: Map<K, number>, key: K): void => void map.set(key, (map.get(key) ?? 0) + 1);
  for (const task of tasks) {
    if (!tests.search(task)) continue;
    const failed = FACETS.filter((facet) => !tests[facet](task));
    if (failed.length > 1) continue;
    const counted = (facet: Facet): boolean => failed.length === 0 || failed[0] === facet;
    if (counted('subsets')) add(counts.subsets, task.subset);
    if (counted('max_side')) counts.sides[task.max_side]++;
    if (counted('colours')) for (let c = 0; c < COLOURS; c++) counts.colours[c] += (task.colours >> c) & 1;
    if (counted('pairs')) {
      add(counts.pairs, 0);
      for (const choice of PAIR_CHOICES) if (fitsPairs(task.train_pairs, choice)) add(counts.pairs, choice);
    }
    const outcome = outcomes?.get(task.name)?.outcome;
    if (counted('result')) for (const choice of RESULTS) counts.results[choice] += fitsResult(outcome, choice) ? 1 : 0;
    if (counted('shape')) counts[task.same_shape ? 'same' : 'other']++;
  }
  return counts;
}

const oneOf = <T>(choices: readonly T[], value: unknown, otherwise: T): T =>
  choices.includes(value as T) ? (value as T) : otherwise;
const whole = (value: unknown, least: number, most: number, otherwise: number): number =>
  typeof value === 'number' && Number.isInteger(value) && value >= least && value <= most ? value : otherwise;

/** A filter as it was remembered; whatever does not fit is as if nothing had been. */
export function readFilter(value: unknown): TaskFilter {
  const kept = (typeof value === 'object' && value !== null ? value : {}) as Partial<Record<keyof TaskFilter, unknown>>;
  return {
    search: typeof kept.search === 'string' ? kept.search : '',
    subsets: Array.isArray(kept.subsets) ? kept.subsets.filter((s): s is string => typeof s === 'string') : [],
    max_side: whole(kept.max_side, 1, MAX_GRID, MAX_GRID),
    colours: whole(kept.colours, 0, 2 ** COLOURS - 1, 0),
    colour_mode: oneOf(COLOUR_MODES, kept.colour_mode, 'all'),
    pairs: oneOf([0, ...PAIR_CHOICES], kept.pairs, 0),
    shape: oneOf(SHAPES, kept.shape, 'any'),
    evaluation: typeof kept.evaluation === 'string' ? kept.evaluation : '',
    result: oneOf(RESULTS, kept.result, 'solved'),
    order: oneOf(ORDERS, kept.order, 'name'),
  };
}

/** The filter as the address keeps it: only what is chosen, e.g. `?q=00d&subset=concept&colours=1.4&pairs=3`. */
export function filterQuery(f: TaskFilter): Record<string, string> {
  const query: Record<string, string> = {};
  if (f.search.trim()) query.q = f.search.trim();
  if (f.subsets.length) query.subset = f.subsets.join(',');
  if (f.max_side < MAX_GRID) query.size = String(f.max_side);
  if (f.colours) {
    const chosen = Array.from({ length: COLOURS }, (_, c) => c).filter((c) => (f.colours >> c) & 1);
    query.colours = chosen.join('.');
    if (f.colour_mode !== 'all') query.mode = f.colour_mode;
  }
  if (f.pairs) query.pairs = String(f.pairs);
  if (f.shape !== 'any') query.shape = f.shape;
  if (f.evaluation) {
    query.evaluation = f.evaluation;
    if (f.result !== 'solved') query.result = f.result;
  }
  if (f.order !== 'name') query.order = f.order;
  return query;
}

/** The filter of an address; null if it says nothing about one. */
export function queryFilter(query: Record<string, unknown>): TaskFilter | null {
  const text = (key: string): string => (typeof query[key] === 'string' ? (query[key] as string) : '');
  const keys = ['q', 'subset', 'size', 'colours', 'pairs', 'shape', 'evaluation', 'order'];
  if (!keys.some((key) => text(key) !== '')) return null;
  const bits = text('colours')
    .split('.')
    .filter((c) => /^[0-9]$/.test(c))
    .reduce((sum, c) => sum | (1 << Number(c)), 0);
  return readFilter({
    search: text('q'),
    subsets: text('subset').split(',').filter(Boolean),
    max_side: Number(text('size') || MAX_GRID),
    colours: bits,
    colour_mode: text('mode'),
    pairs: Number(text('pairs') || 0),
    shape: text('shape'),
    evaluation: text('evaluation'),
    result: text('result'),
    order: text('order'),
  });
}
