import { spawn } from 'node:child_process';
import { accessSync, constants, statSync } from 'node:fs';
import { delimiter, isAbsolute, join } from 'node:path';

/**
 * @typedef {object} Outcome
 * @property {number | null} code   null if it did not start or was killed
 * @property {string | null} signal
 * @property {string} stdout
 * @property {string} stderr
 * @property {string | null} failure why it could not be started, or that it ran out of time
 *
 * @typedef {object} RunOptions
 * @property {string} [cwd]
 * @property {NodeJS.ProcessEnv} [env]
 * @property {number} [timeout]   ms in total
 * @property {boolean} [shell]    only for npm.cmd on Windows
 * @property {(text: string) => void} [onOutput]
 * @property {() => number} [progress] a number that grows while the command gets on
 * @property {number} [stall]     ms without growth of `progress` after which it is ended
 *
 * @typedef {(command: string, args: string[], options?: RunOptions) => Promise<Outcome>} Run
 */

/** Commands that are running now, so that an interrupted set-up takes them with it. */
const running = new Set();

/** @type {((pids: number[]) => void) | null} */
let onChange = null;

/**
 * Told whenever a command starts or ends; the lock file records them, so that a set-up started after a `kill -9` of
 * this one can wait for a command that survived it.
 * @param {((pids: number[]) => void) | null} listener
 */
export function watchCommands(listener) {
  onChange = listener;
}

/** @param {NodeJS.Signals} signal */
export function killCommands(signal = 'SIGTERM') {
  for (const child of running) killGroup(child.pid, signal);
}

/**
 * Ends a command with whatever it has started: pip may be a shell script around a Python, npm a shell around a Node.
 * @param {number | undefined} pid of a command started by `run`, which leads a process group of its own
 * @param {NodeJS.Signals} signal
 */
export function killGroup(pid, signal) {
  if (pid === undefined) return;
  try {
    process.kill(process.platform === 'win32' ? pid : -pid, signal);
  } catch {
    // Ended meanwhile, or not ours to end.
  }
}

const notify = () => onChange?.([...running].map((child) => child.pid).filter((pid) => pid !== undefined));

/** More of a tool's output than this is of no use to anybody, and a runaway tool must not fill the memory. */
const KEEP = 1 << 20;

/**
 * Runs a command to its end. Never throws: a command that is absent is an outcome like any other.
 * @type {Run}
 */
export function run(command, args, options = {}) {
  return new Promise((resolve) => {
    /** @type {Outcome} */
    const outcome = { code: null, signal: null, stdout: '', stderr: '', failure: null };
    const child = spawn(command, args, {
      cwd: options.cwd,
      env: options.env ?? process.env,
      shell: options.shell ?? false,
      // No stdin: a tool that would ask a question (pip, for a password) fails instead of waiting for ever.
      stdio: ['ignore', 'pipe', 'pipe'],
      windowsHide: true,
      detached: process.platform !== 'win32',
    });
    running.add(child);
    notify();
    /** @param {string} why */
    const end = (why) => {
      outcome.failure = why;
      killGroup(child.pid, 'SIGTERM');
      setTimeout(() => killGroup(child.pid, 'SIGKILL'), 5000).unref();
    };
    const limit = options.timeout
      ? setTimeout(() => end(`ran longer than ${seconds(options.timeout)}`), options.timeout)
      : null;
    const stall = watchStall(options, end);
    for (const stream of /** @type {const} */ (['stdout', 'stderr'])) {
      child[stream].setEncoding('utf8');
      child[stream].on('data', (text) => {
        outcome[stream] = (outcome[stream] + text).slice(-KEEP);
        options.onOutput?.(text);
      });
    }
    /** @param {number | null} code @param {string | null} signal */
    const finish = (code, signal) => {
      if (limit) clearTimeout(limit);
      if (stall) clearInterval(stall);
      running.delete(child);
      notify();
      resolve({ ...outcome, code, signal });
    };
    child.on('error', (error) => {
      const { code } = /** @type {NodeJS.ErrnoException} */ (error);
      // A folder of PATH that this user may not enter makes EACCES of a program that is nowhere.
      const absent = code === 'ENOENT' || (code === 'EACCES' && !isAbsolute(command) && !which(command, options.env));
      outcome.failure = absent ? `${command} is not there` : error.message;
      finish(null, null);
    });
    child.on('close', finish);
  });
}

/** @param {number | undefined} ms */
const seconds = (ms = 0) => `${Math.round(ms / 1000)} s`;

/**
 * @param {RunOptions} options
 * @param {(why: string) => void} end
 */
function watchStall({ progress, stall }, end) {
  if (!progress || !stall) return null;
  let best = progress();
  let since = Date.now();
  return setInterval(() => {
    const now = progress();
    if (now > best) {
      best = now;
      since = Date.now();
    } else if (Date.now() - since > stall) end(`made no progress for ${seconds(stall)}`);
  }, 500);
}

/**
 * The full path of a program on PATH, without running it.
 * @param {string} name
 * @param {NodeJS.ProcessEnv} [env]
 * @returns {string | null}
 */
export function which(name, env = process.env) {
  const suffixes = process.platform === 'win32' ? (env.PATHEXT ?? '.EXE;.CMD').split(';') : [''];
  for (const dir of (env.PATH ?? env.Path ?? '').split(delimiter)) {
    if (!dir) continue;
    for (const suffix of suffixes) {
      const path = join(dir, name + suffix);
      try {
        accessSync(path, constants.X_OK);
        if (statSync(path).isFile()) return path;
      } catch {
        // Not in this folder.
      }
    }
  }
  return null;
}

/**
 * The line of a tool's output that says best why it failed.
 * @param {Outcome} outcome
 * @returns {string}
 */
export function why(outcome) {
  if (outcome.failure) return outcome.failure;
  const lines = `${outcome.stderr}\n${outcome.stdout}`
    .split('\n')
    .map((line) => line.trim())
    .filter(Boolean);
  const telling =
    lines.find((line) => /^\w*Error: |^ERROR: |: (fatal )?error: |^npm error (?!code|A complete)/.test(line)) ??
    lines.find((line) => /\berror\b/i.test(line)) ??
    lines.at(-1);
  const how = outcome.signal ? `ended by ${outcome.signal}` : `exit code ${outcome.code}`;
  return telling ? `${telling.slice(0, 300)} (${how})` : how;
}
