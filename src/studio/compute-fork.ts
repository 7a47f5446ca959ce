/** Compute processes as forked Node processes: behind the server and the command line. */
import { fork } from 'node:child_process';
import { createInterface } from 'node:readline';
import type { FromCompute } from '../shared/compute';
import type { Log } from './log';
import type { ComputeExit, ComputeFactory } from './supervisor/port';

/**
 * @param entry The built compute entry, e.g. `<out>/main/compute.js`.
 *
 * The process gets a group of its own, so that Ctrl-C in a terminal reaches only the studio, which then asks it to save
 * and stop. When the studio dies, the channel closes and the process ends by itself.
 */
export function forkCompute(entry: string, log: Log): ComputeFactory {
  return (role, env) => {
    const child = fork(entry, [], {
      serialization: 'advanced',
      // On Windows it would open a console window instead.
      detached: process.platform !== 'win32',
      stdio: ['ignore', 'pipe', 'pipe', 'ipc'],
      // Inspector and loader flags of the parent are not meant for it.
      execArgv: [],
      env: { ...process.env, ...env },
    });
    for (const stream of [child.stdout, child.stderr]) {
      if (stream) createInterface({ input: stream }).on('line', (line) => log.info(`${role} ${child.pid}: ${line}`));
    }
    let ended = false;
    const exits: ((exit: ComputeExit) => void)[] = [];
    const end = (exit: ComputeExit) => {
      if (ended) return;
      ended = true;
      for (const listener of exits) listener(exit);
    };
    child.on('exit', (code, signal) => end({ code, signal }));
    child.on('error', (error) => {
      log.error(`${role} process ${child.pid ?? 'that did not start'}`, error);
      if (child.pid === undefined) end({ code: 1, signal: null });
    });
    return {
      pid: child.pid,
      post: (message) => {
        if (!ended && child.connected)
          child.send(message, (error) => error && log.warn(`post to ${role}: ${error.message}`));
      },
      onMessage: (listener) => child.on('message', (message) => listener(message as FromCompute)),
      onExit: (listener) => exits.push(listener),
      kill: () => child.kill('SIGKILL'),
    };
  };
}
