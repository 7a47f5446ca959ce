import type { Candidate, SolveMark, SolveResult } from '../../shared/solve';
import type { Grid } from '../../shared/arc';

/** What is handed in where no view predicted anything at all. */
const NOTHING: Grid = [[0]];

/** The two candidates with most votes; one alone is both attempts. */
export function attemptsOf(candidates: readonly Candidate[]): SolveResult['attempts'][number] {
  const first = candidates[0]?.grid ?? NOTHING;
  return { attempt_1: first, attempt_2: candidates[1]?.grid ?? first };
}

/** Moments within the budget at which the attempts are kept: what a solve with that budget alone would have answered. */
export class Marks {
  private readonly waiting: number[];
  readonly told: SolveMark[] = [];

  /** @param at seconds; those from the budget on are left out, as its end is told anyway */
  constructor(at: readonly number[], budget: number) {
    this.waiting = [...new Set(at)].filter((mark) => mark <= budget).sort((a, b) => a - b);
  }

  /** Whether an answer that is asked for now would be there just in time. @param reserve seconds that asking takes */
  due(elapsed: number, reserve: number): boolean {
    return this.waiting.length > 0 && elapsed + reserve >= this.waiting[0];
  }

  /** Keeps the attempts for the mark that is due, and for any other that has gone by. */
  tell(elapsed: number, step: number, candidates: readonly Candidate[][]): void {
    do this.keep(elapsed, step, candidates);
    while (this.waiting.length > 0 && this.waiting[0] <= elapsed);
  }

  /** The solve is over: what it ended with is what later marks would show. */
  end(elapsed: number, step: number, candidates: readonly Candidate[][]): void {
    while (this.waiting.length > 0) this.keep(elapsed, step, candidates);
  }

  private keep(seconds: number, step: number, candidates: readonly Candidate[][]): void {
    const at = this.waiting.shift();
    if (at !== undefined) this.told.push({ at, seconds, step, attempts: candidates.map(attemptsOf) });
  }
}
