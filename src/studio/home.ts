/** The studio home: the one folder that holds the database, checkpoints, datasets, traces and logs. */
import { accessSync, constants, rmSync, statSync, writeFileSync } from 'node:fs';
import { homedir } from 'node:os';
import { isAbsolute, join, relative, resolve, sep } from 'node:path';
import { makeFolders } from '../core/lib/folders';
import { StudioError, toWireError } from '../shared/errors';
import { networkDisk } from './network-disk';

export { makeFolders };

export interface StudioHome {
  root: string;
  database: string;
  runs: string;
  datasets: string;
  traces: string;
  evaluations: string;
  solves: string;
  logs: string;
}

/**
 * Where the home is: the `--home` option, else TRM_HOME, else the platform's data folder.
 * Relative paths are taken from `cwd`.
 */
export function resolveHome(
  option: string | undefined,
  env: NodeJS.ProcessEnv = process.env,
  platform: string = process.platform,
  cwd: string = process.cwd(),
): string {
  const chosen = option ?? env.TRM_HOME;
  if (chosen) return resolve(cwd, chosen);
  if (platform === 'darwin') return join(homedir(), 'Library', 'Application Support', 'TRM Studio');
  if (platform === 'win32') return join(env.LOCALAPPDATA ?? join(homedir(), 'AppData', 'Local'), 'TRM Studio');
  const data = env.XDG_DATA_HOME;
  return join(data && isAbsolute(data) ? data : join(homedir(), '.local', 'share'), 'trm-studio');
}

export function homePaths(root: string): StudioHome {
  return {
    root,
    database: join(root, 'studio.db'),
    runs: join(root, 'runs'),
    datasets: join(root, 'datasets'),
    traces: join(root, 'traces'),
    evaluations: join(root, 'evaluations'),
    solves: join(root, 'solves'),
    logs: join(root, 'logs'),
  };
}

/** Begins the name of the file that proves that the home can be written; its process follows. */
export const PROBE = '.write-test-';

/**
 * Makes the folders of the home and proves that it can be written; what is there stays.
 * @throws StudioError `read_only`, `permission`, `disk_full` or `bad_input` (a network disk, for one): one sentence that
 *   names the folder.
 */
export function prepareHome(root: string): StudioHome {
  const home = homePaths(root);
  const network = networkDisk(root);
  if (network !== null) {
    throw new StudioError(
      'bad_input',
      `The studio home ${root} is on a network disk (${network}), where its database is not safe: choose a folder on a disk of this machine with --home DIR or TRM_HOME; datasets and exports may stay there.`,
    );
  }
  try {
    for (const folder of [home.root, home.runs, home.datasets, home.traces, home.evaluations, home.solves, home.logs]) {
      makeFolders(folder, 0o700);
    }
    // Permission bits do not tell about read-only mounts or a full disk; writing does. A block, since a full disk
    // still makes empty files.
    const probe = join(home.root, `${PROBE}${process.pid}`);
    try {
      writeFileSync(probe, Buffer.alloc(4096));
    } finally {
      rmSync(probe, { force: true });
    }
  } catch (error) {
    throw homeError(root, error);
  }
  return home;
}

function homeError(root: string, error: unknown): StudioError {
  const code = (error as NodeJS.ErrnoException).code;
  const choose = 'choose another folder with --home DIR or TRM_HOME';
  switch (code) {
    case 'EROFS':
      return new StudioError('read_only', `The studio home ${root} is on a read-only file system: ${choose}.`);
    case 'EACCES':
    case 'EPERM':
      return new StudioError('permission', `No permission to write to the studio home ${root}: ${choose}.`);
    case 'ENOSPC':
    case 'EDQUOT':
      return new StudioError(
        'disk_full',
        `The disk that holds the studio home ${root} is full: free some space, or ${choose}; what was saved stays saved.`,
      );
    case 'ENOENT':
      // Its parent is there, and yet it cannot be made: /proc, for one.
      return new StudioError('bad_input', `The studio home ${root} cannot be made there: ${choose}.`);
    case 'EEXIST':
    case 'ENOTDIR':
      return new StudioError('bad_input', `The studio home ${root} is a file, not a folder: ${choose}.`);
    default: {
      const { code: wire, message } = toWireError(error);
      return wire === 'internal'
        ? new StudioError('bad_input', `The studio home ${root} cannot be made: ${choose}.`)
        : new StudioError(wire, message);
    }
  }
}

/** Whether files can be made in `folder`; never throws. */
export function isWritable(folder: string): boolean {
  try {
    accessSync(folder, constants.W_OK);
    return statSync(folder).isDirectory();
  } catch {
    return false;
  }
}

/** A path as the database keeps it: relative inside the home, so that a home can be moved; absolute outside. */
export function storedPath(home: StudioHome, path: string): string {
  const inside = relative(home.root, path);
  return inside && !inside.startsWith('..') && !isAbsolute(inside) ? inside.split(sep).join('/') : path;
}

export function absolutePath(home: StudioHome, stored: string): string {
  return isAbsolute(stored) ? stored : resolve(home.root, stored);
}
