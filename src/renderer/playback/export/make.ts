/** From a playback to a file: the moments that are drawn, and the bytes. */
import type { FigureOptions, Played } from '../player/figures';
import type { Moment } from '../player/moments';
import { drawFilm, drawFrame, filmSize, planFrame, type FrameStyle, type FrameText } from './frame';
import { encodeGif, indexColours } from './gif';

/** Frames of a GIF: every step, or every update of every step. */
export function momentsOf(steps: number, updates: number, inside: boolean): Moment[] {
  if (!inside || updates === 0) return Array.from({ length: steps }, (_, step) => ({ step, update: null }));
  return Array.from({ length: steps * updates }, (_, i) => ({ step: Math.floor(i / updates), update: i % updates }));
}

/** Each trace at a moment, those that are shorter at their last step. */
export function playedAt(played: readonly Played[], { step, update }: Moment): Played[] {
  const updates = played[0].trace.meta.updates.length;
  return played.map((one) => ({
    ...one,
    moment: {
      step: Math.min(step, one.trace.meta.act_steps - 1),
      update: one.trace.meta.updates.length === updates ? update : null,
    },
  }));
}

function canvasOf(width: number, height: number): { canvas: HTMLCanvasElement; pen: CanvasRenderingContext2D } {
  const canvas = document.createElement('canvas');
  [canvas.width, canvas.height] = [width, height];
  // With an alpha channel letters are smoothed in grey, not in the colours of a screen's own pixels.
  const pen = canvas.getContext('2d', { willReadFrequently: true });
  if (!pen) throw new Error('this window cannot draw pictures');
  return { canvas, pen };
}

/** How long the last frame stays, in hundredths of a second. */
const REST = 150;

/** @param perSecond frames; the event loop gets its turn between them */
export async function makeGif(
  played: readonly Played[],
  moments: readonly Moment[],
  options: FigureOptions,
  style: FrameStyle,
  text: FrameText,
  perSecond: number,
  progress: (done: number, total: number) => void = () => undefined,
): Promise<Uint8Array> {
  const plan = planFrame(playedAt(played, moments[0]), options, style);
  const [width, height] = [plan.width * style.ratio, plan.height * style.ratio].map(Math.round);
  const { pen } = canvasOf(width, height);
  const frames: Uint8ClampedArray[] = [];
  for (const [i, moment] of moments.entries()) {
    drawFrame(pen, playedAt(played, moment), options, style, text);
    frames.push(pen.getImageData(0, 0, width, height).data);
    progress(i + 1, moments.length);
    await new Promise((resolve) => setTimeout(resolve));
  }
  const delay = Math.max(2, Math.round(100 / perSecond));
  const delays = moments.map((_, i) => (i === moments.length - 1 ? Math.max(REST, delay) : delay));
  return encodeGif(indexColours({ width, height, frames }), delays);
}

/** One moment, or with `film` every step of the first trace. */
export function makePng(
  played: readonly Played[],
  options: FigureOptions,
  style: FrameStyle,
  text: FrameText,
  film: boolean,
): Promise<Blob> {
  const { width, height } = film ? filmSize(played[0], options, style) : planFrame(played, options, style);
  const { canvas, pen } = canvasOf(Math.round(width * style.ratio), Math.round(height * style.ratio));
  if (film) drawFilm(pen, played[0], options, style, text);
  else drawFrame(pen, played, options, style, text);
  return new Promise((resolve, reject) =>
    canvas.toBlob((blob) => (blob ? resolve(blob) : reject(new Error('the picture could not be made'))), 'image/png'),
  );
}
