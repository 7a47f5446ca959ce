/**
 * Files that no row names while they are made or removed: an import's, an export's in a folder of the user's, those of what
 * is being deleted. They are noted first, so that the next start removes what a killed process left.
 */
import { existsSync } from 'node:fs';
import { dirname, isAbsolute } from 'node:path';
import { syncFolder } from '../core/lib/folders';
import type { Context } from './context';
import { durably } from './db/open';
import { absolutePath, storedPath } from './home';
import { newId } from './ids';
import { isAlive } from './owner';
import { removeFile } from './runs/checkpoints';

interface Claim {
  owner: string;
  /** Files or folders as rows name them: relative in the home, which may be moved, and absolute elsewhere. */
  paths: string[];
  /** Whole as soon as this is there, since it comes last: then only what is on its way goes. */
  last: string | null;
}

const PREFIX = 'unfinished.';
const onItsWay = (path: string): boolean => path.endsWith('.partial');

/**
 * @param paths what will be made; what is there already is the user's, and stays
 * @param last the path that is renamed into place when all the others are whole
 * @returns forgets the note: all of it is whole, or removed
 */
export function claim(
  { store, owner, home }: Context,
  paths: readonly string[],
  last: string | null = null,
): () => void {
  const key = `${PREFIX}${newId()}`;
  const made = paths.filter((path) => onItsWay(path) || !existsSync(path)).map((path) => storedPath(home, path));
  const note: Claim = { owner, paths: made, last: last && storedPath(home, last) };
  durably(store.db, () => store.settings.set({ [key]: note }));
  return () => store.settings.delete(key);
}

/**
 * Deletes rows and then the files that they named. Neither a power cut nor a kill leaves a row without its files, and what
 * files are left go at the next start.
 * @param paths absolute; files or folders
 */
export function deleteWithFiles(context: Context, paths: readonly string[], deleteRows: () => void): void {
  const { store, owner, home } = context;
  const key = `${PREFIX}${newId()}`;
  const note: Claim = { owner, paths: paths.map((path) => storedPath(home, path)), last: null };
  durably(store.db, () => {
    deleteRows();
    store.settings.set({ [key]: note });
  });
  for (const path of paths) removeFile(context, path);
  try {
    // What is gone must stay gone before the note goes.
    for (const folder of new Set(paths.map((path) => dirname(path)))) if (existsSync(folder)) syncFolder(folder);
    forget(context, key, note);
  } catch (error) {
    context.log.error('syncing what was deleted; the next start looks after it', error);
  }
}

/** Removes what processes that are gone had claimed. */
export function removeUnfinished(context: Context): void {
  const { home } = context;
  const { settings } = context.store;
  for (const [key, value] of Object.entries(settings.all())) {
    if (!key.startsWith(PREFIX)) continue;
    const note = value as Claim;
    const { owner, paths, last } = note;
    if (isAlive(owner)) continue;
    const whole = last !== null && existsSync(absolutePath(home, last));
    const going = paths.filter((path) => !whole || onItsWay(path));
    for (const path of going) removeFile(context, absolutePath(home, path));
    forget(context, key, { ...note, paths: going });
  }
}

/** Takes back the note of what was removed; what could not be stays noted for the next start. */
function forget({ store, home }: Context, key: string, note: Claim): void {
  const left = note.paths.filter((path) => isOurs(path) && existsSync(absolutePath(home, path)));
  if (left.length) store.settings.set({ [key]: { ...note, paths: left } });
  else store.settings.delete(key);
}

/** Nobody else uses its name. In a folder of the user's, the next file of that name may be one that is wanted. */
const isOurs = (path: string): boolean => !isAbsolute(path) || onItsWay(path);
