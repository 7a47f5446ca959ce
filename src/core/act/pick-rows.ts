import type { ActStep } from './batch';

/** An ACT step put together of single rows: row i is row `row` of `step`. All steps have read back the same. */
export function pickRows(from: readonly { step: ActStep; row: number }[]): ActStep {
  const rows = <T extends Float32Array | Int32Array>(of: (step: ActStep) => T): T => {
    const width = of(from[0].step).length / from[0].step.q_halt.length;
    const out = new (of(from[0].step).constructor as new (length: number) => T)(from.length * width);
    from.forEach(({ step, row }, i) => out.set(of(step).subarray(row * width, (row + 1) * width), i * width));
    return out;
  };
  const optional = (key: 'confidence' | 'change' | 'logits') =>
    from[0].step[key] === undefined ? undefined : rows((step) => step[key] as Float32Array);
  return {
    tokens: rows((step) => step.tokens),
    q_halt: rows((step) => step.q_halt),
    rows: rows((step) => step.rows),
    confidence: optional('confidence'),
    logits: optional('logits'),
    change: optional('change'),
  };
}
