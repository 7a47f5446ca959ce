import type { StudioEvents } from './emitter';
import type { StudioHome } from './home';
import type { Log } from './log';
import type { Store } from './store';
import type { Supervisor } from './supervisor/supervisor';

/** What every service of the studio needs. */
export interface Context {
  home: StudioHome;
  store: Store;
  events: StudioEvents;
  log: Log;
  supervisor: Supervisor;
  /** This process, as written in `owner` columns. */
  owner: string;
}
