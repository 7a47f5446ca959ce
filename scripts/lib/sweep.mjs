import * as fs from 'node:fs';
import { join } from 'node:path';
import { remove } from './files.mjs';
import { alive } from './lock.mjs';

/** Names of what is on its way, each with the process that made it. */
const ON_THE_WAY = [/\.(\d+)\.tmp$/, /^setup\.lock\.(\d+)$/, /\.old-(\d+)$/, /^\.part-(\d+)$/];

/**
 * Removes what killed set-ups left on its way in these folders; one that is not there is passed over.
 * @param {readonly string[]} folders
 * @param {{ sparing?: 'none' | 'living' }} [options] living: also others may write there now, and a number may be theirs.
 *   None: whoever calls holds the lock; the number of a process that is gone may have been given to another one since.
 */
export function sweep(folders, { sparing = 'none' } = {}) {
  for (const folder of folders)
    for (const name of fs.existsSync(folder) ? fs.readdirSync(folder) : []) {
      const pid = ON_THE_WAY.map((pattern) => pattern.exec(name)?.[1]).find((found) => found !== undefined);
      if (pid === undefined || Number(pid) === process.pid) continue;
      if (sparing === 'living' && alive({ pid: Number(pid), born: null })) continue;
      remove(join(folder, name));
    }
}
