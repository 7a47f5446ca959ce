/** Numbered migrations: applied in order, all of those that are due in one transaction, so that it is all or nothing. */
import { readdirSync, rmSync } from 'node:fs';
import { basename, dirname, join } from 'node:path';
import type Database from 'better-sqlite3';
import { StudioError } from '../../shared/errors';
import type { Log } from '../log';

/** "TRMS": tells a studio's database from any other SQLite file. */
export const APPLICATION_ID = 0x54524d53;

export interface Migration {
  /** 1, 2, 3 … without gaps: the schema's version after it. */
  version: number;
  name: string;
  up(db: Database.Database): void;
}

/**
 * Brings `db` to the newest version. A copy of the file is made first; it is removed when all went well.
 * @throws StudioError `internal` if a migration fails; the database is as it was, and the message names the copy.
 */
export function migrate(db: Database.Database, file: string, migrations: readonly Migration[], log: Log): void {
  const sorted = [...migrations].sort((a, b) => a.version - b.version);
  sorted.forEach((m, i) => {
    if (m.version !== i + 1) throw new Error(`migration ${m.name} has number ${m.version}, expected ${i + 1}`);
  });
  const version = () => Number(db.pragma('user_version', { simple: true }));
  const before = version();
  if (before >= sorted.length) return removeBackups(file);

  let backup: string | null = null;
  if (before > 0) {
    backup = `${file}.schema-${before}.backup`;
    rmSync(backup, { force: true });
    // Whole and consistent, whatever still lies in the write-ahead log.
    db.prepare('VACUUM INTO ?').run(backup);
  }
  let current = before;
  // A migration may have to make a table anew, which drops the old one; what points nowhere afterwards is checked.
  db.pragma('foreign_keys = OFF');
  try {
    db.transaction(() => {
      // Another process may have migrated while this one waited for the lock.
      for (const migration of sorted.slice(version())) {
        current = migration.version;
        migration.up(db);
        const broken = db.pragma('foreign_key_check') as unknown[];
        if (broken.length) throw new Error(`${broken.length} rows point to nothing after migration ${migration.name}`);
        db.pragma(`user_version = ${migration.version}`);
      }
      db.pragma(`application_id = ${APPLICATION_ID}`);
    }).immediate();
  } catch (error) {
    log.error(`migration ${current} of ${file} failed`, error);
    const kept = backup ? ` a copy from before is ${backup};` : '';
    throw new StudioError(
      'internal',
      `${file} could not be brought to schema ${current}: nothing was changed,${kept} report this with the log${log.file ? ` ${log.file}` : ''}.`,
      { backup },
      { cause: error },
    );
  }
  if (backup) rmSync(backup, { force: true });
  log.info(`database ${file}: schema ${before} → ${sorted.length}`);
}

/** A database that is of the newest schema needs no copy of an older one: the process that made it was killed at the end. */
function removeBackups(file: string): void {
  const prefix = `${basename(file)}.schema-`;
  for (const name of readdirSync(dirname(file))) {
    if (name.startsWith(prefix) && /^\d+\.backup(-journal)?$/.test(name.slice(prefix.length))) {
      rmSync(join(dirname(file), name), { force: true });
    }
  }
}
