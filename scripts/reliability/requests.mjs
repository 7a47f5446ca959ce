#!/usr/bin/env node
// node scripts/reliability/requests.mjs [--count 100000] [--seed 1]
// Malformed HTTP requests, WebSocket frames and messages against the built server, and calls through the dispatch that
// Electron's IPC uses, made at random from a seed (test/reliability); then 1,000 slow connections at once. Loopback only,
// in a home of its own that is removed. Prints one JSON line per part; exit code 1 if anything was answered without the
// key, any fault was ours, or memory or handles grew. Needs Linux (/proc) and `npm run build`.
import './lib/own-node.mjs';
import { spawn } from 'node:child_process';
import { existsSync, mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { fileURLToPath } from 'node:url';
import { parseArgs } from 'node:util';
import { runnerImport } from 'vite';

const SPARE_BYTES = 96 * 2 ** 20;
const SPARE_HANDLES = 8;

const { values } = parseArgs({
  options: { count: { type: 'string', default: '100000' }, seed: { type: 'string', default: '1' } },
});
const count = Number(values.count);
const seed = Number(values.seed);
if (!(Number.isInteger(count) && count >= 100 && Number.isInteger(seed))) {
  process.stderr.write(
    `--count ${values.count} --seed ${values.seed}: use a whole number of 100 or more, and a seed.\n`,
  );
  process.exit(2);
}

const at = (/** @type {string} */ path) => fileURLToPath(new URL(`../../${path}`, import.meta.url));
const entry = at('out/main/server.js');
if (!existsSync(entry)) {
  process.stderr.write('The server is not built: npm run build.\n');
  process.exit(2);
}
// As in the built entry, which is CommonJS: the studio looks for the app's files from there.
Object.assign(globalThis, { __dirname: at('out/main') });
const { module: requests } = await runnerImport(at('test/reliability/requests.ts'));
const { module: inProcess } = await runnerImport(at('test/reliability/in-process.ts'));

const folder = mkdtempSync(join(tmpdir(), 'trm-requests-'));
const home = join(folder, 'home');
const server = spawn(process.execPath, [entry, '--port', '0', '--home', home], {
  stdio: ['ignore', 'pipe', 'inherit'],
});
let ended = false;
server.once('exit', (code, signal) => {
  ended = true;
  if (!closing) fail(`the server ended with ${code ?? signal}`);
});
let closing = false;
let failed = false;

/** @param {string} what */
function fail(what) {
  failed = true;
  process.stderr.write(`${what}\n`);
}

const started = Date.now();
try {
  const address = new URL(
    await new Promise((resolve) => createInterface({ input: server.stdout }).once('line', resolve)),
  );
  const door = { port: Number(address.port), token: address.searchParams.get('token') };
  const pid = /** @type {number} */ (server.pid);

  /** @param {string} name @param {() => Promise<any>} send */
  const part = async (name, send) => {
    const before = requests.usageOf(pid);
    const from = Date.now();
    const { sent, outcomes, faults } = await send();
    for (const fault of faults.slice(0, 20)) fail(`${name}: ${fault}`);
    if (faults.length > 20) fail(`${name}: ${faults.length} faults in all`);
    if (!ended && !(await requests.isServed(door))) fail(`${name}: who has the key is not served any more`);
    await new Promise((resolve) => setTimeout(resolve, 1000));
    const { rss, handles } = ended ? before : requests.usageOf(pid);
    const megabytes = (/** @type {number} */ bytes) => Math.round(bytes / 2 ** 20);
    const seconds = Math.round((Date.now() - from) / 1000);
    const line = { part: name, sent, faults: faults.length, seconds, rss_mb: megabytes(rss), handles, outcomes };
    process.stdout.write(`${JSON.stringify(line)}\n`);
    return { rss, handles };
  };
  /** @param {(count: number, seed: number) => Promise<any>} send @param {number} share */
  const of = (send, share) => () => send(Math.round(count * share), seed);
  const http = (/** @type {number} */ n, /** @type {number} */ s) => requests.sendHttp(door, n, s);
  const frames = (/** @type {number} */ n, /** @type {number} */ s) => requests.sendFrames(door, n, s);
  const messages = (/** @type {number} */ n, /** @type {number} */ s) => requests.sendMessages(door, n, s);

  // A tenth to warm up with: what Node allocates once is no growth.
  await part('warm-up, HTTP', of(http, 0.05));
  await part('warm-up, frames', of(frames, 0.02));
  const warm = await part('warm-up, messages', of(messages, 0.03));
  await part('HTTP requests', () => http(Math.round(count * 0.45), seed + 1));
  await part('WebSocket frames', () => frames(Math.round(count * 0.15), seed + 1));
  await part('WebSocket messages', () => messages(Math.round(count * 0.15), seed + 1));
  const last = await part('1,000 connections at once', () => requests.crowd(door, 1000));
  if (last.rss > warm.rss + SPARE_BYTES) fail(`memory grew from ${warm.rss} to ${last.rss} bytes`);
  if (last.handles > warm.handles + SPARE_HANDLES) fail(`handles grew from ${warm.handles} to ${last.handles}`);

  const calls = await inProcess.callInProcess(join(folder, 'ipc'), Math.round(count * 0.15), seed);
  for (const fault of calls.faults.slice(0, 20)) fail(`IPC dispatch: ${fault}`);
  process.stdout.write(`${JSON.stringify({ part: 'IPC dispatch', ...calls, faults: calls.faults.length })}\n`);

  const errors = readFileSync(join(home, 'logs', 'studio.log'), 'utf8')
    .split('\n')
    .filter((line) => / error /.test(line));
  for (const line of errors.slice(0, 20)) fail(`in the log: ${line}`);
  process.stdout.write(
    `${JSON.stringify({ seed, count, seconds: Math.round((Date.now() - started) / 1000), failed })}\n`,
  );
} finally {
  closing = true;
  if (!ended) {
    const gone = new Promise((resolve) => server.once('exit', resolve));
    server.kill('SIGTERM');
    await gone;
  }
  rmSync(folder, { recursive: true, force: true });
}
process.exitCode = failed ? 1 : 0;
