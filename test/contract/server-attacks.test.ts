import { readFileSync, readdirSync, readlinkSync, symlinkSync, writeFileSync } from 'node:fs';
import { connect } from 'node:net';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { serve } from '../../src/server/server';
import { cookie, get, raw, renderer, server, socket, studio, UPGRADE } from './serving';

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
