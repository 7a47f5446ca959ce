import { describe, expect, it } from 'vitest';
import { packGrid, unpackGrid } from '@shared/arc';
import {
  EMPTY,
  END,
  MARK_RIGHT,
  MARK_WRONG,
  STRANGE,
  cellsFromGrid,
  cellsFromPacked,
  fitCell,
  packedShape,
  type Cells,
} from '@renderer/grid/cells';
import {
  answerBox,
  colourBox,
  colouredOutside,
  countRight,
  cutCells,
  cutNumbers,
  decodeCanvas,
  givenCells,
  predictionBox,
  targetFrame,
  wholeCanvas,
} from '@renderer/grid/decode';
import { describeCell, describeCells } from '@renderer/grid/describe';
import { cellAt, drawCells, layout, type Pen } from '@renderer/grid/draw';
import { inkOn, palettes } from '@renderer/grid/palette';
import type { GridTheme } from '@renderer/grid/theme';

const theme: GridTheme = {
  grid: '#555555',
  line: '#d3d2cc',
  panel: '#ffffff',
  empty: '#fafaf8',
  ink: '#1d1d1b',
  ink2: '#5c5b56',
  accent: '#4f46e5',
  ok: '#15803d',
  warn: '#b45309',
  unknown: '#8d8b84',
};

/** A canvas from text: "." PAD, "|" end mark, digits colours, "?" no token of ARC. */
function canvas(...rows: string[]): { tokens: Uint8Array; shape: { rows: number; columns: number } } {
  const token = (c: string): number => (c === '.' ? 0 : c === '|' ? 1 : c === '?' ? 40 : Number(c) + 2);
  return {
    tokens: Uint8Array.from(rows.join(''), token),
    shape: { rows: rows.length, columns: rows[0].length },
  };
}

describe('packed grids', () => {
  it('read the same as the shared unpacking', () => {
    for (const grid of [
      [[7]],
      [[0, 1, 2]],
      [[3], [4], [5]],
      Array.from({ length: 30 }, (_, r) => Array.from({ length: 29 }, (_, c) => (r * c) % 10)),
    ]) {
      const packed = packGrid(grid);
      expect(cellsFromPacked(packed)).toEqual(cellsFromGrid(unpackGrid(packed)));
      expect(packedShape(packed)).toEqual({ rows: grid.length, columns: grid[0].length });
    }
  });
});

describe('ARC canvases', () => {
  it('find a grid wherever it was moved to, without its end marks', () => {
    const { tokens, shape } = canvas('.....', '..12|', '..34|', '..||.');
    expect(colourBox(tokens, shape)).toEqual({ row: 1, column: 2, rows: 2, columns: 2 });
    expect([...decodeCanvas('arc', tokens, shape).values]).toEqual([1, 2, 3, 4]);
  });

  it('tell padding, end marks and strange tokens apart', () => {
    const { tokens, shape } = canvas('0|', '.?');
    expect([...cutCells('arc', tokens, shape, wholeCanvas(shape)).values]).toEqual([0, END, EMPTY, STRANGE]);
  });

  it('cut an answer as the reference does: the width shrinks downwards and the largest area wins', () => {
    const { tokens, shape } = canvas('123.', '45..', '67..', '8...');
    expect(answerBox(tokens, shape)).toEqual({ row: 0, column: 0, rows: 3, columns: 2 });
  });

  it('take the first of two equal areas', () => {
    const { tokens, shape } = canvas('12', '3.');
    expect(answerBox(tokens, shape)).toEqual({ row: 0, column: 0, rows: 1, columns: 2 });
  });

  it('cut from where the grid begins, and find nothing in padding', () => {
    const { tokens, shape } = canvas('....', '.12.', '.34.', '....');
    expect(answerBox(tokens, shape, 1, 1)).toEqual({ row: 1, column: 1, rows: 2, columns: 2 });
    expect(answerBox(tokens, shape)).toBeNull();
  });

  it('frame predictions by the target and what the answers add, and count what lies outside', () => {
    const input = canvas('....', '.12.', '....', '...1');
    const target = canvas('....', '.1|.', '.|..', '....');
    const answer = canvas('1...', '.12|', '.34|', '....');
    const box = predictionBox('arc', input.shape, input.tokens, target.tokens, [answer.tokens]);
    expect(box).toEqual({ row: 1, column: 1, rows: 2, columns: 2 });
    expect(colouredOutside(answer.tokens, input.shape, box)).toBe(1);
  });

  it('hold a prediction against its target on a frame that hardly moves', () => {
    const target = canvas('12|.', '34|.', '||..', '....');
    const inside = canvas('12|5', '35|.', '||5.', '5555');
    const beyond = canvas('121.', '34|.', '||..', '....');
    const of = (tokens: Uint8Array) => targetFrame('arc', target.shape, target.tokens, tokens);
    expect(of(inside.tokens)).toEqual({ row: 0, column: 0, rows: 2, columns: 2 });
    expect(of(beyond.tokens)).toEqual({ row: 0, column: 0, rows: 3, columns: 3 });
  });

  it('frame by the input where nothing else is known', () => {
    const input = canvas('...', '.5.', '...');
    const nothing = canvas('...', '...', '...');
    expect(predictionBox('arc', input.shape, input.tokens, null, [nothing.tokens])).toEqual({
      row: 1,
      column: 1,
      rows: 1,
      columns: 1,
    });
  });
});

describe('Sudoku and mazes', () => {
  it('draw the whole board and know the givens', () => {
    const shape = { rows: 2, columns: 2 };
    const cells = decodeCanvas('sudoku', Uint8Array.of(1, 5, 10, 0), shape);
    expect([...cells.values]).toEqual([0, 4, 9, EMPTY]);
    expect([...givenCells(cells)]).toEqual([0, 1, 1, 0]);
    expect([...decodeCanvas('maze', Uint8Array.of(1, 2, 3, 9), shape).values]).toEqual([1, 2, 3, STRANGE]);
  });
});

describe('numbers of a canvas', () => {
  it('are cut like its cells', () => {
    const { shape } = canvas('...', '...');
    expect([...cutNumbers([0, 1, 2, 3, 4, 5], shape, { row: 0, column: 1, rows: 2, columns: 2 })]).toEqual([
      1, 2, 4, 5,
    ]);
  });

  it('count only labelled cells', () => {
    expect(countRight(Uint8Array.of(3, 4, 9), Uint8Array.of(3, 5, 0))).toEqual({ right: 1, labelled: 2 });
  });
});

describe('cell size', () => {
  it('is the largest whole one that fits, lines included', () => {
    expect(fitCell({ rows: 10, columns: 10 }, 101, 101)).toBe(10);
    expect(fitCell({ rows: 10, columns: 10 }, 100, 101)).toBe(9);
    expect(fitCell({ rows: 30, columns: 2 }, 1000, 91)).toBe(3);
    expect(fitCell({ rows: 1, columns: 1 }, 1000, 1000, 24)).toBe(24);
  });
});

describe('layout', () => {
  const cells = cellsFromGrid([
    [1, 2, 3],
    [4, 5, 6],
  ]);

  it.each([1, 1.25, 1.5, 2, 3])('puts every edge on a device pixel at scale %d', (ratio) => {
    const l = layout(cells, 10, ratio);
    expect(l.x.every(Number.isInteger) && l.y.every(Number.isInteger)).toBe(true);
    expect(Number.isInteger(l.width) && Number.isInteger(l.height)).toBe(true);
    // Lines are one CSS pixel or less, and the last cell ends one frame before the edge.
    expect(l.line).toBe(Math.floor(ratio));
    expect(l.width).toBe(l.x[2] + l.pitch - l.line + Math.floor(ratio));
  });

  it('has lines between cells from 6 px a cell on, whatever the display', () => {
    expect([3, 5, 6, 10].map((cell) => layout(cells, cell, 1).line)).toEqual([0, 0, 1, 1]);
    expect([3, 5, 6, 10].map((cell) => layout(cells, cell, 2).line)).toEqual([0, 0, 2, 2]);
  });

  it('sets the boxes of a Sudoku apart', () => {
    const board: Cells = { kind: 'sudoku', rows: 6, columns: 6, values: new Uint8Array(36) };
    const l = layout(board, 20, 1);
    const gaps = (at: number[]): number[] => at.slice(1).map((v, i) => v - at[i]);
    expect(gaps(l.x)).toEqual([20, 20, 21, 20, 20]);
    expect(gaps(l.y)).toEqual([20, 21, 20, 21, 20]);
  });

  it('finds the cell under a pixel', () => {
    const l = layout(cells, 10, 2);
    expect(cellAt(cells, l, 2, 2)).toEqual({ row: 0, column: 0 });
    expect(cellAt(cells, l, 2 + 20 * 2 + 1, 2 + 20)).toEqual({ row: 1, column: 2 });
    expect(cellAt(cells, l, 500, 3)).toBeNull();
  });
});

interface Fill {
  style: string;
  x: number;
  y: number;
  w: number;
  h: number;
}

/** Keeps every fillRect and text with the style it had. */
function recorder(): { pen: Pen; fills: Fill[]; texts: { text: string; style: string; alpha: number }[] } {
  const fills: Fill[] = [];
  const texts: { text: string; style: string; alpha: number }[] = [];
  const pen = {
    fillStyle: '',
    globalAlpha: 1,
    fillRect(x: number, y: number, w: number, h: number) {
      fills.push({ style: String(this.fillStyle), x, y, w, h });
    },
    fillText(text: string) {
      texts.push({ text, style: String(this.fillStyle), alpha: this.globalAlpha });
    },
    beginPath() {},
    moveTo() {},
    lineTo() {},
    closePath() {},
    fill() {},
    arc() {},
  };
  return { pen: pen as unknown as Pen, fills, texts };
}

describe('drawing', () => {
  const cells = cellsFromGrid([[2, 3]]);
  const l = layout(cells, 10, 1);

  it('fills each cell with its colour between one-pixel lines', () => {
    const { pen, fills } = recorder();
    drawCells(pen, cells, l, 1, { palette: 'official', theme });
    expect(fills).toEqual([
      { style: '#555555', x: 0, y: 0, w: 21, h: 11 },
      { style: '#FF4136', x: 1, y: 1, w: 9, h: 9 },
      { style: '#2ECC40', x: 11, y: 1, w: 9, h: 9 },
    ]);
  });

  it('shows a small Sudoku in tones in place of digits: given, found, not known, blank', () => {
    const board: Cells = { kind: 'sudoku', rows: 2, columns: 2, values: Uint8Array.of(3, 4, 12, 0) };
    const given = Uint8Array.of(1, 0, 0, 0);
    const draw = (cell: number) => {
      const { pen, fills, texts } = recorder();
      drawCells(pen, board, layout(board, cell, 1), 1, { palette: 'official', theme, given });
      return {
        tones: fills.map(({ style }) => style).filter((s) => [theme.ink2, theme.accent, theme.warn].includes(s)),
        texts,
      };
    };
    expect(draw(8).texts).toEqual([]);
    // The first is the ground between the boxes.
    expect(draw(8).tones.slice(1)).toEqual([theme.ink2, theme.accent, theme.warn]);
    expect(draw(9).texts.map(({ text }) => text)).toEqual(['3', '4', '?']);
    expect(draw(9).tones.slice(1)).toEqual([]);
  });

  it('fades towards white as confidence falls, and leaves a sure cell alone', () => {
    const { pen, fills } = recorder();
    drawCells(pen, cells, l, 1, { palette: 'official', theme, confidence: [1, 0.25] });
    const veils = fills.filter((f) => f.style.startsWith('rgba(255,255,255'));
    expect(veils).toHaveLength(1);
    expect(veils[0].x).toBe(11);
    const alpha = Number(/,([\d.]+)\)$/.exec(veils[0].style)?.[1]);
    expect(alpha).toBeGreaterThan(0.5);
    expect(alpha).toBeLessThan(0.8);
  });

  it('outlines right cells in green and wrong ones in amber, with a light edge where green meets green', () => {
    const { pen, fills } = recorder();
    const big = layout(cells, 20, 1);
    drawCells(pen, cells, big, 1, { palette: 'official', theme, marks: Uint8Array.of(MARK_WRONG, MARK_RIGHT) });
    const of = (style: string): Fill[] => fills.filter((f) => f.style === style);
    expect(of('#d97706').every((f) => f.x < 20)).toBe(true);
    expect(of('#d97706')).toHaveLength(4);
    expect(of('#16a34a').every((f) => f.x > 20)).toBe(true);
    expect(of('#16a34a')).toHaveLength(4);
    expect(of(theme.panel).every((f) => f.x > 20)).toBe(true);
    expect(of(theme.panel)).toHaveLength(4);
  });

  it('writes the digit in the colour-blind-safe palette, except in the background', () => {
    const { pen, texts, fills } = recorder();
    drawCells(pen, cellsFromGrid([[0, 4]]), layout(cells, 16, 1), 1, { palette: 'symbols', theme });
    expect(texts.map((t) => t.text)).toEqual(['4']);
    expect(fills.at(-1)?.style).toBe(palettes.symbols[4]);
  });

  it('shows given and filled digits of a Sudoku in different ink', () => {
    const board: Cells = { kind: 'sudoku', rows: 1, columns: 3, values: Uint8Array.of(4, 2, 0) };
    const { pen, texts } = recorder();
    drawCells(pen, board, layout(board, 30, 1), 1, {
      palette: 'official',
      theme,
      given: Uint8Array.of(1, 0, 0),
      confidence: [0.2, 0.5, 1],
    });
    expect(texts.map((t) => [t.text, t.style, t.alpha < 1])).toEqual([
      ['4', theme.ink, false],
      ['2', theme.accent, true],
    ]);
  });
});

describe('colours', () => {
  const luminance = (hex: string): number => {
    const part = (at: number): number => {
      const s = parseInt(hex.slice(at, at + 2), 16) / 255;
      return s <= 0.04045 ? s / 12.92 : ((s + 0.055) / 1.055) ** 2.4;
    };
    return 0.2126 * part(1) + 0.7152 * part(3) + 0.0722 * part(5);
  };
  const contrast = (a: string, b: string): number => {
    const [high, low] = [luminance(a), luminance(b)].sort((x, y) => y - x);
    return (high + 0.05) / (low + 0.05);
  };

  it('carry a digit that reads at 4.5 : 1 or better', () => {
    for (const colour of palettes.symbols) expect(contrast(colour, inkOn(colour))).toBeGreaterThanOrEqual(4.5);
  });

  it('differ from each other in the safe palette even without hue, or by much hue', () => {
    expect(new Set(palettes.symbols).size).toBe(10);
    expect(palettes.official[8]).toBe('#7FDBFF');
  });
});

describe('grids in words', () => {
  it('name size and colours, most frequent first', () => {
    const grid = Array.from({ length: 10 }, (_, r) =>
      Array.from({ length: 10 }, (_, c) => (r === 0 && c < 4 ? 3 : r === 5 ? 2 : 0)),
    );
    expect(describeCells(cellsFromGrid(grid))).toBe('10 by 10 grid, 10 cells of colour 2, 4 cells of colour 3');
    expect(describeCells(cellsFromGrid([[2]]))).toBe('1 by 1 grid, 1 cell of colour 2');
    expect(describeCells(cellsFromGrid([[0, 0]]))).toBe('1 by 2 grid, all of colour 0');
  });

  it('tell given from filled, and right from wrong', () => {
    const board: Cells = { kind: 'sudoku', rows: 2, columns: 2, values: Uint8Array.of(1, 2, 0, 3) };
    expect(
      describeCells(board, { given: Uint8Array.of(1, 0, 0, 0), marks: Uint8Array.of(0, MARK_RIGHT, 0, MARK_WRONG) }),
    ).toBe('2 by 2 Sudoku, 1 given, 2 filled, 1 blank, 2 marked cells: 1 right, 1 wrong');
    expect(describeCell(cellsFromGrid([[0, 2]]), 0, 1)).toBe('row 1, column 2: colour 2 (red)');
  });
});
