import type { Db } from '../db/open';
import { parseStored } from './rows';

/** Key and value; the meaning and the defaults are in the contract's schema. */
export class SettingsRepository {
  constructor(private readonly db: Db) {}

  all(): Record<string, unknown> {
    const rows = this.db.prepare('SELECT key, value_json FROM settings').all() as { key: string; value_json: string }[];
    return Object.fromEntries(rows.map((row) => [row.key, parseStored(row.value_json) as unknown]));
  }

  set(values: Record<string, unknown>): void {
    const put = this.db.prepare('INSERT OR REPLACE INTO settings (key, value_json) VALUES (?, ?)');
    this.db.transaction(() => {
      for (const [key, value] of Object.entries(values)) if (value !== undefined) put.run(key, JSON.stringify(value));
    })();
  }

  delete(key: string): void {
    this.db.prepare('DELETE FROM settings WHERE key = ?').run(key);
  }
}
