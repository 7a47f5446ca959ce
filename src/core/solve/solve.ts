/**
 * Solving one task by test-time training: a network learns the task's demonstrations in many augmented views, each with an
 * embedding row of its own; every so often all views predict the test inputs, the predictions are mapped back and voted
 * on, and views that kept a demonstration back show whether what was learned carries over. The answer of a test input,
 * where the file has one, takes no part in any of this.
 */
import type { Task } from '../../shared/arc';
import type { Rollouts } from '../../shared/rollouts';
import type {
  Candidate,
  NetworkCheck,
  SolveCheck,
  SolveEnd,
  SolveMark,
  SolveOptions,
  SolveResult,
} from '../../shared/solve';
import { Random } from '../lib/random';
import { compare } from './compare';
import { Marks } from './marks';
import type { SolveModel } from './model';
import type { TaskViews } from './views';

/** Steps of each network from one check to the next. */
export const CHECK_EVERY = 25;
/** Checks in a row whose first candidates are the same before the vote counts as stable. */
const STABLE_CHECKS = 3;
/** Share of the held-out demonstrations that must be solved, and of the views that must agree, to stop early. */
const ENOUGH_HELD_OUT = 0.6;
const ENOUGH_SUPPORT = 0.7;
/** Candidates of a test input that are kept. */
const MOST_CANDIDATES = 20;
/** The last check of a solve that is ended by hand may take so many seconds: who ends it does not want to wait. */
const ENDING_CHECK_SECONDS = 5;
/** Steps of all networks that a check of one test input is taken to cost before one has been measured. */
const CHECK_COST = 4;
/** The vote's part of that: of the questions of 64 views, 64 are the test input's, 21 held out and 64 learned. */
const VOTE_SHARE = 0.4;
/** From this step on a network is given up that solves so many fewer of the held-out demonstrations than the leading one. */
const GIVE_UP_FROM = 100;
const GIVE_UP_BEHIND = 0.3;

export interface SolveHost {
  /** Asked after every step. */
  cancelled(): boolean;
  step(step: number, seconds: number, loss: number): void;
  check(check: SolveCheck, candidates: Candidate[][]): void;
}

export interface SolveOutcome {
  candidates: Candidate[][];
  checks: SolveCheck[];
  ended: SolveEnd;
  /** Of the leading network. */
  steps: number;
  seconds: number;
  /** At the times that were asked for. */
  marks?: SolveMark[];
  /** What several paths a view tell without labels. */
  rollouts?: SolveResult['rollouts'];
}

/**
 * @param models learn side by side, one step each in turn; all views of all of them vote
 * @returns with the networks that voted last, the leading one first
 */
export async function solveTask(
  task: Task,
  views: TaskViews,
  models: readonly SolveModel[],
  options: SolveOptions,
  host: SolveHost,
): Promise<SolveOutcome & { voted: SolveModel[] }> {
  return new Solving(task, views, models, options, host).run();
}

class Solving {
  private readonly random: Random;
  private readonly started = performance.now();
  private readonly checks: SolveCheck[] = [];
  private readonly leaders: string[] = [];
  private readonly marks: Marks;
  private active: readonly SolveModel[];
  private voted: SolveModel[] = [];
  private candidates: Candidate[][];
  private step = 0;
  /** Of the last step and the last check; the vote is a part of the check. */
  private seconds = { step: 0, check: 0, vote: 0 };
  private paths: SolveOutcome['rollouts'];
  /** When the last check was made, and how. */
  private asked: { step: number; rollouts: Rollouts | null } = { step: 0, rollouts: null };

  constructor(
    private readonly task: Task,
    private readonly views: TaskViews,
    models: readonly SolveModel[],
    private readonly options: SolveOptions,
    private readonly host: SolveHost,
  ) {
    this.random = new Random(options.seed, `solve:${task.name}`);
    this.marks = new Marks(options.marks ?? [], options.budget_seconds);
    this.active = models;
    this.candidates = task.test.map(() => []);
  }

  async run(): Promise<SolveOutcome & { voted: SolveModel[] }> {
    let ended: SolveEnd | null = null;
    while (ended === null) {
      await this.train();
      ended = this.over();
      if (ended !== null) break;
      if (this.marks.due(this.elapsed(), this.reserve())) {
        await this.check(this.options.rollouts ?? null);
        this.marks.tell(this.elapsed(), this.step, this.candidates);
      } else if (this.step % CHECK_EVERY === 0) await this.check(null);
      else continue;
      if (isSettled(this.checks, this.leaders)) ended = 'solved';
    }
    // What is kept for playback has to be what voted.
    const quick = ended !== 'cancelled' || this.seconds.check <= ENDING_CHECK_SECONDS;
    const rollouts = this.options.rollouts ?? null;
    if (quick && !(this.asked.step === this.step && this.asked.rollouts === rollouts)) await this.check(rollouts);
    if (ended !== 'cancelled') this.marks.end(this.elapsed(), this.step, this.candidates);
    const { candidates, checks, step: steps, voted, paths, marks } = this;
    return {
      candidates,
      checks,
      ended,
      steps,
      seconds: this.elapsed(),
      voted,
      ...(marks.told.length && { marks: marks.told }),
      ...(paths && { rollouts: paths }),
    };
  }

  private elapsed(): number {
    return (performance.now() - this.started) / 1000;
  }

  /** One step of each network. */
  private async train(): Promise<void> {
    const before = this.elapsed();
    this.step++;
    for (const { trainer, config } of this.active) {
      const { metrics } = trainer.run(this.views.trainingBatch(config.global_batch_size, this.random));
      this.host.step(this.step, this.elapsed(), metrics.loss);
      await new Promise((resolve) => setImmediate(resolve));
    }
    this.seconds.step = this.elapsed() - before;
  }

  private over(): SolveEnd | null {
    const { budget_seconds, max_steps } = this.options;
    if (this.host.cancelled()) return 'cancelled';
    // The last check must end within the budget.
    if (this.elapsed() + this.reserve() >= budget_seconds) return 'budget';
    return max_steps !== null && this.step >= max_steps ? 'steps' : null;
  }

  /** Seconds that the last check is expected to take; what the first one takes can only be guessed. */
  private reserve(): number {
    const { step, check, vote } = this.seconds;
    const more = (this.options.rollouts?.paths ?? 1) - 1;
    if (check > 0) return 1.2 * (check + more * vote);
    const tests = this.task.test.length;
    return 1.2 * step * CHECK_COST * ((1 + more) * tests * VOTE_SHARE + 1 - VOTE_SHARE);
  }

  /** @param rollouts of the vote; without, it goes by what each view says without noise */
  private async check(rollouts: Rollouts | null): Promise<void> {
    const before = this.elapsed();
    const { standing, votes, paths, voteSeconds } = await compare(this.task, this.views, this.active, rollouts);
    this.candidates = votes.map((ballot) => ballot.slice(0, MOST_CANDIDATES));
    this.leaders.push(JSON.stringify(this.candidates.map(([first]) => first?.grid ?? null)));
    const networks = standing.map(({ check }) => check);
    const { held_out, fitted, support } = networks[0];
    const counts = {
      votes: votes.map((ballot) => ballot.reduce((sum, { votes: count }) => sum + count, 0)),
      distinct: votes.map((ballot) => ballot.length),
    };
    const { step } = this;
    const result: SolveCheck = { step, seconds: this.elapsed(), held_out, fitted, support, networks, ...counts };
    this.checks.push(result);
    this.voted = standing.map(({ model }) => model);
    this.active = standing
      .filter(({ check }) => step < GIVE_UP_FROM || !isBehind(check, networks[0]))
      .map((s) => s.model);
    this.asked = { step, rollouts };
    if (rollouts) this.paths = paths;
    else this.seconds = { ...this.seconds, check: this.elapsed() - before, vote: voteSeconds };
    this.host.check(result, this.candidates);
  }
}

/** Whether a network solves so much less of what was held out than the leading one that it is given up. */
export const isBehind = (one: NetworkCheck, leading: NetworkCheck): boolean =>
  (leading.held_out ?? leading.fitted) - (one.held_out ?? one.fitted) > GIVE_UP_BEHIND;

/** Whether more training is unlikely to change the answer: held-out demonstrations are solved and the vote stands still. */
export function isSettled(checks: readonly SolveCheck[], leaders: readonly string[]): boolean {
  const last = checks.at(-1);
  if (!last || leaders.length < STABLE_CHECKS) return false;
  const recent = leaders.slice(-STABLE_CHECKS);
  const stable = recent.every((leader) => leader === recent[0]);
  // Without a held-out demonstration only the fit and the agreement of the views can tell.
  const learned = last.held_out === null ? last.fitted === 1 : last.held_out >= ENOUGH_HELD_OUT;
  return stable && learned && last.support.every((share) => share >= ENOUGH_SUPPORT);
}
