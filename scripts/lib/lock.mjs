import * as fs from 'node:fs';
import { hostname } from 'node:os';
import { dirname } from 'node:path';
import { killGroup } from './process.mjs';
import { Problem } from './problem.mjs';

/**
 * @typedef {object} Owner
 * @property {number} pid
 * @property {string | null} born     tells a process from a later one with the same number
 * @property {string} host
 * @property {{ pid: number, born: string | null }[]} commands  what it was running; a command can outlive a killed set-up
 */

/** A lock of another machine or container (a shared home) cannot be asked whether it lives; its owner touches it. */
const TOUCH_MS = 5000;
const SILENT_MS = 60_000;
/** An owner is written right after its file is made; a file still empty after this belongs to one that was killed. */
const EMPTY_MS = 3000;

/**
 * When a process started, where the system tells cheaply (Linux); null elsewhere.
 * @param {number} pid
 * @returns {string | null}
 */
export function bornAt(pid) {
  return statOf(pid)?.[19] ?? null;
}

/**
 * What Linux tells of a process, from its state on.
 * @param {number} pid
 * @returns {string[] | null}
 */
function statOf(pid) {
  try {
    // Counted after the last ')': the name in field 2 may hold spaces and brackets.
    return fs.readFileSync(`/proc/${pid}/stat`, 'utf8').split(') ').at(-1)?.split(' ') ?? null;
  } catch {
    return null;
  }
}

/**
 * @param {{ pid: number, born: string | null }} process
 * @returns {boolean}
 */
export function alive({ pid, born }) {
  try {
    process.kill(pid, 0);
  } catch (error) {
    // EPERM: it is there, but somebody else's.
    if (/** @type {NodeJS.ErrnoException} */ (error).code !== 'EPERM') return false;
  }
  const [state] = statOf(pid) ?? [];
  // It has ended, and nobody asks how: in a container without an init that does, for ever.
  if (state === 'Z') return false;
  const now = bornAt(pid);
  return born === null || now === null || now === born;
}

/**
 * Who holds the lock: null if nobody does, or what is left of it is stale.
 * @param {string} path
 * @param {{ now?: number, isAlive?: typeof alive, host?: string }} [options]
 * @returns {{ owner: Owner | null, stale: boolean, orphans: number[] } | null} null if there is no lock file; orphans:
 *   commands of a set-up that was killed, still at work
 */
export function inspect(path, { now = Date.now(), isAlive = alive, host = hostname() } = {}) {
  const stat = fs.statSync(path, { throwIfNoEntry: false });
  if (!stat) return null;
  const age = now - stat.mtimeMs;
  /** @type {Owner} */
  let owner;
  try {
    owner = JSON.parse(fs.readFileSync(path, 'utf8'));
  } catch (error) {
    if (/** @type {NodeJS.ErrnoException} */ (error).code === 'ENOENT') return null;
    return { owner: null, stale: age > EMPTY_MS, orphans: [] };
  }
  if (owner.host !== host) return { owner, stale: age > SILENT_MS, orphans: [] };
  if (isAlive(owner)) return { owner, stale: false, orphans: [] };
  const left = (owner.commands ?? []).filter((command) => isAlive(command));
  // Only what is certainly the same process may be ended: without a time of birth the number may be somebody else's by now.
  return {
    owner,
    stale: left.length === 0,
    orphans: left.filter((command) => command.born).map((command) => command.pid),
  };
}

/**
 * Whether a killed set-up has left this lock, or its tools at work under it, where it can be taken away.
 * @param {string} path
 */
export function isLeft(path) {
  const held = inspect(path);
  if (!held?.stale && !held?.orphans.length) return false;
  try {
    fs.accessSync(dirname(path), fs.constants.W_OK);
    return true;
  } catch {
    // A read-only cache: the lock is nobody's, and harms nobody.
    return false;
  }
}

/**
 * Takes the lock, waiting for whoever holds it.
 * @param {string} path
 * @param {{ onWait?: (owner: Owner | null) => void, timeout?: number, poll?: number }} [options] timeout in ms; 0 = do not wait
 * @returns {Promise<Lock>}
 */
export async function acquire(path, { onWait, timeout = 30 * 60_000, poll = 250 } = {}) {
  fs.mkdirSync(dirname(path), { recursive: true });
  const started = Date.now();
  for (let told = false; ;) {
    const lock = Lock.tryCreate(path);
    if (lock) return lock;
    const held = inspect(path);
    if (held?.stale) {
      breakStale(path);
      continue;
    }
    if (!held) continue;
    if (Date.now() - started >= timeout)
      throw new Problem(`Another set-up${held.owner ? ` (process ${held.owner.pid})` : ''} holds ${path}.`, {
        fix: 'Wait until it has finished, or end it, and start again.',
      });
    if (!told) onWait?.(held.owner);
    told = true;
    // `kill -9` of a set-up leaves its npm or pip at work, on files that nobody waits for.
    for (const pid of held.orphans) killGroup(pid, 'SIGTERM');
    await new Promise((resolve) => setTimeout(resolve, poll));
  }
}

/**
 * Removes a stale lock. Two waiters may both find it stale, and the slower one must not remove the lock that the faster
 * one has taken meanwhile: removal itself is guarded, and the lock looked at again under the guard.
 * @param {string} path
 */
function breakStale(path) {
  const guard = `${path}.break`;
  try {
    fs.writeFileSync(guard, String(process.pid), { flag: 'wx' });
  } catch (error) {
    if (/** @type {NodeJS.ErrnoException} */ (error).code !== 'EEXIST') throw error;
    const stat = fs.statSync(guard, { throwIfNoEntry: false });
    // Held for microseconds; an old one belongs to a process killed right there.
    if (stat && Date.now() - stat.mtimeMs > 10_000) fs.rmSync(guard, { force: true });
    return;
  }
  try {
    if (inspect(path)?.stale) fs.rmSync(path, { force: true });
  } finally {
    fs.rmSync(guard, { force: true });
  }
}

export class Lock {
  /** @param {string} path */
  constructor(path) {
    this.path = path;
    this.held = true;
    this.timer = setInterval(() => {
      const now = new Date();
      fs.utimes(path, now, now, () => {});
    }, TOUCH_MS);
    this.timer.unref();
  }

  /** @param {string} path */
  static tryCreate(path) {
    try {
      fs.writeFileSync(path, ownerText([]), { flag: 'wx' });
    } catch (error) {
      if (/** @type {NodeJS.ErrnoException} */ (error).code === 'EEXIST') return null;
      throw error;
    }
    return new Lock(path);
  }

  /**
   * Notes the commands that run under this lock.
   * @param {number[]} pids
   */
  note(pids) {
    if (!this.held) return;
    try {
      // Renamed into place: a waiter must never read half an owner.
      fs.writeFileSync(`${this.path}.${process.pid}`, ownerText(pids));
      fs.renameSync(`${this.path}.${process.pid}`, this.path);
    } catch {
      // The note only makes waiting smarter; the lock itself stands.
    }
  }

  release() {
    this.held = false;
    clearInterval(this.timer);
    fs.rmSync(this.path, { force: true });
  }
}

/** @param {number[]} pids */
function ownerText(pids) {
  /** @type {Owner} */
  const owner = {
    pid: process.pid,
    born: bornAt(process.pid),
    host: hostname(),
    commands: pids.map((pid) => ({ pid, born: bornAt(pid) })),
  };
  return JSON.stringify(owner);
}
