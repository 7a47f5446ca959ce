/**
 * What the networks of a solve say at one moment: every view predicts the test inputs, the predictions are mapped back and
 * voted on, and views that kept a demonstration back show whether what was learned carries over.
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
import type { RolloutMetric, Rollouts } from '../../shared/rollouts';
import type { Candidate, NetworkCheck } from '../../shared/solve';
import { Votes } from '../arc/voting';
import { evaluateBatch, type Evaluated } from '../act/batch';
import { Paths } from '../act/paths';
import type { SolveModel } from './model';
import type { Question, TaskViews, View } from './views';

/** A network with its averaged weights, which are read from the graph once per check: good until its next step. */
type AskedModel = SolveModel & { averaged: Evaluated };

/**
 * Every network's views predict everything.
 * @param rollouts each view's vote is what one of several paths with noise says; the demonstrations are asked without
 * @returns networks, the leading one first, and the candidates of all
 */
export async function compare(
  task: Task,
  views: TaskViews,
  learning: readonly SolveModel[],
  rollouts: Rollouts | null,
) {
  const models = learning.map((model) => ({ ...model, averaged: model.trainer.evaluated('ema') }));
  const before = performance.now();
  const { votes, paths } = await vote(task, views, models, rollouts);
  const voteSeconds = (performance.now() - before) / 1000;
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
  return {
    standing,
    paths,
    voteSeconds,
    votes: votes.map((ballot) => ballot.map(({ votesOf: _, ...candidate }) => candidate)),
  };
}

/** A prediction of a view, in the task's own frame. */
export function mapBack(grid: FlatGrid, { augmentation: { t, images } }: View): FlatGrid {
  return recolourGrid(transformGrid(grid, inverseDihedral(t)), inverseColours(images));
}

/**
 * Every view's predictions for every test input, voted on.
 * @returns candidates per test input, best first, each with its votes per network; and what the paths tell
 */
async function vote(
  task: Task,
  views: TaskViews,
  models: readonly AskedModel[],
  rollouts: Rollouts | null,
): Promise<{
  votes: (Candidate & { votesOf: number[] })[][];
  paths: Partial<Record<RolloutMetric, number>> | undefined;
}> {
  const votes = new Votes();
  // Test inputs may be alike: each is voted on under its own name.
  const named = (test: number) => String(test);
  const inputs = task.test.map(({ input }) => flattenGrid(input));
  const count = views.views.length;
  // One count over all networks, whose shapes alone matter.
  const paths = rollouts ? new Paths(models[0].averaged.net.spec, rollouts) : null;
  for (const [m, model] of models.entries()) {
    for await (const { question, grid, q } of predict(views.testQuestions(), views, model, paths)) {
      // A canvas without a single colour at its corner is no answer.
      if (grid.cells.length === 0) continue;
      const voter = m * count + question.view.id;
      votes.add(named(question.test), inputs[question.test], mapBack(grid, question.view), q, voter);
    }
  }
  const ballots = inputs.map((input, test) => {
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
  return { votes: ballots, paths: paths?.sums.metrics() };
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
  paths: Paths | null = null,
): AsyncGenerator<Prediction<Q>> {
  const S = views.cells;
  const size = Math.max(1, Math.floor(config.global_batch_size / (paths?.count ?? 1)));
  for (const { batch, asked } of views.questionBatches(questions, size)) {
    const steps = config.arch.halt_max_steps;
    const number = (place: number): number => questions.indexOf(asked[place]);
    const { rows, noise } = paths?.start(batch, number) ?? { rows: batch, noise: undefined };
    const told = evaluateBatch(averaged, trainer.puzzles, rows, steps, { lastOnly: true, noise });
    const last = paths?.settle(told, batch).answer ?? told[0];
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
