import type { Migration } from '../migrate';

/** Which of a solve's networks a trace shows; null of a run, and in traces made before a choice existed. */
export const traceNetwork: Migration = {
  version: 7,
  name: 'traces of each network of a solve',
  up(db) {
    db.exec('ALTER TABLE traces ADD COLUMN network TEXT');
  },
};
