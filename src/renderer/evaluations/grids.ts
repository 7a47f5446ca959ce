/** Packed grids of an evaluation as drawable cells, and which of their cells differ from the target. */
import type { PackedGrid, PuzzleKind } from '@shared/arc';
import { cellsFromPacked, MARK_NONE, MARK_WRONG, type Cells } from '../grid/cells';

/** Values of a maze are token − 1 in reports and the token itself in drawings. */
export function cellsOf(kind: PuzzleKind, packed: PackedGrid): Cells {
  const cells = cellsFromPacked(packed);
  return { ...cells, kind, values: kind === 'maze' ? cells.values.map((v) => v + 1) : cells.values };
}

/** Outlines of the cells that are not as in the target; null where there is no target, and for an equal grid. */
export function differences(cells: Cells, target: Cells | null): Uint8Array | null {
  if (!target) return null;
  const marks = new Uint8Array(cells.values.length);
  let any = false;
  for (let i = 0; i < marks.length; i++) {
    const [row, column] = [Math.floor(i / cells.columns), i % cells.columns];
    const same =
      row < target.rows && column < target.columns && target.values[row * target.columns + column] === cells.values[i];
    marks[i] = same ? MARK_NONE : MARK_WRONG;
    any ||= !same;
  }
  return any ? marks : null;
}

/** How a candidate differs, in words: for those who do not see it, and where sizes differ. */
export function differenceText(cells: Cells, target: Cells | null, marks: Uint8Array | null): string {
  if (!target) return '';
  if (cells.rows !== target.rows || cells.columns !== target.columns) {
    return `${cells.rows} × ${cells.columns} instead of ${target.rows} × ${target.columns}`;
  }
  const wrong = marks ? marks.reduce((n, mark) => n + (mark === MARK_WRONG ? 1 : 0), 0) : 0;
  return wrong === 0 ? 'right' : `${wrong} of ${marks?.length} cells wrong`;
}
