import type { AddressInfo } from 'node:net';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { WebSocket as NodeSocket, WebSocketServer, type WebSocket as ServerSide } from 'ws';
import { asStudioError, socketAddress } from '../../src/renderer/kernel/client';
import { createSocketClient } from '../../src/renderer/kernel/socket-client';
import { CLOSE_UNAUTHORISED, type CallFrame } from '../../src/shared/rpc';
import { decodeWire, encodeWire } from '../../src/shared/wire';
import type { StudioClient } from '../../src/shared/contract';

let server: WebSocketServer;
let port: number;
let clients: ServerSide[];
/** What the server does with a call; set per test. */
let answer: (frame: CallFrame, socket: ServerSide) => void;

function listen(at = 0): Promise<void> {
  return new Promise((resolve) => {
    server = new WebSocketServer({ port: at, host: '127.0.0.1' }, resolve);
    server.on('connection', (socket) => {
      clients.push(socket);
      socket.on('message', (data) => answer(decodeWire(data as Buffer) as CallFrame, socket));
    });
  });
}
function stop(): Promise<void> {
  for (const client of clients) client.terminate();
  clients = [];
  return new Promise((resolve) => server.close(() => resolve()));
}

/** The real protocol through Node's own WebSocket: happy-dom's has no network. */
function connect(): StudioClient {
  return createSocketClient(`ws://127.0.0.1:${port}/ws`, {
    connect: (to) => new NodeSocket(to) as unknown as WebSocket,
    retryMs: [20],
  });
}
function until(client: StudioClient, wanted: boolean): Promise<void> {
  return new Promise((resolve) => {
    const off = client.onConnection((up) => {
      if (up !== wanted) return;
      // The first telling comes before `off` is there.
      queueMicrotask(() => off());
      resolve();
    });
  });
}
const reply = (socket: ServerSide, frame: object): void => socket.send(encodeWire(frame));

beforeEach(async () => {
  clients = [];
  answer = (frame, socket) => reply(socket, { id: frame.id, output: [] });
  await listen();
  port = (server.address() as AddressInfo).port;
});
afterEach(stop);

describe('the contract over a WebSocket', () => {
  it('carries calls made before the connection stands, and typed arrays back', async () => {
    answer = (frame, socket) =>
      reply(socket, {
        id: frame.id,
        output: [
          {
            name: 'lm_loss',
            steps: Float64Array.from([1, 2]),
            seconds: Float64Array.from([1, 2]),
            values: Float32Array.from([0.5, NaN]),
          },
        ],
      });
    const [series] = await connect().call('runs.metrics', { run: 'r1' });
    expect(series.steps).toEqual(Float64Array.from([1, 2]));
    expect(series.values[1]).toBeNaN();
  });

  it('keeps answers apart however they are ordered', async () => {
    const held: (() => void)[] = [];
    answer = (frame, socket) => {
      held.push(() => reply(socket, { id: frame.id, output: (frame.input as { run: string }).run }));
      if (held.length === 2) for (const send of held.reverse()) send();
    };
    const client = connect();
    const both = await Promise.all([client.call('runs.get', { run: 'a' }), client.call('runs.get', { run: 'b' })]);
    expect(both as unknown).toEqual(['a', 'b']);
  });

  it('gives errors back with their code, sentence and data', async () => {
    answer = (frame, socket) =>
      reply(socket, {
        id: frame.id,
        error: { code: 'not_found', message: 'There is no run r9.', data: { run: 'r9' } },
      });
    await expect(connect().call('runs.get', { run: 'r9' })).rejects.toMatchObject({
      code: 'not_found',
      message: 'There is no run r9.',
      data: { run: 'r9' },
    });
  });

  it('tells events to those who listen, until they stop', async () => {
    const client = connect();
    await until(client, true);
    const heard: string[] = [];
    const off = client.on('run.deleted', ({ run }) => heard.push(run));
    reply(clients[0], { event: 'run.deleted', payload: { run: 'a' } });
    await client.call('runs.list', {});
    off();
    reply(clients[0], { event: 'run.deleted', payload: { run: 'b' } });
    await client.call('runs.list', {});
    expect(heard).toEqual(['a']);
  });

  it('refuses what was under way when the connection is lost, comes back by itself, and sends what waited', async () => {
    const client = connect();
    await until(client, true);
    answer = () => undefined;
    const underWay = client.call('runs.list', {});
    const refused = expect(underWay).rejects.toMatchObject({ code: 'unavailable' });
    await new Promise((resolve) => setTimeout(resolve, 30));
    const lost = until(client, false);
    await stop();
    await refused;
    await lost;
    const waiting = client.call('runs.list', {});
    answer = (frame, socket) => reply(socket, { id: frame.id, output: ['back'] });
    await listen(port);
    expect((await waiting) as unknown).toEqual(['back']);
  });

  it('says what to do when the token is refused, and does not try again', async () => {
    server.removeAllListeners('connection');
    let attempts = 0;
    server.on('connection', (socket) => {
      attempts++;
      socket.close(CLOSE_UNAUTHORISED, 'unauthorised');
    });
    const client = connect();
    await expect(client.call('runs.list', {})).rejects.toMatchObject({ code: 'unauthorised' });
    await expect(client.call('runs.list', {})).rejects.toMatchObject({ code: 'unauthorised' });
    await new Promise((resolve) => setTimeout(resolve, 80));
    expect(attempts).toBe(1);
  });
});

describe('where the socket is', () => {
  it('is at the page’s own host, with its token', () => {
    expect(socketAddress({ protocol: 'http:', host: '127.0.0.1:7650', search: '?token=a%2Bb' })).toBe(
      'ws://127.0.0.1:7650/ws?token=a%2Bb',
    );
    expect(socketAddress({ protocol: 'https:', host: 'x', search: '' })).toBe('wss://x/ws');
  });
});

describe('anything that is thrown', () => {
  it('becomes an error that may be shown', () => {
    expect(asStudioError({ code: 'conflict', message: 'It is done.' })).toMatchObject({
      code: 'conflict',
      message: 'It is done.',
    });
    expect(asStudioError(new Error('boom'))).toMatchObject({ code: 'internal', message: 'boom' });
    expect(asStudioError('odd').message).toBe('odd');
  });
});
