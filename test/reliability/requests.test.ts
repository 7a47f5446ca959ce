/** The short form of scripts/reliability/requests.mjs. */
import { mkdirSync, mkdtempSync, readFileSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { serve, type RunningServer } from '../../src/server/server';
import { openStudio, type Studio } from '../../src/studio/studio';
import { ScriptedCompute } from '../studio/scripted-compute';
import { crowd, isServed, sendCalls, sendFrames, sendHttp, sendMessages, usageOf, type Tally } from './requests';

let studio: Studio;
let server: RunningServer;
let folder: string;

beforeAll(async () => {
  folder = mkdtempSync(join(tmpdir(), 'trm-requests-'));
  const renderer = join(folder, 'renderer');
  mkdirSync(join(renderer, 'assets'), { recursive: true });
  writeFileSync(join(renderer, 'index.html'), '<!doctype html><title>TRM Studio</title>');
  symlinkSync('/etc/passwd', join(renderer, 'link'));
  symlinkSync('..', join(renderer, 'up'));
  studio = await openStudio({
    home: join(folder, 'home'),
    transport: 'web',
    compute: () => new ScriptedCompute().factory,
    resources: null,
    runtimeReport: null,
  });
  const limits = { headersMs: 1000, requestMs: 1500, checkMs: 100 };
  server = await serve({ studio, renderer, host: '127.0.0.1', port: 0, limits });
});
afterAll(async () => {
  await server.close();
  await studio.close();
  rmSync(folder, { recursive: true, force: true });
});

const SEED = 12;

it.each([
  ['HTTP requests', 1500, (n: number) => sendHttp(server, n, SEED)],
  ['WebSocket frames', 400, (n: number) => sendFrames(server, n, SEED)],
  ['WebSocket messages', 600, (n: number) => sendMessages(server, n, SEED)],
  ['calls over IPC', 1500, (n: number) => sendCalls((method, input) => studio.answer(method, input), n, SEED)],
] satisfies [string, number, (n: number) => Promise<Tally>][])('malformed %s', async (_what, count, send) => {
  const result = await send(count);
  expect(result.faults).toEqual([]);
  expect(result.sent).toBeGreaterThanOrEqual(count);
  // They got far enough to end in more than one way.
  expect(Object.keys(result.outcomes).length).toBeGreaterThan(1);
  expect(await isServed(server)).toBe(true);
  expect(readFileSync(studio.log.file as string, 'utf8')).not.toMatch(/ error /);
});

it('700 connections at once that finish nothing are all closed, and leave no handle', async () => {
  const before = usageOf(process.pid).handles;
  expect((await crowd(server, 700)).sent).toBe(700);
  expect(await isServed(server)).toBe(true);
  await expect.poll(() => usageOf(process.pid).handles).toBeLessThanOrEqual(before + 5);
});
