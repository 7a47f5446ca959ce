import type { Subset } from '../../shared/contract/tasks';
import type { Db } from '../db/open';

/** A named collection of tasks: bundled, or one import's. */
export class SubsetRepository {
  constructor(private readonly db: Db) {}

  /** Bundled ones first, in the order of arrival. */
  list(): Subset[] {
    const rows = this.db
      .prepare(
        `SELECT s.name, s.title, s.source, s.bundled, s.licence, (SELECT count(*) FROM tasks t WHERE t.subset = s.name) AS count
         FROM subsets s ORDER BY s.bundled DESC, s.position`,
      )
      .all() as (Omit<Subset, 'bundled'> & { bundled: number })[];
    return rows.map((row) => ({ ...row, bundled: row.bundled === 1 }));
  }

  has(name: string): boolean {
    return this.db.prepare('SELECT 1 FROM subsets WHERE name = ?').get(name) !== undefined;
  }

  /** When it was stored, or null if there is none of that name. */
  createdAt(name: string): string | null {
    const row = this.db.prepare('SELECT created FROM subsets WHERE name = ?').get(name) as
      { created: string } | undefined;
    return row?.created ?? null;
  }

  insert(subset: Omit<Subset, 'count'>): void {
    this.db
      .prepare(
        `INSERT INTO subsets (name, title, source, bundled, licence, position, created)
         VALUES (@name, @title, @source, @bundled, @licence, (SELECT coalesce(max(position), 0) + 1 FROM subsets), @created)`,
      )
      .run({ ...subset, bundled: subset.bundled ? 1 : 0, created: new Date().toISOString() });
  }

  /** With its tasks. */
  delete(name: string): void {
    this.db.prepare('DELETE FROM subsets WHERE name = ?').run(name);
  }
}
