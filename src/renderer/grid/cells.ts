/** What a grid drawing needs: cell values with their place on the model's canvas. */
import { MAX_GRID, type Grid, type PackedGrid, type PuzzleKind } from '@shared/arc';

/** A rectangle of a canvas, in cells. */
export interface Box {
  row: number;
  column: number;
  rows: number;
  columns: number;
}

export interface Shape {
  rows: number;
  columns: number;
}

/** Cell values that are no colour, digit or maze character. */
export const EMPTY = 255;
export const END = 254;
/** A token that this kind of puzzle does not have. */
export const STRANGE = 253;

/**
 * Drawable cells, row by row. `values`: colour 0…9 (arc), digit 0…9 with 0 blank (sudoku), 1…5 = wall, free, start,
 * goal, path (maze); EMPTY, END or STRANGE where the canvas holds none of those.
 */
export interface Cells extends Shape {
  kind: PuzzleKind;
  values: Uint8Array;
}

/** Outlines of changed cells. */
export const MARK_NONE = 0;
export const MARK_RIGHT = 1;
export const MARK_WRONG = 2;
export const MARK_UNKNOWN = 3;

export function cellsFromGrid(grid: Grid): Cells {
  const columns = grid[0]?.length ?? 0;
  return { kind: 'arc', rows: grid.length, columns, values: Uint8Array.from(grid.flat()) };
}

/** A packed grid ("012/345") without the detour over nested arrays: the gallery reads thousands. */
export function cellsFromPacked(packed: PackedGrid): Cells {
  const cut = packed.indexOf('/');
  const columns = cut < 0 ? packed.length : cut;
  const rows = columns === 0 ? 0 : Math.round((packed.length + 1) / (columns + 1));
  const values = new Uint8Array(rows * columns);
  let at = 0;
  for (let i = 0; i < packed.length; i++) {
    const code = packed.charCodeAt(i);
    if (code !== 47) values[at++] = code - 48;
  }
  return { kind: 'arc', rows, columns, values };
}

/** Rows and columns of a packed grid. */
export function packedShape(packed: PackedGrid): Shape {
  const cut = packed.indexOf('/');
  const columns = cut < 0 ? packed.length : cut;
  return { rows: columns === 0 ? 0 : Math.round((packed.length + 1) / (columns + 1)), columns };
}

/** Rows × columns of a Sudoku's boxes; null where the side has no usual one. */
export function sudokuBox(size: number): Shape | null {
  if (size === 4) return { rows: 2, columns: 2 };
  if (size === 6) return { rows: 2, columns: 3 };
  if (size === 9) return { rows: 3, columns: 3 };
  return null;
}

/** The largest whole cell side in px, grid line included, with which `shape` fits the space; at least `least`. */
export function fitCell(shape: Shape, width: number, height: number, most = 32, least = 2): number {
  const byWidth = (width - 1) / Math.max(1, Math.min(shape.columns, MAX_GRID * 4));
  const byHeight = (height - 1) / Math.max(1, Math.min(shape.rows, MAX_GRID * 4));
  return Math.max(least, Math.min(most, Math.floor(Math.min(byWidth, byHeight))));
}
