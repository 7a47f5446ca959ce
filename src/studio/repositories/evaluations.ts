import type { PuzzleKind } from '../../shared/arc';
import type { EvaluationInfo, EvaluationTaskSummary, TaskOutcomeInfo } from '../../shared/contract/evaluations';
import type { EvaluatedTask, EvaluationPlan, EvaluationReport, TaskOutcome } from '../../shared/evaluation';
import type { JobStatus } from '../../shared/jobs';
import type { Db } from '../db/open';
import type { JobMark } from '../jobs/jobs';
import { parseStored } from './rows';

export interface EvaluationRecord {
  id: string;
  run: string;
  checkpoint: number | null;
  checkpoint_step: number;
  dataset: string | null;
  dataset_name: string;
  kind: PuzzleKind;
  grid_rows: number;
  grid_columns: number;
  status: JobStatus;
  error: string | null;
  done: number;
  total: number;
  seconds: number;
  plan: EvaluationPlan;
  metrics: Record<string, number>;
  curves: Pick<EvaluationReport, 'act_steps' | 'by_views'>;
  notes: string[];
  path: string;
  outside: boolean;
  owner: string | null;
  resume_at_start: boolean;
  created: string;
}

export type EvaluationWithRun = EvaluationRecord & { run_name: string; outcomes: Record<TaskOutcome, number> };
type Row = Record<string, unknown>;

const JSON_FIELDS = ['plan', 'metrics', 'curves', 'notes'];

function toRow(patch: Partial<EvaluationRecord>): Row {
  const row: Row = {};
  for (const [key, value] of Object.entries(patch)) {
    if (JSON_FIELDS.includes(key)) row[`${key}_json`] = JSON.stringify(value);
    else row[key] = typeof value === 'boolean' ? Number(value) : value;
  }
  return row;
}

const SELECT = `SELECT evaluations.*, runs.name AS run_name, (
    SELECT json_group_object(outcome, n) FROM (
      SELECT outcome, count(*) AS n FROM evaluation_tasks WHERE evaluation = evaluations.id GROUP BY outcome)
  ) AS outcomes_json FROM evaluations JOIN runs ON runs.id = evaluations.run`;

function fromRow(row: Row): EvaluationWithRun {
  const record: Row = {};
  for (const [key, value] of Object.entries(row)) {
    if (key.endsWith('_json')) record[key.slice(0, -5)] = parseStored(value);
    else record[key] = value;
  }
  record.outside = row.outside === 1;
  record.resume_at_start = row.resume_at_start === 1;
  record.outcomes = { solved: 0, close: 0, missed: 0, unknown: 0, ...(record.outcomes as object) };
  return record as unknown as EvaluationWithRun;
}

export class EvaluationRepository {
  constructor(private readonly db: Db) {}

  /** Newest first. */
  list(run?: string): EvaluationWithRun[] {
    const order = 'ORDER BY evaluations.created DESC, evaluations.id';
    const rows =
      run === undefined
        ? this.db.prepare(`${SELECT} ${order}`).all()
        : this.db.prepare(`${SELECT} WHERE evaluations.run = ? ${order}`).all(run);
    return (rows as Row[]).map(fromRow);
  }

  get(id: string): EvaluationWithRun | null {
    const row = this.db.prepare(`${SELECT} WHERE evaluations.id = ?`).get(id) as Row | undefined;
    return row ? fromRow(row) : null;
  }

  /** Queued and running ones, oldest first. */
  active(): EvaluationWithRun[] {
    const sql = `${SELECT} WHERE evaluations.status IN ('queued', 'running') ORDER BY evaluations.created`;
    return (this.db.prepare(sql).all() as Row[]).map(fromRow);
  }

  insert(record: EvaluationRecord): void {
    const row = toRow(record);
    const keys = Object.keys(row);
    this.db
      .prepare(`INSERT INTO evaluations (${keys.join(', ')}) VALUES (${keys.map((k) => `@${k}`).join(', ')})`)
      .run(row);
  }

  update(id: string, patch: Partial<Omit<EvaluationRecord, 'id' | 'created'>>): void {
    const row = toRow(patch);
    const set = Object.keys(row)
      .map((k) => `${k} = @${k}`)
      .join(', ');
    if (set) this.db.prepare(`UPDATE evaluations SET ${set} WHERE id = @id`).run({ ...row, id });
  }

  /** What changes while another process works on it. */
  marks(): JobMark[] {
    const mark = "status || '|' || done || '|' || total || '|' || seconds || '|' || coalesce(error, '')";
    return this.db.prepare(`SELECT id, owner, ${mark} AS mark FROM evaluations`).all() as JobMark[];
  }

  delete(id: string): void {
    this.db.prepare('DELETE FROM evaluations WHERE id = ?').run(id);
  }

  /** Marks it as done with all that its report says, or changes nothing. */
  finish(id: string, report: EvaluationReport): void {
    const insert = this.db.prepare(
      `INSERT INTO evaluation_tasks (evaluation, position, name, outcome, input, target, attempt, inputs_json)
       VALUES (?, ?, ?, ?, ?, ?, ?, ?)`,
    );
    this.db.transaction(() => {
      this.db.prepare('DELETE FROM evaluation_tasks WHERE evaluation = ?').run(id);
      report.tasks.forEach(({ name, outcome, inputs }, position) => {
        const [first] = inputs;
        const attempt = first.candidates[0]?.grid ?? null;
        insert.run(id, position, name, outcome, first.input, first.target, attempt, JSON.stringify(inputs));
      });
      const { metrics, act_steps, by_views, notes, seconds, examples } = report;
      this.update(id, {
        status: 'done',
        error: null,
        done: examples,
        total: examples,
        seconds,
        metrics,
        curves: { act_steps, by_views },
        notes,
        owner: null,
      });
    })();
  }

  /** In the order of the report. */
  tasks(id: string): EvaluationTaskSummary[] {
    return this.db
      .prepare(
        'SELECT position, name, outcome, input, target, attempt FROM evaluation_tasks WHERE evaluation = ? ORDER BY position',
      )
      .all(id) as EvaluationTaskSummary[];
  }

  /** Newest first. */
  ofTask(name: string): TaskOutcomeInfo[] {
    return this.db
      .prepare(
        `SELECT e.id AS evaluation, runs.name AS run_name, e.checkpoint_step, e.dataset_name, t.position, t.outcome, e.created
         FROM evaluations e JOIN runs ON runs.id = e.run
         JOIN evaluation_tasks t ON t.evaluation = e.id AND t.name = ?
         WHERE e.status = 'done' ORDER BY e.created DESC, e.id`,
      )
      .all(name) as TaskOutcomeInfo[];
  }

  task(id: string, position: number): EvaluatedTask | null {
    const row = this.db
      .prepare('SELECT name, outcome, inputs_json FROM evaluation_tasks WHERE evaluation = ? AND position = ?')
      .get(id, position) as { name: string; outcome: TaskOutcome; inputs_json: string } | undefined;
    if (!row) return null;
    return { name: row.name, outcome: row.outcome, inputs: parseStored(row.inputs_json) as EvaluatedTask['inputs'] };
  }
}

/** @param path absolute */
export function evaluationInfo(e: EvaluationWithRun, path: string): EvaluationInfo {
  const { split, weights, act_steps, augmentations, pool_votes, rollouts = null } = e.plan;
  return {
    id: e.id,
    run: e.run,
    run_name: e.run_name,
    checkpoint: e.checkpoint,
    checkpoint_step: e.checkpoint_step,
    dataset: e.dataset,
    dataset_name: e.dataset_name,
    kind: e.kind,
    rows: e.grid_rows,
    columns: e.grid_columns,
    split,
    weights,
    act_steps,
    augmentations,
    pool_votes,
    rollouts,
    status: e.status,
    error: e.error,
    done: e.done,
    total: e.total,
    seconds: e.seconds,
    metrics: e.metrics,
    by_act_step: e.curves.act_steps,
    by_views: e.curves.by_views,
    notes: e.notes,
    outcomes: e.outcomes,
    path,
    created: e.created,
  };
}
