/** A moment as a picture for a paper or a post: the stage's grids with titles, the step, halting, and a legend. */
import type { Pen } from '../../grid/draw';
import { drawCells, layout } from '../../grid/draw';
import type { PaletteName } from '../../grid/palette';
import type { GridTheme } from '../../grid/theme';
import { makeFigures, type Figure, type FigureOptions, type Played } from '../player/figures';
import { labelUpdates } from '../player/moments';
import type { Trace } from '../player/trace';

export interface FrameStyle {
  palette: PaletteName;
  theme: GridTheme;
  /** Pixels of the picture per unit; 2 is sharp in print and on every screen. */
  ratio: number;
  /** Pitch of a cell. */
  cell: number;
}

export interface FrameText {
  title: string;
  subtitle: string;
}

type Canvas = CanvasRenderingContext2D | OffscreenCanvasRenderingContext2D;

const MARGIN = 20;
const GAP = 22;
const HEAD = 48;
const CAPTION = 40;
const FOOT = 58;
const SANS = '"Inter Variable", Inter, system-ui, sans-serif';

interface Plan {
  figures: Figure[];
  sizes: { width: number; height: number }[];
  width: number;
  height: number;
  grids: number;
}

/** In units. Every figure of every moment has the same size, so that one plan serves all frames. */
export function planFrame(played: readonly Played[], options: FigureOptions, style: FrameStyle): Plan {
  const figures = makeFigures(played, options);
  const sizes = figures.map(({ cells }) => {
    const l = layout(cells, style.cell, style.ratio);
    return { width: l.width / style.ratio, height: l.height / style.ratio };
  });
  const grids = Math.max(...sizes.map(({ height }) => height));
  const inside = sizes.reduce((sum, { width }) => sum + Math.max(width, 96), 0) + GAP * (sizes.length - 1);
  return {
    figures,
    sizes,
    grids,
    width: Math.ceil(Math.max(inside, 380) + 2 * MARGIN),
    height: Math.ceil(MARGIN + HEAD + grids + CAPTION + FOOT),
  };
}

/** Draws the whole frame; the canvas has `plan` · ratio pixels. */
export function drawFrame(
  pen: Canvas,
  played: readonly Played[],
  options: FigureOptions,
  style: FrameStyle,
  text: FrameText,
): void {
  const { theme, ratio } = style;
  const plan = planFrame(played, options, style);
  pen.setTransform(ratio, 0, 0, ratio, 0, 0);
  pen.fillStyle = theme.panel;
  pen.fillRect(0, 0, plan.width, plan.height);
  write(pen, text.title, MARGIN, MARGIN + 12, theme.ink, 650, 17, 'left', plan.width - 2 * MARGIN);
  write(pen, text.subtitle, MARGIN, MARGIN + 31, theme.ink2, 450, 12, 'left', plan.width - 2 * MARGIN);

  const total = plan.sizes.reduce((sum, { width }) => sum + Math.max(width, 96), 0);
  const gap = plan.sizes.length > 1 ? (plan.width - 2 * MARGIN - total) / (plan.sizes.length - 1) : 0;
  let x = MARGIN;
  plan.figures.forEach((figure, i) => {
    const { width, height } = plan.sizes[i];
    const room = Math.max(width, 96);
    const left = x + (room - width) / 2;
    drawFigure(pen, figure, left, MARGIN + HEAD + plan.grids - height, style);
    pen.setTransform(ratio, 0, 0, ratio, 0, 0);
    const below = MARGIN + HEAD + plan.grids;
    write(pen, figure.title, x + room / 2, below + 17, theme.ink, figure.now ? 600 : 450, 12, 'center', room + gap);
    if (figure.remark)
      write(pen, figure.remark, x + room / 2, below + 32, theme.unknown, 450, 11, 'center', room + gap);
    x += room + gap;
  });
  drawFoot(pen, played, options, style, plan);
}

function drawFigure(
  pen: Canvas,
  figure: Figure,
  x: number,
  y: number,
  { palette, theme, ratio, cell }: FrameStyle,
): void {
  const l = layout(figure.cells, cell, ratio);
  pen.setTransform(1, 0, 0, 1, Math.round(x * ratio), Math.round(y * ratio));
  // In sixteen shades: a GIF has 256 colours, and the eye tells no more apart.
  const confidence = figure.confidence && Array.from(figure.confidence, (p) => Math.round(p * 16) / 16);
  const { marks, doubt, given } = figure;
  drawCells(pen as Pen, figure.cells, l, ratio, { palette, theme, marks, doubt, given, confidence });
}

/** The steps as a row of segments with halting in them, where this moment is, and what the outlines mean. */
function drawFoot(
  pen: Canvas,
  played: readonly Played[],
  options: FigureOptions,
  { theme }: FrameStyle,
  plan: Plan,
): void {
  const [{ trace, moment }] = played;
  const T = Math.max(...played.map((one) => one.trace.meta.act_steps));
  const top = plan.height - FOOT + 6;
  const label = `ACT step ${moment.step + 1} of ${T}`;
  const inside = moment.update === null ? '' : `, ${labelUpdates(trace.meta.updates)[moment.update].title}`;
  write(pen, label + inside, MARGIN, top + 9, theme.ink, 600, 12, 'left', plan.width - 2 * MARGIN - 130);
  const q = trace.halting[Math.min(moment.step, trace.halting.length - 1)];
  write(pen, `halting ${(q * 100).toFixed(0)} %`, plan.width - MARGIN, top + 9, theme.ink2, 450, 12, 'right', 126);

  const width = plan.width - 2 * MARGIN;
  const pitch = width / T;
  const space = pitch > 6 ? 2 : 0;
  for (let t = 0; t < T; t++) {
    const left = MARGIN + t * pitch;
    pen.fillStyle = theme.line;
    pen.fillRect(left, top + 18, pitch - space, 5);
    if (t > moment.step) continue;
    pen.fillStyle = theme.accent;
    pen.globalAlpha = t === moment.step ? 1 : 0.45;
    pen.fillRect(left, top + 18, pitch - space, 5);
    pen.globalAlpha = 1;
  }
  const halts = trace.meta.halts_at;
  if (halts !== null && halts <= T) {
    const at = MARGIN + (halts - 0.5) * pitch;
    pen.fillStyle = theme.ink2;
    pen.beginPath();
    pen.moveTo(at - 4, top + 29);
    pen.lineTo(at + 4, top + 29);
    pen.lineTo(at, top + 24);
    pen.closePath();
    pen.fill();
  }
  write(pen, legend(options, trace), MARGIN, top + 41, theme.unknown, 450, 11, 'left', width);
}

function legend(options: FigureOptions, trace: Trace): string {
  const target = trace.target !== null;
  const { halts_at: halts, kind } = trace.meta;
  const parts: string[] = [];
  if (options.outline === 'changed') {
    parts.push(target ? 'outlined: changed, green right, amber wrong' : 'outlined: changed');
  } else if (options.outline === 'wrong' && target) parts.push('outlined: wrong');
  if (options.heat === 'confidence') parts.push('pale: unsure');
  if (options.heat === 'entropy') parts.push(kind === 'sudoku' ? 'tint: entropy' : 'disc: entropy');
  if (halts !== null) parts.push('▲ training halts');
  return parts.join(' · ');
}

function write(
  pen: Canvas,
  text: string,
  x: number,
  y: number,
  colour: string,
  weight: number,
  size: number,
  align: CanvasTextAlign,
  room: number,
): void {
  pen.fillStyle = colour;
  pen.font = `${weight} ${size}px ${SANS}`;
  pen.textAlign = align;
  pen.textBaseline = 'alphabetic';
  let shown = text;
  while (shown.length > 4 && pen.measureText(shown).width > room) shown = `${shown.slice(0, -2).trimEnd()}…`;
  pen.fillText(shown, x, y);
}

/** Every ACT step's answer in one picture, in rows. @returns its size in units */
export function filmSize(
  played: Played,
  options: FigureOptions,
  style: FrameStyle,
): { width: number; height: number; columns: number } {
  const T = played.trace.meta.act_steps;
  const [size] = planFrame([played], { ...options, layers: [0] }, style).sizes.slice(1, 2);
  const columns = Math.min(T, Math.max(4, Math.ceil(Math.sqrt(T * 2))));
  const rows = Math.ceil(T / columns);
  return {
    columns,
    width: Math.ceil(2 * MARGIN + columns * size.width + (columns - 1) * GAP),
    height: Math.ceil(MARGIN + HEAD + rows * (size.height + 34) + 34),
  };
}

export function drawFilm(
  pen: Canvas,
  played: Played,
  options: FigureOptions,
  style: FrameStyle,
  text: FrameText,
): void {
  const { theme, ratio } = style;
  const { width, height, columns } = filmSize(played, options, style);
  const { trace } = played;
  pen.setTransform(ratio, 0, 0, ratio, 0, 0);
  pen.fillStyle = theme.panel;
  pen.fillRect(0, 0, width, height);
  write(pen, text.title, MARGIN, MARGIN + 12, theme.ink, 650, 17, 'left', width - 2 * MARGIN);
  write(pen, text.subtitle, MARGIN, MARGIN + 31, theme.ink2, 450, 12, 'left', width - 2 * MARGIN);
  for (let t = 0; t < trace.meta.act_steps; t++) {
    const moment = { step: t, update: null };
    const figure = makeFigures([{ ...played, moment }], { ...options, layers: [0] })[1];
    const l = layout(figure.cells, style.cell, ratio);
    const size = { width: l.width / ratio, height: l.height / ratio };
    const x = MARGIN + (t % columns) * (size.width + GAP);
    const y = MARGIN + HEAD + Math.floor(t / columns) * (size.height + 34);
    drawFigure(pen, figure, x, y, style);
    pen.setTransform(ratio, 0, 0, ratio, 0, 0);
    const halts = trace.meta.halts_at === t + 1 ? '▲ ' : '';
    const facts = `${halts}${t + 1}  ·  q ${trace.halting[t].toFixed(2)}`;
    write(pen, facts, x + size.width / 2, y + size.height + 16, theme.ink2, 550, 11, 'center', size.width + GAP);
  }
  write(
    pen,
    `number: ACT step, q: halting · ${legend(options, trace)}`,
    MARGIN,
    height - 14,
    theme.unknown,
    450,
    11,
    'left',
    width - 2 * MARGIN,
  );
}
