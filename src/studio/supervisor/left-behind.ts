/** What a studio that is gone left in the queue of evaluations and solves. */
import { isAlive } from '../owner';

interface Left {
  id: string;
  owner: string | null;
  status: string;
  resume_at_start: boolean;
}

/** Where items are kept. */
interface Store {
  /** Those that wait or run. */
  active(): readonly Left[];
  update(id: string, patch: { status: 'stopped'; error: string; owner: null; resume_at_start: boolean }): void;
}

/**
 * Stops what dead processes left behind. What only waited, or was cut off by a regular quit, may go on at this start; the
 * rest says so: something that may have ended the studio does not start by itself.
 * @param said the sentence for each of the two
 */
export function stopLeftBehind(store: Store, said: { closed: string; lost: string }): void {
  for (const { id, owner, status, resume_at_start } of store.active()) {
    if (owner !== null && isAlive(owner)) continue;
    const waited = status === 'queued' || resume_at_start;
    store.update(id, {
      status: 'stopped',
      error: waited ? said.closed : said.lost,
      owner: null,
      resume_at_start: waited,
    });
  }
}
