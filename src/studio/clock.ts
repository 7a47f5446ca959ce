/** The time as it is written down. Durations are measured by `performance.now()`, which no change of the clock moves. */

/** A clock that was set back further than this was wrong before: it is believed. */
const SET_BACK_MS = 2 * 60 * 60_000;

let last = 0;

/**
 * Now, as an ISO string, and later than every one that this process was given: lists and queues are in the order of
 * these, also where the clock is set back or two things are made in one millisecond.
 */
export function timestamp(now: number = Date.now()): string {
  last = now <= last && last - now <= SET_BACK_MS ? last + 1 : now;
  return new Date(last).toISOString();
}
