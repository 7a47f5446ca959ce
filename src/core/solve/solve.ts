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
import type { Candidate, NetworkCheck, SolveCheck, SolveEnd, SolveOptions } from '../../shared/solve';
import { Votes } from '../arc/voting';
import { evaluateBatch, type Evaluated } from '../act/batch';
import { Random } from '../lib/random';
import type { SolveModel } from './model';
import type { TaskViews } from './views';
import { type Question, type View } from './views';

/** Steps of each network from one check to the next. */
const CHECK_EVERY = 25;
/** Checks in a row whose first candidates are the same before the vote counts as stable. */
const STABLE_CHECKS = 3;
/** Share of the held-out demonstrations that must be solved, and of the views that must agree, to stop early. */
const ENOUGH_HELD_OUT = 0.6;
const ENOUGH_SUPPORT = 0.7;
/** Candidates of a test input that are kept. */
const MOST_CANDIDATES = 20;
/** The last check of a solve that is ended by hand may take so many seconds: who ends it does not want to wait. */
const ENDING_CHECK_SECONDS = 5;
/** Steps of all networks that a check is taken to cost before one has been measured. */
const CHECK_COST = 4;
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
  const random = new Random(options.seed, `solve:${task.name}`);
  const started = performance.now();
  const elapsed = () => (performance.now() - started) / 1000;
  const checks: SolveCheck[] = [];
  const leaders: string[] = [];
  let active = models;
  let voted: SolveModel[] = [];
  let step = 0;
  let candidates: Candidate[][] = task.test.map(() => []);
  let checkSeconds = 0;

  const check = async (): Promise<void> => {
    const before = elapsed();
    const { standing, votes } = await compare(task, views, active);
    candidates = votes.map((ballot) => ballot.slice(0, MOST_CANDIDATES));
    leaders.push(JSON.stringify(candidates.map(([first]) => first?.grid ?? null)));
    const networks = standing.map(({ check }) => check);
    const { held_out, fitted, support } = networks[0];
    const counts = {
      votes: votes.map((ballot) => ballot.reduce((sum, { votes: count }) => sum + count, 0)),
      distinct: votes.map((ballot) => ballot.length),
    };
    const result: SolveCheck = { step, seconds: elapsed(), held_out, fitted, support, networks, ...counts };
    checks.push(result);
    voted = standing.map(({ model }) => model);
    active = standing.filter(({ check }) => step < GIVE_UP_FROM || !isBehind(check, networks[0])).map((s) => s.model);
    checkSeconds = elapsed() - before;
    host.check(result, candidates);
  };

  let ended: SolveEnd | null = null;
  while (ended === null) {
    const before = elapsed();
    step++;
    for (const { trainer, config } of active) {
      const { metrics } = trainer.run(views.trainingBatch(config.global_batch_size, random));
      host.step(step, elapsed(), metrics.loss);
      await new Promise((resolve) => setImmediate(resolve));
    }
    if (host.cancelled()) ended = 'cancelled';
    // The last check must end within the budget; what the first one takes can only be guessed.
    else if (elapsed() + 1.2 * (checkSeconds || CHECK_COST * (elapsed() - before)) >= options.budget_seconds) {
      ended = 'budget';
    } else if (options.max_steps !== null && step >= options.max_steps) ended = 'steps';
    else if (step % CHECK_EVERY === 0) {
      await check();
      if (isSettled(checks, leaders)) ended = 'solved';
    }
  }
  // What is kept for playback has to be what voted.
  const quick = ended !== 'cancelled' || checkSeconds <= ENDING_CHECK_SECONDS;
  if (quick && checks.at(-1)?.step !== step) await check();
  return { candidates, checks, ended, steps: step, seconds: elapsed(), voted };
}

/** Whether a network solves so much less of what was held out than the leading one that it is given up. */
export const isBehind = (one: NetworkCheck, leading: NetworkCheck): boolean =>
  (leading.held_out ?? leading.fitted) - (one.held_out ?? one.fitted) > GIVE_UP_BEHIND;

/** A network with its averaged weights, which are read from the graph once per check: good until its next step. */
type AskedModel = SolveModel & { averaged: Evaluated };

/** Every network's views predict everything. @returns networks, the leading one first, and the candidates of all */
async function compare(task: Task, views: TaskViews, learning: readonly SolveModel[]) {
  const models = learning.map((model) => ({ ...model, averaged: model.trainer.evaluated('ema') }));
  const votes = await vote(task, views, models);
  const standing: { model: SolveModel; check: NetworkCheck }[] = [];
  for (const [m, model] of models.entries()) {
    const held_out = await shareSolved(views.heldOutQuestions(), views, model);
    const fitted = (await shareSolved(views.fittedQuestions(), views, model)) ?? 0;
    const support = votes.map(([first]) => (first ? first.votesOf[m] / views.views.length : 0));
    standing.push({ model: learning[m], check: { name: model.name, held_out, fitted, support } });
  }
  const order = ({ check }: (typeof standing)[number]) => [
    check.held_out ?? 0,
    Math.min(...check.support),
    check.fitted,
  ];
  standing.sort((a, b) => {
    const [x, y] = [order(a), order(b)];
    const differs = x.findIndex((value, i) => value !== y[i]);
    return differs < 0 ? 0 : y[differs] - x[differs];
  });
  // Which network a vote came from is of use here only.
  return { standing, votes: votes.map((ballot) => ballot.map(({ votesOf: _, ...candidate }) => candidate)) };
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

/**
 * Every view's predictions for every test input, voted on.
 * @returns candidates per test input, best first, each with its votes per network
 */
async function vote(
  task: Task,
  views: TaskViews,
  models: readonly AskedModel[],
): Promise<(Candidate & { votesOf: number[] })[][]> {
  const votes = new Votes();
  // Test inputs may be alike: each is voted on under its own name.
  const named = (test: number) => String(test);
  const inputs = task.test.map(({ input }) => flattenGrid(input));
  const count = views.views.length;
  for (const [m, model] of models.entries()) {
    for await (const { question, grid, q } of predict(views.testQuestions(), views, model)) {
      // A canvas without a single colour at its corner is no answer.
      if (grid.cells.length === 0) continue;
      const voter = m * count + question.view.id;
      votes.add(named(question.test), inputs[question.test], mapBack(grid, question.view), q, voter);
    }
  }
  return inputs.map((input, test) => {
    const ballot = votes.ballot(named(test), input);
    if (!ballot) return [];
    return ballot.candidates().map(({ grid, votes: total, mean_q }) => {
      const voters = ballot.voters(grid).map(({ view }) => view - 1);
      const byNetwork = models.map(({ name }, m) => ({
        network: name,
        views: voters
          .filter((voter) => Math.floor(voter / count) === m)
          .map((voter) => views.views[voter % count].name),
      }));
      const votesOf = byNetwork.map((of) => of.views.length);
      return {
        grid: unflattenGrid(votes.pool.get(grid)),
        votes: total,
        q: mean_q,
        // A view that two networks answer alike is named once.
        views: [...new Set(byNetwork.flatMap((of) => of.views))],
        ...(models.length > 1 && {
          voters: byNetwork.filter((of) => of.views.length).sort((a, b) => b.views.length - a.views.length),
        }),
        votesOf,
      };
    });
  });
}

/** Share of the questions whose answer is predicted exactly; null without questions. */
async function shareSolved(
  questions: readonly Question[],
  views: TaskViews,
  model: AskedModel,
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
  { trainer, config, averaged }: AskedModel,
): AsyncGenerator<Prediction<Q>> {
  const S = views.cells;
  for (const { batch, asked } of views.questionBatches(questions, config.global_batch_size)) {
    const [last] = evaluateBatch(averaged, trainer.puzzles, batch, config.arch.halt_max_steps, { lastOnly: true });
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
