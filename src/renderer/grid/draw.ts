/** Draws cells on a canvas in device pixels, so that every edge falls on a pixel whatever the display's scale is. */
import { EMPTY, END, MARK_NONE, MARK_RIGHT, MARK_UNKNOWN, MARK_WRONG, STRANGE, sudokuBox, type Cells } from './cells';
import { inks, palettes, type PaletteName } from './palette';
import type { GridTheme } from './theme';

/** The part of CanvasRenderingContext2D that drawing needs. */
export type Pen = Pick<
  CanvasRenderingContext2D,
  | 'fillStyle'
  | 'strokeStyle'
  | 'lineWidth'
  | 'font'
  | 'textAlign'
  | 'textBaseline'
  | 'globalAlpha'
  | 'fillRect'
  | 'fillText'
  | 'beginPath'
  | 'moveTo'
  | 'lineTo'
  | 'closePath'
  | 'fill'
  | 'arc'
>;

export interface DrawOptions {
  palette: PaletteName;
  theme: GridTheme;
  /** [rows · columns], MARK_*. */
  marks?: Uint8Array | null;
  /** [rows · columns], 0…1: the lower, the paler the cell. */
  confidence?: ArrayLike<number> | null;
  /** [rows · columns], 0…1: the larger, the larger the disc on the cell (Sudoku: the deeper its tint). */
  doubt?: ArrayLike<number> | null;
  /** [rows · columns], 1 where the puzzle gave the digit (Sudoku). */
  given?: Uint8Array | null;
  /** [rows · columns], written into the cells of an ARC grid: the tokens of a canvas. */
  numbers?: ArrayLike<number> | null;
}

/** Device pixels: a cell's pitch (its line included), the line, and the whole drawing. */
export interface Layout {
  pitch: number;
  line: number;
  /** Offset of each column and row: boxes of a Sudoku are set apart by a thicker line. */
  x: number[];
  y: number[];
  width: number;
  height: number;
}

/** CSS px a cell: the smallest with lines between cells, and the smallest in which a digit can be read. */
const LINES_FROM = 6;
const DIGITS_FROM = 9;

/** `cell` is the pitch in CSS px; `ratio` device pixels per CSS px. */
export function layout(cells: Cells, cell: number, ratio: number): Layout {
  const pitch = Math.max(1, Math.round(cell * ratio));
  // Between small cells lines would be most of what one sees; the frame stays.
  const line = cell >= LINES_FROM ? Math.max(1, Math.floor(ratio)) : 0;
  const frame = Math.max(1, Math.floor(ratio));
  const box = cells.kind === 'sudoku' && cells.rows === cells.columns ? sudokuBox(cells.rows) : null;
  const thick = box ? frame : 0;
  const along = (n: number, every: number | undefined): number[] => {
    const at: number[] = [];
    let offset = frame + thick;
    for (let i = 0; i < n; i++) {
      if (every && i > 0 && i % every === 0) offset += thick;
      at.push(offset);
      offset += pitch;
    }
    return at;
  };
  const x = along(cells.columns, box?.columns);
  const y = along(cells.rows, box?.rows);
  const end = (at: number[]): number => (at.length ? at[at.length - 1] + pitch - line : 0) + frame + thick;
  return { pitch, line, x, y, width: end(x), height: end(y) };
}

const shade = (p: number): number => 0.78 * (1 - Math.min(1, Math.max(0, p)));

function digit(
  pen: Pen,
  text: string,
  x: number,
  y: number,
  side: number,
  colour: string,
  weight: number,
  scale: number,
): void {
  pen.fillStyle = colour;
  pen.font = `${weight} ${Math.max(7, Math.round(side * scale))}px "Inter Variable", Inter, system-ui, sans-serif`;
  pen.textAlign = 'center';
  pen.textBaseline = 'middle';
  // Inter's capitals and digits sit a little high of the em box's middle.
  pen.fillText(text, x + side / 2, y + side / 2 + side * 0.03);
}

function drawArcCell(
  pen: Pen,
  value: number,
  number: number | null,
  x: number,
  y: number,
  side: number,
  /** Width of the lines that belong to the cell; none at the frame. */
  lines: { right: number; below: number },
  p: number,
  o: DrawOptions,
): void {
  const colours = palettes[o.palette];
  if (value > 9) {
    // Where there is no grid its lines are faint, so that the grid stands out of a canvas that is mostly padding.
    pen.fillStyle = o.theme.line;
    pen.fillRect(x, y, side + lines.right, side + lines.below);
    pen.fillStyle = o.theme.empty;
    pen.fillRect(x, y, side, side);
    if (number !== null) return digit(pen, String(number), x, y, side, o.theme.ink2, value === EMPTY ? 400 : 650, 0.5);
    if (value === EMPTY || side < 4) return;
    pen.fillStyle = value === STRANGE ? o.theme.warn : o.theme.unknown;
    const dot = Math.max(1, Math.min(8, Math.round(side / 4)));
    const inset = Math.floor((side - dot) / 2);
    pen.fillRect(x + inset, y + inset, dot, dot);
    return;
  }
  pen.fillStyle = colours[value];
  pen.fillRect(x, y, side, side);
  if (p < 1) {
    pen.fillStyle = `rgba(255,255,255,${shade(p).toFixed(3)})`;
    pen.fillRect(x, y, side, side);
  }
  const faded = shade(p) > 0.4;
  if (number !== null) digit(pen, String(number), x, y, side, faded ? '#000000' : inks(o.palette)[value], 550, 0.5);
  else if (o.palette === 'symbols' && side >= 8 && value !== 0) {
    // A faded cell is nearly white whatever its colour was.
    digit(pen, String(value), x, y, side, faded ? '#000000' : inks('symbols')[value], 600, 0.66);
  }
}

/** `tones`: too small for digits, so a given, a found and an unknown cell differ by tone. */
function drawSudokuCell(
  pen: Pen,
  value: number,
  given: boolean,
  tones: boolean,
  x: number,
  y: number,
  side: number,
  p: number,
  o: DrawOptions,
): void {
  pen.fillStyle = given ? o.theme.empty : o.theme.panel;
  pen.fillRect(x, y, side, side);
  if (value === 0) return;
  if (tones) {
    pen.globalAlpha = given || value > 9 ? 0.55 : 0.85 * (1 - shade(p));
    pen.fillStyle = given ? o.theme.ink2 : value > 9 ? o.theme.warn : o.theme.accent;
    pen.fillRect(x, y, side, side);
    pen.globalAlpha = 1;
    return;
  }
  if (value > 9) {
    digit(pen, '?', x, y, side, o.theme.warn, 550, 0.6);
    return;
  }
  pen.globalAlpha = given ? 1 : 1 - shade(p);
  digit(pen, String(value), x, y, side, given ? o.theme.ink : o.theme.accent, given ? 650 : 500, 0.62);
  pen.globalAlpha = 1;
}

function drawMazeCell(pen: Pen, value: number, x: number, y: number, side: number, p: number, o: DrawOptions): void {
  pen.fillStyle = value === 1 ? o.theme.ink2 : o.theme.panel;
  pen.fillRect(x, y, side, side);
  if (value === 1 || value === 2 || value === EMPTY || value === END) return;
  pen.globalAlpha = 1 - shade(p);
  if (value === 5) {
    const dot = Math.max(1, Math.round(side / 2));
    const inset = Math.floor((side - dot) / 2);
    pen.fillStyle = o.theme.accent;
    pen.fillRect(x + inset, y + inset, dot, dot);
  } else {
    pen.fillStyle = value === 3 ? o.theme.ok : value === 4 ? o.theme.warn : o.theme.unknown;
    pen.fillRect(x, y, side, side);
    if (side >= 9) digit(pen, value === 3 ? 'S' : value === 4 ? 'G' : '?', x, y, side, o.theme.panel, 650, 0.7);
  }
  pen.globalAlpha = 1;
}

/** Colours on which an outline of this kind would not be seen. */
const ALIKE: Record<number, readonly number[]> = { [MARK_RIGHT]: [3], [MARK_WRONG]: [4, 7], [MARK_UNKNOWN]: [5] };

/** Right, wrong and unknown differ by colour and by shape: a wrong cell also has a notch, an unknown one a broken frame. */
function drawMark(
  pen: Pen,
  mark: number,
  x: number,
  y: number,
  side: number,
  ratio: number,
  alike: boolean,
  o: DrawOptions,
): void {
  const colour = mark === MARK_RIGHT ? '#16a34a' : mark === MARK_WRONG ? '#d97706' : '#8d8b84';
  const w = Math.max(1, Math.min(Math.round(2 * ratio), Math.floor(side / 4)));
  const frame = (inset: number, width: number): void => {
    const s = side - 2 * inset;
    pen.fillRect(x + inset, y + inset, s, width);
    pen.fillRect(x + inset, y + side - inset - width, s, width);
    pen.fillRect(x + inset, y + inset + width, width, s - 2 * width);
    pen.fillRect(x + side - inset - width, y + inset + width, width, s - 2 * width);
  };
  if (alike && side >= 7 * ratio) {
    // A thin edge in the page's colour keeps a green outline visible on a green cell.
    pen.fillStyle = o.theme.panel;
    frame(w, Math.max(1, Math.floor(ratio)));
  }
  pen.fillStyle = colour;
  frame(0, w);
  if (mark === MARK_WRONG && side >= 8 * ratio) {
    const n = Math.round(Math.min(side * 0.55, 13 * ratio));
    pen.beginPath();
    pen.moveTo(x + side - n, y);
    pen.lineTo(x + side, y);
    pen.lineTo(x + side, y + n);
    pen.closePath();
    pen.fill();
  } else if (mark !== MARK_RIGHT && mark !== MARK_WRONG && side >= 8 * ratio) {
    pen.fillStyle = o.theme.panel;
    const gap = Math.max(1, Math.round(side / 4));
    const at = Math.floor((side - gap) / 2);
    pen.fillRect(x + at, y, gap, w);
    pen.fillRect(x + at, y + side - w, gap, w);
    pen.fillRect(x, y + at, w, gap);
    pen.fillRect(x + side - w, y + at, w, gap);
  }
}

function drawDoubt(pen: Pen, u: number, x: number, y: number, side: number, sudoku: boolean, o: DrawOptions): void {
  const share = Math.min(1, Math.max(0, u));
  if (!(share > 0.015)) return;
  if (sudoku) {
    pen.globalAlpha = 0.5 * share;
    pen.fillStyle = o.theme.accent;
    pen.fillRect(x, y, side, side);
    pen.globalAlpha = 1;
    return;
  }
  // By area, as the eye compares discs; white in a dark rim is seen on every colour.
  const radius = Math.max(0.8, (side / 2) * 0.86 * Math.sqrt(share));
  const disc = (r: number, colour: string): void => {
    pen.fillStyle = colour;
    pen.beginPath();
    pen.arc(x + side / 2, y + side / 2, r, 0, 2 * Math.PI);
    pen.fill();
  };
  disc(radius, '#1d1d1b');
  if (radius > 2) disc(radius - Math.max(1, side / 16), '#ffffff');
}

/** Draws the whole of it; the canvas is `l.width` × `l.height` device pixels. */
export function drawCells(pen: Pen, cells: Cells, l: Layout, ratio: number, o: DrawOptions): void {
  const side = l.pitch - l.line;
  const tones = l.pitch < DIGITS_FROM * ratio;
  pen.globalAlpha = 1;
  pen.fillStyle = cells.kind === 'sudoku' ? o.theme.ink2 : o.theme.grid;
  pen.fillRect(0, 0, l.width, l.height);
  if (cells.kind === 'sudoku') drawThinLines(pen, cells, l, o);
  for (let row = 0; row < cells.rows; row++) {
    for (let column = 0; column < cells.columns; column++) {
      const i = row * cells.columns + column;
      const value = cells.values[i];
      const p = o.confidence ? o.confidence[i] : 1;
      const number = o.numbers ? o.numbers[i] : null;
      const lines = { right: column < cells.columns - 1 ? l.line : 0, below: row < cells.rows - 1 ? l.line : 0 };
      if (cells.kind === 'arc') drawArcCell(pen, value, number, l.x[column], l.y[row], side, lines, p, o);
      else if (cells.kind === 'maze') drawMazeCell(pen, value, l.x[column], l.y[row], side, p, o);
      else drawSudokuCell(pen, value, o.given ? o.given[i] === 1 : true, tones, l.x[column], l.y[row], side, p, o);
      if (o.doubt) drawDoubt(pen, o.doubt[i], l.x[column], l.y[row], side, cells.kind === 'sudoku', o);
      const mark = o.marks ? o.marks[i] : MARK_NONE;
      if (mark !== MARK_NONE) {
        const alike = cells.kind === 'arc' && (ALIKE[mark] ?? []).includes(value);
        drawMark(pen, mark, l.x[column], l.y[row], side, ratio, alike, o);
      }
    }
  }
}

/** Inside a Sudoku's box the lines are faint; the ground between boxes stays dark. */
function drawThinLines(pen: Pen, cells: Cells, l: Layout, o: DrawOptions): void {
  const box = sudokuBox(cells.rows) ?? { rows: cells.rows, columns: cells.columns };
  pen.fillStyle = o.theme.line;
  for (let row = 0; row < cells.rows; row += box.rows) {
    for (let column = 0; column < cells.columns; column += box.columns) {
      const lastRow = Math.min(cells.rows, row + box.rows) - 1;
      const lastColumn = Math.min(cells.columns, column + box.columns) - 1;
      const width = l.x[lastColumn] + l.pitch - l.line - l.x[column];
      const height = l.y[lastRow] + l.pitch - l.line - l.y[row];
      pen.fillRect(l.x[column], l.y[row], width, height);
    }
  }
}

/** The cell at device pixel (x, y), or null between cells and outside. */
export function cellAt(cells: Cells, l: Layout, x: number, y: number): { row: number; column: number } | null {
  const find = (at: number[], v: number): number => at.findIndex((start) => v >= start && v < start + l.pitch);
  const column = find(l.x, x);
  const row = find(l.y, y);
  return row < 0 || column < 0 || row >= cells.rows || column >= cells.columns ? null : { row, column };
}
