/** What a solve keeps for its playback, in the home. */
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { StudioError } from '../../shared/errors';
import { KEPT } from '../../shared/solve';
import { absolutePath, type StudioHome } from '../home';
import type { SolveRecord } from '../repositories/solves';

/** Beside the result file, named like it. */
export const keptFolder = (home: StudioHome, { path }: Pick<SolveRecord, 'path'>): string =>
  absolutePath(home, path).replace(/\.json$/, '');

/** Its network and its questions. @throws StudioError `not_found` if nothing was kept */
export function keptFiles(home: StudioHome, solve: SolveRecord): { model: string; data: string } {
  if (solve.kept_bytes === null) {
    const open = solve.status === 'queued' || solve.status === 'running';
    throw new StudioError(
      'not_found',
      open
        ? `The solve of ${solve.task} is ${solve.status}: its playback can be made when it has ended.`
        : `The solve of ${solve.task} kept no model to play back: solve it again.`,
    );
  }
  const folder = keptFolder(home, solve);
  return { model: join(folder, KEPT.model), data: join(folder, KEPT.data) };
}

/** Names of the solve's views in the order of its dataset; empty where none were kept. */
export function keptViews(home: StudioHome, solve: SolveRecord): string[] {
  if (solve.kept_bytes === null) return [];
  try {
    const text = readFileSync(join(keptFolder(home, solve), KEPT.data, 'identifiers.json'), 'utf8');
    // The first is the blank puzzle.
    return (JSON.parse(text) as string[]).slice(1);
  } catch {
    // Somebody removed it: the playback will say so.
    return [];
  }
}
