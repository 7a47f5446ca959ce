import type { Migration } from '../migrate';

/**
 * A trace belongs to a run's checkpoint or to a solve, and goes with either; SQLite cannot take NOT NULL from a column, so
 * the table is made anew. `kept_bytes` is the size of the model that a solve keeps for its playback; null: it keeps none.
 */
export const solveTraces: Migration = {
  version: 5,
  name: 'traces of solves',
  up(db) {
    db.exec(`
      ALTER TABLE solves ADD COLUMN kept_bytes INTEGER;

      CREATE TABLE traces_anew (
        id INTEGER PRIMARY KEY AUTOINCREMENT,
        run TEXT REFERENCES runs (id) ON DELETE CASCADE,
        checkpoint INTEGER REFERENCES checkpoints (id) ON DELETE SET NULL,
        solve TEXT REFERENCES solves (id) ON DELETE CASCADE,
        -- Of the run, or the solve's last one.
        checkpoint_step INTEGER NOT NULL,
        split TEXT NOT NULL,
        example INTEGER NOT NULL,
        weights TEXT NOT NULL,
        act_steps INTEGER,
        inner_updates INTEGER NOT NULL DEFAULT 0 CHECK (inner_updates IN (0, 1)),
        views INTEGER NOT NULL DEFAULT 0,
        puzzle TEXT NOT NULL,
        status TEXT NOT NULL CHECK (status IN ('queued', 'running', 'paused', 'done', 'failed', 'stopped')),
        error TEXT,
        solved INTEGER,
        path TEXT NOT NULL,
        bytes INTEGER,
        sha256 TEXT,
        owner TEXT,
        created TEXT NOT NULL,
        CHECK ((run IS NULL) <> (solve IS NULL))
      ) STRICT;
      INSERT INTO traces_anew (id, run, checkpoint, checkpoint_step, split, example, weights, act_steps, inner_updates,
          views, puzzle, status, error, solved, path, bytes, sha256, owner, created)
        SELECT id, run, checkpoint, checkpoint_step, split, example, weights, act_steps, inner_updates,
          views, puzzle, status, error, solved, path, bytes, sha256, owner, created FROM traces;
      DROP TABLE traces;
      ALTER TABLE traces_anew RENAME TO traces;
      CREATE INDEX traces_of_run ON traces (run, id);
      CREATE INDEX traces_of_solve ON traces (solve, id);
    `);
  },
};
