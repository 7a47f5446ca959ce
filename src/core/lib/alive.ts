import { readFileSync } from 'node:fs';

/** Whether a process with this number runs; one of another user counts, one that has ended and waits for its parent does not. */
export function isAlive(pid: number): boolean {
  try {
    process.kill(pid, 0);
    return !isZombie(pid);
  } catch (error) {
    return (error as NodeJS.ErrnoException).code === 'EPERM';
  }
}

/** A killed process whose parent has not asked for its end still has a number. */
export function isZombie(pid: number): boolean {
  try {
    if (process.platform !== 'linux') return false;
    const text = readFileSync(`/proc/${pid}/stat`, 'utf8');
    // The state comes after the command's name, which may itself hold spaces and brackets.
    return text.slice(text.lastIndexOf(')') + 2).startsWith('Z');
  } catch {
    return false;
  }
}
