import type { Task } from '../../shared/arc';
import type { JobStatus } from '../../shared/jobs';
import type { Candidate, SolveCheck, SolveOptions } from '../../shared/solve';
import type { Db } from '../db/open';
import type { JobMark } from '../jobs/jobs';
import { fromRow, parseStored, toRow, type Row } from './rows';

export interface SolveRecord {
  id: string;
  /** The task's name. */
  task: string;
  task_json: Task;
  checkpoint: number | null;
  checkpoint_path: string | null;
  options: SolveOptions;
  status: JobStatus;
  error: string | null;
  step: number;
  seconds: number;
  checks: SolveCheck[];
  candidates: Candidate[][];
  correct: boolean | null;
  path: string;
  bytes: number | null;
  sha256: string | null;
  /** Of the model that is kept for its playback; null where none is. */
  kept_bytes: number | null;
  owner: string | null;
  resume_at_start: boolean;
  created: string;
}

const JSON_FIELDS = ['options', 'checks', 'candidates'];

function record(row: Row): SolveRecord {
  // Its own name ends in _json, as the column `task` holds the name.
  const { task_json, ...rest } = row;
  const read = fromRow(rest);
  const correct = row.correct === null ? null : row.correct === 1;
  const resume_at_start = row.resume_at_start === 1;
  return { ...read, task_json: parseStored(task_json), correct, resume_at_start } as unknown as SolveRecord;
}

export class SolveRepository {
  constructor(private readonly db: Db) {}

  /** Newest first. */
  list(): SolveRecord[] {
    return (this.db.prepare('SELECT * FROM solves ORDER BY created DESC, rowid DESC').all() as Row[]).map(record);
  }

  get(id: string): SolveRecord | null {
    const row = this.db.prepare('SELECT * FROM solves WHERE id = ?').get(id) as Row | undefined;
    return row ? record(row) : null;
  }

  /** Queued and running ones, oldest first. */
  active(): SolveRecord[] {
    const sql = "SELECT * FROM solves WHERE status IN ('queued', 'running') ORDER BY created, rowid";
    return (this.db.prepare(sql).all() as Row[]).map(record);
  }

  insert(solve: SolveRecord): void {
    const row = { ...toRow(solve, JSON_FIELDS), task_json: JSON.stringify(solve.task_json) };
    const keys = Object.keys(row);
    this.db.prepare(`INSERT INTO solves (${keys.join(', ')}) VALUES (${keys.map((k) => `@${k}`).join(', ')})`).run(row);
  }

  update(id: string, patch: Partial<Omit<SolveRecord, 'id' | 'created'>>): void {
    const row = toRow(patch, JSON_FIELDS);
    const set = Object.keys(row)
      .map((k) => `${k} = @${k}`)
      .join(', ');
    if (set) this.db.prepare(`UPDATE solves SET ${set} WHERE id = @id`).run({ ...row, id });
  }

  /** What changes while another process works on it. */
  marks(): JobMark[] {
    const mark =
      "status || '|' || step || '|' || length(checks_json) || '|' || (kept_bytes IS NULL) || '|' || seconds || '|' || coalesce(error, '')";
    return this.db.prepare(`SELECT id, owner, ${mark} AS mark FROM solves`).all() as JobMark[];
  }

  delete(id: string): void {
    this.db.prepare('DELETE FROM solves WHERE id = ?').run(id);
  }
}
