/**
 * Who works on something: a process, told by its pid and the time it started, since pids are used again (in a
 * container every start is pid 1). Several studios may share one home: the app, a server, `trm train`.
 */
import { execFileSync } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { isZombie } from '../core/lib/alive';

/** `pid` or `pid:start`, where the start time is in whatever unit the platform gives; equal means the same process. */
export function ownerOf(pid: number): string {
  const start = startTime(pid);
  return start === null ? String(pid) : `${pid}:${start}`;
}

export function pidOf(owner: string): number {
  return Number(owner.split(':')[0]);
}

/** Whether the process that `owner` names still runs. */
export function isAlive(owner: string): boolean {
  const [pidText, start] = owner.split(':', 2);
  const pid = Number(pidText);
  if (!Number.isInteger(pid) || pid <= 0) return false;
  try {
    process.kill(pid, 0);
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'EPERM') return false;
  }
  if (isZombie(pid)) return false;
  const now = start === undefined ? null : startTime(pid);
  return now === null || now === start;
}

function startTime(pid: number): string | null {
  try {
    if (process.platform === 'linux') return statFields(pid)[19];
    if (process.platform === 'darwin') {
      const text = execFileSync('ps', ['-o', 'lstart=', '-p', String(pid)], { encoding: 'utf8', timeout: 2000 });
      return text.trim().replace(/[ :]+/g, '-') || null;
    }
  } catch {
    // Gone, or no /proc: the pid alone has to do.
  }
  return null;
}

/** The fields of /proc/PID/stat after the command's name, which may itself hold spaces and brackets: state is 0. */
function statFields(pid: number): string[] {
  const text = readFileSync(`/proc/${pid}/stat`, 'utf8');
  return text.slice(text.lastIndexOf(')') + 2).split(' ');
}

/** Resident memory of a process in bytes, or null where the platform does not tell cheaply. */
export function residentBytes(pid: number): number | null {
  try {
    if (process.platform !== 'linux') return null;
    return Number(readFileSync(`/proc/${pid}/statm`, 'utf8').split(' ')[1]) * 4096;
  } catch {
    return null;
  }
}
