/** What the model answers to a batch: its last ACT step, or with `act_inference` the step at which each row halts. */
import type { Batch } from '../data/batch';
import { column } from './step-metrics';
import { evaluateBatch, type ActStep, type EmbeddingSource, type Evaluated } from './batch';

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
  return { step: pick(taken, steps), steps };
}

/** Row b from the step it halted at. */
function pick(taken: ActStep[], steps: Int32Array): ActStep {
  const B = steps.length;
  const rows = <T extends Float32Array | Int32Array>(of: (step: ActStep) => T): T => {
    const out = of(taken[0]).slice() as T;
    const width = out.length / B;
    steps.forEach((n, b) => out.set(of(taken[n - 1]).subarray(b * width, (b + 1) * width), b * width));
    return out;
  };
  const has = (key: 'confidence' | 'change') => taken[0][key] !== undefined;
  return {
    tokens: rows((step) => step.tokens),
    q_halt: rows((step) => step.q_halt),
    rows: rows((step) => step.rows),
    confidence: has('confidence') ? rows((step) => step.confidence as Float32Array) : undefined,
    change: has('change') ? rows((step) => step.change as Float32Array) : undefined,
  };
}
