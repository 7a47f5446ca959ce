import { createServer as createNetServer } from 'node:net';
import { describe, expect, it } from 'vitest';
import { reachSentences } from '../../src/server/main';
import { parsePublicAddress, parseServerOptions } from '../../src/server/options';
import { serve } from '../../src/server/server';
import { raw, renderer, server, studio, UPGRADE } from './serving';

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
