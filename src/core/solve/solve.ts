/**
 * Solving one task by test-time training: a network learns the task's demonstrations in many augmented views, each with an
 * embedding row of its own; every so often all views predict the test inputs, the predictions are mapped back and voted
 * on, and views that kept a demonstration back show whether what was learned carries over. The answer of a test input,
 * where the file has one, takes no part in any of this.
 */
import {
  unflattenGrid,
  flattenGrid,
  inverseColours,
  inverseDihedral,
  recolourGrid,
  transformGrid,
  type FlatGrid,
} from '../../shared/arc-grid';
import { cropGrid } from '../../shared/arc-canvas';
import type { Task } from '../../shared/arc';
import type { Candidate, SolveCheck, SolveEnd, SolveOptions } from '../../shared/solve';
import { Votes } from '../arc/voting';
import { evaluateBatch } from '../evaluate/batch';
import { Random } from '../train/random';
import type { SolveModel } from './model';
import type { TaskViews } from './views';
import { type Question, type View } from './views';

/** Steps from one check to the next. A check costs about as much as four steps. */
const CHECK_EVERY = 25;
/** Checks in a row whose first candidates are the same before the vote counts as stable. */
const STABLE_CHECKS = 3;
/** Share of the held-out demonstrations that must be solved, and of the views that must agree, to stop early. */
const ENOUGH_HELD_OUT = 0.6;
const ENOUGH_SUPPORT = 0.5;
const MOST_CANDIDATES = 20;

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
  steps: number;
  seconds: number;
}

export async function solveTask(
  task: Task,
  views: TaskViews,
  model: SolveModel,
  options: SolveOptions,
  host: SolveHost,
): Promise<SolveOutcome> {
  const { trainer } = model;
  const random = new Random(options.seed, `solve:${task.name}`);
  const started = Date.now();
  const elapsed = () => (Date.now() - started) / 1000;
  const checks: SolveCheck[] = [];
  const leaders: string[] = [];
  let candidates: Candidate[][] = task.test.map(() => []);
  let checkSeconds = 0;

  const check = async (): Promise<void> => {
    const before = elapsed();
    const votes = await vote(task, views, model);
    candidates = votes.map((ballot) => ballot.slice(0, MOST_CANDIDATES));
    leaders.push(JSON.stringify(candidates.map(([first]) => first?.grid ?? null)));
    const result: SolveCheck = {
      step: trainer.step,
      seconds: elapsed(),
      held_out: await shareSolved(views.heldOutQuestions(), views, model),
      fitted: (await shareSolved(views.fittedQuestions(), views, model)) ?? 0,
      support: candidates.map(([first]) => (first ? first.votes / views.views.length : 0)),
    };
    checks.push(result);
    checkSeconds = elapsed() - before;
    host.check(result, candidates);
  };

  let ended: SolveEnd | null = null;
  while (ended === null) {
    const { step, metrics } = trainer.run(views.trainingBatch(model.config.global_batch_size, random));
    host.step(step, elapsed(), metrics.loss);
    await new Promise((resolve) => setImmediate(resolve));
    if (host.cancelled()) ended = 'cancelled';
    // The last check must end within the budget.
    else if (elapsed() + 1.2 * checkSeconds >= options.budget_seconds) ended = 'budget';
    else if (options.max_steps !== null && step >= options.max_steps) ended = 'steps';
    else if (step % CHECK_EVERY === 0) {
      await check();
      if (isSettled(checks, leaders)) ended = 'solved';
    }
  }
  if (ended !== 'solved' && (ended !== 'cancelled' || checks.length === 0) && checks.at(-1)?.step !== trainer.step) {
    await check();
  }
  return { candidates, checks, ended, steps: trainer.step, seconds: elapsed() };
}

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

/** A prediction of a view, in the task's own frame. */
export function mapBack(grid: FlatGrid, { augmentation: { t, images } }: View): FlatGrid {
  return recolourGrid(transformGrid(grid, inverseDihedral(t)), inverseColours(images));
}

/** Every view's predictions for every test input, voted on. @returns candidates per test input, best first */
async function vote(task: Task, views: TaskViews, model: SolveModel): Promise<Candidate[][]> {
  const votes = new Votes();
  // Test inputs may be alike: each is voted on under its own name.
  const named = (test: number) => String(test);
  const inputs = task.test.map(({ input }) => flattenGrid(input));
  for await (const { question, grid, q } of predict(views.testQuestions(), views, model)) {
    // A canvas without a single colour at its corner is no answer.
    if (grid.cells.length === 0) continue;
    votes.add(named(question.test), inputs[question.test], mapBack(grid, question.view), q, question.view.id);
  }
  return inputs.map((input, test) => {
    const ballot = votes.ballot(named(test), input);
    if (!ballot) return [];
    return ballot.candidates().map(({ grid, votes: count, mean_q }) => ({
      grid: unflattenGrid(votes.pool.get(grid)),
      votes: count,
      q: mean_q,
      views: ballot.voters(grid).map(({ view }) => views.views[view - 1].name),
    }));
  });
}

/** Share of the questions whose answer is predicted exactly; null without questions. */
async function shareSolved(
  questions: readonly Question[],
  views: TaskViews,
  model: SolveModel,
): Promise<number | null> {
  if (questions.length === 0) return null;
  let solved = 0;
  for await (const { correct } of predict(questions, views, model)) if (correct) solved++;
  return solved / questions.length;
}

interface Prediction<Q> {
  question: Q;
  /** Cropped, in the view's frame. */
  grid: FlatGrid;
  /** sigmoid(q_halt) */
  q: number;
  /** Every labelled cell is right. */
  correct: boolean;
}

async function* predict<Q extends Question>(
  questions: readonly Q[],
  views: TaskViews,
  { trainer, config }: SolveModel,
): AsyncGenerator<Prediction<Q>> {
  const model = trainer.evaluated('ema');
  const S = views.cells;
  for (const { batch, asked } of views.questionBatches(questions, config.global_batch_size)) {
    const [last] = evaluateBatch(model, trainer.puzzles, batch, config.arch.halt_max_steps, { lastOnly: true });
    await new Promise((resolve) => setImmediate(resolve));
    for (let b = 0; b < asked.length; b++) {
      const tokens = last.tokens.subarray(b * S, (b + 1) * S);
      const labels = batch.labels.subarray(b * S, (b + 1) * S);
      yield {
        question: asked[b],
        grid: cropGrid(tokens, views.canvas),
        q: 1 / (1 + Math.exp(-last.q_halt[b])),
        correct: labels.every((label, s) => label < 0 || label === tokens[s]),
      };
    }
  }
}
