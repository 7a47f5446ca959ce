/** Compute processes as Electron utility processes: the same protocol as compute-fork.ts, over Electron's own port. */
import { createInterface } from 'node:readline';
import { utilityProcess } from 'electron';
import type { FromCompute } from '../shared/compute';
import type { Log } from '../studio/log';
import type { ComputeExit, ComputeFactory } from '../studio/supervisor/port';

/** @param entry The built compute entry, e.g. `<out>/main/compute.js`. */
export function utilityCompute(entry: string, log: Log): ComputeFactory {
  return (role, env) => {
    const child = utilityProcess.fork(entry, [], {
      serviceName: `TRM Studio ${role}`,
      stdio: 'pipe',
      // Inspector flags of the parent are not meant for it.
      execArgv: [],
      env: { ...process.env, ...env },
      // The TensorFlow addon is built on the user's machine and signed by nobody.
      allowLoadingUnsignedLibraries: true,
    });
    // The child forgets its pid when it exits, but is spoken of in the log after that.
    let pid = child.pid;
    child.once('spawn', () => {
      pid = child.pid;
      for (const stream of [child.stdout, child.stderr]) {
        if (stream) createInterface({ input: stream }).on('line', (line) => log.info(`${role} ${pid}: ${line}`));
      }
    });
    // A fault that ends the child, as a full heap: without a listener, Node would throw it here and end the app. `exit` follows.
    child.on('error', (type, location) => log.error(`${role} ${pid} ended`, `${type} at ${location}`));
    let ended = false;
    const exits: ((exit: ComputeExit) => void)[] = [];
    child.once('exit', (code) => {
      ended = true;
      // Told from a turn of its own: posting to any utility process inside this event has crashed Electron.
      setImmediate(() => {
        for (const listener of exits) listener(exitOf(code));
      });
    });
    return {
      get pid() {
        return child.pid ?? pid;
      },
      post: (message) => {
        if (!ended) child.postMessage(message);
      },
      onMessage: (listener) => {
        child.on('message', (message) => listener(message as FromCompute));
      },
      onExit: (listener) => exits.push(listener),
      kill: () => {
        // Electron's own kill is SIGTERM, which a process in the middle of a long kernel does not hear.
        if (ended || child.pid === undefined) {
          child.kill();
          return;
        }
        try {
          process.kill(child.pid, 'SIGKILL');
        } catch {
          // It has just ended; its exit is on the way.
        }
      },
    };
  };
}

/** Electron gives a signal's number as the exit code, with or without the shell's 128 in front. */
function exitOf(code: number): ComputeExit {
  const name = { 9: 'SIGKILL', 15: 'SIGTERM', 11: 'SIGSEGV', 6: 'SIGABRT' }[code > 128 ? code - 128 : code];
  return process.platform !== 'win32' && name ? { code: null, signal: name } : { code, signal: null };
}
