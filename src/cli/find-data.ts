/** What `--data` names. */
import { existsSync } from 'node:fs';
import { resolve } from 'node:path';
import { StudioError } from '../shared/errors';
import type { Studio } from '../studio/studio';

/** `--data` takes folders, and datasets of the studio by id or name. @throws StudioError `not_found` */
export function findTrainingData(
  studio: Studio,
  data: readonly string[],
): { dataset: string | null; folders: string[] } {
  if (data.length === 1 && !existsSync(resolve(data[0]))) {
    const known = studio.datasets.list().find((d) => d.id === data[0] || d.name === data[0]);
    if (known) return { dataset: known.id, folders: [] };
    throw new StudioError(
      'not_found',
      `There is no folder or dataset ${data[0]}: trm datasets lists those of the studio.`,
    );
  }
  return { dataset: null, folders: data.map((folder) => resolve(folder)) };
}
