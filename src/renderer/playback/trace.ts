/** A stored trace as the window holds it. Everything that scrubbing needs is worked out once, here. */
import { StudioError } from '@shared/errors';
import type { TraceMeta } from '@shared/trace';
import { MARK_NONE, MARK_RIGHT, MARK_UNKNOWN, MARK_WRONG, type Box, type Shape } from '../grid/cells';
import { colouredOutside, countRight, isLabelled, predictionBox } from '../grid/decode';
import { asF32, asU8, readSafetensors } from './safetensors';

/** T = ACT steps, S = rows · columns. */
export interface Trace {
  meta: TraceMeta;
  shape: Shape;
  input: Uint8Array;
  target: Uint8Array | null;
  /** T arrays of [S]. */
  tokens: Uint8Array[];
  confidence: Float32Array[];
  /** Probability of halting per step: sigmoid of the logit. [T] */
  halting: Float32Array;
  /** RMS distance of z_H to the step before. [T] */
  change: Float32Array;
  /** The part of the canvas that predictions are drawn on, the same at every step. */
  frame: Box;
  steps: StepFacts[];
}

export interface StepFacts {
  /** Labelled cells that are right; null without a target. */
  right: number | null;
  labelled: number;
  /** Cells that differ from the step before (the first step: from the input). */
  changed: number;
  /** [S], MARK_* of the changed cells. */
  marks: Uint8Array;
  /** Mean p of the chosen tokens over the labelled cells, or over all without a target. */
  confidence: number;
  /** Coloured cells outside the frame. */
  outside: number;
}

const sigmoid = (x: number): number => 1 / (1 + Math.exp(-x));

/** @throws StudioError `damaged` if the file is not a trace. */
export function readTrace(file: Uint8Array): Trace {
  const { tensors, metadata } = readSafetensors(file);
  const damaged = (why: string): StudioError =>
    new StudioError('damaged', `The trace file is damaged (${why}): delete the playback and make it again.`);
  let meta: TraceMeta;
  try {
    meta = JSON.parse(metadata.trace ?? '') as TraceMeta;
  } catch {
    throw damaged('it says nothing about itself');
  }
  const get = (name: string, length: number): NonNullable<ReturnType<typeof tensors.get>> => {
    const tensor = tensors.get(name);
    if (!tensor) throw damaged(`tensor ${name} is missing`);
    const count = tensor.shape.reduce((n, side) => n * side, 1);
    if (count !== length) throw damaged(`tensor ${name} has ${count} values instead of ${length}`);
    return tensor;
  };
  const T = meta.act_steps;
  const S = meta.rows * meta.columns;
  const shape = { rows: meta.rows, columns: meta.columns };
  const input = asU8(get('input', S));
  const target = tensors.has('target') ? asU8(get('target', S)) : null;
  const allTokens = asU8(get('tokens', T * S));
  const allConfidence = asF32(get('confidence', T * S));
  const tokens = Array.from({ length: T }, (_, t) => allTokens.subarray(t * S, (t + 1) * S));
  const confidence = Array.from({ length: T }, (_, t) => allConfidence.subarray(t * S, (t + 1) * S));
  const frame = predictionBox(meta.kind, shape, input, target, tokens.slice(-1));
  return {
    meta,
    shape,
    input,
    target,
    tokens,
    confidence,
    halting: asF32(get('q_halt', T)).map(sigmoid),
    change: asF32(get('z_H_change', T)),
    frame,
    steps: tokens.map((now, t) => {
      const before = t === 0 ? input : tokens[t - 1];
      const marks = markChanges(before, now, target);
      const scored = target ? countRight(now, target) : null;
      return {
        right: scored?.right ?? null,
        labelled: scored?.labelled ?? 0,
        changed: countChanged(marks, shape, frame),
        marks,
        confidence: meanConfidence(confidence[t], target),
        outside: meta.kind === 'arc' ? colouredOutside(now, shape, frame) : 0,
      };
    }),
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
