/** What the drawing tools do to a grid. Each gives a new grid and leaves the old one alone, which undo relies on. */
import { MAX_GRID, type PackedGrid } from '@shared/arc';
import type { FlatGrid } from '@shared/arc-grid';
import { cellsFromPacked } from '../grid/cells';

export interface Spot {
  row: number;
  column: number;
}

export type Tool = 'paint' | 'fill' | 'line' | 'rectangle' | 'pick';

export function fromPacked(packed: PackedGrid): FlatGrid {
  const { rows, columns, values } = cellsFromPacked(packed);
  return { rows, columns, cells: values };
}

export function toPacked({ rows, columns, cells }: FlatGrid): PackedGrid {
  return Array.from({ length: rows }, (_, r) => cells.subarray(r * columns, (r + 1) * columns).join('')).join('/');
}

export function blankGrid(rows: number, columns: number, colour = 0): FlatGrid {
  return { rows, columns, cells: new Uint8Array(rows * columns).fill(colour) };
}

const inside = (grid: FlatGrid, { row, column }: Spot): boolean =>
  row >= 0 && column >= 0 && row < grid.rows && column < grid.columns;

/** The given cells in one colour; those outside the grid are passed over. The grid itself if nothing changes. */
export function paint(grid: FlatGrid, spots: readonly Spot[], colour: number): FlatGrid {
  let cells: Uint8Array | null = null;
  for (const spot of spots) {
    const at = spot.row * grid.columns + spot.column;
    if (!inside(grid, spot) || (cells ?? grid.cells)[at] === colour) continue;
    cells ??= grid.cells.slice();
    cells[at] = colour;
  }
  return cells ? { ...grid, cells } : grid;
}

/** The cells from `a` to `b`, both included, without a gap (Bresenham): also what a fast drag passes over. */
export function lineSpots(a: Spot, b: Spot): Spot[] {
  const across = Math.abs(b.column - a.column);
  const down = -Math.abs(b.row - a.row);
  const stepColumn = Math.sign(b.column - a.column);
  const stepRow = Math.sign(b.row - a.row);
  const spots: Spot[] = [];
  let { row, column } = a;
  let error = across + down;
  for (;;) {
    spots.push({ row, column });
    if (row === b.row && column === b.column) return spots;
    const twice = 2 * error;
    if (twice >= down) {
      error += down;
      column += stepColumn;
    }
    if (twice <= across) {
      error += across;
      row += stepRow;
    }
  }
}

/** The cells of the rectangle with `a` and `b` as corners: all of them, or only its border. */
export function rectangleSpots(a: Spot, b: Spot, filled: boolean): Spot[] {
  const [top, bottom] = [Math.min(a.row, b.row), Math.max(a.row, b.row)];
  const [left, right] = [Math.min(a.column, b.column), Math.max(a.column, b.column)];
  const spots: Spot[] = [];
  for (let row = top; row <= bottom; row++) {
    for (let column = left; column <= right; column++) {
      if (filled || row === top || row === bottom || column === left || column === right) spots.push({ row, column });
    }
  }
  return spots;
}

/** The area of one colour around `spot` (cells that touch by a side) in another colour. */
export function fill(grid: FlatGrid, spot: Spot, colour: number): FlatGrid {
  if (!inside(grid, spot)) return grid;
  const { rows, columns } = grid;
  const start = spot.row * columns + spot.column;
  const old = grid.cells[start];
  if (old === colour) return grid;
  const cells = grid.cells.slice();
  const open = [start];
  cells[start] = colour;
  const visit = (at: number): void => {
    if (cells[at] !== old) return;
    cells[at] = colour;
    open.push(at);
  };
  for (let at = open.pop(); at !== undefined; at = open.pop()) {
    const column = at % columns;
    if (column > 0) visit(at - 1);
    if (column < columns - 1) visit(at + 1);
    if (at >= columns) visit(at - columns);
    if (at < (rows - 1) * columns) visit(at + columns);
  }
  return { ...grid, cells };
}

/** Another size: what fits stays where it is, counted from the top left; new cells are black. */
export function resize(grid: FlatGrid, rows: number, columns: number): FlatGrid {
  if (rows === grid.rows && columns === grid.columns) return grid;
  const out = blankGrid(rows, columns);
  for (let r = 0; r < Math.min(rows, grid.rows); r++) {
    const from = r * grid.columns;
    out.cells.set(grid.cells.subarray(from, from + Math.min(columns, grid.columns)), r * columns);
  }
  return out;
}

/** A side as it was typed, or the sentence about it. */
export function readSide(text: string, what: string): { side: number } | { wrong: string } {
  const side = Number(text.trim());
  if (text.trim() !== '' && Number.isInteger(side) && side >= 1 && side <= MAX_GRID) return { side };
  return {
    wrong: `${what} is ${text.trim() === '' ? 'empty' : text.trim()}: use a whole number from 1 to ${MAX_GRID}.`,
  };
}
