import type { Subset } from '../../shared/contract/tasks';
import type { Db } from '../db/open';

/** What stands as the source of the collection that holds the tasks drawn here; every other source is a path. */
export const OWN_SOURCE = 'drawn in TRM Studio';

/** A named collection of tasks: bundled, one import's, or the one of the tasks drawn here. */
export class SubsetRepository {
  constructor(private readonly db: Db) {}

  /** Bundled ones first, in the order of arrival. */
  list(): Subset[] {
    const rows = this.db
      .prepare(
        `SELECT s.name, s.title, s.source, s.bundled, s.licence, (SELECT count(*) FROM tasks t WHERE t.subset = s.name) AS count
         FROM subsets s ORDER BY s.bundled DESC, s.position`,
      )
      .all() as (Omit<Subset, 'bundled' | 'own'> & { bundled: number })[];
    return rows.map((row) => ({ ...row, bundled: row.bundled === 1, own: row.source === OWN_SOURCE }));
  }

  has(name: string): boolean {
    return this.db.prepare('SELECT 1 FROM subsets WHERE name = ?').get(name) !== undefined;
  }

  /** When it was stored or last changed, or null if there is none of that name. */
  createdAt(name: string): string | null {
    const row = this.db.prepare('SELECT created FROM subsets WHERE name = ?').get(name) as
      { created: string } | undefined;
    return row?.created ?? null;
  }

  /** The name of the collection of tasks drawn here, or null before the first. */
  own(): string | null {
    const row = this.db.prepare('SELECT name FROM subsets WHERE source = ?').get(OWN_SOURCE) as
      { name: string } | undefined;
    return row?.name ?? null;
  }

  /** Its tasks have changed: datasets made from it before are no longer what its recipe gives. */
  touch(name: string): void {
    this.db.prepare('UPDATE subsets SET created = ? WHERE name = ?').run(new Date().toISOString(), name);
  }

  insert(subset: Omit<Subset, 'count' | 'own'>): void {
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
