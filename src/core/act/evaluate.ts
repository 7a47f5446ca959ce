/**
 * The test split without learning: every example runs all `halt_max_steps`, and the last step counts, as in the
 * reference's evaluation (answer.ts says where `act_inference` changes that). Also the predictions of the pinned examples.
 */
import type { ExampleRef } from '../../shared/dataset';
import type { PinnedPrediction } from '../../shared/compute';
import type { EvalMetric } from '../../shared/metrics';
import type { Batch } from '../data/batch';
import { IGNORE_LABEL } from '../data/batch';
import { labelCounts } from './step-metrics';
import { ROW_COLUMNS } from './forward';
import { answerBatch, type Answer } from './answer';
import type { EmbeddingSource, Evaluated } from './batch';

export interface EvaluationSource {
  model: Evaluated;
  puzzles: EmbeddingSource | null;
}

/**
 * Means over the examples with labels; padding rows do not count. Between two batches the event loop gets its turn.
 * @param stopped asked between batches
 * @returns null if `stopped` said so
 */
export async function evaluateBatches(
  { model, puzzles }: EvaluationSource,
  batches: Iterable<Batch>,
  stopped: () => boolean,
): Promise<Record<EvalMetric, number> | null> {
  const sums: Record<EvalMetric, number> = {
    lm_loss: 0,
    q_halt_loss: 0,
    accuracy: 0,
    exact_accuracy: 0,
    q_halt_accuracy: 0,
    steps: 0,
    count: 0,
  };
  for (const batch of batches) {
    addRows(sums, answerBatch(model, puzzles, batch), batch);
    await new Promise((resolve) => setImmediate(resolve));
    if (stopped()) return null;
  }
  if (sums.count === 0) return sums;
  const { count, ...totals } = sums;
  const means = Object.entries(totals).map(([name, sum]) => [name, sum / count]);
  return { ...(Object.fromEntries(means) as Record<EvalMetric, number>), count };
}

function addRows(sums: Record<EvalMetric, number>, { step, steps }: Answer, batch: Batch): void {
  const counts = labelCounts(batch.labels, batch.size);
  const width = ROW_COLUMNS.length;
  for (let b = 0; b < batch.filled; b++) {
    if (counts[b] === 0) continue;
    const [lm, halt, correct, q] = step.rows.subarray(b * width, (b + 1) * width);
    const exact = correct === counts[b];
    sums.count += 1;
    sums.lm_loss += lm;
    sums.q_halt_loss += halt;
    sums.accuracy += correct / counts[b];
    sums.exact_accuracy += exact ? 1 : 0;
    sums.q_halt_accuracy += q >= 0 === exact ? 1 : 0;
    sums.steps += steps[b];
  }
}

/** @param names of the examples' puzzles, in the batch's order */
export function predictPinned(
  { model, puzzles }: EvaluationSource,
  batch: Batch,
  pinned: readonly ExampleRef[],
  names: readonly string[],
): PinnedPrediction[] {
  const S = model.net.spec.seq_len;
  const { step: last } = answerBatch(model, puzzles, batch, { confidence: true });
  const confidence = last.confidence as Float32Array;
  return pinned.map((example, b) => {
    const labels = batch.labels.subarray(b * S, (b + 1) * S);
    const tokens = Uint8Array.from(last.tokens.subarray(b * S, (b + 1) * S));
    return {
      example,
      puzzle: names[b],
      tokens,
      confidence: Uint8Array.from(confidence.subarray(b * S, (b + 1) * S), (p) => Math.round(p * 255)),
      q_halt: last.q_halt[b],
      wrong: labels.reduce((n, label, s) => n + (label !== IGNORE_LABEL && label !== tokens[s] ? 1 : 0), 0),
    };
  });
}
