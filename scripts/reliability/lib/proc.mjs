// What Linux tells of processes and folders.
import { readdirSync, readFileSync, statSync } from 'node:fs';
import { join } from 'node:path';

/**
 * A process and everything that it started.
 * @param {number} pid
 * @returns {number[]}
 */
export function treeOf(pid) {
  /** @type {Map<number, number[]>} */
  const children = new Map();
  for (const name of readdirSync('/proc')) {
    if (!/^\d+$/.test(name)) continue;
    try {
      const stat = readFileSync(`/proc/${name}/stat`, 'utf8');
      const parent = Number(stat.slice(stat.lastIndexOf(')') + 2).split(' ')[1]);
      children.set(parent, [...(children.get(parent) ?? []), Number(name)]);
    } catch {
      // It has just ended.
    }
  }
  const tree = [pid];
  for (let i = 0; i < tree.length; i++) tree.push(...(children.get(tree[i]) ?? []));
  return tree;
}

/**
 * Sends a signal to a process and everything that it started.
 * @param {number} pid
 * @param {NodeJS.Signals} signal
 */
export function signalTree(pid, signal) {
  for (const member of treeOf(pid)) {
    try {
      process.kill(member, signal);
    } catch {
      // It has just ended.
    }
  }
}

/**
 * Resident memory in bytes, open file descriptors and threads; null once it has ended.
 * @param {number} pid
 */
export function usageOf(pid) {
  try {
    const status = readFileSync(`/proc/${pid}/status`, 'utf8');
    const number = (/** @type {string} */ key) => Number(new RegExp(`^${key}:\\s+(\\d+)`, 'm').exec(status)?.[1] ?? 0);
    return {
      pid,
      rss: number('VmRSS') * 1024,
      fds: readdirSync(`/proc/${pid}/fd`).length,
      threads: number('Threads'),
    };
  } catch {
    return null;
  }
}

/**
 * Files below `folder` and their bytes.
 * @param {string} folder
 * @param {(name: string) => boolean} [leaveOut] names of entries that do not count
 * @returns {{ files: number, bytes: number }}
 */
export function folderSize(folder, leaveOut = () => false) {
  const sum = { files: 0, bytes: 0 };
  for (const entry of readdirSync(folder, { withFileTypes: true })) {
    if (leaveOut(entry.name)) continue;
    const path = join(folder, entry.name);
    if (entry.isDirectory()) {
      const inside = folderSize(path);
      sum.files += inside.files;
      sum.bytes += inside.bytes;
    } else {
      sum.files++;
      try {
        sum.bytes += statSync(path).size;
      } catch {
        // It has just been removed.
      }
    }
  }
  return sum;
}
