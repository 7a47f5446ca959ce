/** What XLA's compilation costs: the first step compiles, the next ones do not. */

/** Steps that the first one is measured against. */
const AFTER = 4;

/** Whether this process was started with XLA's auto-clustering. */
export const compilesWithXla = (env: NodeJS.ProcessEnv = process.env): boolean =>
  /--tf_xla_auto_jit=[12]\b/.test(env.TF_XLA_FLAGS ?? '');

export class CompileClock {
  private readonly seconds: number[] = [];

  /** @returns one sentence after the fifth step of this process, and nothing before or after */
  add(stepSeconds: number): string | null {
    if (this.seconds.length > AFTER) return null;
    this.seconds.push(stepSeconds);
    if (this.seconds.length <= AFTER) return null;
    const [first, ...later] = this.seconds;
    const usual = [...later].sort((a, b) => a - b)[AFTER >> 1];
    const spent = Math.max(0, first - usual).toFixed(1);
    return `XLA compiled the step in about ${spent} s; a step now takes ${usual.toPrecision(2)} s.`;
  }
}
