import type { Migration } from '../migrate';

/**
 * The first schema. Times are ISO 8601 in UTC; paths are relative to the home where they lie inside it; columns that
 * end in _json hold JSON. `owner` names the process that works on the row (src/studio/owner.ts).
 */
export const initial: Migration = {
  version: 1,
  name: 'initial',
  up(db) {
    db.exec(`
      CREATE TABLE subsets (
        name TEXT PRIMARY KEY,
        title TEXT NOT NULL,
        source TEXT NOT NULL,
        bundled INTEGER NOT NULL CHECK (bundled IN (0, 1)),
        licence TEXT,
        position INTEGER NOT NULL,
        created TEXT NOT NULL
      ) STRICT;

      CREATE TABLE tasks (
        id INTEGER PRIMARY KEY,
        subset TEXT NOT NULL REFERENCES subsets (name) ON DELETE CASCADE,
        position INTEGER NOT NULL,
        name TEXT NOT NULL,
        train_pairs INTEGER NOT NULL,
        test_pairs INTEGER NOT NULL,
        max_side INTEGER NOT NULL,
        colours INTEGER NOT NULL,
        same_shape INTEGER NOT NULL,
        has_solutions INTEGER NOT NULL,
        first_input TEXT NOT NULL,
        first_output TEXT NOT NULL,
        pairs_json TEXT NOT NULL,
        UNIQUE (subset, name)
      ) STRICT;
      CREATE INDEX tasks_in_order ON tasks (subset, position);

      CREATE TABLE datasets (
        id TEXT PRIMARY KEY,
        name TEXT NOT NULL,
        kind TEXT NOT NULL,
        status TEXT NOT NULL CHECK (status IN ('building', 'ready', 'failed')),
        error TEXT,
        created TEXT NOT NULL,
        path TEXT NOT NULL,
        adopted INTEGER NOT NULL,
        recipe_json TEXT,
        facts_json TEXT,
        owner TEXT
      ) STRICT;

      CREATE TABLE runs (
        id TEXT PRIMARY KEY,
        name TEXT NOT NULL,
        preset TEXT,
        status TEXT NOT NULL CHECK (status IN ('queued', 'running', 'paused', 'done', 'failed', 'stopped')),
        reason TEXT,
        dataset TEXT REFERENCES datasets (id) ON DELETE SET NULL,
        dataset_name TEXT NOT NULL,
        kind TEXT NOT NULL,
        grid_rows INTEGER NOT NULL,
        grid_columns INTEGER NOT NULL,
        created TEXT NOT NULL,
        updated TEXT NOT NULL,
        queued_at TEXT,
        step INTEGER NOT NULL DEFAULT 0,
        total_steps INTEGER NOT NULL DEFAULT 0,
        seconds REAL NOT NULL DEFAULT 0,
        steps_per_s REAL,
        best_exact_accuracy REAL,
        last_exact_accuracy REAL,
        last_lm_loss REAL,
        config_json TEXT NOT NULL,
        backend_json TEXT,
        parameters INTEGER,
        embedding_rows INTEGER,
        flops_per_step REAL,
        notes_json TEXT NOT NULL DEFAULT '[]',
        pinned_json TEXT NOT NULL DEFAULT '[]',
        owner TEXT,
        compute_owner TEXT,
        resume_at_start INTEGER NOT NULL DEFAULT 0
      ) STRICT;
      CREATE INDEX runs_by_status ON runs (status);

      -- The names of the values of a metrics row, kept once: every row of a flush has the same ones.
      CREATE TABLE metric_sets (
        id INTEGER PRIMARY KEY,
        names_json TEXT NOT NULL UNIQUE
      ) STRICT;

      -- One row per step and set of names; "numbers" is little-endian float64 in the set's order, NaN for no value.
      CREATE TABLE metrics (
        run TEXT NOT NULL REFERENCES runs (id) ON DELETE CASCADE,
        step INTEGER NOT NULL,
        metric_set INTEGER NOT NULL REFERENCES metric_sets (id),
        seconds REAL NOT NULL,
        numbers BLOB NOT NULL,
        PRIMARY KEY (run, step, metric_set)
      ) STRICT, WITHOUT ROWID;

      CREATE TABLE checkpoints (
        id INTEGER PRIMARY KEY AUTOINCREMENT,
        run TEXT NOT NULL REFERENCES runs (id) ON DELETE CASCADE,
        step INTEGER NOT NULL,
        created TEXT NOT NULL,
        path TEXT NOT NULL,
        bytes INTEGER NOT NULL,
        sha256 TEXT NOT NULL,
        reason TEXT NOT NULL,
        exact_accuracy REAL,
        UNIQUE (run, step)
      ) STRICT;

      CREATE TABLE run_events (
        id INTEGER PRIMARY KEY AUTOINCREMENT,
        run TEXT NOT NULL REFERENCES runs (id) ON DELETE CASCADE,
        time TEXT NOT NULL,
        level TEXT NOT NULL CHECK (level IN ('info', 'warning', 'error')),
        step INTEGER,
        message TEXT NOT NULL
      ) STRICT;
      CREATE INDEX run_events_of_run ON run_events (run, id);

      CREATE TABLE predictions (
        run TEXT NOT NULL REFERENCES runs (id) ON DELETE CASCADE,
        step INTEGER NOT NULL,
        position INTEGER NOT NULL,
        split TEXT NOT NULL,
        example INTEGER NOT NULL,
        puzzle TEXT NOT NULL,
        tokens BLOB NOT NULL,
        confidence BLOB NOT NULL,
        q_halt REAL NOT NULL,
        wrong INTEGER NOT NULL,
        PRIMARY KEY (run, step, position)
      ) STRICT, WITHOUT ROWID;

      CREATE TABLE traces (
        id INTEGER PRIMARY KEY AUTOINCREMENT,
        run TEXT NOT NULL REFERENCES runs (id) ON DELETE CASCADE,
        checkpoint INTEGER REFERENCES checkpoints (id) ON DELETE SET NULL,
        checkpoint_step INTEGER NOT NULL,
        split TEXT NOT NULL,
        example INTEGER NOT NULL,
        weights TEXT NOT NULL,
        act_steps INTEGER,
        puzzle TEXT NOT NULL,
        status TEXT NOT NULL CHECK (status IN ('queued', 'running', 'paused', 'done', 'failed', 'stopped')),
        error TEXT,
        solved INTEGER,
        path TEXT NOT NULL,
        bytes INTEGER,
        sha256 TEXT,
        owner TEXT,
        created TEXT NOT NULL
      ) STRICT;
      CREATE INDEX traces_of_run ON traces (run, id);

      CREATE TABLE settings (
        key TEXT PRIMARY KEY,
        value_json TEXT NOT NULL
      ) STRICT, WITHOUT ROWID;
    `);
  },
};
