// A studio in a process of its own, and a client of it: what the reliability scripts talk to.
import { spawn } from 'node:child_process';
import { join } from 'node:path';
import { WebSocket } from 'ws';
import { findNode } from '../../lib/node.mjs';
import { pathsFor, ROOT } from '../../lib/paths.mjs';
import { decodeWire, encodeWire } from './wire.mjs';

/** The entries as `npm run build` leaves them. */
export const ENTRIES = join(ROOT, 'out', 'main');

/** The Node that the app runs in. */
export const nodeBinary = () => findNode(pathsFor().modules).path;

/**
 * @typedef {object} Started
 * @property {import('node:child_process').ChildProcess} child
 * @property {() => string} stdout what it has written so far
 * @property {() => string} stderr
 * @property {Promise<{ code: number | null, signal: NodeJS.Signals | null }>} ended
 */

/**
 * @param {'cli' | 'server'} entry
 * @param {string[]} args
 * @param {{ entries?: string, env?: NodeJS.ProcessEnv, cwd?: string }} [options]
 * @returns {Started}
 */
export function startEntry(entry, args, { entries = ENTRIES, env = {}, cwd } = {}) {
  const all = { ...process.env, TRM_HOME: undefined, ...env };
  return startScript([join(entries, `${entry}.js`), ...args], { env: all, cwd });
}

/**
 * Anything in the Node that the app runs in.
 * @param {string[]} args
 * @param {{ env?: NodeJS.ProcessEnv, cwd?: string }} [options]
 * @returns {Started}
 */
export function startScript(args, { env = process.env, cwd } = {}) {
  const child = spawn(nodeBinary(), args, {
    cwd,
    env,
    stdio: ['ignore', 'pipe', 'pipe'],
  });
  let stdout = '';
  let stderr = '';
  child.stdout.setEncoding('utf8').on('data', (text) => (stdout += text));
  child.stderr.setEncoding('utf8').on('data', (text) => (stderr += text));
  return {
    child,
    stdout: () => stdout,
    stderr: () => stderr,
    ended: new Promise((resolve, reject) => {
      child.on('error', reject);
      child.on('close', (code, signal) => resolve({ code, signal }));
    }),
  };
}

/**
 * A server on `home`, at the address that it prints.
 * @param {string} home
 * @param {Parameters<typeof startEntry>[2]} [options]
 */
export async function startServer(home, options) {
  const started = startEntry('server', ['--port', '0', '--home', home], options);
  /** @type {string | null} */
  let address = null;
  await Promise.race([
    started.ended,
    (async () => {
      while (!(address = /^http\S+/m.exec(started.stdout())?.[0] ?? null)) await sleep(50);
    })(),
  ]);
  if (address === null) throw new Error(`the server ended: ${started.stderr().trim()}`);
  return {
    ...started,
    pid: /** @type {number} */ (started.child.pid),
    address,
    /** Asks it to save and end, as Ctrl-C does. */
    stop: () => {
      started.child.kill('SIGTERM');
      return started.ended;
    },
  };
}

/** @param {number} ms */
export const sleep = (ms) => new Promise((resolve) => setTimeout(resolve, ms));

/** @typedef {{ code: string, message: string, data?: Record<string, unknown> }} WireError */

/** What a method of the contract refuses with. */
export class Refusal extends Error {
  /** @param {string} method @param {WireError} error */
  constructor(method, error) {
    super(`${method}: ${error.message}`);
    this.code = error.code;
    this.sentence = error.message;
  }
}

/**
 * One window: the socket of the contract (src/shared/rpc.ts), with what it hears counted by name.
 * @param {string} address as the server prints it, with its key
 */
export async function openWindow(address) {
  const url = new URL(address);
  const socket = new WebSocket(`ws://${url.host}/ws?token=${url.searchParams.get('token')}`);
  /** @type {Map<number, { resolve: (value: any) => void, reject: (error: Error) => void, method: string }>} */
  const waiting = new Map();
  /** @type {Record<string, number>} */
  const heard = {};
  let next = 0;
  socket.on('message', (data) => {
    const frame = decodeWire(/** @type {Buffer} */ (data));
    if ('event' in frame) {
      heard[frame.event] = (heard[frame.event] ?? 0) + 1;
      return;
    }
    const call = waiting.get(frame.id);
    waiting.delete(frame.id);
    if (frame.error) call?.reject(new Refusal(call.method, frame.error));
    else call?.resolve(frame.output);
  });
  const gone = () => {
    for (const call of waiting.values()) call.reject(new Error(`${call.method}: the connection closed`));
    waiting.clear();
  };
  socket.on('close', gone);
  await new Promise((resolve, reject) => {
    socket.once('open', () => resolve(null));
    socket.once('error', reject);
  });
  socket.on('error', gone);
  return {
    heard,
    /**
     * @param {string} method
     * @param {unknown} [input]
     * @returns {Promise<any>}
     */
    call: (method, input = {}) =>
      new Promise((resolve, reject) => {
        const id = next++;
        waiting.set(id, { resolve, reject, method });
        socket.send(encodeWire({ id, method, input }));
      }),
    close: () => {
      socket.close();
      return new Promise((resolve) => {
        if (socket.readyState === socket.CLOSED) resolve(null);
        else socket.once('close', resolve);
      });
    },
  };
}

/** @typedef {Awaited<ReturnType<typeof openWindow>>} Window */

/**
 * Asks again and again until `ready` holds.
 * @template T
 * @param {() => Promise<T>} ask
 * @param {(value: T) => boolean} ready
 * @param {string} what for the sentence if it takes longer than `seconds`
 * @returns {Promise<T>}
 */
export async function until(ask, ready, what, seconds = 600) {
  const end = performance.now() + seconds * 1000;
  for (;;) {
    const value = await ask();
    if (ready(value)) return value;
    if (performance.now() > end) throw new Error(`${what} did not come within ${seconds} s: ${JSON.stringify(value)}`);
    await sleep(200);
  }
}
