import { mkdirSync, writeFileSync } from 'node:fs';
import { request, type IncomingHttpHeaders } from 'node:http';
import { connect } from 'node:net';
import { join } from 'node:path';
import { afterEach, beforeEach } from 'vitest';
import WebSocket from 'ws';
import { serve, type RunningServer } from '../../src/server/server';
import { decodeWire, encodeWire } from '../../src/shared/wire';
import { openStudio, type Studio } from '../../src/studio/studio';
import { freshFolder } from '../studio/home';
import { ScriptedCompute } from '../studio/scripted-compute';

// A server of its own for each test of the file that imports this.
export let studio: Studio;
export let server: RunningServer;
export let renderer: string;

beforeEach(async () => {
  renderer = join(freshFolder(), 'renderer');
  mkdirSync(join(renderer, 'assets'), { recursive: true });
  writeFileSync(join(renderer, 'index.html'), '<!doctype html><title>TRM Studio</title>');
  writeFileSync(join(renderer, 'assets', 'app-1234.js'), 'export {};');
  writeFileSync(join(renderer, '..', 'secret.txt'), 'secret');
  studio = await openStudio({
    home: freshFolder(),
    transport: 'web',
    compute: () => new ScriptedCompute().factory,
    resources: null,
    runtimeReport: null,
  });
  server = await serve({ studio, renderer, host: '127.0.0.1', port: 0 });
});
afterEach(async () => {
  await server.close();
  await studio.close();
});

interface Reply {
  status: number;
  headers: IncomingHttpHeaders;
  body: string;
}

/** Node's fetch and URL clean paths and forbid headers; a bare request sends what an attacker would. */
export function get(path: string, headers: Record<string, string> = {}, method = 'GET'): Promise<Reply> {
  return new Promise((resolve, reject) => {
    const out = request(
      { host: '127.0.0.1', port: server.port, path, method, headers: { Host: `127.0.0.1:${server.port}`, ...headers } },
      (reply) => {
        let body = '';
        reply.on('data', (piece) => (body += piece));
        reply.on('end', () => resolve({ status: reply.statusCode ?? 0, headers: reply.headers, body }));
      },
    );
    out.on('error', reject);
    out.end();
  });
}

export const cookie = () => ({ Cookie: `trm_token_${server.port}=${server.token}` });

/** What a bare connection hears until it is closed; `null` where that has not happened after `wait` ms. */
export function raw(bytes: string | Buffer, at = server.port, wait = 10_000): Promise<string | null> {
  return new Promise((resolve) => {
    let heard = '';
    const end = (said: string | null) => {
      clearTimeout(late);
      client.destroy();
      resolve(said);
    };
    const late = setTimeout(() => end(null), wait);
    const client = connect({ port: at, host: '127.0.0.1', allowHalfOpen: true }, () => client.write(bytes));
    client.on('data', (data) => (heard += String(data)));
    client.on('error', () => undefined);
    client.on('end', () => end(heard));
    client.on('close', () => end(heard));
  });
}

export const UPGRADE =
  'Connection: Upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n';

/** How a WebSocket ends that says one thing: refused at the door, closed with a code, or answered. */
export function socket(
  path: string,
  headers: Record<string, string> = {},
  sent: string | Uint8Array = encodeWire({ id: 1, method: 'settings.get', input: {} }),
): Promise<{ status?: number; code?: number; answer?: unknown }> {
  return new Promise((resolve) => {
    const client = new WebSocket(`ws://127.0.0.1:${server.port}${path}`, { headers });
    client.on('unexpected-response', (_request, reply) => {
      resolve({ status: reply.statusCode });
      client.terminate();
    });
    client.on('error', () => undefined);
    client.on('open', () => client.send(sent));
    client.on('message', (data) => {
      resolve({ answer: decodeWire(data as Buffer) });
      client.close();
    });
    client.on('close', (code) => resolve({ code }));
  });
}
