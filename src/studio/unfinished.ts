/**
 * What is being written where no row names it yet: an import's files, an export's in a folder of the user's. Noted before
 * the first byte, so that the next start removes what a killed process left there.
 */
import { existsSync } from 'node:fs';
import type { Context } from './context';
import { durably } from './db/open';
import { newId } from './ids';
import { isAlive } from './owner';
import { removeFile } from './runs/checkpoints';

interface Claim {
  owner: string;
  /** Absolute; files or folders that were not there before. */
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
export function claim({ store, owner }: Context, paths: readonly string[], last: string | null = null): () => void {
  const key = `${PREFIX}${newId()}`;
  const note: Claim = { owner, paths: paths.filter((path) => onItsWay(path) || !existsSync(path)), last };
  durably(store.db, () => store.settings.set({ [key]: note }));
  return () => store.settings.delete(key);
}

/** Removes what processes that are gone had claimed. */
export function removeUnfinished(context: Context): void {
  const { settings } = context.store;
  for (const [key, value] of Object.entries(settings.all())) {
    if (!key.startsWith(PREFIX)) continue;
    const { owner, paths, last } = value as Claim;
    if (isAlive(owner)) continue;
    const whole = last !== null && existsSync(last);
    for (const path of paths) if (!whole || onItsWay(path)) removeFile(context, path);
    settings.delete(key);
  }
}
