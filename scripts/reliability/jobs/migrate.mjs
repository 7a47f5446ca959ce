/** A home of schema 1 that is opened: afterwards it is migrated with every row, or as it was. */
import { createHash } from 'node:crypto';
import { existsSync, mkdirSync, readdirSync, readFileSync, rmSync } from 'node:fs';
import { spawn } from 'node:child_process';
import { createRequire } from 'node:module';
import { join } from 'node:path';
import Database from 'better-sqlite3';
import { ROOT } from '../../lib/paths.mjs';
import { openServer, startCli } from '../lib/fronts.mjs';
import { rows, withDatabase } from '../lib/look.mjs';

/** Rows of traces: the migration that makes their table again is then long enough to be hit. */
const TRACES = 60_000;

/** @param {import('../lib/bench.mjs').Bench} bench @returns {Promise<import('../lib/series.mjs').Job>} */
export async function makeJob(bench) {
  const fill = () => {
    rmSync(bench.home, { recursive: true, force: true });
    mkdirSync(bench.home);
    const db = new Database(join(bench.home, 'studio.db'));
    db.exec(readFileSync(join(ROOT, 'test', 'studio', 'fixtures', 'schema-1.sql'), 'utf8'));
    db.exec(`WITH RECURSIVE n (i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < ${TRACES})
      INSERT INTO traces (run, checkpoint_step, split, example, weights, puzzle, status, path, created)
      SELECT (SELECT id FROM runs LIMIT 1), i, 'test', i, 'ema', 'puzzle ' || i, 'failed', 'traces/' || i, '2026' FROM n`);
    db.close();
  };
  fill();
  const reset = bench.keep();
  await bench.startAgain();
  const wanted = contentOf(bench.home);
  reset();
  return {
    fronts: { cli: 6, server: 3, app: 1 },
    noCompute: true,
    ownChecks: true,
    begin: async (kind) => {
      reset();
      if (kind === 'cli') {
        const { pid, ended } = startCli(bench, ['runs', '--home', bench.home]);
        return { pid, over: ended, leave: async () => undefined };
      }
      // Opening is the whole of the job: it is killed on its way up.
      if (kind === 'server') {
        const { pid, up, stop } = openServer(bench);
        return { pid, over: up, leave: stop };
      }
      return openApp(bench);
    },
    look: async () => {
      const faults = [];
      const said = withDatabase(bench.home, (db) => db.pragma('integrity_check', { simple: true }));
      if (said !== 'ok') faults.push(`integrity_check: ${said}`);
      if (contentOf(bench.home) !== wanted) faults.push('the rows are not those of an undisturbed migration');
      for (const name of readdirSync(bench.home)) {
        if (/^studio\.db./.test(name) && !/-(wal|shm)$/.test(name)) faults.push(`${name} was left behind`);
        if (/^\.write-test/.test(name)) faults.push(`${name} was left behind`);
      }
      return faults;
    },
    finish: async () => [],
  };
}

/**
 * Electron without the driver of its window, which would wait until there is one. Up when the log says that it migrated.
 * @param {import('../lib/bench.mjs').Bench} bench
 */
function openApp(bench) {
  const electron = createRequire(import.meta.url)('electron');
  const child = spawn(electron, [...(process.getuid?.() === 0 ? ['--no-sandbox'] : []), '.'], {
    cwd: ROOT,
    env: { ...bench.env, TRM_HOME: bench.home },
    stdio: 'ignore',
  });
  const log = join(bench.home, 'logs', 'studio.log');
  const gone = new Promise((resolve) => child.once('exit', resolve));
  const over = (async () => {
    while (child.exitCode === null && child.signalCode === null) {
      if (existsSync(log) && readFileSync(log, 'utf8').includes('schema 1 →')) return;
      await new Promise((resolve) => setTimeout(resolve, 20));
    }
  })();
  const leave = async () => {
    child.kill('SIGTERM');
    await gone;
  };
  return { pid: child.pid ?? 0, over, leave };
}

/** Every row of every table but those that each start writes. @param {string} home */
function contentOf(home) {
  return withDatabase(home, (db) => {
    const hash = createHash('sha256').update(String(db.pragma('user_version', { simple: true })));
    const tables = rows(
      db,
      "SELECT name FROM sqlite_master WHERE type = 'table' AND name NOT LIKE 'sqlite_%' ORDER BY name",
    );
    for (const { name } of tables) {
      // The bundled collections are taken in at each start.
      if (!/^(subsets|tasks|run_events)$/.test(name))
        hash.update(JSON.stringify(rows(db, `SELECT * FROM ${name} ORDER BY 1, 2`)));
    }
    return hash.digest('hex');
  });
}
