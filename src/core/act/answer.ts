/** What the model answers to a batch: its last ACT step, or with `act_inference` the step at which each row halts. */
import type { Batch } from '../data/batch';
import { column } from './step-metrics';
import { evaluateBatch, type ActStep, type EmbeddingSource, type Evaluated } from './batch';
import { pickRows } from './pick-rows';

export interface Answer {
  /** Per row, what its own last step says. */
  step: ActStep;
  /** [B]: ACT steps that the row took. */
  steps: Int32Array;
}

/** Where rows want to stop after a step, [B]. */
export function wantsToHalt({ architecture, net }: Evaluated, step: Pick<ActStep, 'rows' | 'q_halt'>): boolean[] {
  const { comparesContinue } = architecture.halting(net.spec.arch);
  const proceed = column(step.rows, 'q_continue');
  return Array.from(step.q_halt, (q, b) => (comparesContinue ? q > proceed[b] : q > 0));
}

/**
 * The reference's evaluation restarts rows that halt until all of them halt in the same step; here a row that halts keeps
 * its answer, and the batch ends when all have one.
 */
export function answerBatch(
  model: Evaluated,
  puzzles: EmbeddingSource | null,
  batch: Batch,
  detail: { confidence?: boolean } = {},
): Answer {
  const { architecture, net } = model;
  const { halt_max_steps } = net.spec.arch;
  const steps = new Int32Array(batch.size).fill(halt_max_steps);
  if (!architecture.halting(net.spec.arch).inference) {
    const [step] = evaluateBatch(model, puzzles, batch, halt_max_steps, { ...detail, lastOnly: true });
    return { step, steps };
  }
  const open = new Set(steps.keys());
  const taken = evaluateBatch(model, puzzles, batch, halt_max_steps, {
    ...detail,
    enough: (step, number) => {
      const wants = wantsToHalt(model, step);
      for (const b of [...open]) {
        if (!wants[b]) continue;
        open.delete(b);
        steps[b] = number;
      }
      return open.size === 0;
    },
  });
  // Row b from the step it halted at.
  return { step: pickRows(Array.from(steps, (n, row) => ({ step: taken[n - 1], row }))), steps };
}
