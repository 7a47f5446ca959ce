/** The three fronts as real processes of the built app: the command line, the server, and the window. */
import { spawn } from 'node:child_process';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { WebSocket } from 'ws';
import { ROOT } from '../../lib/paths.mjs';
import { decodeWire, encodeWire } from './wire.mjs';

/** @typedef {'cli' | 'server' | 'app'} FrontKind */

/**
 * @typedef {object} Place where the fronts run
 * @property {string} node
 * @property {string} entries  the folder of cli.js, server.js and compute.js
 * @property {string} home
 * @property {NodeJS.ProcessEnv} env
 */

/**
 * @typedef {object} Ended
 * @property {number | null} code
 * @property {string} stdout
 * @property {string} stderr
 */

/**
 * @typedef {object} Front
 * @property {number} pid
 * @property {(method: string, input: object) => Promise<any>} call
 * @property {(listener: (event: string, payload: any) => void) => void} listen
 * @property {() => Promise<void>} stop   ends it as a person would
 * @property {Promise<Ended>} ended
 */

/**
 * @param {Place} place
 * @param {readonly string[]} args
 * @param {(line: any) => void} [onLine] each JSON line of stdout
 * @returns {{ pid: number, ended: Promise<Ended> }}
 */
export function startCli(place, args, onLine) {
  return start(place, join(place.entries, 'cli.js'), args, (line) => {
    if (!onLine || !line.startsWith('{')) return;
    try {
      onLine(JSON.parse(line));
    } catch {
      // The last line of a killed process may be cut.
    }
  });
}

/**
 * @param {Place} place @param {string} script @param {readonly string[]} args @param {(line: string) => void} onLine
 * @returns {{ pid: number, child: import('node:child_process').ChildProcess, ended: Promise<Ended> }}
 */
function start(place, script, args, onLine) {
  const child = spawn(place.node, [script, ...args], {
    env: { ...place.env, TRM_HOME: place.home },
    stdio: ['ignore', 'pipe', 'pipe'],
  });
  let stdout = '';
  let stderr = '';
  createInterface({ input: child.stdout }).on('line', (line) => {
    stdout += `${line}\n`;
    onLine(line);
  });
  child.stderr.setEncoding('utf8').on('data', (text) => (stderr += text));
  const ended = new Promise((resolve, reject) => {
    child.on('error', reject);
    // Not "close": a compute process that outlives its studio holds the pipes open.
    child.on('exit', (code) => setTimeout(() => resolve({ code, stdout, stderr }), 20));
  });
  return { pid: child.pid ?? 0, child, ended };
}

/**
 * A server on its way up.
 * @param {Place} place
 */
export function openServer(place) {
  /** @type {(address: string) => void} */
  let told = () => undefined;
  const address = new Promise((resolve) => (told = resolve));
  const server = start(place, join(place.entries, 'server.js'), ['--port', '0', '--home', place.home], (line) => {
    if (line.startsWith('http')) told(line);
  });
  const failed = server.ended.then(({ stderr }) => Promise.reject(new Error(`the server ended: ${stderr}`)));
  const up = Promise.race([address, failed]);
  up.catch(() => undefined);
  const stop = async () => {
    server.child.kill('SIGTERM');
    await server.ended;
  };
  return { ...server, up, stop };
}

/** @param {Place} place @returns {Promise<Front>} */
async function startServer(place) {
  const server = openServer(place);
  const url = new URL(await server.up);
  const socket = new WebSocket(`ws://127.0.0.1:${url.port}/ws?token=${url.searchParams.get('token')}`);
  /** @type {Map<number, { resolve: (value: any) => void, reject: (error: Error) => void }>} */
  const waiting = new Map();
  /** @type {((event: string, payload: any) => void)[]} */
  const listeners = [];
  socket.on('message', (data) => {
    const frame = decodeWire(/** @type {Buffer} */ (data));
    if (frame.event) return listeners.forEach((listener) => listener(frame.event, frame.payload));
    const call = waiting.get(frame.id);
    waiting.delete(frame.id);
    if (frame.error) call?.reject(new Error(frame.error.message));
    else call?.resolve(frame.output);
  });
  socket.on('error', () => undefined);
  socket.on('close', () => waiting.forEach(({ reject }) => reject(new Error('the connection was lost'))));
  await new Promise((resolve) => socket.once('open', resolve));
  let id = 0;
  return {
    pid: server.pid,
    ended: server.ended,
    listen: (listener) => listeners.push(listener),
    call: (method, input) =>
      new Promise((resolve, reject) => {
        waiting.set(++id, { resolve, reject });
        socket.send(encodeWire({ id, method, input }));
      }),
    stop: server.stop,
  };
}

/** The window, through the bridge that the page itself uses. @param {Place} place @returns {Promise<Front>} */
async function startApp(place) {
  const { _electron } = await import('@playwright/test');
  const app = await _electron.launch({
    args: [...(process.getuid?.() === 0 ? ['--no-sandbox'] : []), '.'],
    cwd: ROOT,
    env: /** @type {Record<string, string>} */ ({ ...place.env, TRM_HOME: place.home }),
  });
  const child = app.process();
  const page = await app.firstWindow();
  await page.waitForFunction(() => 'trm' in globalThis);
  return {
    pid: child.pid ?? 0,
    ended: new Promise((resolve) => child.on('exit', (code) => resolve({ code, stdout: '', stderr: '' }))),
    listen: (listener) => {
      const names = ['run.checkpoint', 'run.changed', 'evaluation.changed', 'solve.changed', 'dataset.changed'];
      page
        .exposeFunction('harnessHeard', listener)
        .then(() =>
          page.evaluate((events) => {
            const all = /** @type {any} */ (globalThis);
            for (const event of events) all.trm.on(event, (/** @type {any} */ p) => all.harnessHeard(event, p));
          }, names),
        )
        .catch(() => undefined);
    },
    call: (method, input) =>
      page.evaluate(
        ([name, given]) =>
          /** @type {any} */ (globalThis).trm.call(name, given).catch((/** @type {any} */ error) => {
            throw new Error(error.message);
          }),
        /** @type {const} */ ([method, input]),
      ),
    stop: async () => {
      const gone = new Promise((resolve) => child.once('exit', resolve));
      await app.evaluate(({ app: own }) => own.quit()).catch(() => undefined);
      await gone;
    },
  };
}

/**
 * @param {FrontKind} kind not the command line, which is started with its job
 * @param {Place} place
 */
export const startFront = (kind, place) => (kind === 'app' ? startApp(place) : startServer(place));
