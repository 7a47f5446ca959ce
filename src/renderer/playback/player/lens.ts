/**
 * How a canvas is looked at: which of its cells are drawn where, and in which colours. One lens serves tokens, numbers
 * and marks alike, and tells which cell of the canvas a drawn one is.
 */
import type { PuzzleKind } from '@shared/arc';
import { parseAugmentedName } from '@shared/arc-augment';
import { dihedralWalk, inverseColours, inverseDihedral } from '@shared/arc-grid';
import type { Box, Cells, Shape } from '../../grid/cells';
import { cellValue } from '../../grid/decode';

export interface Lens extends Shape {
  kind: PuzzleKind;
  /** Cell of the canvas behind each drawn one, row by row. */
  cells: Int32Array;
  /** Image of each ARC colour; null leaves them. */
  colours: Uint8Array | null;
}

/** @param puzzle with a name that says how it was augmented, the augmentation is undone; null draws the view's own frame */
export function makeLens(kind: PuzzleKind, shape: Shape, box: Box, puzzle: string | null): Lens {
  const augmentation = puzzle === null ? null : parseAugmentedName(puzzle).augmentation;
  const { rows, columns, offset, down, right } = dihedralWalk(
    box.rows,
    box.columns,
    augmentation ? inverseDihedral(augmentation.t) : 0,
  );
  const cells = new Int32Array(rows * columns);
  for (let r = 0; r < rows; r++) {
    for (let c = 0; c < columns; c++) {
      const inBox = offset + r * down + c * right;
      const row = box.row + Math.floor(inBox / box.columns);
      cells[r * columns + c] = row * shape.columns + box.column + (inBox % box.columns);
    }
  }
  return { kind, rows, columns, cells, colours: augmentation ? inverseColours(augmentation.images) : null };
}

/** Whether a puzzle's name says that it was turned or recoloured. */
export const isAugmented = (puzzle: string): boolean => parseAugmentedName(puzzle).augmentation !== null;

export function seeCells({ kind, rows, columns, cells, colours }: Lens, tokens: Uint8Array): Cells {
  const values = new Uint8Array(cells.length);
  for (let i = 0; i < cells.length; i++) {
    const value = cellValue(kind, tokens[cells[i]]);
    values[i] = colours && value <= 9 ? colours[value] : value;
  }
  return { kind, rows, columns, values };
}

export function seeNumbers({ cells }: Lens, numbers: ArrayLike<number>): Float32Array {
  const out = new Float32Array(cells.length);
  for (let i = 0; i < cells.length; i++) out[i] = numbers[cells[i]];
  return out;
}

export function seeMarks({ cells }: Lens, marks: Uint8Array): Uint8Array {
  const out = new Uint8Array(cells.length);
  for (let i = 0; i < cells.length; i++) out[i] = marks[cells[i]];
  return out;
}

/** Where a cell of the canvas is drawn, or null if it is not. */
export function placeOf(lens: Lens, cell: number): { row: number; column: number } | null {
  const at = lens.cells.indexOf(cell);
  return at < 0 ? null : { row: Math.floor(at / lens.columns), column: at % lens.columns };
}
