/**
 * The token loss and the halting loss, per row. Source: the reference's `losses.py`; formulas in the docstrings.
 * Shapes: B rows, S cells, V vocabulary. Labels of −100 carry no loss.
 */
import * as tf from '@tensorflow/tfjs-core';
import type { Tensor1D, Tensor2D, Tensor3D } from '@tensorflow/tfjs-core';
import type { ArchConfig } from '../../shared/config';
import { IGNORE_LABEL } from '../data/batch';
import { constant, withGradient } from '../model/autodiff';
import type { Decoded } from '../model/heads';

/**
 * Stablemax's s(x) = x + 1 for x ≥ 0, 1 / (1 − x) below, written without a comparison as r + 1 / (1 + n) with
 * r = relu(x), n = relu(−x). p = s / Σ s.
 */
export function stablemaxScores(logits: tf.Tensor): tf.Tensor {
  return tf.add(tf.relu(logits), tf.reciprocal(tf.add(tf.relu(tf.neg(logits)), 1)));
}

/** How a config's `loss_type` turns logits into probabilities. */
export type LossType = ArchConfig['loss']['loss_type'];

/** The distribution that the loss is taken of, [B, S, V]. */
export function tokenProbabilities(logits: Tensor3D, type: LossType): Tensor3D {
  if (type === 'softmax_cross_entropy') return tf.softmax(logits);
  const s = stablemaxScores(logits);
  return tf.div(s, tf.sum(s, -1, true));
}

/** Cross-entropy of each row: Σ over the last two axes of weight · −log p_y → [B]. */
export type CrossEntropy = (logits: Tensor3D, target: Tensor3D, weight: Tensor2D) => Tensor1D;

/** In a row without a label the target is all 0; 1 in place of its score or mass keeps logarithm and division finite. */
const unlabelled = (target: Tensor3D): tf.Tensor => tf.sub(1, tf.sum(target, -1));

/**
 * −log p_y with p = s / Σ s, written as log1p(rest / s_y) with rest = Σ_{j≠y} s_j: exact to float32 also where p_y is
 * close to 1, which the reference reaches by computing in float64.
 * s' = 1 / (1 + n)² on both sides of 0 (n = 0 above), so with W the weight and y one-hot:
 * dx_j = dy · W · s'_j / Σ s, and for j = y: −dy · W · s'_y · rest / (s_y · Σ s).
 * @param logits [B, S, V]
 * @param target [B, S, V] one-hot, all 0 where there is no label
 * @param weight [B, S], 0 where there is no label
 */
export const stablemaxCrossEntropy: CrossEntropy = (logits, target, weight) => {
  const loss = withGradient<[Tensor3D], Tensor1D>(
    (x) => {
      const inverse = tf.reciprocal(tf.add(tf.relu(tf.neg(x)), 1));
      const s = tf.add(tf.relu(x), inverse);
      const others = tf.sub(1, target);
      const rest = tf.sum(tf.mul(s, others), -1);
      const chosen = tf.add(tf.sum(tf.mul(s, target), -1), unlabelled(target));
      const ratio = tf.div(rest, chosen);
      const value = tf.sum(tf.mul(tf.log1p(ratio), weight), -1) as Tensor1D;
      return { value, saved: [inverse, others, ratio, tf.add(rest, chosen)] };
    },
    (dy, [inverse, others, ratio, total]) => {
      const scale = tf.expandDims(tf.div(tf.mul(tf.expandDims(dy, -1), weight), total), -1);
      const pull = tf.sub(others, tf.mul(target, tf.expandDims(ratio, -1)));
      return [tf.mul(tf.mul(tf.square(inverse), pull), scale)];
    },
  );
  return loss(logits);
};

/**
 * The usual cross-entropy in float32: −log p_y = log Σ e^x − x_y with x shifted by its largest value.
 * dx_j = dy · W · p_j, and for j = y: −dy · W · (1 − p_y).
 */
export const softmaxCrossEntropy: CrossEntropy = (logits, target, weight) => {
  const loss = withGradient<[Tensor3D], Tensor1D>(
    (x) => {
      const shifted = tf.sub(x, tf.max(x, -1, true));
      const e = tf.exp(shifted);
      const others = tf.sub(1, target);
      const rest = tf.sum(tf.mul(e, others), -1);
      const total = tf.sum(e, -1, true);
      const gap = tf.sub(tf.log(tf.squeeze(total, [-1])), tf.sum(tf.mul(shifted, target), -1));
      const value = tf.sum(tf.mul(gap, weight), -1) as Tensor1D;
      return { value, saved: [tf.div(e, total), others, tf.div(tf.expandDims(rest, -1), total)] };
    },
    (dy, [p, others, missing]) => {
      const scale = tf.expandDims(tf.mul(tf.expandDims(dy, -1), weight), -1);
      return [tf.mul(tf.sub(tf.mul(p, others), tf.mul(target, missing)), scale)];
    },
  );
  return loss(logits);
};

const CROSS_ENTROPY: Readonly<Record<LossType, CrossEntropy>> = {
  stablemax_cross_entropy: stablemaxCrossEntropy,
  softmax_cross_entropy: softmaxCrossEntropy,
};

/** The probability of the most probable token, [B, S]. */
export function confidenceOf(logits: Tensor3D, type: LossType): Tensor2D {
  if (type === 'softmax_cross_entropy') return tf.max(tf.softmax(logits), -1);
  const s = stablemaxScores(logits);
  return tf.div(tf.max(s, -1), tf.sum(s, -1));
}

/**
 * Binary cross-entropy with logits, per element: −x·target + relu(x) + log(1 + e^{−|x|}), nothing of which overflows or
 * cancels; its derivative is sigmoid(x) − target.
 * @param target in [0, 1], a constant
 */
export function bceWithLogits(logits: Tensor1D, target: Tensor1D): Tensor1D {
  const loss = withGradient<[Tensor1D], Tensor1D>(
    (x) => {
      const tail = tf.log1p(tf.exp(tf.neg(tf.abs(x))));
      return { value: tf.add(tf.sub(tf.relu(x), tf.mul(x, target)), tail), saved: [x, target] };
    },
    (dy, [x, target]) => [tf.mul(dy, tf.sub(tf.sigmoid(x), target))],
  );
  return loss(logits);
}

/**
 * What q_continue should say after this step: what the next step's halting heads are worth, max(q_halt, q_continue), or
 * q_halt alone where this was the last step a row may take. [B], a constant.
 */
export const continueTarget = (next: Pick<Decoded, 'q_halt_logits' | 'q_continue_logits'>, last: Tensor1D): Tensor1D =>
  tf.sigmoid(tf.where(last, next.q_halt_logits, tf.maximum(next.q_halt_logits, next.q_continue_logits))) as Tensor1D;

/** What the labels alone decide; made outside the differentiated part. */
export interface Targets {
  labels: Tensor2D;
  /** [B, S, V] */
  oneHot: Tensor3D;
  /** [B, S]: 1 / (labels in the row), 0 where there is no label. */
  weight: Tensor2D;
  /** [B] */
  count: Tensor1D;
}

/** @param labels int32 [B, S] */
export function makeTargets(labels: Tensor2D, vocabulary: number): Targets {
  // Compared as float32, which holds every token exactly: on a GPU int32 is compared on the host.
  const mask = tf.cast(tf.notEqual(tf.cast(labels, 'float32'), IGNORE_LABEL), 'float32');
  const count = tf.sum(mask, -1) as Tensor1D;
  const weight = tf.div(mask, tf.maximum(tf.expandDims(count, -1), 1)) as Tensor2D;
  // A label of −100 lies outside the vocabulary: one-hot leaves its row at 0.
  return { labels, oneHot: tf.cast(tf.oneHot(labels, vocabulary), 'float32') as Tensor3D, weight, count };
}

/** Labelled cells whose most probable token is right, per row [B]. A constant to autodiff. */
export const countCorrect = (logits: Tensor3D, labels: Tensor2D): Tensor1D =>
  // Ignored labels match no token. Compared as float32, see makeTargets.
  constant(() => {
    const best = tf.cast(tf.argMax(logits, -1), 'float32');
    return tf.sum(tf.cast(tf.equal(best, tf.cast(labels, 'float32')), 'float32'), -1);
  });

export interface RowLosses {
  /** [B]: token loss per labelled cell. */
  lm: Tensor1D;
  /** [B]: the halting head's loss; its target is "every labelled cell is right". */
  halt: Tensor1D;
  /** [B]: right cells. */
  correct: Tensor1D;
}

export function rowLosses(decoded: Decoded, targets: Targets, type: LossType): RowLosses {
  const correct = countCorrect(decoded.logits, targets.labels);
  const solved = constant(() => tf.cast(tf.equal(correct, targets.count), 'float32') as Tensor1D);
  return {
    lm: CROSS_ENTROPY[type](decoded.logits, targets.oneHot, targets.weight),
    halt: bceWithLogits(decoded.q_halt_logits, solved),
    correct,
  };
}
