/** At the start: runs whose process died are marked, and those that a regular quit stopped go on. */
import { nextStatus } from '../../shared/jobs';
import type { Context } from '../context';
import { isAlive, pidOf } from '../owner';
import type { RunRecord } from '../repositories/runs';

/**
 * Marks runs as stopped whose studio process is gone; runs of a living one are left alone. A compute process that
 * outlived its studio is ended first, so that it cannot write into a run that goes on elsewhere.
 */
export function markLost(context: Context): void {
  const { store, log } = context;
  for (const run of store.runs.active()) {
    if (run.owner !== null && isAlive(run.owner)) continue;
    if (run.compute_owner !== null && isAlive(run.compute_owner)) endOrphan(context, run);
    const status = nextStatus(run.status, 'lost');
    if (status === null) continue;
    const saved = store.checkpoints.list(run.id)[0];
    const reason = `TRM Studio ended without a chance to save: ${
      saved
        ? `it can be resumed from the checkpoint of step ${saved.step}`
        : 'nothing was saved yet, so it starts again'
    }.`;
    store.events.append(run.id, 'warning', reason, null);
    store.runs.update(run.id, { status, reason, owner: null, compute_owner: null, queued_at: null });
    log.warn(`run ${run.id} was lost by process ${run.owner ?? '?'}`);
  }
}

function endOrphan(context: Context, run: RunRecord): void {
  const pid = pidOf(run.compute_owner ?? '');
  try {
    process.kill(pid, 'SIGKILL');
    context.log.warn(`ended compute process ${pid} of run ${run.id}, whose studio is gone`);
  } catch (error) {
    context.log.error(`ending compute process ${pid}`, error);
  }
}

/** The runs that a regular quit stopped, oldest first. */
export function toResume(context: Context): RunRecord[] {
  return context.store.runs
    .list()
    .filter((run) => run.resume_at_start && run.status === 'stopped')
    .sort((a, b) => (a.queued_at ?? '').localeCompare(b.queued_at ?? '') || a.created.localeCompare(b.created));
}
