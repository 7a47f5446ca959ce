import { describe, expect, it } from 'vitest';
import { cropGrid, decodeCanvas, encodeCanvas } from '../../src/shared/arc-canvas';
import {
  flattenGrid,
  inverseColours,
  inverseDihedral,
  recolourGrid,
  transformGrid,
  unflattenGrid,
  type Dihedral,
  type FlatGrid,
} from '../../src/shared/arc-grid';
import { Random } from '../../src/core/lib/random';

const ALL = [0, 1, 2, 3, 4, 5, 6, 7] as const;

function randomGrid(random: Random, most: number): FlatGrid {
  const [rows, columns] = [random.integer(1, most), random.integer(1, most)];
  return { rows, columns, cells: Uint8Array.from({ length: rows * columns }, () => random.integer(0, 9)) };
}

describe('dihedral transforms', () => {
  it('are those of the reference', () => {
    const grid = flattenGrid([
      [1, 2, 3],
      [4, 5, 6],
    ]);
    // np.rot90 turns counter-clockwise: the last column becomes the first row.
    const rot90 = [[3, 6], [2, 5], [1, 4]]; // prettier-ignore
    const expected = [
      [[1, 2, 3], [4, 5, 6]],
      rot90,
      [[6, 5, 4], [3, 2, 1]],
      [[4, 1], [5, 2], [6, 3]],
      [[3, 2, 1], [6, 5, 4]],
      [[4, 5, 6], [1, 2, 3]],
      [[1, 4], [2, 5], [3, 6]],
      rot90.map((row) => [...row].reverse()),
    ]; // prettier-ignore
    expect(ALL.map((t) => unflattenGrid(transformGrid(grid, t)))).toEqual(expected);
  });

  it('are undone by their inverses, on any grid', () => {
    const random = new Random(1, 'grids');
    for (let n = 0; n < 200; n++) {
      const grid = randomGrid(random, 30);
      for (const t of ALL) expect(transformGrid(transformGrid(grid, t), inverseDihedral(t))).toEqual(grid);
    }
  });

  it('commute with recolouring, whose inverse gives the grid back', () => {
    const random = new Random(2, 'grids');
    const colours = [0, 4, 9, 2, 1, 3, 8, 7, 5, 6];
    for (let n = 0; n < 50; n++) {
      const grid = randomGrid(random, 9);
      const t = random.integer(0, 7) as Dihedral;
      const there = transformGrid(recolourGrid(grid, colours), t);
      expect(recolourGrid(transformGrid(grid, t), colours)).toEqual(there);
      expect(recolourGrid(transformGrid(there, inverseDihedral(t)), inverseColours(colours))).toEqual(grid);
    }
  });
});

describe('the canvas', () => {
  it('marks the end of the grid below and to the right, but not the corner', () => {
    const grid = flattenGrid([[0, 9]]);
    expect(Array.from(encodeCanvas(grid, 4, 1, 1))).toEqual([
      0, 0, 0, 0,
      0, 2, 11, 1,
      0, 1, 1, 0,
      0, 0, 0, 0,
    ]); // prettier-ignore
  });

  it('has no marks where the grid touches the border', () => {
    expect(Array.from(encodeCanvas(flattenGrid([[5], [5]]), 2, 0, 1))).toEqual([0, 7, 0, 7]);
  });

  it('refuses a grid that leaves it', () => {
    expect(() => encodeCanvas(flattenGrid([[1, 1]]), 2, 0, 1)).toThrow(/1×2 grid at \(0, 1\) leaves a 2×2 canvas/);
  });

  it('gives every grid back, wherever it lies', () => {
    const random = new Random(3, 'canvas');
    for (let n = 0; n < 300; n++) {
      const side = random.integer(1, 30);
      const grid = randomGrid(random, side);
      const row = random.integer(0, side - grid.rows);
      const column = random.integer(0, side - grid.columns);
      expect(decodeCanvas(encodeCanvas(grid, side, row, column), side)).toEqual({ grid, row, column });
    }
  });

  it('is not decoded if anything but one marked rectangle is on it', () => {
    const canvas = encodeCanvas(flattenGrid([[1, 2, 3], [4, 5, 6], [7, 8, 9]]), 6, 1, 1); // prettier-ignore
    for (let i = 0; i < canvas.length; i++) {
      const broken = canvas.slice();
      broken[i] = broken[i] === 0 ? 1 : 0;
      expect(decodeCanvas(broken, 6), `place ${i}`).toBeNull();
    }
    expect(decodeCanvas(new Uint8Array(36), 6)).toBeNull();
  });
});

describe('cropping a prediction', () => {
  const crop = (rows: string[]): string[] => {
    const tokens = rows.flatMap((row) => Array.from(row, (c) => (c === '.' ? 0 : c === '|' ? 1 : Number(c) + 2)));
    const { rows: n, columns, cells } = cropGrid(tokens, rows.length);
    return Array.from({ length: n }, (_, r) => cells.subarray(r * columns, (r + 1) * columns).join(''));
  };

  it('takes the grid in the corner', () => {
    expect(crop(['12|.', '34|.', '||..', '....'])).toEqual(['12', '34']);
  });

  it('takes the largest rectangle where the edge is ragged', () => {
    expect(crop(['1234', '12..', '12..', '....'])).toEqual(['12', '12', '12']); // 4 < 6
  });

  it('takes the first of equal areas', () => {
    expect(crop(['1234', '56..', '....', '....'])).toEqual(['1234']); // 1×4 comes before 2×2
  });

  it('never widens again, and stops where a row begins with no colour', () => {
    expect(crop(['1...', '123.', '123.', '123.'])).toEqual(['1', '1', '1', '1']);
    expect(crop(['12..', '|2..', '12..', '12..'])).toEqual(['12']);
  });

  it('yields nothing without a colour in the corner', () => {
    expect(cropGrid([0, 2, 2, 2], 2)).toEqual({ rows: 0, columns: 0, cells: new Uint8Array(0) });
  });

  it('keeps a full canvas', () => {
    expect(crop(['12', '34'])).toEqual(['12', '34']);
  });
});
