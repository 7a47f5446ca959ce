import { createHash } from 'node:crypto';
import { copyFileSync, existsSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import Database from 'better-sqlite3';
import { describe, expect, it } from 'vitest';
import { StudioError } from '../../src/shared/errors';
import { APPLICATION_ID, type Migration } from '../../src/studio/db/migrate';
import { MIGRATIONS } from '../../src/studio/db/migrations';
import { asStudioError, openDatabase } from '../../src/studio/db/open';
import { silentLog as log } from '../../src/studio/log';
import { openStore } from '../../src/studio/store';
import { freshFolder } from './home';

const sha = (file: string) => createHash('sha256').update(readFileSync(file)).digest('hex');

function thrown(act: () => unknown): StudioError {
  try {
    act();
  } catch (error) {
    expect(error).toBeInstanceOf(StudioError);
    return error as StudioError;
  }
  throw new Error('nothing was thrown');
}

describe('opening the database', () => {
  it('makes a new one at the newest schema, in WAL, with foreign keys', () => {
    const db = openDatabase(join(freshFolder(), 'studio.db'), { log });
    expect(db.pragma('user_version', { simple: true })).toBe(MIGRATIONS.length);
    expect(db.pragma('application_id', { simple: true })).toBe(APPLICATION_ID);
    expect(db.pragma('journal_mode', { simple: true })).toBe('wal');
    expect(db.pragma('foreign_keys', { simple: true })).toBe(1);
    db.close();
  });

  it('opens one a second time without changing its schema', () => {
    const file = join(freshFolder(), 'studio.db');
    openDatabase(file, { log }).close();
    const before = schemaOf(file);
    openDatabase(file, { log }).close();
    expect(schemaOf(file)).toEqual(before);
  });

  it('refuses a database of a newer version and leaves every byte of it', () => {
    const folder = freshFolder();
    const file = join(folder, 'studio.db');
    openDatabase(file, { log }).close();
    const newer = new Database(file);
    newer.pragma('user_version = 99');
    newer.close();
    const before = sha(file);
    const error = thrown(() => openDatabase(file, { log }));
    expect(error.code).toBe('newer_version');
    expect(error.message).toContain(file);
    expect(error.message).toContain('schema 99');
    expect(sha(file)).toBe(before);
    expect(readdirSync(folder)).toEqual(['studio.db']);
  });

  it('refuses one whose newer version still lies in the write-ahead log', () => {
    const folder = freshFolder();
    const file = join(folder, 'studio.db');
    openDatabase(file, { log }).close();
    // A writer that never closes: the new version is in the log only.
    const writer = new Database(file);
    writer.pragma('wal_autocheckpoint = 0');
    writer.pragma('user_version = 99');
    expect(readFileSync(file).readUInt32BE(60)).toBe(MIGRATIONS.length);
    expect(thrown(() => openDatabase(file, { log })).code).toBe('newer_version');
    expect(writer.pragma('user_version', { simple: true })).toBe(99);
    writer.close();
  });

  it.each([
    [
      'a text file',
      'this is not a database, and it is longer than one hundred bytes so that the length alone does not tell. Really.',
    ],
    ['a short file', 'short'],
  ])('refuses %s and leaves it', (_what, text) => {
    const file = join(freshFolder(), 'studio.db');
    writeFileSync(file, text);
    expect(thrown(() => openDatabase(file, { log })).code).toBe('damaged');
    expect(readFileSync(file, 'utf8')).toBe(text);
  });

  describe('of another program', () => {
    const refused = (file: string) => {
      const folder = dirname(file);
      const bytes = () => readdirSync(folder).map((name) => [name, sha(join(folder, name))]);
      const before = bytes();
      const error = thrown(() => openDatabase(file, { log }));
      expect(error.code).toBe('bad_input');
      expect(error.message).toContain('of another program');
      // Every byte, and every file: no log of ours, no backup.
      expect(bytes()).toEqual(before);
    };

    it.each([
      ['with a version', 'PRAGMA user_version = 1'],
      ['without a version', ''],
      ['with a mark of its own', 'PRAGMA application_id = 77'],
      ['with many tables', Array.from({ length: 200 }, (_, n) => `CREATE TABLE t${n} (a, b, c)`).join(';')],
    ])('is refused %s', (_what, sql) => {
      const file = join(freshFolder(), 'studio.db');
      const other = new Database(file);
      other.exec(`CREATE TABLE bookmarks (url TEXT); INSERT INTO bookmarks VALUES ('x'); ${sql}`);
      other.close();
      refused(file);
    });

    it('is refused without tables, by its mark', () => {
      const file = join(freshFolder(), 'studio.db');
      const other = new Database(file);
      other.pragma('application_id = 77');
      other.close();
      refused(file);
    });

    it('is refused where all that it holds is in its write-ahead log', () => {
      const file = join(freshFolder(), 'studio.db');
      const other = new Database(file);
      other.pragma('journal_mode = WAL');
      other.pragma('wal_autocheckpoint = 0');
      other.exec("CREATE TABLE bookmarks (url TEXT); INSERT INTO bookmarks VALUES ('x')");
      // As a process that died left it.
      const left = join(freshFolder(), 'studio.db');
      for (const end of ['', '-wal']) copyFileSync(`${file}${end}`, `${left}${end}`);
      other.close();
      refused(left);
    });
  });

  it('takes one that was left half made: empty, only opened, or with all of it in the write-ahead log', () => {
    const opens = (file: string) => {
      const db = openDatabase(file, { log });
      expect(db.pragma('user_version', { simple: true })).toBe(MIGRATIONS.length);
      db.close();
    };
    const empty = join(freshFolder(), 'studio.db');
    writeFileSync(empty, '');
    opens(empty);

    const opened = join(freshFolder(), 'studio.db');
    const begun = new Database(opened);
    begun.pragma('journal_mode = WAL');
    begun.close();
    expect(readFileSync(opened).length).toBeGreaterThan(0);
    opens(opened);

    const file = join(freshFolder(), 'studio.db');
    const whole = openDatabase(file, { log });
    whole.exec("INSERT INTO settings (key, value_json) VALUES ('kept', '1')");
    const left = join(freshFolder(), 'studio.db');
    for (const end of ['', '-wal']) copyFileSync(`${file}${end}`, `${left}${end}`);
    whole.close();
    // The mark is in the log only.
    expect(readFileSync(left).readUInt32BE(68)).toBe(0);
    const again = openDatabase(left, { log });
    expect(again.prepare("SELECT value_json FROM settings WHERE key = 'kept'").get()).toEqual({ value_json: '1' });
    again.close();
  });

  it('says SQLite’s own errors in sentences', () => {
    const full = asStudioError(
      Object.assign(new Error('database or disk is full'), { code: 'SQLITE_FULL' }),
      '/home/x/studio.db',
    ) as StudioError;
    expect(full.code).toBe('disk_full');
    expect(full.message).toContain('/home/x/studio.db');
    const moved = Object.assign(new Error(), { code: 'SQLITE_READONLY_DBMOVED' });
    expect((asStudioError(moved, '/home/x/studio.db') as StudioError).code).toBe('read_only');
    const other = new Error('x');
    expect(asStudioError(other, '/home/x/studio.db')).toBe(other);
  });
});

describe('migrations', () => {
  const add: Migration = {
    version: MIGRATIONS.length + 1,
    name: 'add a column',
    up: (db) => db.exec("ALTER TABLE runs ADD COLUMN colour TEXT NOT NULL DEFAULT 'indigo'"),
  };
  const fail: Migration = {
    version: MIGRATIONS.length + 2,
    name: 'breaks half-way',
    up: (db) => {
      db.exec('DELETE FROM settings; CREATE TABLE half (x)');
      throw new Error('no such thing');
    },
  };

  it('are numbered 1, 2, 3 … in the order of the list', () => {
    expect(MIGRATIONS.map((m) => m.version)).toEqual(MIGRATIONS.map((_, i) => i + 1));
  });

  it('bring a database of schema 1, as it was released, to the newest with all its rows', () => {
    const file = join(freshFolder(), 'studio.db');
    const old = new Database(file);
    old.exec(readFileSync(join(__dirname, 'fixtures', 'schema-1.sql'), 'utf8'));
    old.close();
    const db = openDatabase(file, { log });
    expect(db.pragma('user_version', { simple: true })).toBe(MIGRATIONS.length);
    const store = openStore(db);
    expect(store.runs.list().map((r) => [r.id, r.name, r.status, r.config.lr])).toEqual([
      ['aaaaaaaa', 'first', 'done', 0.0001],
    ]);
    expect(store.metrics.series('aaaaaaaa').map((s) => [s.name, [...s.steps], [...s.values]])).toEqual([
      ['lm_loss', [1, 2], [2.5, 1.25]],
      ['accuracy', [2], [0.5]],
    ]);
    expect(store.tasks.list({}).map((t) => t.name)).toEqual(['00d62c1b']);
    expect(store.settings.all()).toEqual({ theme: 'dark' });
    db.close();
    expect(schemaOf(file)).toEqual(schemaOf(newDatabase()));
  });

  it('keep the traces of runs when traces of solves are allowed beside them', () => {
    const file = join(freshFolder(), 'studio.db');
    const before = openDatabase(file, { log, migrations: MIGRATIONS.slice(0, 4) });
    before.exec(`
      INSERT INTO runs (id, name, status, dataset_name, kind, grid_rows, grid_columns, created, updated, config_json)
        VALUES ('r', 'a run', 'done', '', 'arc', 3, 3, 't', 't', '{}');
      INSERT INTO traces (id, run, checkpoint_step, split, example, weights, puzzle, status, path, created, views)
        VALUES (7, 'r', 40, 'test', 2, 'ema', 'p', 'done', 'traces/x', 't', 3);
    `);
    before.close();
    const db = openDatabase(file, { log });
    const { traces } = openStore(db);
    expect(traces.list({ run: 'r' })).toMatchObject([
      { id: 7, name: 'a run', solve: null, views: 3, path: 'traces/x' },
    ]);
    expect(() => db.prepare('UPDATE traces SET run = NULL WHERE id = 7').run()).toThrow(/CHECK/);
    // Numbers are not given twice: an address of an old playback must not lead to another.
    db.prepare('DELETE FROM traces').run();
    db.exec(`INSERT INTO traces (run, checkpoint_step, split, example, weights, puzzle, status, path, created)
      VALUES ('r', 40, 'test', 2, 'ema', 'p', 'done', 'traces/y', 't')`);
    expect(traces.list()[0].id).toBe(8);
    db.prepare("DELETE FROM runs WHERE id = 'r'").run();
    expect(traces.list()).toEqual([]);
    db.close();
  });

  it('keep what is there and remove the copy when they succeed', () => {
    const file = newDatabase();
    const db = openDatabase(file, { log, migrations: [...MIGRATIONS, add] });
    expect(db.pragma('user_version', { simple: true })).toBe(add.version);
    db.close();
    expect(existsSync(`${file}.schema-${MIGRATIONS.length}.backup`)).toBe(false);
  });

  it('change nothing when one fails, and name a copy from before', () => {
    const file = newDatabase();
    const before = new Database(file);
    before.prepare("INSERT INTO settings VALUES ('theme', '\"dark\"')").run();
    before.close();
    const error = thrown(() => openDatabase(file, { log, migrations: [...MIGRATIONS, add, fail] }));
    const backup = `${file}.schema-${MIGRATIONS.length}.backup`;
    expect(error.message).toContain(backup);
    expect(error.message).not.toContain('no such thing');
    for (const at of [file, backup]) {
      const db = new Database(at);
      expect(db.pragma('user_version', { simple: true })).toBe(MIGRATIONS.length);
      expect(db.prepare('SELECT value_json FROM settings').pluck().all()).toEqual(['"dark"']);
      expect(db.prepare("SELECT name FROM sqlite_master WHERE name = 'half'").all()).toEqual([]);
      expect((db.pragma('table_info(runs)') as { name: string }[]).some((c) => c.name === 'colour')).toBe(false);
      db.close();
    }
    // The old version of the app still opens it.
    openDatabase(file, { log }).close();
  });

  it('refuse rows that would point to nothing', () => {
    const file = newDatabase();
    const db = new Database(file);
    db.pragma('foreign_keys = OFF');
    db.prepare("INSERT INTO run_events (run, time, level, message) VALUES ('nobody', 't', 'info', 'm')").run();
    db.close();
    expect(thrown(() => openDatabase(file, { log, migrations: [...MIGRATIONS, add] })).code).toBe('internal');
  });
});

function newDatabase(): string {
  const file = join(freshFolder(), 'studio.db');
  openDatabase(file, { log }).close();
  return file;
}

function schemaOf(file: string): unknown[] {
  const db = new Database(file, { readonly: true });
  try {
    return db.prepare("SELECT type, name, sql FROM sqlite_master WHERE name NOT LIKE 'sqlite_%' ORDER BY name").all();
  } finally {
    db.close();
  }
}
