/** A stored trace as the window holds it: views into the file's bytes, and what every step is worth, worked out once. */
import { StudioError } from '@shared/errors';
import { parseTraceMeta, type TraceMeta, type TraceMeta1 } from '@shared/trace';
import { MARK_NONE, MARK_RIGHT, MARK_UNKNOWN, MARK_WRONG, type Box, type Shape } from '../../grid/cells';
import { colouredOutside, countRight, isLabelled, predictionBox } from '../../grid/decode';
import { asF32, asU8, readSafetensors, type RawTensor } from './safetensors';

/** One latent at the end of every ACT step, decoded. T entries of [S]. */
export interface TraceLayer {
  name: string;
  tokens: Uint8Array[];
  confidence: Float32Array[];
  /** Nats; null in traces of schema 1. */
  entropy: Float32Array[] | null;
  /** RMS distance to the step before; null where only a view's answers are recorded. [T] */
  change: Float32Array | null;
}

/** Every update of every step, T · U entries. */
export interface TraceInner {
  tokens: Uint8Array[];
  confidence: Float32Array[];
  entropy: Float32Array[];
  change: Float32Array;
}

/** Other views of the same puzzle; entry 0 is the trace's own example. N views, T steps. */
export interface TraceViews {
  inputs: Uint8Array[];
  targets: Uint8Array[] | null;
  /** [N][T] arrays of [S]. */
  tokens: Uint8Array[][];
  /** round(255 · p) */
  confidence: Uint8Array[][];
  /** Probability of halting. [N][T] */
  halting: Float32Array[];
  /** [N] arrays of [T + 1, 2]. */
  paths: Float32Array[];
}

/** T = ACT steps, S = rows · columns, V = tokens of the vocabulary. */
export interface Trace {
  meta: TraceMeta;
  shape: Shape;
  input: Uint8Array;
  target: Uint8Array | null;
  /** The output first. */
  layers: TraceLayer[];
  inner: TraceInner | null;
  /** Probability of halting per step: sigmoid of the logit. [T] */
  halting: Float32Array;
  /** Probability of going on; null in traces of schema 1. [T] */
  going: Float32Array | null;
  /** [T, S, V], round(255 · p) of the output latent. */
  probabilities: Uint8Array | null;
  /** [T + 1, T + 1] */
  distances: Float32Array | null;
  /** [P, 2]: the start, then every recorded write of the output latent. */
  path: Float32Array | null;
  views: TraceViews | null;
  /** The part of the canvas that predictions are drawn on, the same at every step. */
  frame: Box;
  /** Of the output latent at the end of each step. */
  steps: StepFacts[];
}

export interface StepFacts {
  /** Labelled cells that are right; null without a target. */
  right: number | null;
  labelled: number;
  /** Cells that differ from what was there before (the first step: from the input). */
  changed: number;
  /** [S], MARK_* of the changed cells. */
  marks: Uint8Array;
  /** Mean p of the chosen tokens over the labelled cells, or over all without a target. */
  confidence: number;
  /** Coloured cells outside the frame. */
  outside: number;
}

export const sigmoid = (x: number): number => 1 / (1 + Math.exp(-x));

const damaged = (why: string): StudioError =>
  new StudioError('damaged', `The trace file is damaged (${why}): delete the playback and make it again.`);

/** @throws StudioError `damaged` if the file is not a trace, `newer_version` if a later app wrote it */
export function readTrace(file: Uint8Array): Trace {
  const { tensors, metadata } = readSafetensors(file);
  const said = parseTraceMeta(metadata.trace);
  if (!said) throw damaged('it says nothing about itself');
  if ('later' in said) {
    throw new StudioError(
      'newer_version',
      `This playback was made by a later TRM Studio (format ${said.later}): update TRM Studio to open it.`,
    );
  }
  const source = new Tensors(tensors, said.act_steps, said.rows * said.columns);
  return said.schema === 1 ? readFirst(source, said) : readSecond(source, said);
}

/** The tensors by name, each checked for its length. */
class Tensors {
  constructor(
    private readonly tensors: ReadonlyMap<string, RawTensor>,
    readonly T: number,
    readonly S: number,
  ) {}

  has(name: string): boolean {
    return this.tensors.has(name);
  }

  u8(name: string, length: number): Uint8Array {
    return asU8(this.get(name, length));
  }

  f32(name: string, length: number): Float32Array {
    return asF32(this.get(name, length));
  }

  /** `count` arrays of `each`, as views. */
  rows<A extends Uint8Array | Float32Array>(all: A, count: number, each: number): A[] {
    return Array.from({ length: count }, (_, i) => all.subarray(i * each, (i + 1) * each) as A);
  }

  private get(name: string, length: number): RawTensor {
    const tensor = this.tensors.get(name);
    if (!tensor) throw damaged(`tensor ${name} is missing`);
    const count = tensor.shape.reduce((n, side) => n * side, 1);
    if (count !== length) throw damaged(`tensor ${name} has ${count} values instead of ${length}`);
    return tensor;
  }
}

/** What both schemas have; the rest is null. */
function readCommon(
  t: Tensors,
  meta: TraceMeta,
  layers: TraceLayer[],
): Omit<Trace, 'inner' | 'going' | 'probabilities' | 'distances' | 'path' | 'views'> {
  const { T, S } = t;
  const shape = { rows: meta.rows, columns: meta.columns };
  const input = t.u8('input', S);
  const target = t.has('target') ? t.u8('target', S) : null;
  const { tokens, confidence } = layers[0];
  const frame = predictionBox(meta.kind, shape, input, target, tokens.slice(-1));
  const base = { meta, shape, input, target, layers, frame };
  return {
    ...base,
    halting: t.f32('q_halt', T).map(sigmoid),
    steps: tokens.map((now, i) => factsOf(base, i === 0 ? input : tokens[i - 1], now, confidence[i])),
  };
}

function readFirst(t: Tensors, said: TraceMeta1): Trace {
  const { T, S } = t;
  const tokens = t.rows(t.u8('tokens', T * S), T, S);
  const confidence = t.rows(t.f32('confidence', T * S), T, S);
  const meta: TraceMeta = {
    ...said,
    schema: 2,
    vocab_size: 0,
    architecture: '',
    halt_max_steps: said.act_steps,
    latents: ['z_H'],
    updates: [],
    prefix: 0,
    heads: 0,
    views: [],
    path_explained: [0, 0],
    views_explained: null,
  };
  const change = t.f32('z_H_change', T);
  const layers = [{ name: 'z_H', tokens, confidence, entropy: null, change }];
  const rest = { inner: null, going: null, probabilities: null, distances: null, path: null, views: null };
  return { ...readCommon(t, meta, layers), ...rest };
}

function readSecond(t: Tensors, meta: TraceMeta): Trace {
  const { T, S } = t;
  const U = meta.updates.length;
  const N = meta.views.length;
  const writes = U > 0 ? meta.updates.filter((update) => update.latent === meta.latents[0]).length : 1;
  const layers = meta.latents.map((name) => ({
    name,
    tokens: t.rows(t.u8(`tokens.${name}`, T * S), T, S),
    confidence: t.rows(t.f32(`confidence.${name}`, T * S), T, S),
    entropy: t.rows(t.f32(`entropy.${name}`, T * S), T, S),
    change: t.f32(`change.${name}`, T),
  }));
  const inner: TraceInner | null =
    U === 0
      ? null
      : {
          tokens: t.rows(t.u8('inner.tokens', T * U * S), T * U, S),
          confidence: t.rows(t.f32('inner.confidence', T * U * S), T * U, S),
          entropy: t.rows(t.f32('inner.entropy', T * U * S), T * U, S),
          change: t.f32('inner.change', T * U),
        };
  return {
    ...readCommon(t, meta, layers),
    inner,
    going: t.f32('q_continue', T).map(sigmoid),
    probabilities: t.u8('probabilities', T * S * meta.vocab_size),
    distances: t.f32('distances', (T + 1) ** 2),
    path: t.f32('path', 2 * (1 + T * writes)),
    views: N > 1 ? readViews(t, N) : null,
  };
}

function readViews(t: Tensors, N: number): TraceViews {
  const { T, S } = t;
  const perStep = (all: Uint8Array): Uint8Array[][] => t.rows(all, N, T * S).map((view) => t.rows(view, T, S));
  return {
    inputs: t.rows(t.u8('views.input', N * S), N, S),
    targets: t.has('views.target') ? t.rows(t.u8('views.target', N * S), N, S) : null,
    tokens: perStep(t.u8('views.tokens', N * T * S)),
    confidence: perStep(t.u8('views.confidence', N * T * S)),
    halting: t.rows(t.f32('views.q_halt', N * T).map(sigmoid), N, T),
    paths: t.rows(t.f32('views.path', N * (T + 1) * 2), N, (T + 1) * 2),
  };
}

/** What a canvas is worth against the one before it and the target. */
export function factsOf(
  trace: Pick<Trace, 'meta' | 'shape' | 'frame' | 'target'>,
  before: Uint8Array,
  now: Uint8Array,
  confidence: Float32Array,
): StepFacts {
  const { meta, shape, frame, target } = trace;
  const marks = markChanges(before, now, target);
  const scored = target ? countRight(now, target) : null;
  return {
    right: scored?.right ?? null,
    labelled: scored?.labelled ?? 0,
    changed: countChanged(marks, shape, frame),
    marks,
    confidence: meanConfidence(confidence, target),
    outside: meta.kind === 'arc' ? colouredOutside(now, shape, frame) : 0,
  };
}

/** MARK_* for every cell of `now` that differs from `before`: right, wrong, or unknown where there is no label. */
export function markChanges(before: Uint8Array, now: Uint8Array, target: Uint8Array | null): Uint8Array {
  return now.map((token, i) => {
    if (token === before[i]) return MARK_NONE;
    if (!target || !isLabelled(target, i)) return MARK_UNKNOWN;
    return token === target[i] ? MARK_RIGHT : MARK_WRONG;
  });
}

/** MARK_WRONG for every labelled cell that is wrong. */
export function markWrong(now: Uint8Array, target: Uint8Array): Uint8Array {
  return now.map((token, i) => (isLabelled(target, i) && token !== target[i] ? MARK_WRONG : MARK_NONE));
}

function countChanged(marks: Uint8Array, shape: Shape, box: Box): number {
  let n = 0;
  for (let r = box.row; r < box.row + box.rows; r++) {
    for (let c = box.column; c < box.column + box.columns; c++) if (marks[r * shape.columns + c]) n++;
  }
  return n;
}

function meanConfidence(p: Float32Array, target: Uint8Array | null): number {
  let sum = 0;
  let n = 0;
  for (let i = 0; i < p.length; i++) {
    if (target && !isLabelled(target, i)) continue;
    sum += p[i];
    n++;
  }
  return n ? sum / n : 0;
}

/** [rows · columns] of `box` out of marks [S]. */
export function cutMarks(marks: Uint8Array, shape: Shape, box: Box): Uint8Array {
  const out = new Uint8Array(box.rows * box.columns);
  for (let r = 0; r < box.rows; r++) {
    out.set(marks.subarray((box.row + r) * shape.columns + box.column).subarray(0, box.columns), r * box.columns);
  }
  return out;
}
