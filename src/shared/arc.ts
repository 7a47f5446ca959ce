/** ARC's vocabulary, and the limits that every reader of tasks holds to. */

/** Rows of colours 0…9, 1…30 rows of 1…30 cells, all rows of one length. */
export type Grid = number[][];

export interface Pair {
  input: Grid;
  /** Absent only in test pairs whose solution is unknown. */
  output?: Grid;
}

export interface Task {
  /** The file's or the challenge key's name, e.g. "00d62c1b". */
  name: string;
  train: Required<Pair>[];
  test: Pair[];
  /**
   * The file lists "test" before "train". Means nothing to a reader, but the reference's builder puts the pairs into a
   * training puzzle in the file's order, and its files are matched byte for byte.
   */
  test_first?: boolean;
}

export const MAX_GRID = 30;
export const COLOURS = 10;

/** A grid as text: rows joined by "/", one digit per cell ("012/345"). Small, readable, and cheap to send. */
export type PackedGrid = string;

export function packGrid(grid: Grid): PackedGrid {
  return grid.map((row) => row.join('')).join('/');
}

export function unpackGrid(packed: PackedGrid): Grid {
  return packed.split('/').map((row) => Array.from(row, Number));
}

/** What the tokens of a dataset mean; decides how a canvas is drawn. */
export type PuzzleKind = 'arc' | 'sudoku' | 'maze';
