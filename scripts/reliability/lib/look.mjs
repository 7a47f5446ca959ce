/** What must hold of a studio home whatever happened: asked of the files and of SQLite itself, not of the studio. */
import { createHash } from 'node:crypto';
import { existsSync, readdirSync, readFileSync, statSync } from 'node:fs';
import { isAbsolute, join, relative, resolve, sep } from 'node:path';
import Database from 'better-sqlite3';

/** @param {string} path */
export const sha256 = (path) => createHash('sha256').update(readFileSync(path)).digest('hex');

/**
 * All files below a folder, relative to it, with forward slashes.
 * @param {string} folder
 * @returns {string[]}
 */
export function filesBelow(folder) {
  if (!existsSync(folder)) return [];
  return readdirSync(folder, { recursive: true, withFileTypes: true })
    .filter((entry) => !entry.isDirectory())
    .map((entry) => relative(folder, join(entry.parentPath, entry.name)).split(sep).join('/'))
    .sort();
}

/**
 * Names and contents of a folder's files as one hash.
 * @param {string} folder
 * @param {(name: string) => boolean} [taken]
 */
export function hashOf(folder, taken = () => true) {
  const hash = createHash('sha256');
  for (const name of filesBelow(folder).filter(taken)) hash.update(`${name}\0${sha256(join(folder, name))}\0`);
  return hash.digest('hex');
}

/**
 * @template T
 * @param {string} home
 * @param {(db: import('better-sqlite3').Database) => T} read
 * @returns {T}
 */
export function withDatabase(home, read) {
  const db = new Database(join(home, 'studio.db'), { timeout: 10_000 });
  try {
    return read(db);
  } finally {
    db.close();
  }
}

/**
 * @param {import('better-sqlite3').Database} db
 * @param {string} sql
 * @param {unknown[]} values
 * @returns {any[]}
 */
export const rows = (db, sql, ...values) => db.prepare(sql).all(...values);

/**
 * The database is whole, and so is every checkpoint that a row names; the files of all that is done are there.
 * @param {string} home
 * @returns {string[]} what is wrong
 */
export function damage(home) {
  if (!existsSync(join(home, 'studio.db'))) return [];
  return withDatabase(home, (db) => {
    const faults = [];
    const said = /** @type {{ integrity_check: string }[]} */ (db.pragma('integrity_check'));
    if (said[0].integrity_check !== 'ok')
      faults.push(`integrity_check: ${said.map((s) => s.integrity_check).join('; ')}`);
    const loose = /** @type {unknown[]} */ (db.pragma('foreign_key_check'));
    if (loose.length) faults.push(`${loose.length} rows point to nothing`);
    if (!rows(db, "SELECT 1 FROM sqlite_master WHERE name = 'checkpoints'").length) return faults;
    for (const { path, bytes, sha256: sum } of rows(db, 'SELECT path, bytes, sha256 FROM checkpoints')) {
      const file = isAbsolute(path) ? path : resolve(home, path);
      if (!existsSync(file)) faults.push(`checkpoint ${path} is missing`);
      else if (statSync(file).size !== bytes || sha256(file) !== sum) faults.push(`checkpoint ${path} is not whole`);
    }
    return [...faults, ...missing(db, home)];
  });
}

/** By table, of what is done there: the file that is written last of its own. */
const WRITTEN = {
  datasets: ["SELECT path FROM datasets WHERE status = 'ready' AND adopted = 0", 'train/dataset.json'],
  evaluations: ["SELECT path FROM evaluations WHERE status = 'done' AND outside = 0", 'evaluation.json'],
  solves: ["SELECT path FROM solves WHERE status = 'done'", '.'],
  traces: ["SELECT path FROM traces WHERE status = 'done'", '.'],
};

/** @param {import('better-sqlite3').Database} db @param {string} home @returns {string[]} rows without their files */
function missing(db, home) {
  return Object.entries(WRITTEN).flatMap(([table, [sql, file]]) => {
    if (!rows(db, 'SELECT 1 FROM sqlite_master WHERE name = ?', table).length) return [];
    return rows(db, sql)
      .filter(({ path }) => !existsSync(resolve(home, path, file)))
      .map(({ path }) => `${table}: ${path} is missing`);
  });
}

/**
 * After a start: nothing is held by a process that is gone, and every file in the home is one that something knows.
 * @param {string} home
 * @param {{ held?: readonly string[] }} [options] held: tables whose rows may say that they run, since something does
 * @returns {string[]}
 */
export function leftovers(home, { held = [] } = {}) {
  return withDatabase(home, (db) => {
    const faults = [];
    for (const table of ['runs', 'evaluations', 'solves', 'traces', 'datasets']) {
      if (held.includes(table)) continue;
      const going = "status IN ('queued', 'running', 'building')";
      for (const { id, status } of rows(db, `SELECT id, status FROM ${table} WHERE ${going}`)) {
        faults.push(`${table} ${id} is still ${status}`);
      }
    }
    const known = knownFiles(db);
    for (const file of filesBelow(home)) {
      if (!known(file)) faults.push(`${file} was left behind`);
    }
    return faults;
  });
}

/** @param {import('better-sqlite3').Database} db */
function knownFiles(db) {
  const paths = (/** @type {string} */ sql) => new Set(rows(db, sql).map(({ path }) => path));
  const checkpoints = paths('SELECT path FROM checkpoints');
  const traces = paths('SELECT path FROM traces');
  const datasets = paths('SELECT path FROM datasets');
  const evaluations = rows(db, 'SELECT path, status FROM evaluations');
  const solves = rows(db, 'SELECT id, status, kept_bytes FROM solves');
  const recipes = rows(db, 'SELECT recipe_json FROM datasets WHERE recipe_json IS NOT NULL').map((r) => r.recipe_json);
  return (/** @type {string} */ file) => {
    const [top, name] = file.split('/');
    switch (top) {
      case 'runs':
        return checkpoints.has(file) || file.endsWith('.damaged');
      case 'traces':
        return traces.has(file);
      case 'datasets':
        return datasets.has(`${top}/${name}`);
      case 'sources':
        return recipes.some((recipe) => recipe.includes(`sources/${name}/`));
      case 'evaluations': {
        const known = evaluations.find(({ path }) => path === `${top}/${name}`);
        // The part that is done is what an unfinished one goes on from.
        return known && (known.status !== 'done' || !file.endsWith('.partial'));
      }
      case 'solves': {
        const known = solves.find(({ id }) => name === `${id}.json` || name === id);
        return known && !file.endsWith('.partial') && (name !== known.id || known.kept_bytes !== null);
      }
      case 'logs':
        return true;
      default:
        return /^(studio\.db(-wal|-shm)?|settings\.json)$/.test(file) || APP_OWN.test(file);
    }
  };
}

/** What Chromium keeps of a window, in a folder of its own. */
const APP_OWN = /^(window|electron|app)\//;

/** Names that only files on their way have. */
const ON_THE_WAY = /\.partial(-|$)|\.building-|\.tmp$|\.part-|\.write-test/;

/**
 * What was left on its way in a folder outside the home.
 * @param {string} folder
 * @returns {string[]}
 */
export const halves = (folder) =>
  filesBelow(folder)
    .filter((file) => ON_THE_WAY.test(file))
    .map((file) => `${file} was left in the folder that it was written to`);
