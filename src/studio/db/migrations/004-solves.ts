import type { Migration } from '../migrate';

/** Tasks that were solved by test-time training. The task is kept with its solve: it may come from a file that goes. */
export const solves: Migration = {
  version: 4,
  name: 'solves',
  up(db) {
    db.exec(`
      CREATE TABLE solves (
        id TEXT PRIMARY KEY,
        task TEXT NOT NULL,
        task_json TEXT NOT NULL,
        -- Where the network started from; null: from nothing.
        checkpoint INTEGER REFERENCES checkpoints (id) ON DELETE SET NULL,
        checkpoint_path TEXT,
        options_json TEXT NOT NULL,
        status TEXT NOT NULL CHECK (status IN ('queued', 'running', 'paused', 'done', 'failed', 'stopped')),
        error TEXT,
        step INTEGER NOT NULL DEFAULT 0,
        seconds REAL NOT NULL DEFAULT 0,
        -- How it went so far, and the candidates of the last check.
        checks_json TEXT NOT NULL DEFAULT '[]',
        candidates_json TEXT NOT NULL DEFAULT '[]',
        -- 1 if every test input whose answer is known has it among its two attempts; null if none is known.
        correct INTEGER CHECK (correct IN (0, 1)),
        -- The result file.
        path TEXT NOT NULL,
        bytes INTEGER,
        sha256 TEXT,
        owner TEXT,
        created TEXT NOT NULL
      ) STRICT;
      CREATE INDEX solves_by_time ON solves (created);
    `);
  },
};
