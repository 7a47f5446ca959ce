/** The canvas of tokens that the model gets for a grid, and where on it the grid lies. */
import { PAD_TOKEN, EOS_TOKEN, COLOUR_TOKEN, encodeCanvas } from '@shared/arc-canvas';
import type { FlatGrid } from '@shared/arc-grid';
import { colourNames } from '../grid/palette';
import type { Cells } from '../grid/cells';
import { cutCells, wholeCanvas } from '../grid/decode';

export interface Offset {
  row: number;
  column: number;
}

export interface CanvasPair {
  offset: Offset;
  input: TokenCanvas;
  output: TokenCanvas | null;
}

export interface TokenCanvas {
  tokens: Uint8Array;
  cells: Cells;
  counts: { pad: number; eos: number; colours: number };
}

/** How far a pair can be moved: both grids lie at the same place, and both must fit. Null if one does not. */
export function roomOf(side: number, input: FlatGrid, output: FlatGrid | null): Offset | null {
  const row = side - Math.max(input.rows, output?.rows ?? 0);
  const column = side - Math.max(input.columns, output?.columns ?? 0);
  return row < 0 || column < 0 ? null : { row, column };
}

/** The two canvases of a pair; null if it does not fit. An offset beyond its room is drawn at the room's end. */
export function canvasPair(side: number, input: FlatGrid, output: FlatGrid | null, wanted: Offset): CanvasPair | null {
  const room = roomOf(side, input, output);
  if (!room) return null;
  const offset = { row: Math.min(wanted.row, room.row), column: Math.min(wanted.column, room.column) };
  const canvas = (grid: FlatGrid): TokenCanvas => {
    const tokens = encodeCanvas(grid, side, offset.row, offset.column);
    const shape = { rows: side, columns: side };
    const count = (test: (token: number) => boolean): number => tokens.reduce((n, t) => n + (test(t) ? 1 : 0), 0);
    return {
      tokens,
      cells: cutCells('arc', tokens, shape, wholeCanvas(shape)),
      counts: {
        pad: count((t) => t === PAD_TOKEN),
        eos: count((t) => t === EOS_TOKEN),
        colours: count((t) => t >= COLOUR_TOKEN),
      },
    };
  };
  return { offset, input: canvas(input), output: output && canvas(output) };
}

/** "token 4, colour 2 (red)". */
export function tokenWords(token: number): string {
  if (token === PAD_TOKEN) return 'token 0, PAD';
  if (token === EOS_TOKEN) return 'token 1, EOS';
  const colour = token - COLOUR_TOKEN;
  return `token ${token}, colour ${colour} (${colourNames[colour]})`;
}
