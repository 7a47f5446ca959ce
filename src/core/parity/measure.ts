/** The largest error of each kind that a parity case shows, against its tolerance. */

/** What is compared, in the order in which it is told; `_later` after the first step, where the tolerance is wider. */
export const KINDS = [
  'logits',
  'logits_later',
  'q',
  'q_later',
  'carry',
  'carry_later',
  'gradients',
  'gradients_later',
  'losses',
  'metrics',
  'halting',
  'lr',
  'weights',
  'weights_off',
  'ema',
  'ema_off',
  'evaluation',
  'eval_loss',
] as const;
export type Kind = (typeof KINDS)[number];
export type PhasedKind = 'logits' | 'q' | 'carry' | 'gradients';

export interface Finding {
  error: number;
  tolerance: number;
  /** Where: the step and the tensor. */
  at: string;
}

export class Findings {
  private readonly worst = new Map<Kind, Finding>();

  /** Keeps the finding that comes nearest to its tolerance, or lies furthest beyond it. */
  add(kind: Kind, error: number, tolerance: number, at: string): void {
    const known = this.worst.get(kind);
    // NaN counts as the worst of errors.
    const next = { error: Number.isNaN(error) ? Infinity : error, tolerance, at };
    if (!known || excess(next) > excess(known)) this.worst.set(kind, next);
  }

  get(kind: Kind): Finding | undefined {
    return this.worst.get(kind);
  }

  /** Kinds past their tolerance. */
  failed(): Kind[] {
    return KINDS.filter((kind) => {
      const finding = this.worst.get(kind);
      return finding !== undefined && !within(finding);
    });
  }

  entries(): [Kind, Finding][] {
    return KINDS.flatMap((kind) => {
      const finding = this.worst.get(kind);
      return finding ? [[kind, finding] as [Kind, Finding]] : [];
    });
  }
}

export const within = ({ error, tolerance }: Finding): boolean => error <= tolerance;

/** How much of its tolerance an error takes; a tolerance of 0 leaves room for none. */
const excess = ({ error, tolerance }: Finding): number =>
  tolerance > 0 ? error / tolerance : error > 0 ? Infinity : 0;

/** Largest absolute difference of two tensors of the same size. NaN where either has one. */
export function largestDifference(a: ArrayLike<number | bigint>, b: ArrayLike<number | bigint>): number {
  if (a.length !== b.length) return NaN;
  let worst = 0;
  for (let i = 0; i < a.length; i++) {
    const difference = Math.abs(Number(a[i]) - Number(b[i]));
    if (Number.isNaN(difference)) return NaN;
    if (difference > worst) worst = difference;
  }
  return worst;
}

export function largest(a: ArrayLike<number | bigint>): number {
  let worst = 0;
  for (let i = 0; i < a.length; i++) worst = Math.max(worst, Math.abs(Number(a[i])));
  return worst;
}
