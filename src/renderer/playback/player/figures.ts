/** The pictures of one moment and its numbers in words: what the stage shows and what an export draws. */
import { EMPTY, type Box, type Cells } from '../../grid/cells';
import { contentBox, givenCells, wholeCanvas } from '../../grid/decode';
import { formatPercent, formatPlural } from '../../ui/format';
import { makeLens, seeCells, seeMarks, seeNumbers, type Lens } from './lens';
import { standing, type Moment, type Standing, type Unwritten } from './moments';
import { markWrong, type Trace } from './trace';

export type Heat = 'confidence' | 'entropy' | 'none';
export type Outline = 'changed' | 'wrong' | 'nothing';

export interface FigureOptions {
  /** Which latents are drawn, by number in `trace.layers`. */
  layers: readonly number[];
  /** Draw the whole canvas, padding and end marks included. */
  whole: boolean;
  /** Undo the puzzle's augmentation. */
  mapped: boolean;
  heat: Heat;
  outline: Outline;
}

export interface Played {
  trace: Trace;
  /** Says which of several it is. */
  name: string;
  moment: Moment;
}

export interface Figure {
  key: string;
  title: string;
  remark: string;
  /** For those who do not see it. */
  label: string;
  lens: Lens;
  cells: Cells;
  confidence: Float32Array | null;
  doubt: Float32Array | null;
  marks: Uint8Array | null;
  given: Uint8Array | null;
  /** Null for input and target. */
  now: Standing | Unwritten | null;
}

/** Input, every trace's latents, target (if there is one), in this order. Several traces share input and target. */
export function makeFigures(played: readonly Played[], options: FigureOptions): Figure[] {
  const [{ trace: first }] = played;
  const { kind } = first.meta;
  const lensFor = (trace: Trace, box: Box): Lens =>
    makeLens(
      kind,
      trace.shape,
      options.whole ? wholeCanvas(trace.shape) : box,
      options.mapped ? trace.meta.puzzle : null,
    );
  const inputLens = lensFor(first, contentBox(kind, first.input, first.shape));
  const inputCells = seeCells(inputLens, first.input);
  const given = kind === 'sudoku' ? givenCells(inputCells) : null;
  const plain = { remark: '', confidence: null, doubt: null, marks: null, given, now: null };
  const figures: Figure[] = [
    { ...plain, key: 'input', title: 'Input', label: 'Input', lens: inputLens, cells: inputCells },
  ];
  for (const [i, { trace, name, moment }] of played.entries()) {
    const lens = lensFor(trace, trace.frame);
    const nats = Math.log(Math.max(2, trace.meta.vocab_size));
    for (const layer of options.layers) {
      if (layer >= trace.layers.length) continue;
      const now = standing(trace, layer, moment);
      const title = played.length > 1 ? name : layer === 0 ? 'Prediction' : 'Scratch pad';
      const label = `${layer === 0 ? 'Prediction' : `Decoded ${now.latent}`} at step ${moment.step + 1}${played.length > 1 ? `, ${name}` : ''}`;
      const common = { key: `${i} ${layer}`, title, remark: remarkOf(trace, now, options.whole), lens, now };
      if (now.facts === null) {
        figures.push({ ...plain, ...common, label: `${label}, not written yet`, cells: noCells(lens), given: null });
        continue;
      }
      const entropy = options.heat === 'entropy' ? now.entropy : null;
      figures.push({
        ...common,
        label,
        cells: seeCells(lens, now.tokens),
        confidence: options.heat === 'confidence' ? seeNumbers(lens, now.confidence) : null,
        doubt: entropy && seeNumbers(lens, entropy).map((h) => h / nats),
        marks: marksOf(trace, now, lens, options.outline),
        given,
      });
    }
  }
  if (first.target) {
    const lens = lensFor(first, first.frame);
    figures.push({
      ...plain,
      key: 'target',
      title: 'Target',
      label: 'Target',
      lens,
      cells: seeCells(lens, first.target),
    });
  }
  return figures;
}

/** Cells without content. */
function noCells({ kind, rows, columns }: Lens): Cells {
  return { kind, rows, columns, values: new Uint8Array(rows * columns).fill(kind === 'sudoku' ? 0 : EMPTY) };
}

function marksOf(trace: Trace, now: Standing, lens: Lens, outline: Outline): Uint8Array | null {
  if (outline === 'changed') return seeMarks(lens, now.facts.marks);
  return outline === 'wrong' && trace.target ? seeMarks(lens, markWrong(now.tokens, trace.target)) : null;
}

function remarkOf(trace: Trace, now: Standing | Unwritten, whole: boolean): string {
  const name = trace.layers.length > 1 ? `${now.latent}, ` : '';
  if (now.facts === null) return `${name}not written yet`;
  const { written, facts } = now;
  if (!written) return `${name}as it was`;
  const outside = facts.outside && !whole ? `, ${formatPlural(facts.outside, 'coloured cell')} outside` : '';
  return `${name}${formatPlural(facts.changed, 'cell')} changed${outside}`;
}

/** How a moment's prediction stands, in a sentence: `12 of 16 labelled cells right · mean confidence 93.1 %`. */
export function factsText({ trace, moment }: Played): string {
  const now = standing(trace, 0, moment);
  if (now.facts === null) {
    const target = trace.target ? '' : ' · no target is known';
    return `The prediction is not written yet: a later update of this step writes it${target}`;
  }
  const { right, labelled, confidence } = now.facts;
  const score = right === null ? 'No target is known' : `${right} of ${labelled} labelled cells right`;
  const from = now.written || moment.update === null ? '' : ` · as step ${moment.step} left it`;
  return `${score} · mean confidence ${formatPercent(confidence)}${from}`;
}
