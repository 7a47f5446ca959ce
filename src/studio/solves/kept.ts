/** What a solve keeps for its playback, in the home. */
import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { StudioError } from '../../shared/errors';
import { KEPT, type SolveNetwork } from '../../shared/solve';
import { absolutePath, type StudioHome } from '../home';
import type { SolveRecord } from '../repositories/solves';

/** Beside the result file, named like it. */
export const keptFolder = (home: StudioHome, { path }: Pick<SolveRecord, 'path'>): string =>
  absolutePath(home, path).replace(/\.json$/, '');

/** One of its networks, the leading one unless another is named, and its questions. @throws StudioError `not_found` */
export function keptFiles(
  home: StudioHome,
  solve: SolveRecord,
  wanted?: SolveNetwork,
): { model: string; data: string; network: SolveNetwork } {
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
  const kept = keptNetworks(home, solve);
  const network = wanted ?? kept[0];
  if (!kept.includes(network)) {
    throw new StudioError(
      'not_found',
      `The solve of ${solve.task} kept no network ${network}: choose ${kept.join(' or ')}.`,
    );
  }
  const model = network === kept[0] ? KEPT.model : KEPT.other(network);
  return { model: join(folder, model), data: join(folder, KEPT.data), network };
}

/** The networks that can be played back, the leading one first; empty where none was kept. */
export function keptNetworks(home: StudioHome, solve: SolveRecord): SolveNetwork[] {
  if (solve.kept_bytes === null) return [];
  const names = solve.checks.at(-1)?.networks?.map(({ name }) => name) ?? [];
  const [leading = onlyNetwork(solve), ...others] = names;
  return [leading, ...others.filter((name) => existsSync(join(keptFolder(home, solve), KEPT.other(name))))];
}

/** Solves of earlier versions say nothing of networks: they had one. */
const onlyNetwork = ({ checkpoint_path }: SolveRecord): SolveNetwork =>
  checkpoint_path === null ? 'attention' : 'checkpoint';

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
