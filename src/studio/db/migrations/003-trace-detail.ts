import type { Migration } from '../migrate';

/** What a trace was asked to hold beyond the ACT steps themselves; those made before have neither. */
export const traceDetail: Migration = {
  version: 3,
  name: 'trace detail',
  up(db) {
    db.exec(`
      ALTER TABLE traces ADD COLUMN inner_updates INTEGER NOT NULL DEFAULT 0 CHECK (inner_updates IN (0, 1));
      ALTER TABLE traces ADD COLUMN views INTEGER NOT NULL DEFAULT 0;
    `);
  },
};
