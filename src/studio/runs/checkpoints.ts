/** Checkpoint files: which are kept, which can be trusted, and what a killed run left behind. */
import { createHash } from 'node:crypto';
import { createReadStream, existsSync, readdirSync, renameSync, rmSync, statSync } from 'node:fs';
import { join } from 'node:path';
import type { Context } from '../context';
import { durably } from '../db/open';
import { absolutePath } from '../home';
import { bestCheckpoint, type CheckpointRecord } from '../repositories/checkpoints';
import type { RunRecord } from '../repositories/runs';
import { runFolder } from './summary';

/**
 * Which of a run's checkpoints go: all but the newest `keep`, the best, those that `checkpoint_every_eval` keeps, and
 * those in `inUse` (a trace is being made of them, a solve starts from them, or an evaluation was made).
 */
export function toPrune(
  list: readonly CheckpointRecord[],
  keep: number,
  everyEval: boolean,
  inUse: ReadonlySet<number>,
): CheckpointRecord[] {
  const newest = [...list].sort((a, b) => b.step - a.step).slice(0, keep);
  const best = bestCheckpoint(list);
  return list.filter(
    (c) => !newest.includes(c) && c !== best && !inUse.has(c.id) && !(everyEval && c.reason === 'evaluation'),
  );
}

/** Removes what `toPrune` names: the row first, so that no row ever points to a file that is gone. */
export function pruneCheckpoints(context: Context, run: RunRecord): void {
  const { store, home } = context;
  const inUse = new Set<number>();
  for (const t of store.traces.list({ run: run.id })) {
    if (t.checkpoint !== null && (t.status === 'queued' || t.status === 'running')) inUse.add(t.checkpoint);
  }
  // Results lead to playbacks of their checkpoint: it stays for as long as they do.
  for (const e of store.evaluations.list(run.id)) if (e.checkpoint !== null) inUse.add(e.checkpoint);
  for (const s of store.solves.active()) if (s.checkpoint !== null) inUse.add(s.checkpoint);
  const gone = toPrune(
    store.checkpoints.list(run.id),
    run.config.studio.keep_checkpoints,
    run.config.checkpoint_every_eval,
    inUse,
  );
  if (!gone.length) return;
  // On the disk before the files go: a power cut must not bring back a row whose file it does not bring back.
  durably(store.db, () => gone.forEach((c) => store.checkpoints.delete(c.id)));
  for (const c of gone) removeFile(context, absolutePath(home, c.path));
}

/**
 * The newest recorded checkpoint whose file has the recorded size and sha256. Damaged or missing ones lose their row,
 * are set aside as `….damaged`, and are told.
 */
export async function newestVerified(
  context: Context,
  run: RunRecord,
  tell: (sentence: string) => void,
): Promise<CheckpointRecord | null> {
  for (const checkpoint of context.store.checkpoints.list(run.id)) {
    const path = absolutePath(context.home, checkpoint.path);
    const fault = await faultOf(path, checkpoint);
    if (fault === null) return checkpoint;
    context.store.checkpoints.delete(checkpoint.id);
    try {
      if (existsSync(path)) renameSync(path, `${path}.damaged`);
    } catch (error) {
      context.log.error(`setting aside ${path}`, error);
    }
    tell(`The checkpoint of step ${checkpoint.step} ${fault} (${path}): the one before it is taken.`);
  }
  return null;
}

async function faultOf(path: string, recorded: { bytes: number; sha256: string }): Promise<string | null> {
  try {
    const { size } = statSync(path);
    if (size !== recorded.bytes) return `has ${size} bytes instead of ${recorded.bytes}`;
    return (await sha256Of(path)) === recorded.sha256 ? null : 'is damaged, its sha256 does not fit';
  } catch (error) {
    return (error as NodeJS.ErrnoException).code === 'ENOENT' ? 'is missing' : 'cannot be read';
  }
}

/** Hex sha256 of a file, read in pieces. */
export function sha256Of(path: string): Promise<string> {
  return new Promise((resolve, reject) => {
    const hash = createHash('sha256');
    createReadStream(path)
      .on('data', (piece) => hash.update(piece))
      .on('error', reject)
      .on('end', () => resolve(hash.digest('hex')));
  });
}

/**
 * Removes files in the run's own checkpoint folder that no row names: half-written ones, and whole ones whose row was
 * never stored because the process died in between. A folder that the user chose is left alone.
 */
export function removeLeftovers(context: Context, run: RunRecord): void {
  if (run.config.checkpoint_path !== null) return;
  const folder = join(runFolder(context.home, run), 'checkpoints');
  if (!existsSync(folder)) return;
  const recorded = new Set(context.store.checkpoints.list(run.id).map((c) => absolutePath(context.home, c.path)));
  for (const name of readdirSync(folder)) {
    const path = join(folder, name);
    if (!recorded.has(path) && !name.endsWith('.damaged')) removeFile(context, path);
  }
}

export function removeFile(context: Pick<Context, 'log'>, path: string): void {
  try {
    rmSync(path, { recursive: true, force: true });
  } catch (error) {
    context.log.error(`removing ${path}`, error);
  }
}
