import { spawn } from 'node:child_process';

const SIGNALS = /** @type {const} */ (['SIGINT', 'SIGTERM', 'SIGHUP']);

/**
 * @typedef {object} Ended
 * @property {number} code
 * @property {string} stderr  the last of it, if it was captured
 * @property {number} ms      how long it ran
 * @property {boolean} asked  whether somebody had asked it to end
 */

/**
 * Runs the app in the foreground: its streams are ours, our signals are its.
 * @param {string} command
 * @param {string[]} args
 * @param {{ cwd?: string, env?: NodeJS.ProcessEnv, captureStderr?: boolean }} [options]
 * @returns {Promise<Ended>}
 */
export function launch(command, args, { cwd, env = process.env, captureStderr = false } = {}) {
  return new Promise((resolve, reject) => {
    const started = Date.now();
    let stderr = '';
    let asked = false;
    const child = spawn(command, args, { cwd, env, stdio: ['inherit', 'inherit', captureStderr ? 'pipe' : 'inherit'] });
    child.stderr?.setEncoding('utf8').on('data', (text) => {
      process.stderr.write(text);
      stderr = (stderr + text).slice(-20_000);
    });
    let interrupts = 0;
    /** @param {NodeJS.Signals} signal */
    const forward = (signal) => {
      asked = true;
      // Ctrl-C in a terminal reaches the whole group: the child has it already, and a second one would mean "at once".
      // `kill -INT` of this process alone reaches only us; the child then hears of it here, if it is still there.
      const wait = signal === 'SIGINT' && process.stdin.isTTY && interrupts++ === 0 ? 1000 : 0;
      setTimeout(() => child.exitCode === null && child.kill(signal), wait).unref();
    };
    SIGNALS.forEach((signal) => process.on(signal, forward));
    child.on('error', (error) => {
      SIGNALS.forEach((signal) => process.off(signal, forward));
      reject(error);
    });
    child.on('close', (code, signal) => {
      SIGNALS.forEach((name) => process.off(name, forward));
      resolve({
        code: code ?? (signal === 'SIGINT' ? 130 : signal === 'SIGTERM' ? 143 : 1),
        stderr,
        ms: Date.now() - started,
        asked,
      });
    });
  });
}
