/**
 * Grids as tokens on a square canvas: 0 = PAD, 1 = EOS, colour c = c + 2 (12 tokens). The grid lies at (row, column);
 * the row below it, over its width, and the column right of it, over its height, are EOS where they fit; the corner
 * where the two meet stays PAD. S = side², row-major.
 */
import { COLOURS } from './arc';
import { dihedralWalk, type Dihedral, type FlatGrid } from './arc-grid';

export const PAD_TOKEN = 0;
export const EOS_TOKEN = 1;
/** Token of colour 0. */
export const COLOUR_TOKEN = 2;
export const ARC_VOCAB = COLOUR_TOKEN + COLOURS;

const isColour = (token: number): boolean => token >= COLOUR_TOKEN && token < ARC_VOCAB;

/**
 * Writes a grid into `out[start … start + side²)`, which must be PAD throughout, after recolouring and transforming it
 * on the way (colours first, as in the reference): the builder writes millions of these and makes no copies.
 *
 * @param colours images of the colours 0…9
 */
export function paintCanvas(
  out: Uint8Array,
  start: number,
  side: number,
  grid: FlatGrid,
  t: Dihedral,
  colours: ArrayLike<number>,
  row: number,
  column: number,
): void {
  const walk = dihedralWalk(grid.rows, grid.columns, t);
  const { cells } = grid;
  for (let r = 0; r < walk.rows; r++) {
    let at = start + (row + r) * side + column;
    let from = walk.offset + r * walk.down;
    for (let c = 0; c < walk.columns; c++, from += walk.right) out[at++] = colours[cells[from]] + COLOUR_TOKEN;
  }
  const below = row + walk.rows;
  const right = column + walk.columns;
  if (below < side) out.fill(EOS_TOKEN, start + below * side + column, start + below * side + right);
  if (right < side) for (let r = row; r < below; r++) out[start + r * side + right] = EOS_TOKEN;
}

const SAME_COLOURS = Uint8Array.from({ length: COLOURS }, (_, c) => c);

/**
 * A grid as the tokens [side²] of a canvas, its top-left cell at (row, column).
 * @throws RangeError if it does not fit there; callers check sizes where they can say whose grid it is
 */
export function encodeCanvas(grid: FlatGrid, side: number, row = 0, column = 0): Uint8Array {
  if (row < 0 || column < 0 || row + grid.rows > side || column + grid.columns > side) {
    throw new RangeError(`a ${grid.rows}×${grid.columns} grid at (${row}, ${column}) leaves a ${side}×${side} canvas`);
  }
  const out = new Uint8Array(side * side);
  paintCanvas(out, 0, side, grid, 0, SAME_COLOURS, row, column);
  return out;
}

/**
 * The grid that a predicted canvas stands for, by the evaluator's rule: the largest rectangle anchored at the top-left
 * corner that holds colours only. Rows are scanned downwards, the usable width can only shrink, and the first of equal
 * areas wins. 0×0 if the corner itself is no colour.
 *
 * @param tokens [side²]
 */
export function cropGrid(tokens: ArrayLike<number>, side: number): FlatGrid {
  let width = side;
  let rows = 0;
  let columns = 0;
  for (let r = 1; r <= side; r++) {
    for (let c = 0; c < width; c++) {
      if (!isColour(tokens[(r - 1) * side + c])) {
        width = c;
        break;
      }
    }
    if (r * width > rows * columns) [rows, columns] = [r, width];
  }
  return cutGrid(tokens, side, 0, 0, rows, columns);
}

/** A grid on a canvas, and where. */
export interface PlacedGrid {
  grid: FlatGrid;
  row: number;
  column: number;
}

/**
 * Inverse of {@link encodeCanvas}, wherever the grid lies. Null if the canvas holds no grid, or something other than
 * one full rectangle of colours with its EOS marks: predictions often do; crop those instead.
 */
export function decodeCanvas(tokens: ArrayLike<number>, side: number): PlacedGrid | null {
  let [top, left, bottom, right] = [side, side, -1, -1];
  for (let i = 0; i < side * side; i++) {
    if (!isColour(tokens[i])) continue;
    const r = Math.floor(i / side);
    const c = i % side;
    top = Math.min(top, r);
    bottom = Math.max(bottom, r);
    left = Math.min(left, c);
    right = Math.max(right, c);
  }
  if (bottom < 0) return null;
  const [rows, columns] = [bottom - top + 1, right - left + 1];
  const grid = cutGrid(tokens, side, top, left, rows, columns);
  // A PAD or EOS inside the rectangle has wrapped around to 254 or 255.
  if (grid.cells.some((colour) => colour >= COLOURS)) return null;
  const again = encodeCanvas(grid, side, top, left);
  for (let i = 0; i < again.length; i++) if (again[i] !== tokens[i]) return null;
  return { grid, row: top, column: left };
}

function cutGrid(
  tokens: ArrayLike<number>,
  side: number,
  row: number,
  column: number,
  rows: number,
  columns: number,
): FlatGrid {
  const cells = new Uint8Array(rows * columns);
  for (let r = 0; r < rows; r++) {
    for (let c = 0; c < columns; c++) cells[r * columns + c] = tokens[(row + r) * side + column + c] - COLOUR_TOKEN;
  }
  return { rows, columns, cells };
}
