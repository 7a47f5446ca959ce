/** What `trm trace` is asked to trace: a run, a checkpoint file, or one of a solve's networks. */
import { existsSync } from 'node:fs';
import { resolve } from 'node:path';
import type { ExampleRef } from '../shared/dataset';
import { StudioError } from '../shared/errors';
import { SOLVE_NETWORKS, votersOf, type SolveNetwork } from '../shared/solve';
import { absolutePath } from '../studio/home';
import { keptFiles, keptViews } from '../studio/solves/kept';
import type { Studio } from '../studio/studio';
import { checkpointAt, findRun } from './open';
import { UsageError } from './usage';

export interface SourceFlags {
  data?: string;
  task?: string;
  network?: string;
}

/** What is asked, of what. */
export interface Subject {
  checkpoint: string;
  data_path: string;
  example: ExampleRef;
  run: string;
  run_name: string;
  views: number;
  new_puzzle?: 'mean';
}

export type Found = Omit<Subject, 'example' | 'views'> & {
  /** What is played back unless something is asked for: of a solve, the view that won. */
  first: ExampleRef;
  /** Views that there are, of a solve. */
  views: number | null;
};

/**
 * @param text a run's id or name, a checkpoint file, or a solve's id or its task's name
 * @throws UsageError, StudioError `not_found`
 */
export function findSource(studio: Studio, text: string, flags: SourceFlags): Found {
  const { store } = studio.context;
  const own = flags.data === undefined ? null : folderOf(studio, flags.data);
  const first: ExampleRef = { split: 'test', index: 0 };
  const wanted = networkNamed(flags.network);
  const file = checkpointAt(studio, text);
  if (file) {
    const { path, known } = file;
    if (wanted) throw new UsageError(`--network chooses between the networks of a solve, and ${text} is a checkpoint.`);
    if (known) return ofRun(studio, known.run, path, own);
    if (own === null && flags.task === undefined) {
      throw new UsageError(`${text} belongs to no run of the studio: name its dataset with --data, or a --task.`);
    }
    return { checkpoint: path, data_path: own ?? '', run: '', run_name: '', first, views: null };
  }
  const solves = store.solves.list().filter(({ id, task }) => id === text || task === text);
  const solve = solves.find(({ kept_bytes }) => kept_bytes !== null) ?? solves[0];
  const runs = store.runs.list().filter(({ id, name }) => id === text || name === text);
  if (solve && runs.length === 0) {
    const answer = solve.candidates[0]?.[0];
    const { model, data, network } = keptFiles(studio.home, solve, wanted ?? answer?.voters?.[0]?.network);
    const views = keptViews(studio.home, solve);
    const won = Math.max(0, views.indexOf(votersOf(answer, network)[0] ?? ''));
    const { task } = solve;
    return {
      checkpoint: model,
      data_path: own ?? data,
      run: '',
      run_name: `solve of ${task}`,
      first: { split: 'test', index: won * solve.task_json.test.length },
      views: views.length,
    };
  }
  const run = findRun(studio, text);
  if (wanted) throw new UsageError(`--network chooses between the networks of a solve, and ${run.name} is a run.`);
  const [newest] = store.checkpoints.list(run.id);
  if (newest) return ofRun(studio, run.id, absolutePath(studio.home, newest.path), own);
  throw new StudioError('not_found', `${run.name} has no checkpoint yet: train it first.`);
}

function ofRun(studio: Studio, id: string, checkpoint: string, own: string | null): Found {
  const { store } = studio.context;
  const run = store.runs.get(id);
  const dataset = run?.dataset ? store.datasets.get(run.dataset) : null;
  const data_path = own ?? (dataset ? absolutePath(studio.home, dataset.path) : '');
  return {
    checkpoint,
    data_path,
    run: id,
    run_name: run?.name ?? '',
    first: { split: 'test', index: 0 },
    views: null,
  };
}

function folderOf(studio: Studio, data: string): string {
  if (existsSync(data)) return resolve(data);
  const known = studio.datasets.list().find((d) => d.id === data || d.name === data);
  if (known?.status === 'ready') return known.path;
  throw new StudioError('not_found', `There is no folder or dataset ${data}: trm datasets lists those of the studio.`);
}

function networkNamed(text: string | undefined): SolveNetwork | undefined {
  const known = SOLVE_NETWORKS.find((name) => name === text);
  if (text !== undefined && !known) throw new UsageError(`--network is ${text}: use ${SOLVE_NETWORKS.join(' or ')}.`);
  return known;
}
