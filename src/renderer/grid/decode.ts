/**
 * From a token canvas to drawable cells. Tokens (the reference's vocabularies): ARC 0 PAD, 1 end mark, colour c = c + 2,
 * the grid anywhere on the canvas; Sudoku 0 PAD, digit d = d + 1 with blank 0; Maze 0 PAD, 1…5 = wall, free, start,
 * goal, path. Canvases are [S], S = rows · columns, row by row.
 */
import type { PuzzleKind } from '@shared/arc';
import { EMPTY, END, STRANGE, type Box, type Cells, type Shape } from './cells';

/** Labels with this token carry no loss; it is the reference's `ignore_label_id` in every dataset. */
const UNLABELLED = 0;

/** A token as what is drawn: see `Cells.values`. */
export function cellValue(kind: PuzzleKind, token: number): number {
  if (token === 0) return EMPTY;
  if (kind === 'maze') return token <= 5 ? token : STRANGE;
  if (kind === 'sudoku') return token <= 10 ? token - 1 : STRANGE;
  if (token === 1) return END;
  return token <= 11 ? token - 2 : STRANGE;
}

const isColour = (token: number): boolean => token >= 2 && token <= 11;

export const wholeCanvas = (shape: Shape): Box => ({ row: 0, column: 0, rows: shape.rows, columns: shape.columns });

/** The smallest box that holds every colour token, or null if there is none. */
export function colourBox(tokens: Uint8Array, shape: Shape): Box | null {
  let top = Infinity;
  let left = Infinity;
  let bottom = -1;
  let right = -1;
  for (let i = 0; i < shape.rows * shape.columns; i++) {
    if (!isColour(tokens[i])) continue;
    const row = Math.floor(i / shape.columns);
    const column = i % shape.columns;
    top = Math.min(top, row);
    left = Math.min(left, column);
    bottom = Math.max(bottom, row);
    right = Math.max(right, column);
  }
  return bottom < 0 ? null : { row: top, column: left, rows: bottom - top + 1, columns: right - left + 1 };
}

/**
 * The answer as the reference's evaluation cuts it: the largest box anchored at (row, column) that holds only colour
 * tokens; rows are scanned down while the usable width shrinks, and the first maximum wins. Null if it is empty.
 */
export function answerBox(tokens: Uint8Array, shape: Shape, row = 0, column = 0): Box | null {
  let width = shape.columns - column;
  let best: Box | null = null;
  for (let r = row; r < shape.rows && width > 0; r++) {
    let run = 0;
    while (run < width && isColour(tokens[r * shape.columns + column + run])) run++;
    width = run;
    const rows = r - row + 1;
    if (width > 0 && rows * width > (best ? best.rows * best.columns : 0)) best = { row, column, rows, columns: width };
  }
  return best;
}

export function unionBox(a: Box | null, b: Box | null): Box | null {
  if (!a || !b) return a ?? b;
  const row = Math.min(a.row, b.row);
  const column = Math.min(a.column, b.column);
  return {
    row,
    column,
    rows: Math.max(a.row + a.rows, b.row + b.rows) - row,
    columns: Math.max(a.column + a.columns, b.column + b.columns) - column,
  };
}

/** The part of the canvas to draw for an input or a target: an ARC grid without its padding, else all of it. */
export function contentBox(kind: PuzzleKind, tokens: Uint8Array, shape: Shape): Box {
  if (kind !== 'arc') return wholeCanvas(shape);
  return colourBox(tokens, shape) ?? { row: 0, column: 0, rows: 1, columns: 1 };
}

/**
 * The part of the canvas to draw for predictions, the same for all of them, so that nothing jumps: what the target
 * covers, and what the answers cover that lie where the grid begins. Without either, where the input lies.
 */
export function predictionBox(
  kind: PuzzleKind,
  shape: Shape,
  input: Uint8Array,
  target: Uint8Array | null,
  answers: Uint8Array[],
): Box {
  if (kind !== 'arc') return wholeCanvas(shape);
  const inputBox = colourBox(input, shape);
  const targetBox = target && colourBox(target, shape);
  const origin = targetBox ?? inputBox ?? { row: 0, column: 0 };
  let box = targetBox;
  for (const tokens of answers) box = unionBox(box, answerBox(tokens, shape, origin.row, origin.column));
  return box ?? inputBox ?? { row: 0, column: 0, rows: 1, columns: 1 };
}

/**
 * The part of the canvas on which one prediction is held against its target: what the target covers, and its end marks
 * only where the prediction drew beyond them. Hardly changes between predictions, so that they can be leafed through.
 */
export function targetFrame(kind: PuzzleKind, shape: Shape, target: Uint8Array, tokens: Uint8Array): Box {
  const box = kind === 'arc' ? colourBox(target, shape) : null;
  if (!box) return wholeCanvas(shape);
  const ring = {
    ...box,
    rows: Math.min(shape.rows - box.row, box.rows + 1),
    columns: Math.min(shape.columns - box.column, box.columns + 1),
  };
  for (let r = ring.row; r < ring.row + ring.rows; r++) {
    for (let c = ring.column; c < ring.column + ring.columns; c++) {
      const i = r * shape.columns + c;
      if (target[i] === 1 && isColour(tokens[i])) return ring;
    }
  }
  return box;
}

/** The cells of `box`; `tokens` is [S]. */
export function cutCells(kind: PuzzleKind, tokens: Uint8Array, shape: Shape, box: Box): Cells {
  const values = new Uint8Array(box.rows * box.columns);
  for (let r = 0; r < box.rows; r++) {
    for (let c = 0; c < box.columns; c++) {
      values[r * box.columns + c] = cellValue(kind, tokens[(box.row + r) * shape.columns + box.column + c]);
    }
  }
  return { kind, rows: box.rows, columns: box.columns, values };
}

/** The numbers of `box` out of a canvas of numbers [S]. */
export function cutNumbers(numbers: ArrayLike<number>, shape: Shape, box: Box): Float32Array {
  const out = new Float32Array(box.rows * box.columns);
  for (let r = 0; r < box.rows; r++) {
    for (let c = 0; c < box.columns; c++) {
      out[r * box.columns + c] = numbers[(box.row + r) * shape.columns + box.column + c];
    }
  }
  return out;
}

/** Cells of an input or target, padding cut away. */
export function decodeCanvas(kind: PuzzleKind, tokens: Uint8Array, shape: Shape): Cells {
  return cutCells(kind, tokens, shape, contentBox(kind, tokens, shape));
}

/** Cells that the puzzle gave: 1 where a Sudoku's input holds a digit. */
export function givenCells(input: Cells): Uint8Array {
  return input.values.map((value) => (value >= 1 && value <= 9 ? 1 : 0));
}

/** How many labelled cells there are, and how many of them `tokens` has right. */
export function countRight(tokens: Uint8Array, target: Uint8Array): { right: number; labelled: number } {
  let right = 0;
  let labelled = 0;
  for (let i = 0; i < target.length; i++) {
    if (target[i] === UNLABELLED) continue;
    labelled++;
    if (tokens[i] === target[i]) right++;
  }
  return { right, labelled };
}

/** Whether cell i of the canvas has a label, and so can be right or wrong. */
export const isLabelled = (target: Uint8Array, i: number): boolean => target[i] !== UNLABELLED;

/** Coloured cells outside `box`: what a drawing of `box` alone would keep quiet about. */
export function colouredOutside(tokens: Uint8Array, shape: Shape, box: Box): number {
  let count = 0;
  for (let i = 0; i < shape.rows * shape.columns; i++) {
    if (!isColour(tokens[i])) continue;
    const row = Math.floor(i / shape.columns) - box.row;
    const column = (i % shape.columns) - box.column;
    if (row < 0 || column < 0 || row >= box.rows || column >= box.columns) count++;
  }
  return count;
}
