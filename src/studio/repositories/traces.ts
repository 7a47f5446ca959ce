import type { TraceInfo } from '../../shared/contract/traces';
import type { JobStatus } from '../../shared/jobs';
import type { SolveNetwork } from '../../shared/solve';
import type { Db } from '../db/open';

export interface TraceRecord {
  id: number;
  /** A trace has a run or a solve. */
  run: string | null;
  checkpoint: number | null;
  solve: string | null;
  /** Of the solve's networks; null of a run, and in old traces, which show the leading one. */
  network: SolveNetwork | null;
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

/** With the name of what it belongs to: a run's, or that of the task which was solved. */
type Named = TraceRecord & { name: string };
const SELECT = `SELECT traces.*, coalesce(runs.name, solves.task) AS name FROM traces
  LEFT JOIN runs ON runs.id = traces.run LEFT JOIN solves ON solves.id = traces.solve`;

export class TraceRepository {
  constructor(private readonly db: Db) {}

  /** Newest first. */
  list({ run, solve }: { run?: string; solve?: string } = {}): Named[] {
    const where = ['traces.run', 'traces.solve'].filter((_, i) => [run, solve][i] !== undefined);
    const sql = where.length ? `WHERE ${where.map((column) => `${column} = ?`).join(' AND ')}` : '';
    const values = [run, solve].filter((value) => value !== undefined);
    return this.db.prepare(`${SELECT} ${sql} ORDER BY traces.id DESC`).all(...values) as Named[];
  }

  get(id: number): Named | null {
    return (this.db.prepare(`${SELECT} WHERE traces.id = ?`).get(id) as Named | undefined) ?? null;
  }

  /** A finished or pending trace of the same question, or null. */
  same(
    t: Pick<
      TraceRecord,
      'checkpoint' | 'solve' | 'network' | 'split' | 'example' | 'weights' | 'act_steps' | 'inner_updates' | 'views'
    >,
  ): Named | null {
    const row = this.db
      .prepare(
        `${SELECT} WHERE traces.checkpoint IS @checkpoint AND traces.solve IS @solve AND network IS @network AND split = @split
         AND example = @example AND weights = @weights AND traces.act_steps IS @act_steps
         AND inner_updates = @inner_updates AND views = @views AND traces.status IN ('queued', 'running', 'done')
         ORDER BY traces.id DESC LIMIT 1`,
      )
      .get(t) as Named | undefined;
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

export function traceInfo(t: Named, progress: TraceInfo['progress'] = null): TraceInfo {
  return {
    id: t.id,
    run: t.run,
    solve: t.solve,
    network: t.network,
    name: t.name,
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
