/** How many threads this process may use without taking more than it was given. */
import { readFileSync } from 'node:fs';
import { cpus } from 'node:os';

function read(path: string): string | null {
  try {
    return readFileSync(path, 'utf8');
  } catch {
    return null;
  }
}

/** Cores in a kernel list such as "0-3,8". */
function countList(list: string): number {
  return list.split(',').reduce((sum, part) => {
    const [from, to = from] = part.split('-').map(Number);
    return sum + (to - from + 1);
  }, 0);
}

/**
 * The least of: cores that the scheduler lets this process run on, the container's CPU quota, and physical cores (a second
 * hardware thread on a core slows dense products down). At least 1.
 */
export function usableThreads(): number {
  const limits = [cpus().length];
  const allowed = /^Cpus_allowed_list:\s*(\S+)/m.exec(read('/proc/self/status') ?? '');
  if (allowed) limits.push(countList(allowed[1]));
  const quota = /^(\d+) (\d+)/.exec(read('/sys/fs/cgroup/cpu.max') ?? '');
  if (quota) limits.push(Math.ceil(Number(quota[1]) / Number(quota[2])));
  const cores = new Set<string>();
  for (const block of (read('/proc/cpuinfo') ?? '').split('\n\n')) {
    const socket = /^physical id\s*:\s*(\d+)/m.exec(block);
    const core = /^core id\s*:\s*(\d+)/m.exec(block);
    if (socket && core) cores.add(`${socket[1]}/${core[1]}`);
  }
  if (cores.size) limits.push(cores.size);
  return Math.max(1, Math.min(...limits.filter((n) => Number.isFinite(n) && n > 0)));
}
