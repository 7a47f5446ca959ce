import type { Migration } from '../migrate';

/** Evaluations of checkpoints, and how each task did in them. Curves and candidates are JSON: they are read whole. */
export const evaluations: Migration = {
  version: 2,
  name: 'evaluations',
  up(db) {
    db.exec(`
      CREATE TABLE evaluations (
        id TEXT PRIMARY KEY,
        run TEXT NOT NULL REFERENCES runs (id) ON DELETE CASCADE,
        checkpoint INTEGER REFERENCES checkpoints (id) ON DELETE SET NULL,
        checkpoint_step INTEGER NOT NULL,
        dataset TEXT REFERENCES datasets (id) ON DELETE SET NULL,
        dataset_name TEXT NOT NULL,
        kind TEXT NOT NULL,
        grid_rows INTEGER NOT NULL,
        grid_columns INTEGER NOT NULL,
        status TEXT NOT NULL CHECK (status IN ('queued', 'running', 'paused', 'done', 'failed', 'stopped')),
        error TEXT,
        done INTEGER NOT NULL DEFAULT 0,
        total INTEGER NOT NULL DEFAULT 0,
        seconds REAL NOT NULL DEFAULT 0,
        plan_json TEXT NOT NULL,
        metrics_json TEXT NOT NULL DEFAULT '{}',
        curves_json TEXT NOT NULL DEFAULT '{"act_steps":[],"by_views":[]}',
        notes_json TEXT NOT NULL DEFAULT '[]',
        -- The folder with its files; "outside" ones are the user's own and stay when the row goes.
        path TEXT NOT NULL,
        outside INTEGER NOT NULL CHECK (outside IN (0, 1)),
        owner TEXT,
        created TEXT NOT NULL
      ) STRICT;
      CREATE INDEX evaluations_of_run ON evaluations (run, created);

      CREATE TABLE evaluation_tasks (
        evaluation TEXT NOT NULL REFERENCES evaluations (id) ON DELETE CASCADE,
        position INTEGER NOT NULL,
        name TEXT NOT NULL,
        outcome TEXT NOT NULL CHECK (outcome IN ('solved', 'close', 'missed', 'unknown')),
        -- Of the first test input: what a thumbnail shows.
        input TEXT NOT NULL,
        target TEXT,
        attempt TEXT,
        inputs_json TEXT NOT NULL,
        PRIMARY KEY (evaluation, position)
      ) STRICT, WITHOUT ROWID;
      CREATE INDEX evaluation_tasks_by_name ON evaluation_tasks (evaluation, name);
    `);
  },
};
