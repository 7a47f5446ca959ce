import type { CheckpointFile } from '../../shared/compute';
import { durably, type Db } from '../db/open';

export interface CheckpointRecord {
  id: number;
  run: string;
  step: number;
  created: string;
  /** As stored (home.ts). */
  path: string;
  bytes: number;
  sha256: string;
  reason: string;
  exact_accuracy: number | null;
}

export class CheckpointRepository {
  constructor(private readonly db: Db) {}

  /** Newest step first. */
  list(run: string): CheckpointRecord[] {
    return this.db.prepare('SELECT * FROM checkpoints WHERE run = ? ORDER BY step DESC').all(run) as CheckpointRecord[];
  }

  get(id: number): CheckpointRecord | null {
    return (this.db.prepare('SELECT * FROM checkpoints WHERE id = ?').get(id) as CheckpointRecord | undefined) ?? null;
  }

  /** The one whose file is at any of these places, written as they are stored. */
  byPath(paths: readonly string[]): CheckpointRecord | null {
    const find = this.db.prepare('SELECT * FROM checkpoints WHERE path IN (SELECT value FROM json_each(?)) LIMIT 1');
    return (find.get(JSON.stringify(paths)) as CheckpointRecord | undefined) ?? null;
  }

  has(run: string): boolean {
    return this.db.prepare('SELECT 1 FROM checkpoints WHERE run = ? LIMIT 1').get(run) !== undefined;
  }

  /** On the disk when this returns. A checkpoint of the same step takes the older one's place. */
  record(run: string, file: CheckpointFile, path: string): CheckpointRecord {
    const { step, bytes, sha256, reason, exact_accuracy } = file;
    return durably(this.db, () => {
      const row = this.db
        .prepare(
          `INSERT INTO checkpoints (run, step, created, path, bytes, sha256, reason, exact_accuracy)
           VALUES (@run, @step, @created, @path, @bytes, @sha256, @reason, @exact_accuracy)
           ON CONFLICT (run, step) DO UPDATE SET created = excluded.created, path = excluded.path, bytes = excluded.bytes,
             sha256 = excluded.sha256, reason = excluded.reason,
             exact_accuracy = coalesce(excluded.exact_accuracy, exact_accuracy)
           RETURNING *`,
        )
        .get({ run, step, created: new Date().toISOString(), path, bytes, sha256, reason, exact_accuracy });
      return row as CheckpointRecord;
    });
  }

  delete(id: number): void {
    this.db.prepare('DELETE FROM checkpoints WHERE id = ?').run(id);
  }
}

/** The one with the best exact accuracy; of equals the newest. Null if none was evaluated. */
export function bestCheckpoint<C extends { step: number; exact_accuracy: number | null }>(
  list: readonly C[],
): C | null {
  let best: C | null = null;
  for (const c of list) {
    if (c.exact_accuracy === null) continue;
    const better = best === null || c.exact_accuracy > (best.exact_accuracy ?? 0);
    const newer = best !== null && c.exact_accuracy === best.exact_accuracy && c.step > best.step;
    if (better || newer) best = c;
  }
  return best;
}
