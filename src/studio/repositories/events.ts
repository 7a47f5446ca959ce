import type { RunEvent } from '../../shared/contract/runs';
import type { Db } from '../db/open';

/** What happened to a run, in sentences. */
export class EventRepository {
  constructor(private readonly db: Db) {}

  append(run: string, level: RunEvent['level'], message: string, step: number | null): RunEvent {
    const time = new Date().toISOString();
    const { lastInsertRowid } = this.db
      .prepare('INSERT INTO run_events (run, time, level, step, message) VALUES (?, ?, ?, ?, ?)')
      .run(run, time, level, step, message);
    return { id: Number(lastInsertRowid), run, time, level, step, message };
  }

  list(run: string, afterId = 0): RunEvent[] {
    return this.db
      .prepare('SELECT * FROM run_events WHERE run = ? AND id > ? ORDER BY id')
      .all(run, afterId) as RunEvent[];
  }

  lastId(run: string): number {
    const row = this.db.prepare('SELECT max(id) AS id FROM run_events WHERE run = ?').get(run) as { id: number | null };
    return row.id ?? 0;
  }

  deleteAfter(run: string, step: number): number {
    return this.db.prepare('DELETE FROM run_events WHERE run = ? AND step > ?').run(run, step).changes;
  }
}
