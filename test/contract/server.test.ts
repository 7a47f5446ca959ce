import { readFileSync } from 'node:fs';
import { request } from 'node:http';
import { connect } from 'node:net';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import WebSocket from 'ws';
import { serve } from '../../src/server/server';
import { CLOSE_UNAUTHORISED } from '../../src/shared/rpc';
import { encodeWire } from '../../src/shared/wire';
import { fileFor } from '../../src/studio/window-files';
import { freshFolder } from '../studio/home';
import { cookie, get, server, socket, studio, UPGRADE } from './serving';

describe('the page', () => {
  it('is for who has the key, which moves from the address into a cookie', async () => {
    const address = new URL(server.address);
    expect(address.hostname).toBe('127.0.0.1');
    expect(Buffer.from(address.searchParams.get('token') as string, 'base64url')).toHaveLength(32);
    const first = await get(`/${address.search}&x=1`);
    expect(first.status).toBe(303);
    expect(first.headers.location).toBe('/?x=1');
    expect(first.headers['set-cookie']?.[0]).toMatch(/; HttpOnly; SameSite=Strict; Path=\/$/);
    const page = await get('/?x=1', { Cookie: (first.headers['set-cookie'] as string[])[0].split(';')[0] });
    expect(page.status).toBe(200);
    expect(page.body).toContain('TRM Studio');
  });

  it('never sends anybody elsewhere', async () => {
    const reply = await get(`//evil.example/?token=${server.token}`);
    expect(reply.headers.location ?? '/').toMatch(/^\/(?!\/)/);
  });

  it('comes with a policy for what it may load, and is not guessed about', async () => {
    const { headers } = await get('/', cookie());
    expect(headers['content-security-policy']).toContain("script-src 'self'");
    expect(headers['content-security-policy']).not.toContain('unsafe-eval');
    expect(headers['x-content-type-options']).toBe('nosniff');
    expect(headers['x-frame-options']).toBe('DENY');
    expect(headers['cache-control']).toBe('no-cache');
    expect((await get('/assets/app-1234.js', cookie())).headers).toMatchObject({
      'content-type': 'text/javascript; charset=utf-8',
    });
    expect((await get('/assets/app-1234.js', cookie())).headers['cache-control']).toContain('immutable');
  });

  it.each([
    ['without a key', {}, 401],
    ['with a wrong cookie', { Cookie: 'trm_token_1=x' }, 401],
  ])('is not there %s', async (_what, headers, status) => {
    const reply = await get('/', headers);
    expect(reply.status).toBe(status);
    expect(reply.body).not.toContain('<title>');
  });

  it.each(['wrong', '', `${'a'.repeat(43)}`])('refuses the key "%s"', async (token) => {
    expect((await get(`/?token=${token}`)).status).toBe(401);
  });

  it('refuses the key of another start at the same length', async () => {
    const flipped = server.token.slice(0, -1) + (server.token.endsWith('A') ? 'B' : 'A');
    expect((await get('/', { Cookie: `trm_token_${server.port}=${flipped}` })).status).toBe(401);
  });

  it.each([
    'evil.example',
    '127.0.0.1.evil.example',
    'evil.example:PORT',
    '127.0.0.1',
    '127.0.0.1:1',
    '[::ffff:127.0.0.1]:PORT',
    '127.0.0.1:PORT@evil.example',
  ])('refuses the host "%s" even with the key: the name was made to lead here', async (host) => {
    const reply = await get('/', { ...cookie(), Host: host.replace('PORT', String(server.port)) });
    expect([400, 421]).toContain(reply.status);
  });

  it.each(['localhost', '127.0.0.1', '[::1]', 'LocalHost'])('answers to %s', async (host) => {
    expect((await get('/', { ...cookie(), Host: `${host}:${server.port}` })).status).toBe(200);
  });

  it.each(['http://evil.example', 'null', 'https://127.0.0.1:PORT', 'http://127.0.0.1:1'])(
    'refuses requests from %s',
    async (origin) => {
      const reply = await get('/', { ...cookie(), Origin: origin.replace('PORT', String(server.port)) });
      expect(reply.status).toBe(403);
    },
  );

  it.each(['POST', 'PUT', 'DELETE', 'OPTIONS'])('answers no %s', async (method) => {
    const reply = await get('/', cookie(), method);
    expect(reply.status).toBe(405);
    expect(reply.headers['access-control-allow-origin']).toBeUndefined();
  });

  it.each([
    '/../secret.txt',
    '/..%2fsecret.txt',
    '/%2e%2e/secret.txt',
    '/%2e%2e%2fsecret.txt',
    '/assets/../../secret.txt',
    '/assets/..%5c..%5csecret.txt',
    '/....//secret.txt',
    '/.hidden',
    '/C:/secret.txt',
    '/%00',
    '/%',
    '/assets',
    '/assets/',
    '/nothing.js',
  ])('has nothing at %s', async (path) => {
    const reply = await get(path, cookie());
    expect(reply.status).toBe(404);
    expect(reply.body).not.toContain('secret');
  });

  it('finds files inside its folder only', () => {
    expect(fileFor('/app/renderer', '/')).toBe(join('/app/renderer', 'index.html'));
    expect(fileFor('/app/renderer', '/assets/a.js')).toBe(join('/app/renderer', 'assets', 'a.js'));
    for (const path of ['/../renderer-2/x', '/%2e%2e/renderer-2/x', '/a/%2e%2e/%2e%2e/x'])
      expect(fileFor('/app/renderer', path)).toBeNull();
  });

  it('answers HEAD without a body, and broken requests with 400', async () => {
    const head = await get('/', cookie(), 'HEAD');
    expect([head.status, head.body]).toEqual([200, '']);
    const text = await new Promise<string>((resolve) => {
      const raw = connect(server.port, '127.0.0.1', () => raw.write('GET / HTTP/1.1\r\nHost: a\r\nHost: b\r\n\r\n'));
      raw.once('data', (data) => resolve(String(data)));
    });
    expect(text).toMatch(/^HTTP\/1\.1 (400|421)/);
    const nameless = await new Promise<string>((resolve) => {
      const raw = connect(server.port, '127.0.0.1', () =>
        raw.write(`GET / HTTP/1.0\r\nCookie: ${cookie().Cookie}\r\n\r\n`),
      );
      raw.once('data', (data) => resolve(String(data)));
    });
    expect(nameless).toMatch(/^HTTP\/1\.1 421/);
  });
});

describe('the socket', () => {
  it('answers who has the key, in the cookie or the address', async () => {
    expect((await socket('/ws', cookie())).answer).toMatchObject({ id: 1, output: { theme: 'system' } });
    expect(
      (await socket(`/ws?token=${server.token}`, { Origin: `http://127.0.0.1:${server.port}` })).answer,
    ).toHaveProperty('output');
  });

  it('tells a page with the key of an earlier start so, and reads nothing it says', async () => {
    const before = await studio.dispatch('settings.get', {});
    const call = encodeWire({ id: 1, method: 'settings.set', input: { theme: 'dark' } });
    expect(await socket('/ws', {}, call)).toEqual({ code: CLOSE_UNAUTHORISED });
    expect(await socket('/ws?token=wrong', {}, call)).toEqual({ code: CLOSE_UNAUTHORISED });
    expect(await studio.dispatch('settings.get', {})).toEqual(before);
  });

  it('is closed to other sites’ pages and to names that were made to lead here, even with the key', async () => {
    expect(await socket('/ws', { ...cookie(), Origin: 'http://evil.example' })).toEqual({ status: 403 });
    expect(await socket('/ws', { ...cookie(), Origin: 'null' })).toEqual({ status: 403 });
    expect(await socket('/ws', { ...cookie(), Host: `evil.example:${server.port}` })).toEqual({ status: 421 });
    expect(await socket('/elsewhere', cookie())).toEqual({ status: 404 });
  });

  it.each([
    ['text', '{"id":1,"method":"settings.get"}'],
    ['no message of ours', Buffer.from('not one')],
    ['an empty message', Buffer.alloc(0)],
    ['a list', encodeWire([])],
    ['null', encodeWire(null)],
    ['a call without an id', encodeWire({ method: 'settings.get' })],
    ['an id that is no number', encodeWire({ id: {}, method: 'x' })],
  ])('closes on %s', async (_what, message) => {
    expect(await socket('/ws', cookie(), message)).toEqual({ code: 1003 });
  });

  it('closes on a message that is too large, and the server lives on', async () => {
    expect(
      await socket('/ws', cookie(), encodeWire({ id: 1, method: 'app.info', input: new Uint8Array(65 * 1024 * 1024) })),
    ).toEqual({ code: 1009 });
    expect((await socket('/ws', cookie())).answer).toBeDefined();
  });

  it('answers a method’s name that is anything in one sentence', async () => {
    for (const method of [
      { toString: 1, valueOf: 1 },
      { toString: null },
      [[]],
      null,
      NaN,
      undefined,
      'x'.repeat(1e6),
    ]) {
      const { answer } = await socket('/ws', cookie(), encodeWire({ id: 1, method, input: {} }));
      expect(answer).toMatchObject({
        id: 1,
        error: { code: 'bad_input', message: /^There is no method ".{1,80}"\.$/ },
      });
    }
  });

  it('answers input that is nested too deep in one sentence', async () => {
    const depth = 100_000;
    const json = Buffer.from(`[{"id":1,"method":"settings.set","input":${'['.repeat(depth)}${']'.repeat(depth)}},[]]`);
    const head = Buffer.alloc(4);
    head.writeUInt32LE(json.length);
    const { answer } = await socket('/ws', cookie(), Buffer.concat([head, json]));
    expect(answer).toMatchObject({ error: { code: 'bad_input', message: /nested more than 100 deep/ } });
  });

  it('says so where an answer cannot be sent, and lives on', async () => {
    studio.handlers['settings.get'] = (() => ({ secret: () => 1 })) as never;
    expect((await socket('/ws', cookie())).answer).toMatchObject({ id: 1, error: { code: 'internal' } });
    expect((await socket('/ws', cookie(), encodeWire({ id: 2, method: 'app.info', input: {} }))).answer).toMatchObject({
      id: 2,
      output: {},
    });
  });

  it('reads no further while 64 calls of a window are under way, and then goes on', async () => {
    let running = 0;
    let most = 0;
    const held: (() => void)[] = [];
    studio.handlers['app.info'] = (async () => {
      most = Math.max(most, ++running);
      await new Promise<void>((resolve) => held.push(resolve));
      running--;
      return {};
    }) as never;
    const client = new WebSocket(`ws://127.0.0.1:${server.port}/ws`, { headers: cookie() });
    await new Promise((resolve) => client.once('open', resolve));
    let answers = 0;
    const all = new Promise<void>((resolve) => client.on('message', () => ++answers === 500 && resolve()));
    for (let id = 0; id < 500; id++) client.send(encodeWire({ id, method: 'app.info', input: {} }));
    const release = setInterval(() => held.splice(0).forEach((go) => go()), 5);
    await all;
    clearInterval(release);
    expect(most).toBe(64);
    client.close();
  });
});

it('closes although a browser sleeps, and keeps nothing of its connection', async () => {
  const own = await serve({ studio, renderer: freshFolder(), host: '127.0.0.1', port: 0 });
  // Upgraded, and then silent: it does not answer the close, and does not go.
  const sleeper = connect({ port: own.port, host: '127.0.0.1', allowHalfOpen: true });
  sleeper.on('error', () => undefined);
  const opened = new Promise((resolve) => sleeper.once('data', resolve));
  sleeper.write(
    `GET /ws HTTP/1.1\r\nHost: 127.0.0.1:${own.port}\r\nOrigin: http://127.0.0.1:${own.port}\r\n` +
      `Cookie: trm_token_${own.port}=${own.token}\r\n${UPGRADE}\r\n`,
  );
  expect(String(await opened)).toMatch(/^HTTP\/1\.1 101 /);
  await own.close();
  sleeper.destroy();
  // ws itself gives up after 30 s.
}, 20_000);

it('says what is missing where the window was not built', async () => {
  const bare = await serve({ studio, renderer: freshFolder(), host: '127.0.0.1', port: 0 });
  const reply = await new Promise<string>((resolve) => {
    request(
      { host: '127.0.0.1', port: bare.port, path: '/', headers: { Cookie: `trm_token_${bare.port}=${bare.token}` } },
      (r) => {
        let body = '';
        r.on('data', (piece) => (body += piece));
        r.on('end', () => resolve(body));
      },
    ).end();
  });
  expect(reply).toContain('npm run build');
  await bare.close();
  expect(readFileSync(studio.log.file as string, 'utf8')).not.toContain('error');
});
