import { mkdirSync, readFileSync, readdirSync, readlinkSync, symlinkSync, writeFileSync } from 'node:fs';
import { request, type IncomingHttpHeaders } from 'node:http';
import { createServer as createNetServer, connect } from 'node:net';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import WebSocket from 'ws';
import { parseServerOptions, parsePublicAddress } from '../../src/server/options';
import { serve, type RunningServer } from '../../src/server/server';
import { reachSentences } from '../../src/server/main';
import { CLOSE_UNAUTHORISED } from '../../src/shared/rpc';
import { decodeWire, encodeWire } from '../../src/shared/wire';
import { openStudio, type Studio } from '../../src/studio/studio';
import { fileFor } from '../../src/studio/window-files';
import { freshFolder } from '../studio/home';
import { ScriptedCompute } from '../studio/scripted-compute';

let studio: Studio;
let server: RunningServer;
let renderer: string;

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
function get(path: string, headers: Record<string, string> = {}, method = 'GET'): Promise<Reply> {
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

const cookie = () => ({ Cookie: `trm_token_${server.port}=${server.token}` });

/** How a WebSocket ends that says one thing: refused at the door, closed with a code, or answered. */
function socket(
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

/** What a bare connection hears until it is closed; `null` where that has not happened after `wait` ms. */
function raw(bytes: string | Buffer, at = server.port, wait = 10_000): Promise<string | null> {
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

const UPGRADE =
  'Connection: Upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n';

describe('nothing that anyone sends ends the server', () => {
  const host = () => `Host: 127.0.0.1:${server.port}\r\n`;

  it.each(['//', '///', '//:@/', '*', 'http://', 'http://[/', '/\\', '/%', '//[::1', 'x'])(
    'asked for %s, with and without an upgrade, with and without the key',
    async (path) => {
      for (const extra of ['', UPGRADE, `Cookie: ${cookie().Cookie}\r\n`, `${UPGRADE}Cookie: ${cookie().Cookie}\r\n`]) {
        const heard = await raw(
          `GET ${path} HTTP/1.1\r\n${host()}${extra}${extra.includes('Up') ? '' : 'Connection: close\r\n'}\r\n`,
        );
        // The page, for who has the key, where no more is wrong than a slash too many.
        const page = extra.startsWith('Cookie') && /^\/+\\?$/.test(path);
        expect(heard).toMatch(page ? /^HTTP\/1\.1 200 / : /^HTTP\/1\.1 4\d\d /);
      }
      expect((await get('/', cookie())).status).toBe(200);
      expect(readFileSync(studio.log.file as string, 'utf8')).not.toContain('error');
    },
  );

  it.each([
    ['no key', 'Connection: Upgrade\r\nUpgrade: websocket\r\n'],
    ['an old version', UPGRADE.replace('13', '7')],
    ['another protocol', UPGRADE.replace('websocket', 'h2c')],
    ['a broken subprotocol', `${UPGRADE}Sec-WebSocket-Protocol: a,,b\r\n`],
  ])('a handshake with %s is refused', async (_what, headers) => {
    expect(await raw(`GET /ws HTTP/1.1\r\n${host()}Cookie: ${cookie().Cookie}\r\n${headers}\r\n`)).toMatch(
      /^HTTP\/1\.1 4\d\d /,
    );
    expect((await get('/', cookie())).status).toBe(200);
  });

  it('a connection that is reset in the middle of a handshake or of its refusal', async () => {
    for (const path of ['/elsewhere', '/ws', '//']) {
      for (let i = 0; i < 20; i++) {
        await new Promise<void>((resolve) => {
          const client = connect(server.port, '127.0.0.1', () => {
            client.write(`GET ${path} HTTP/1.1\r\n${host()}${UPGRADE}\r\n`);
            setTimeout(() => client.resetAndDestroy(), i);
          });
          client.on('error', () => undefined);
          client.on('close', () => resolve());
        });
      }
    }
    expect((await get('/', cookie())).status).toBe(200);
  });

  it('frames that no client sends, before and after the key is known', async () => {
    for (const key of ['', `Cookie: ${cookie().Cookie}\r\n`]) {
      for (const frame of [
        '\x81\x01a',
        '\xff\xff\xff\xff',
        '\x82\xff\x7f\xff\xff\xff\xff\xff\xff\xff',
        '\x89\xfe\x00\x7e',
      ]) {
        const start = Buffer.from(`GET /ws HTTP/1.1\r\n${host()}${key}${UPGRADE}\r\n`);
        expect(await raw(Buffer.concat([start, Buffer.from(frame, 'latin1')]), server.port, 3000)).toMatch(
          /^HTTP\/1\.1 101/,
        );
      }
    }
    expect((await socket('/ws', cookie())).answer).toBeDefined();
  });

  it('a body: it is refused, and not waited for', async () => {
    const length = await raw(`GET / HTTP/1.1\r\n${host()}Content-Length: 1000000000\r\n\r\n`);
    expect(length).toMatch(/^HTTP\/1\.1 413 [^]*No request here has a body/);
    const chunked = await raw(`GET / HTTP/1.1\r\n${host()}Transfer-Encoding: chunked\r\n\r\nffffff\r\n`);
    expect(chunked).toMatch(/^HTTP\/1\.1 413 /);
  });
});

it('refuses two hosts, even with the key and the first one right', async () => {
  const own = `127.0.0.1:${server.port}`;
  const heard = await raw(
    `GET / HTTP/1.1\r\nHost: ${own}\r\nHost: evil.example\r\nCookie: ${cookie().Cookie}\r\nConnection: close\r\n\r\n`,
  );
  expect(heard).toMatch(/^HTTP\/1\.1 4/);
});

describe('who takes too long', () => {
  it('is dropped: no headers, half of them, one byte at a time, an answer that is not read', async () => {
    const limits = { headersMs: 300, requestMs: 600, idleMs: 500, checkMs: 50 };
    const quick = await serve({ studio, renderer, host: '127.0.0.1', port: 0, limits });
    writeFileSync(join(renderer, 'assets', 'large.bin'), Buffer.alloc(32 * 1024 * 1024));
    const slowly = new Promise<void>((resolve) => {
      const client = connect(quick.port, '127.0.0.1');
      const drip = setInterval(() => client.write('a'), 40);
      client.on('error', () => undefined);
      client.on('close', () => {
        clearInterval(drip);
        resolve();
      });
      client.resume();
    });
    const unread = new Promise<void>((resolve) => {
      const client = connect(quick.port, '127.0.0.1', () => {
        client.write(
          `GET /assets/large.bin HTTP/1.1\r\nHost: 127.0.0.1:${quick.port}\r\nCookie: trm_token_${quick.port}=${quick.token}\r\n\r\n`,
        );
        client.pause();
      });
      client.on('error', () => undefined);
      client.on('close', () => resolve());
      // It learns that the other side has gone only by reading; it reads long after it should have been dropped.
      setTimeout(() => client.resume(), 3000);
    });
    expect(await raw('', quick.port)).not.toBeNull();
    expect(await raw('GET / HT', quick.port)).not.toBeNull();
    await slowly;
    await unread;
    await quick.close();
  });

  it('and leaves no file open', async () => {
    writeFileSync(join(renderer, 'assets', 'large.bin'), Buffer.alloc(8 * 1024 * 1024));
    const open = () => readdirSync('/proc/self/fd').filter((fd) => linkOf(fd).endsWith('large.bin')).length;
    for (let i = 0; i < 50; i++) {
      await new Promise<void>((resolve) => {
        const client = connect(server.port, '127.0.0.1', () =>
          client.write(
            `GET /assets/large.bin HTTP/1.1\r\nHost: 127.0.0.1:${server.port}\r\nCookie: ${cookie().Cookie}\r\n\r\n`,
          ),
        );
        client.once('data', () => client.destroy());
        client.on('close', () => resolve());
      });
    }
    await expect.poll(open).toBe(0);
  });

  const linkOf = (fd: string): string => {
    try {
      return readlinkSync(`/proc/self/fd/${fd}`);
    } catch {
      return '';
    }
  };
});

it('does not follow a link out of the window’s folder', async () => {
  symlinkSync(join(renderer, '..', 'secret.txt'), join(renderer, 'assets', 'link.txt'));
  symlinkSync('..', join(renderer, 'assets', 'up'));
  symlinkSync(join(renderer, '..'), join(renderer, 'out'));
  for (const path of ['/assets/link.txt', '/out/secret.txt', '/assets/up/out/secret.txt']) {
    const reply = await get(path, cookie());
    expect([reply.status, reply.body.includes('secret')]).toEqual([404, false]);
  }
  expect((await get('/assets/up/index.html', cookie())).status).toBe(200);
});

describe('behind a proxy', () => {
  const behind = async (publicAddress: string, headers: Record<string, string>, upgrade = false) => {
    const proxied = await serve({
      studio,
      renderer,
      host: '127.0.0.1',
      port: 0,
      publicAddress: parsePublicAddress(publicAddress),
    });
    try {
      const lines = Object.entries({ Cookie: `trm_token_${proxied.port}=${proxied.token}`, ...headers });
      const text = lines.map(([k, v]) => `${k}: ${v.replace('PORT', String(proxied.port))}\r\n`).join('');
      const path = upgrade ? '/ws' : `/?token=${proxied.token}`;
      const heard = await raw(
        `GET ${path} HTTP/1.1\r\n${text}${upgrade ? UPGRADE : 'Connection: close\r\n'}\r\n`,
        proxied.port,
        500,
      );
      return { heard: heard ?? '101, and open', address: proxied.address };
    } finally {
      await proxied.close();
    }
  };

  it('it answers to the public name and origin, whether the proxy passes Host on or not', async () => {
    for (const Host of ['trm.example.org', 'TRM.example.org', '127.0.0.1:PORT']) {
      const { heard, address } = await behind('https://trm.example.org', { Host, Origin: 'https://trm.example.org' });
      expect(heard).toMatch(/^HTTP\/1\.1 303/);
      expect(heard.includes('; Secure')).toBe(!Host.startsWith('127'));
      expect(address).toMatch(/^https:\/\/trm\.example\.org\/\?token=/);
      expect(
        (await behind('https://trm.example.org', { Host, Origin: 'https://trm.example.org' }, true)).heard,
      ).toMatch(/101/);
    }
    expect(
      (await behind('http://10.0.0.5:8080', { Host: '10.0.0.5:8080', Origin: 'http://10.0.0.5:8080' })).heard,
    ).toMatch(/^HTTP\/1\.1 303/);
  });

  it.each([
    [{ Host: 'evil.example' }, 421],
    [{ Host: 'trm.example.org:8443' }, 421],
    [{ Host: 'trm.example.org.evil.example' }, 421],
    [{ Host: 'evil.example', 'X-Forwarded-Host': 'trm.example.org' }, 421],
    [{ Host: 'trm.example.org', Origin: 'http://trm.example.org' }, 403],
    [{ Host: 'trm.example.org', Origin: 'https://evil.example' }, 403],
    [{ Host: 'trm.example.org', Origin: 'null' }, 403],
  ])('it refuses %j', async (headers, status) => {
    for (const upgrade of [false, true]) {
      expect((await behind('https://trm.example.org', headers as Record<string, string>, upgrade)).heard).toMatch(
        new RegExp(`^HTTP/1\\.1 ${status}`),
      );
    }
  });

  it('its address is checked, and the port does not move', async () => {
    for (const text of ['trm.example.org', 'https://a/b', 'ftp://a', 'https://u:p@a', 'https://a/?x', '']) {
      expect(() => parsePublicAddress(text), text).toThrow(/^--public-address .* is not an address without a path/);
    }
    const taken = server.port;
    const publicAddress = parsePublicAddress('https://trm.example.org');
    await expect(serve({ studio, renderer, host: '127.0.0.1', port: taken, publicAddress })).rejects.toThrow(
      `The port ${taken} is in use`,
    );
  });

  it('and who listens for other machines is told what that means', () => {
    const https = parsePublicAddress('https://trm.example.org');
    for (const host of ['127.0.0.1', '127.1.2.3', 'localhost', '::1'])
      expect(reachSentences({ host, publicAddress: null }, 7650)).toEqual([]);
    for (const host of ['0.0.0.0', '::', '10.0.0.5', 'trm'])
      expect(reachSentences({ host, publicAddress: null }, 7650)).toEqual([
        expect.stringMatching(/without encryption: .* ssh -L .*docs\/server\.md/),
      ]);
    expect(reachSentences({ host: '127.0.0.1', publicAddress: https }, 7650).join()).toMatch(
      /answers to https:\/\/trm\.example\.org; pass it on to port 7650\.$/,
    );
    const http = parsePublicAddress('http://10.0.0.5');
    expect(reachSentences({ host: '127.0.0.1', publicAddress: http }, 7650).join()).toContain('has no encryption');
  });
});

describe('the port', () => {
  it('that is taken gives way to the next one, which is said', async () => {
    const taken = createNetServer();
    await new Promise<void>((resolve) => taken.listen(0, '127.0.0.1', resolve));
    const { port } = taken.address() as { port: number };
    const told: number[][] = [];
    const second = await serve({
      studio,
      renderer,
      host: '127.0.0.1',
      port,
      onTaken: (at, next) => told.push([at, next]),
    });
    expect(second.port).toBeGreaterThan(port);
    expect(told[0]).toEqual([port, port + 1]);
    await second.close();
    taken.close();
  });

  it('is refused in a sentence where the address is not of this machine', async () => {
    await expect(serve({ studio, renderer, host: '203.0.113.7', port: 0 })).rejects.toMatchObject({
      code: 'bad_input',
    });
  });

  it('and the other options are checked', () => {
    expect(parseServerOptions(['--port', '0', '--home', 'x'])).toEqual({
      port: 0,
      host: '127.0.0.1',
      home: 'x',
      publicAddress: null,
      help: false,
    });
    for (const argv of [
      ['--port', '65536'],
      ['--port', '-1'],
      ['--port', 'x'],
      ['--port', ''],
      ['--prot', '1'],
      ['extra'],
    ]) {
      expect(() => parseServerOptions(argv), argv.join(' ')).toThrow(/--port/);
    }
  });
});

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
