import { describe, expect, it } from 'vitest';
import {
  blankGrid,
  fill,
  fromPacked,
  lineSpots,
  paint,
  readSide,
  rectangleSpots,
  resize,
  toPacked,
  type Spot,
} from '@renderer/editor/strokes';

const at = (row: number, column: number): Spot => ({ row, column });

describe('strokes', () => {
  it('read and write packed grids', () => {
    expect(toPacked(fromPacked('012/345'))).toBe('012/345');
    expect(fromPacked('012/345')).toEqual({ rows: 2, columns: 3, cells: Uint8Array.of(0, 1, 2, 3, 4, 5) });
    expect(toPacked(blankGrid(2, 3, 7))).toBe('777/777');
  });

  it('paint into a new grid, and leave the old one and what lies outside alone', () => {
    const grid = fromPacked('000/000');
    const painted = paint(grid, [at(0, 0), at(1, 2), at(2, 0), at(0, -1)], 4);
    expect(toPacked(painted)).toBe('400/004');
    expect(toPacked(grid)).toBe('000/000');
    expect(paint(grid, [at(0, 0)], 0)).toBe(grid);
  });

  it('draw lines without gaps, in every direction', () => {
    expect(lineSpots(at(0, 0), at(0, 3))).toEqual([at(0, 0), at(0, 1), at(0, 2), at(0, 3)]);
    expect(lineSpots(at(2, 1), at(2, 1))).toEqual([at(2, 1)]);
    for (const end of [at(7, 3), at(-7, 3), at(3, -7), at(-5, -5)]) {
      const spots = lineSpots(at(0, 0), end);
      expect(spots).toHaveLength(Math.max(Math.abs(end.row), Math.abs(end.column)) + 1);
      expect(spots[spots.length - 1]).toEqual(end);
      spots.slice(1).forEach((spot, i) => {
        expect(Math.max(Math.abs(spot.row - spots[i].row), Math.abs(spot.column - spots[i].column))).toBe(1);
      });
    }
  });

  it('draw rectangles from any corner, filled or not', () => {
    const draw = (a: Spot, b: Spot, filled: boolean): string =>
      toPacked(paint(blankGrid(4, 4), rectangleSpots(a, b, filled), 1));
    expect(draw(at(2, 3), at(0, 1), false)).toBe('0111/0101/0111/0000');
    expect(draw(at(0, 1), at(2, 3), true)).toBe('0111/0111/0111/0000');
  });

  it('fill an area of one colour that touches by its sides', () => {
    const grid = fromPacked('0010/0100/1000');
    expect(toPacked(fill(grid, at(0, 0), 5))).toBe('5510/5100/1000');
    expect(toPacked(fill(grid, at(0, 3), 5))).toBe('0015/0155/1555');
    expect(toPacked(fill(grid, at(0, 2), 5))).toBe('0050/0100/1000');
    expect(fill(grid, at(0, 0), 0)).toBe(grid);
    expect(fill(grid, at(9, 0), 3)).toBe(grid);
    expect(toPacked(fill(blankGrid(30, 30), at(29, 29), 9))).toBe(toPacked(blankGrid(30, 30, 9)));
  });

  it('resize from the top left; what is cut off is gone, what is new is black', () => {
    const grid = fromPacked('12/34');
    expect(toPacked(resize(grid, 3, 1))).toBe('1/3/0');
    expect(toPacked(resize(grid, 1, 3))).toBe('120');
    expect(resize(grid, 2, 2)).toBe(grid);
  });

  it('take a side of 1 to 30 and say what is wrong with any other', () => {
    expect(readSide(' 30 ', 'The number of rows')).toEqual({ side: 30 });
    for (const text of ['0', '31', '2.5', 'x', '-3', '']) expect(readSide(text, 'Rows')).toHaveProperty('wrong');
    expect(readSide('31', 'The number of rows')).toEqual({
      wrong: 'The number of rows is 31: use a whole number from 1 to 30.',
    });
  });
});
