/** Real processes of the built entries. */
import { spawn, type ChildProcess } from 'node:child_process';
import { join } from 'node:path';
import { which } from '../../scripts/lib/process.mjs';
import { treeOf } from '../../scripts/reliability/lib/proc.mjs';
import { builtEntries } from './build';

export { treeOf };

export interface Ended {
  code: number | null;
  signal: NodeJS.Signals | null;
  stdout: string;
  stderr: string;
}

export interface Running {
  child: ChildProcess;
  ended: Promise<Ended>;
  /** What has been written on stdout so far. */
  stdout(): string;
  stderr(): string;
}

interface Options {
  cwd?: string;
  env?: NodeJS.ProcessEnv;
  /** Bound by the permissions of files, as everybody but root is. Needs {@link canBeBound}. */
  bound?: boolean;
}

const root = process.getuid?.() === 0;
/**
 * Root may write anywhere. Another user would be bound, but may be unable to enter the clone's folder; root without this
 * one capability is bound like the files' owner.
 */
const BOUND = ['setpriv', '--bounding-set=-dac_override'];
export const canBeBound = process.platform !== 'win32' && (!root || which(BOUND[0]) !== null);

/** Few threads: the tests share their machine. */
const ENV = { TF_NUM_INTRAOP_THREADS: '2', TF_NUM_INTEROP_THREADS: '1', OMP_NUM_THREADS: '2' };

export async function startEntry(
  entry: 'cli' | 'server',
  args: readonly string[],
  options: Options = {},
): Promise<Running> {
  const folder = await builtEntries();
  const line = [process.execPath, join(folder, `${entry}.js`), ...args];
  const [command, ...rest] = options.bound && root ? [...BOUND, ...line] : line;
  const child = spawn(command, rest, {
    cwd: options.cwd,
    env: { ...process.env, ...ENV, TRM_HOME: undefined, ...options.env },
    stdio: ['ignore', 'pipe', 'pipe'],
  });
  let stdout = '';
  let stderr = '';
  child.stdout?.setEncoding('utf8').on('data', (text: string) => (stdout += text));
  child.stderr?.setEncoding('utf8').on('data', (text: string) => (stderr += text));
  const ended = new Promise<Ended>((resolve, reject) => {
    child.on('error', reject);
    child.on('close', (code, signal) => resolve({ code, signal, stdout, stderr }));
  });
  return { child, ended, stdout: () => stdout, stderr: () => stderr };
}

export async function runCli(args: readonly string[], options: Options = {}): Promise<Ended> {
  return (await startEntry('cli', args, options)).ended;
}

/** SIGKILL to the whole tree: what a power cut or the kernel's memory killer leaves. */
export function killTree(pid: number): void {
  for (const member of treeOf(pid)) {
    try {
      process.kill(member, 'SIGKILL');
    } catch {
      // It has just ended.
    }
  }
}

export const jsonLines = (text: string): Record<string, unknown>[] =>
  text
    .split('\n')
    .filter((line) => line.startsWith('{') && line.endsWith('}'))
    .map((line) => JSON.parse(line) as Record<string, unknown>);
