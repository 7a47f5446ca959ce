/**
 * Grids as the builders handle them: flat, so that a rotation is one walk over the cells. The eight symmetries of the
 * square and the colour permutations are those of the reference's builder (docs of TRM: `dihedral_transform`, `aug`).
 */
import type { Grid } from './arc';

/** Row-major cells, one colour 0…9 per byte; `cells.length === rows * columns`. */
export interface FlatGrid {
  rows: number;
  columns: number;
  cells: Uint8Array;
}

/** 0 identity, 1–3 counter-clockwise quarter turns, 4 left-right flip, 5 up-down flip, 6 transpose, 7 anti-transpose. */
export type Dihedral = 0 | 1 | 2 | 3 | 4 | 5 | 6 | 7;

const INVERSE: readonly Dihedral[] = [0, 3, 2, 1, 4, 5, 6, 7];

export function inverseDihedral(t: Dihedral): Dihedral {
  return INVERSE[t];
}

/** Where the cells of a transformed grid come from: cell (r, c) is the source's cell `offset + r·down + c·right`. */
export interface DihedralWalk {
  rows: number;
  columns: number;
  offset: number;
  down: number;
  right: number;
}

/**
 * The walk over a grid of `n` rows and `m` columns that yields its image under `t`. Every symmetry of the square is
 * affine in the flat index, so eight triples say it all; e.g. a quarter turn has out[r][c] = in[c][m − 1 − r], whose
 * flat index is c·m + m − 1 − r.
 */
export function dihedralWalk(n: number, m: number, t: Dihedral): DihedralWalk {
  switch (t) {
    case 0:
      return { rows: n, columns: m, offset: 0, down: m, right: 1 };
    case 1:
      return { rows: m, columns: n, offset: m - 1, down: -1, right: m };
    case 2:
      return { rows: n, columns: m, offset: n * m - 1, down: -m, right: -1 };
    case 3:
      return { rows: m, columns: n, offset: (n - 1) * m, down: 1, right: -m };
    case 4:
      return { rows: n, columns: m, offset: m - 1, down: m, right: -1 };
    case 5:
      return { rows: n, columns: m, offset: (n - 1) * m, down: -m, right: 1 };
    case 6:
      return { rows: m, columns: n, offset: 0, down: 1, right: m };
    case 7:
      return { rows: m, columns: n, offset: n * m - 1, down: -1, right: -m };
  }
}

/** The image of a grid under one of the eight symmetries; the source is left alone. */
export function transformGrid(grid: FlatGrid, t: Dihedral): FlatGrid {
  const walk = dihedralWalk(grid.rows, grid.columns, t);
  const cells = new Uint8Array(grid.cells.length);
  let at = 0;
  for (let r = 0; r < walk.rows; r++) {
    let from = walk.offset + r * walk.down;
    for (let c = 0; c < walk.columns; c++, from += walk.right) cells[at++] = grid.cells[from];
  }
  return { rows: walk.rows, columns: walk.columns, cells };
}

/** Every cell's colour c replaced by `colours[c]`. `colours` lists the images of 0…9. */
export function recolourGrid(grid: FlatGrid, colours: ArrayLike<number>): FlatGrid {
  return { rows: grid.rows, columns: grid.columns, cells: grid.cells.map((c) => colours[c]) };
}

/** The permutation that undoes `colours`. */
export function inverseColours(colours: ArrayLike<number>): Uint8Array {
  const inverse = new Uint8Array(colours.length);
  for (let c = 0; c < colours.length; c++) inverse[colours[c]] = c;
  return inverse;
}

export function flattenGrid(grid: Grid): FlatGrid {
  const rows = grid.length;
  const columns = grid[0].length;
  const cells = new Uint8Array(rows * columns);
  for (let r = 0; r < rows; r++) cells.set(grid[r], r * columns);
  return { rows, columns, cells };
}

export function unflattenGrid({ rows, columns, cells }: FlatGrid): Grid {
  return Array.from({ length: rows }, (_, r) => Array.from(cells.subarray(r * columns, (r + 1) * columns)));
}

export function sameGrid(a: Grid, b: Grid): boolean {
  return a.length === b.length && a.every((row, r) => row.length === b[r].length && row.every((c, i) => c === b[r][i]));
}
