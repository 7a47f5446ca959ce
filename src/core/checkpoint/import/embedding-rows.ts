/**
 * Embedding rows follow puzzle names, not positions: two builds of a dataset, or two datasets, number the same puzzle
 * differently. Given the names on both sides this says which row of a checkpoint each row of a dataset takes; rows
 * without a counterpart start from the mean, as a new puzzle does in the reference.
 */
import type { IdentifierTable } from '../../data/identifiers';
import { NameIndex } from '../../data/name-index';
import type { TableRows } from '../formats/tensor-file';

/** Instead of a row: the mean of all rows. */
export const MEAN = -1;

export interface RowPlan {
  /** The checkpoint's row by the dataset's row, or MEAN; null where every row keeps its number. */
  rows: Int32Array | null;
  /** Rows of the dataset. */
  total: number;
  /** How many take a row of the checkpoint, the blank one included, and how many the mean. */
  matched: number;
  mean: number;
  rule: 'names' | 'numbers' | 'mean';
  /** What was done and why, in one sentence. */
  sentence: string;
}

export interface PlanInput {
  /** Rows of the checkpoint's table, and their names where they are known. */
  source: { rows: number; names: IdentifierTable | null };
  target: { rows: number; names: IdentifierTable | null; blank: number };
}

const count = (n: number): string => n.toLocaleString('en-US');

export function planRows({ source, target }: PlanInput): RowPlan {
  const total = target.rows;
  if (source.names && target.names && source.names.sameAs(target.names) && source.rows === total) {
    const sentence =
      total === 1
        ? 'The one embedding row has the same name.'
        : `All ${count(total)} embedding rows have the same names in the same order.`;
    return { rows: null, total, matched: total, mean: 0, rule: 'names', sentence };
  }
  if (source.names && (target.names || total === 1)) return byName(source.names, { source, target });
  const side = source.names ? 'the dataset' : 'the checkpoint';
  if (source.rows === total) {
    const sentence =
      total === 1
        ? 'The one embedding row, that of the blank puzzle, is taken over.'
        : `There is no identifiers.json for ${side}, and both have ${count(total)} rows: they are taken by number. That is right only if both come from the same build of the dataset.`;
    return { rows: null, total, matched: total, mean: 0, rule: 'numbers', sentence };
  }
  const sentence = `There is no identifiers.json for ${side}, and the checkpoint has ${count(source.rows)} rows where the dataset has ${count(total)}: every row starts from the mean, as in the reference. Name the file of the checkpoint's dataset to keep what was learned.`;
  return { rows: new Int32Array(total).fill(MEAN), total, matched: 0, mean: total, rule: 'mean', sentence };
}

function byName(names: IdentifierTable, { source, target }: PlanInput): RowPlan {
  const total = target.rows;
  const rows = new Int32Array(total).fill(MEAN);
  let matched = 0;
  if (target.names) {
    const index = new NameIndex(target.names, total);
    const known = Math.min(names.length, source.rows);
    for (let row = 0; row < known; row++) {
      const at = index.find(names, row);
      // Of equal names, which no builder writes, the first row counts.
      if (at < 0 || at === target.blank || rows[at] !== MEAN) continue;
      rows[at] = row;
      matched++;
    }
  }
  // The blank puzzle is row 0 everywhere, whatever it is called.
  if (target.blank < total && source.rows > 0) {
    rows[target.blank] = 0;
    matched++;
  }
  const mean = total - matched;
  const rest = mean === 0 ? 'none is new' : `${count(mean)} are new and start from the mean of all rows`;
  const sentence = `${count(matched)} of ${count(total)} embedding rows were found by puzzle name; ${rest}.`;
  return { rows, total, matched, mean, rule: 'names', sentence };
}

/** The mean of all rows [width], summed in float64. Reads the whole table once, in pieces. */
export function meanRow({ rows, width, read }: TableRows, told: (row: number) => void = () => undefined): Float32Array {
  const sums = new Float64Array(width);
  const piece = pieceRows(width);
  for (let first = 0; first < rows; first += piece) {
    const values = read(first, Math.min(piece, rows - first));
    for (let at = 0; at < values.length; at += width) {
      for (let i = 0; i < width; i++) sums[i] += values[at + i];
    }
    told(first);
  }
  return Float32Array.from(sums, (sum) => (rows ? sum / rows : 0));
}

/** The mean of the rows that learn: the blank row 0 never does and does not count, unless it is the only one. */
export function learnedMeanRow(table: TableRows): Float32Array {
  const first = table.rows > 1 ? 1 : 0;
  return meanRow({ ...table, rows: table.rows - first, read: (at, count) => table.read(first + at, count) });
}

/** Rows that make about 8 MB. */
const pieceRows = (width: number): number => Math.max(1, Math.floor(2 ** 21 / Math.max(1, width)));

/**
 * The planned table, in pieces of some rows each. Rows are read when their piece is made.
 * @param mean called at most once, when the first row without a counterpart comes
 */
export function* plannedRows(table: TableRows, plan: RowPlan, mean: () => Float32Array): Generator<Float32Array> {
  const { width } = table;
  const piece = pieceRows(width);
  for (let first = 0; first < plan.total; first += piece) {
    const n = Math.min(piece, plan.total - first);
    if (!plan.rows) {
      yield table.read(first, n);
      continue;
    }
    const out = new Float32Array(n * width);
    const wanted = plan.rows.subarray(first, first + n);
    for (let i = 0; i < n;) {
      if (wanted[i] === MEAN) {
        out.set(mean(), i++ * width);
        continue;
      }
      // Rows that follow each other in the file are read together.
      let run = 1;
      while (i + run < n && wanted[i + run] === wanted[i] + run) run++;
      out.set(table.read(wanted[i], run), i * width);
      i += run;
    }
    yield out;
  }
}
