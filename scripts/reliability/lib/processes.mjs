/** What runs below a process, by /proc: who is killed, and whether anybody is left. Linux only. */
import { readdirSync, readFileSync } from 'node:fs';

/** @typedef {{ pid: number, born: string, command: string }} Process */

/** @param {number} pid @returns {{ parent: number, state: string, born: string } | null} */
function look(pid) {
  try {
    const text = readFileSync(`/proc/${pid}/stat`, 'utf8');
    const fields = text.slice(text.lastIndexOf(')') + 2).split(' ');
    return { state: fields[0], parent: Number(fields[1]), born: fields[19] };
  } catch {
    return null;
  }
}

/** @param {number} pid */
function commandOf(pid) {
  try {
    return readFileSync(`/proc/${pid}/cmdline`, 'utf8').replaceAll('\0', ' ').trim();
  } catch {
    return '';
  }
}

/**
 * A process and all below it, the process itself first.
 * @param {number} pid
 * @returns {Process[]}
 */
export function treeOf(pid) {
  /** @type {Map<number, number[]>} */
  const children = new Map();
  for (const name of readdirSync('/proc')) {
    if (!/^\d+$/.test(name)) continue;
    const parent = look(Number(name))?.parent;
    if (parent !== undefined) children.set(parent, [...(children.get(parent) ?? []), Number(name)]);
  }
  const pids = [pid];
  for (let i = 0; i < pids.length; i++) pids.push(...(children.get(pids[i]) ?? []));
  return pids.flatMap((at) => {
    const seen = look(at);
    return seen && seen.state !== 'Z' ? [{ pid: at, born: seen.born, command: commandOf(at) }] : [];
  });
}

/** @param {Process} process */
export function isAlive({ pid, born }) {
  const now = look(pid);
  return now !== null && now.state !== 'Z' && now.born === born;
}

/** @param {readonly Process[]} processes */
export function killAll(processes) {
  for (const { pid } of processes) {
    try {
      process.kill(pid, 'SIGKILL');
    } catch {
      // It has just ended.
    }
  }
}

/**
 * Those that still live after `ms`.
 * @param {readonly Process[]} processes
 * @param {number} ms
 */
export async function survivors(processes, ms) {
  const end = Date.now() + ms;
  let left = processes.filter(isAlive);
  while (left.length && Date.now() < end) {
    await new Promise((resolve) => setTimeout(resolve, 20));
    left = left.filter(isAlive);
  }
  return left;
}
