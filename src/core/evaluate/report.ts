/** From votes or predictions to the report of an evaluation, and its files. */
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { packGrid, type PackedGrid, type Task } from '../../shared/arc';
import { StudioError } from '../../shared/errors';
import { schemaVersion } from '../../shared/schema-version';
import type { CandidateGrid, EvaluatedTask, EvaluationReport } from '../../shared/evaluation';
import { flattenGrid, unflattenGrid, type FlatGrid } from '../../shared/arc-grid';
import { arcMetrics, scoresByViews, scoreTask, submission, type ScoredTask } from '../arc/scores';
import type { Votes } from '../arc/voting';
import { writeAtomically } from '../lib/atomic';
import { IGNORE_LABEL } from '../data/batch';
import type { IdentifierTable } from '../data/identifiers';
import type { ArcVotes } from './arc-votes';

/** Candidates that a report lists per test input, and views per candidate. */
const LISTED = 10;
const LISTED_VIEWS = 8;

export const FILES = {
  metrics: 'metrics.json',
  submission: 'submission.json',
  report: 'evaluation.json',
  votes: 'votes.safetensors',
  outputs: 'outputs.safetensors',
  progress: 'progress.safetensors',
} as const;

const packed = (grid: FlatGrid): PackedGrid => packGrid(unflattenGrid(grid));

export interface ArcResult {
  metrics: Record<string, number>;
  submission: ReturnType<typeof submission>;
  by_views: EvaluationReport['by_views'];
  tasks: EvaluatedTask[];
  notes: string[];
}

/** @param names of the dataset's identifiers */
export function arcResult(tasks: readonly Task[], { votes }: ArcVotes, names: IdentifierTable): ArcResult {
  const scored = tasks.map((task) => scoreTask(task, votes));
  return {
    metrics: arcMetrics(scored),
    submission: submission(scored, votes),
    by_views: scoresByViews(tasks, votes),
    tasks: tasks.map((task, i) => describe(task, scored[i], votes, names)),
    notes: strayNotes(tasks, scored, votes),
  };
}

function describe(task: Task, scored: ScoredTask, votes: Votes, names: IdentifierTable): EvaluatedTask {
  const inputs = task.test.map(({ input, output }, i) => {
    const { candidates, votes: cast, rank } = scored.inputs[i];
    const ballot = votes.ballot(task.name, flattenGrid(input));
    const listed = candidates.slice(0, LISTED).map(({ grid, votes: count, mean_q }): CandidateGrid => {
      const voters = ballot?.voters(grid).slice(0, LISTED_VIEWS) ?? [];
      const views = voters.map(({ view }) => (view < names.length ? names.name(view) : String(view)));
      return { grid: packed(votes.pool.get(grid)), votes: count, mean_q, views };
    });
    return {
      input: packGrid(input),
      target: output ? packGrid(output) : null,
      votes: cast,
      distinct: candidates.length,
      rank,
      candidates: listed,
    };
  });
  return { name: task.name, outcome: scored.outcome, inputs };
}

/** Votes that count for nothing, and inputs that nobody voted on: told, since both mean that data does not fit. */
function strayNotes(tasks: readonly Task[], scored: readonly ScoredTask[], votes: Votes): string[] {
  const notes: string[] = [];
  const without = scored.filter(({ inputs }) => inputs.some(({ votes: cast }) => cast === 0));
  if (without.length) {
    notes.push(
      `${without.length} of ${tasks.length} tasks have a test input without any prediction (${without[0].name}${without.length > 1 ? ', …' : ''}): they count as not solved.`,
    );
  }
  const used = new Set(
    tasks.flatMap(({ name, test }) => test.map(({ input }) => votes.ballot(name, flattenGrid(input)))),
  );
  let stray = 0;
  for (const ballot of votes.ballots()) if (!used.has(ballot)) stray += ballot.votes;
  if (stray > 0) notes.push(`${stray} predictions fit no test input of test_puzzles.json and were left out.`);
  return notes;
}

/** metrics.json, evaluation.json and, for ARC, submission.json; the report last, since it says that all is there. */
export async function writeReport(
  folder: string,
  report: EvaluationReport,
  answers: ReturnType<typeof submission> | null,
): Promise<void> {
  const text = (value: unknown): Uint8Array[] => [new TextEncoder().encode(`${JSON.stringify(value)}\n`)];
  const metrics = new TextEncoder().encode(`${JSON.stringify(report.metrics, null, 1)}\n`);
  await writeAtomically(join(folder, FILES.metrics), [metrics]);
  if (answers) {
    // Not as an object: names that look like numbers would change places.
    const lines = [...answers].map(([name, attempts]) => `${JSON.stringify(name)}: ${JSON.stringify(attempts)}`);
    await writeAtomically(join(folder, FILES.submission), [new TextEncoder().encode(`{${lines.join(',\n')}}\n`)]);
  }
  await writeAtomically(join(folder, FILES.report), text(report));
}

/** The report in a folder. @throws StudioError `damaged`; file system errors */
export async function readReport(folder: string): Promise<EvaluationReport> {
  const path = join(folder, FILES.report);
  let report: unknown;
  try {
    report = JSON.parse(await readFile(path, 'utf8'));
  } catch (error) {
    if (!(error instanceof SyntaxError)) throw error;
    throw new StudioError('damaged', `${path} is not JSON: evaluate again.`);
  }
  const schema = schemaVersion(report);
  if (schema === 1) return report as EvaluationReport;
  if (schema === null) throw new StudioError('damaged', `${path} does not say which format it has: evaluate again.`);
  throw new StudioError('newer_version', `${path} was written by a later TRM Studio: update TRM Studio to read it.`);
}

/** A board of Sudoku or a maze as a packed grid of token − 1 (blank, digits; wall, free, start, goal, path). */
function packTokens(tokens: ArrayLike<number>, at: number, rows: number, columns: number): PackedGrid {
  const lines: string[] = [];
  for (let r = 0; r < rows; r++) {
    let line = '';
    for (let c = 0; c < columns; c++) line += Math.max(0, tokens[at + r * columns + c] - 1);
    lines.push(line);
  }
  return lines.join('/');
}

/** Of so many examples at most are Sudoku and maze results listed one by one. */
export const LISTED_EXAMPLES = 500;

/** A Sudoku or a maze as the one-candidate task that a report lists. Arrays are [S] tokens, −100 without label. */
export function listedExample(
  name: string,
  { rows, columns }: { rows: number; columns: number },
  said: { input: ArrayLike<number>; label: ArrayLike<number>; tokens: ArrayLike<number>; q_halt: number },
): EvaluatedTask {
  const { input, label, tokens, q_halt } = said;
  const known = Array.from(label).some((l) => l !== IGNORE_LABEL);
  const right = known && Array.from(label).every((l, s) => l === IGNORE_LABEL || l === tokens[s]);
  const pack = (of: ArrayLike<number>): string => packTokens(of, 0, rows, columns);
  return {
    name,
    outcome: known ? (right ? 'solved' : 'missed') : 'unknown',
    inputs: [
      {
        input: pack(input),
        // A cell without a label is given; the input shows it.
        target: known ? pack(Array.from(label, (l, s) => (l === IGNORE_LABEL ? input[s] : l))) : null,
        votes: 1,
        distinct: 1,
        rank: right ? 0 : null,
        candidates: [{ grid: pack(tokens), votes: 1, mean_q: 1 / (1 + Math.exp(-q_halt)), views: [] }],
      },
    ],
  };
}
