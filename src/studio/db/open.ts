/** Opens the studio's database: the right binding, WAL, and the checks that must come before anything is written. */
import { closeSync, copyFileSync, existsSync, fsyncSync, mkdtempSync, openSync, readSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import Database from 'better-sqlite3';
import { StudioError, type ErrorCode } from '../../shared/errors';
import type { Log } from '../log';
import { APPLICATION_ID, migrate, type Migration } from './migrate';
import { MIGRATIONS } from './migrations';

export type Db = Database.Database;

export interface OpenOptions {
  log: Log;
  /** Only for tests of the migrations themselves. */
  migrations?: readonly Migration[];
  nativeBinding?: string;
}

/**
 * Opens and, where needed, migrates `file`; makes it if it is not there.
 * @throws StudioError `newer_version` (file untouched), `damaged`, `read_only`, `disk_full`, `unavailable` (this Node
 *   cannot load SQLite), `internal` (a migration failed: the message names the backup).
 */
export function openDatabase(file: string, options: OpenOptions): Db {
  const nativeBinding = options.nativeBinding ?? findBinding();
  if (!nativeBinding) checkNode();
  const migrations = options.migrations ?? MIGRATIONS;
  const newest = migrations.reduce((n, m) => Math.max(n, m.version), 0);
  refuseForeign(file, newest, nativeBinding);
  let db: Db | undefined;
  try {
    db = new Database(file, { timeout: 10_000, ...(nativeBinding ? { nativeBinding } : {}) });
    // The header alone may be out of date where a write-ahead log was left behind: ask SQLite before any write.
    refuseNewer(file, Number(db.pragma('user_version', { simple: true })), newest);
    db.pragma('journal_mode = WAL');
    db.pragma('synchronous = NORMAL');
    db.pragma(`journal_size_limit = ${16 * 2 ** 20}`);
    migrate(db, file, migrations, options.log);
    db.pragma('foreign_keys = ON');
    return db;
  } catch (error) {
    db?.close();
    throw asStudioError(error, file);
  }
}

export const sqliteVersion = (db: Db): string => (db.prepare('SELECT sqlite_version() AS v').get() as { v: string }).v;

/** A binding laid beside the executable (the test Electron) or named by TRM_SQLITE_BINDING; the package's own if neither. */
function findBinding(): string | undefined {
  if (process.env.TRM_SQLITE_BINDING) return process.env.TRM_SQLITE_BINDING;
  const beside = join(dirname(process.execPath), 'better_sqlite3.node');
  return existsSync(beside) ? beside : undefined;
}

/** better-sqlite3's prebuilt binary needs Node-API 10; on an older Node it ends the process instead of throwing. */
function checkNode(): void {
  if (Number(process.versions.napi) >= 10) return;
  throw new StudioError(
    'unavailable',
    `The database needs Node 22.14 or newer, and this is Node ${process.versions.node}: start with npm start or npm run trm, which bring their own, or install a newer Node.`,
  );
}

/** The file's header, and the one of its first page, whose cells are the tables. */
const HEADER_BYTES = 108;

/** Reads the header without SQLite, so that a file that is not ours is not touched at all. */
function refuseForeign(file: string, newest: number, nativeBinding: string | undefined): void {
  if (!existsSync(file)) return;
  const header = Buffer.alloc(HEADER_BYTES);
  let length: number;
  try {
    const fd = openSync(file, 'r');
    try {
      length = readSync(fd, header, 0, HEADER_BYTES, 0);
    } finally {
      closeSync(fd);
    }
  } catch (error) {
    throw asStudioError(error, file);
  }
  if (length === 0) return;
  if (length < HEADER_BYTES || header.toString('latin1', 0, 15) !== 'SQLite format 3') {
    throw new StudioError(
      'damaged',
      `${file} is not a database: move it away and start again, or restore it from a copy.`,
    );
  }
  const version = header.readUInt32BE(60);
  if (header.readUInt32BE(68) !== APPLICATION_ID && !isNew(file, header, nativeBinding)) {
    throw new StudioError(
      'bad_input',
      `${file} is a database of another program: choose another studio home with --home DIR.`,
    );
  }
  refuseNewer(file, version, newest);
}

/**
 * Whether a database without our mark is one that we were about to make: the mark is written in one transaction with the
 * first tables, so that one with tables, or with another mark or version, is somebody else's. A process that died right
 * after that transaction has left it in the write-ahead log; a copy tells, as reading the log would change the files.
 */
function isNew(file: string, header: Buffer, nativeBinding: string | undefined): boolean {
  if (header.readUInt32BE(60) !== 0 || header.readUInt32BE(68) !== 0) return false;
  // A leaf without cells.
  if (header[100] !== 0x0d || header.readUInt16BE(103) !== 0) return false;
  const beside = ['-wal', '-journal'].filter((end) => existsSync(`${file}${end}`));
  if (beside.length === 0) return true;
  const folder = mkdtempSync(join(tmpdir(), 'trm-database-'));
  let copy: Db | undefined;
  try {
    const at = join(folder, 'copy.db');
    for (const end of ['', ...beside]) copyFileSync(`${file}${end}`, `${at}${end}`);
    copy = new Database(at, nativeBinding ? { nativeBinding } : {});
    const { tables } = copy.prepare('SELECT count(*) AS tables FROM sqlite_master').get() as { tables: number };
    return tables === 0 || Number(copy.pragma('application_id', { simple: true })) === APPLICATION_ID;
  } catch (error) {
    throw asStudioError(error, file);
  } finally {
    copy?.close();
    rmSync(folder, { recursive: true, force: true });
  }
}

function refuseNewer(file: string, version: number, newest: number): void {
  if (version <= newest) return;
  throw new StudioError(
    'newer_version',
    `${file} was written by a later TRM Studio (schema ${version}, this one knows ${newest}): update TRM Studio, or choose another home with --home DIR; the file was not changed.`,
  );
}

const SQLITE: [prefix: string, code: ErrorCode, sentence: (file: string) => string][] = [
  [
    'SQLITE_FULL',
    'disk_full',
    (f) => `The disk that holds ${f} is full: free some space and try again; what was saved stays saved.`,
  ],
  [
    'SQLITE_IOERR_WRITE',
    'disk_full',
    (f) =>
      `${f} cannot be written, its disk may be full or read-only: free some space, or check the disk, and try again; what was saved stays saved.`,
  ],
  [
    'SQLITE_IOERR',
    'unavailable',
    (f) =>
      `${f} cannot be read or written: check that its disk is plugged in, mounted and sound, then start again; what was saved stays saved.`,
  ],
  [
    'SQLITE_READONLY',
    'read_only',
    (f) => `${f} cannot be written: check its permissions, or choose another home with --home DIR.`,
  ],
  ['SQLITE_CANTOPEN', 'permission', (f) => `${f} cannot be opened: check the permissions of the file and its folder.`],
  [
    'SQLITE_BUSY',
    'conflict',
    (f) => `${f} is being written by another program and did not get free: close that and try again.`,
  ],
  [
    'SQLITE_CORRUPT',
    'damaged',
    (f) => `${f} is damaged: restore it from a copy, or move it away to start with a new one.`,
  ],
  [
    'SQLITE_NOTADB',
    'damaged',
    (f) => `${f} is not a database: move it away and start again, or restore it from a copy.`,
  ],
];

/** After one failed write on a disk that is gone, SQLite finds its pages damaged: the error of the disk itself, or null. */
function whyNoAnswer(file: string): NodeJS.ErrnoException | null {
  try {
    const fd = openSync(file, 'r');
    try {
      readSync(fd, Buffer.alloc(HEADER_BYTES), 0, HEADER_BYTES, 0);
      fsyncSync(fd);
      return null;
    } finally {
      closeSync(fd);
    }
  } catch (error) {
    const fault = error as NodeJS.ErrnoException;
    // Calls on an open file name none.
    fault.path ??= file;
    // A folder that cannot be synced, or a system that lets only writers sync, says nothing of the disk.
    return ['EIO', 'ENODEV', 'ENXIO', 'ESTALE', 'ENOTCONN', 'ESHUTDOWN'].includes(fault.code ?? '') ? fault : null;
  }
}

/** SQLite's own errors as sentences; everything else is passed through. */
export function asStudioError(error: unknown, file: string): unknown {
  const code = (error as { code?: unknown } | null)?.code;
  if (error instanceof StudioError || typeof code !== 'string') return error;
  const known = SQLITE.find(([prefix]) => code.startsWith(prefix));
  // Nobody may be sent to move a sound database away because its disk was pulled.
  if (known?.[1] === 'damaged') {
    const silent = whyNoAnswer(file);
    if (silent !== null) return silent;
  }
  return known ? new StudioError(known[1], known[2](file), undefined, { cause: error }) : error;
}

/**
 * Runs `write` so that it is on the disk when this returns: for the row that says that a checkpoint exists, or that it no
 * longer does. Inside another one it is part of that.
 */
export function durably<T>(db: Db, write: () => T): T {
  if (db.inTransaction) return write();
  db.pragma('synchronous = FULL');
  try {
    return db.transaction(write)();
  } finally {
    db.pragma('synchronous = NORMAL');
  }
}
