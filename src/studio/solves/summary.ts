import { packGrid } from '../../shared/arc';
import type { SolveDetail, SolveInfo } from '../../shared/contract/solves';
import type { Context } from '../context';
import { absolutePath } from '../home';
import type { SolveRecord } from '../repositories/solves';
import { keptNetworks, keptViews } from './kept';

/** What a solve is told as in lists. */
export function solveInfo({ store, home }: Context, solve: SolveRecord): SolveInfo {
  const checkpoint = solve.checkpoint === null ? null : store.checkpoints.get(solve.checkpoint);
  const run = checkpoint ? store.runs.get(checkpoint.run) : null;
  const [first] = solve.task_json.test;
  const attempt = solve.candidates[0]?.[0]?.grid;
  return {
    id: solve.id,
    task: solve.task,
    checkpoint: solve.checkpoint,
    start:
      run && checkpoint
        ? `${run.name} at step ${checkpoint.step.toLocaleString('en-US')}`
        : (solve.checkpoint_path ?? 'from nothing'),
    options: solve.options,
    status: solve.status,
    error: solve.error,
    step: solve.step,
    seconds: solve.seconds,
    check: solve.checks.at(-1) ?? null,
    correct: solve.correct,
    input: packGrid(first.input),
    attempt: attempt ? packGrid(attempt) : null,
    path: absolutePath(home, solve.path),
    kept_bytes: solve.kept_bytes,
    created: solve.created,
  };
}

export function solveDetail(context: Context, solve: SolveRecord): SolveDetail {
  const { train, test } = solve.task_json;
  const last = solve.checks.at(-1);
  const votesFor = (i: number) => (solve.candidates[i] ?? []).reduce((sum, { votes }) => sum + votes, 0);
  return {
    ...solveInfo(context, solve),
    train: train.map(({ input, output }) => ({ input: packGrid(input), output: packGrid(output) })),
    test: test.map(({ input, output }, i) => ({
      input: packGrid(input),
      output: output ? packGrid(output) : null,
      candidates: (solve.candidates[i] ?? []).map((candidate) => ({ ...candidate, grid: packGrid(candidate.grid) })),
      // Solves of earlier versions did not count beyond the candidates that they kept.
      votes: last?.votes?.[i] ?? votesFor(i),
      distinct: last?.distinct?.[i] ?? solve.candidates[i]?.length ?? 0,
    })),
    checks: solve.checks,
    views: keptViews(context.home, solve),
    networks: keptNetworks(context.home, solve),
  };
}
