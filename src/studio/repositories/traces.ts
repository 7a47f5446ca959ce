import type { TraceInfo } from '../../shared/contract/traces';
import type { JobStatus } from '../../shared/jobs';
import type { Db } from '../db/open';

export interface TraceRecord {
  id: number;
  run: string;
  checkpoint: number | null;
  checkpoint_step: number;
  split: 'train' | 'test';
  example: number;
  weights: 'ema' | 'raw';
  act_steps: number | null;
  inner_updates: number;
  views: number;
  puzzle: string;
  status: JobStatus;
  error: string | null;
  solved: number | null;
  path: string;
  bytes: number | null;
  sha256: string | null;
  owner: string | null;
  created: string;
}

type WithRun = TraceRecord & { run_name: string };
const SELECT = 'SELECT traces.*, runs.name AS run_name FROM traces JOIN runs ON runs.id = traces.run';

export class TraceRepository {
  constructor(private readonly db: Db) {}

  /** Newest first. */
  list(run?: string): WithRun[] {
    return (
      run === undefined
        ? this.db.prepare(`${SELECT} ORDER BY traces.id DESC`).all()
        : this.db.prepare(`${SELECT} WHERE traces.run = ? ORDER BY traces.id DESC`).all(run)
    ) as WithRun[];
  }

  get(id: number): WithRun | null {
    return (this.db.prepare(`${SELECT} WHERE traces.id = ?`).get(id) as WithRun | undefined) ?? null;
  }

  /** A finished or pending trace of the same question, or null. */
  same(
    t: Pick<TraceRecord, 'checkpoint' | 'split' | 'example' | 'weights' | 'act_steps' | 'inner_updates' | 'views'>,
  ): WithRun | null {
    const row = this.db
      .prepare(
        `${SELECT} WHERE traces.checkpoint = @checkpoint AND split = @split AND example = @example AND weights = @weights
         AND act_steps IS @act_steps AND inner_updates = @inner_updates AND views = @views AND traces.status IN ('queued', 'running', 'done') ORDER BY traces.id DESC LIMIT 1`,
      )
      .get(t) as WithRun | undefined;
    return row ?? null;
  }

  insert(trace: Omit<TraceRecord, 'id'>): number {
    const keys = Object.keys(trace);
    const { lastInsertRowid } = this.db
      .prepare(`INSERT INTO traces (${keys.join(', ')}) VALUES (${keys.map((k) => `@${k}`).join(', ')})`)
      .run(trace);
    return Number(lastInsertRowid);
  }

  update(id: number, patch: Partial<Omit<TraceRecord, 'id'>>): void {
    if (!Object.keys(patch).length) return;
    const set = Object.keys(patch)
      .map((k) => `${k} = @${k}`)
      .join(', ');
    this.db.prepare(`UPDATE traces SET ${set} WHERE id = @id`).run({ ...patch, id });
  }

  delete(id: number): void {
    this.db.prepare('DELETE FROM traces WHERE id = ?').run(id);
  }
}

export function traceInfo(t: WithRun, progress: TraceInfo['progress'] = null): TraceInfo {
  return {
    id: t.id,
    run: t.run,
    run_name: t.run_name,
    checkpoint: t.checkpoint,
    checkpoint_step: t.checkpoint_step,
    puzzle: t.puzzle,
    example: { split: t.split, index: t.example },
    status: t.status,
    error: t.error,
    solved: t.solved === null ? null : t.solved === 1,
    weights: t.weights,
    act_steps: t.act_steps,
    inner: t.inner_updates === 1,
    views: t.views,
    progress,
    created: t.created,
  };
}
