/**
 * The token loss and the halting loss, per row. Source: the reference's `losses.py`; formulas in the docstrings.
 * Shapes: B rows, S cells, V vocabulary. Labels of −100 carry no loss.
 */
import * as tf from '@tensorflow/tfjs-core';
import type { Tensor1D, Tensor2D, Tensor3D } from '@tensorflow/tfjs-core';
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

/**
 * Σ over the last two axes of weight · (log Σ_j s_j − log s_y) → [B].
 * s' = 1 / (1 + n)² on both sides of 0 (n = 0 above), so with W the weight and y one-hot:
 * dx_j = dy · W · s'_j · (1 / Σ s − y_j / s_y).
 * @param logits [B, S, V]
 * @param target [B, S, V] one-hot, all 0 where there is no label
 * @param weight [B, S], 0 where there is no label
 */
export function stablemaxCrossEntropy(logits: Tensor3D, target: Tensor3D, weight: Tensor2D): Tensor1D {
  const loss = withGradient<[Tensor3D], Tensor1D>(
    (x) => {
      const inverse = tf.reciprocal(tf.add(tf.relu(tf.neg(x)), 1));
      const s = tf.add(tf.relu(x), inverse);
      const total = tf.sum(s, -1);
      // 1 where there is no label keeps the logarithm finite; the weight takes it out again.
      const chosen = tf.add(tf.sum(tf.mul(s, target), -1), tf.sub(1, tf.sum(target, -1)));
      const value = tf.sum(tf.mul(tf.sub(tf.log(total), tf.log(chosen)), weight), -1) as Tensor1D;
      return { value, saved: [inverse, total, chosen] };
    },
    (dy, [inverse, total, chosen]) => {
      const scale = tf.mul(tf.expandDims(dy, -1), weight);
      const pull = tf.expandDims(tf.div(scale, chosen), -1);
      return [tf.mul(tf.square(inverse), tf.sub(tf.expandDims(tf.div(scale, total), -1), tf.mul(target, pull)))];
    },
  );
  return loss(logits);
}

/** Binary cross-entropy with logits, per element: softplus(x) − x · target. */
export const bceWithLogits = (logits: Tensor1D, target: Tensor1D): Tensor1D =>
  tf.sub(tf.softplus(logits), tf.mul(logits, target));

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
  const mask = tf.cast(tf.notEqual(labels, IGNORE_LABEL), 'float32');
  const count = tf.sum(mask, -1) as Tensor1D;
  const weight = tf.div(mask, tf.maximum(tf.expandDims(count, -1), 1)) as Tensor2D;
  // A label of −100 lies outside the vocabulary: one-hot leaves its row at 0.
  return { labels, oneHot: tf.cast(tf.oneHot(labels, vocabulary), 'float32') as Tensor3D, weight, count };
}

/** Labelled cells whose most probable token is right, per row [B]. A constant to autodiff. */
export const countCorrect = (logits: Tensor3D, labels: Tensor2D): Tensor1D =>
  // Ignored labels match no token.
  constant(() => tf.sum(tf.cast(tf.equal(tf.argMax(logits, -1), labels), 'float32'), -1));

export interface RowLosses {
  /** [B]: token loss per labelled cell. */
  lm: Tensor1D;
  /** [B]: the halting head's loss; its target is "every labelled cell is right". */
  halt: Tensor1D;
  /** [B]: right cells. */
  correct: Tensor1D;
}

export function rowLosses(decoded: Decoded, targets: Targets): RowLosses {
  const correct = countCorrect(decoded.logits, targets.labels);
  const solved = constant(() => tf.cast(tf.equal(correct, targets.count), 'float32') as Tensor1D);
  return {
    lm: stablemaxCrossEntropy(decoded.logits, targets.oneHot, targets.weight),
    halt: bceWithLogits(decoded.q_halt_logits, solved),
    correct,
  };
}
