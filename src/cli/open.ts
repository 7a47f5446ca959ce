import { existsSync, realpathSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { StudioError } from '../shared/errors';
import { nearest } from '../shared/nearest';
import { STARTER_NAMES, starterRun } from '../shared/starters';
import { forkCompute } from '../studio/compute-fork';
import { resolveHome, storedPath } from '../studio/home';
import type { CheckpointRecord } from '../studio/repositories/checkpoints';
import type { RunRecord } from '../studio/repositories/runs';
import { openStudio, type Studio } from '../studio/studio';
import { UsageError } from './usage';

export interface Globals {
  home?: string;
  json?: boolean;
}

/** The built compute entry, set by the entry that lies beside it. */
let computeEntry = '';

export function setEntryFolder(folder: string): void {
  computeEntry = join(folder, 'compute.js');
}

export const computeFile = (): string => computeEntry;

/** The studio for one command: it starts nothing that it was not asked to. */
export function openForCommand(options: Globals): Promise<Studio> {
  return openStudio({
    home: resolveHome(options.home),
    transport: 'web',
    compute: (log) => forkCompute(computeEntry, log),
  });
}

/** Opens the studio, does `work`, and closes it whatever happens. */
export async function withStudio<T>(options: Globals, work: (studio: Studio) => Promise<T>): Promise<T> {
  const studio = await openForCommand(options);
  try {
    return await work(studio);
  } finally {
    await studio.close();
  }
}

/** A run, or a model that ships with the app: `arc-small`, taken into the studio when it is first asked for. */
export async function findRunOrStarter(studio: Studio, text: string): Promise<RunRecord> {
  const starter = STARTER_NAMES.find((name) => name === text);
  const { store } = studio.context;
  // A run of one's own of that name goes first.
  if (!starter || store.runs.list().some((run) => run.name === text)) return findRun(studio, text);
  await studio.starters.install(starter);
  return findRun(studio, starterRun(starter));
}

/** The checkpoint file at `text` and its row, where it belongs to a run; null where no file is there. */
export function checkpointAt(studio: Studio, text: string): { path: string; known: CheckpointRecord | null } | null {
  if (!existsSync(text)) return null;
  const path = realpathSync(text);
  const { store } = studio.context;
  return { path, known: store.checkpoints.byPath([storedPath(studio.home, path), path, resolve(text)]) };
}

/** A run by its id, the beginning of its id, or its name. @throws StudioError `not_found`, UsageError if several fit */
export function findRun(studio: Studio, text: string): RunRecord {
  const runs = studio.context.store.runs.list();
  const exact = runs.find((run) => run.id === text);
  if (exact) return exact;
  const named = runs.filter((run) => run.name === text);
  const fitting = named.length ? named : runs.filter((run) => text.length >= 3 && run.id.startsWith(text));
  if (fitting.length === 1) return fitting[0];
  if (fitting.length > 1) {
    throw new UsageError(
      `"${text}" fits ${fitting.length} runs: name one by its id, ${fitting.map((r) => r.id).join(' or ')}.`,
    );
  }
  const close = nearest(
    text,
    runs.flatMap((run) => [run.name, run.id]),
  );
  throw new StudioError(
    'not_found',
    `There is no run "${text}"${close ? `: did you mean ${close}?` : ': trm runs lists them.'}`,
  );
}
