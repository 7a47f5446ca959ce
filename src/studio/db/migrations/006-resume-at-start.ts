import type { Migration } from '../migrate';

/** Evaluations and solves that wait, or were cut off by a regular quit, go on by themselves at the next start. */
export const resumeAtStart: Migration = {
  version: 6,
  name: 'evaluations and solves go on at the next start',
  up(db) {
    for (const table of ['evaluations', 'solves']) {
      db.exec(
        `ALTER TABLE ${table} ADD COLUMN resume_at_start INTEGER NOT NULL DEFAULT 0 CHECK (resume_at_start IN (0, 1))`,
      );
    }
  },
};
