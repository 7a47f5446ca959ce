/** HTTP requests as a stranger, or a page gone wrong, might send them. */
import fc, { type Arbitrary } from 'fast-check';

export interface Door {
  port: number;
  token: string;
}

/** One HTTP request as bytes, and whether the server may answer it with more than a refusal. */
export interface RawRequest {
  bytes: Buffer;
  /** It has the key, the right host and no foreign origin. */
  admitted: boolean;
}

const latin = (max: number): Arbitrary<string> =>
  fc.uint8Array({ maxLength: max }).map((bytes) => Buffer.from(bytes).toString('latin1'));

const METHOD_NAMES = fc.oneof(
  { weight: 20, arbitrary: fc.constant('GET') },
  {
    weight: 3,
    arbitrary: fc.constantFrom(
      'HEAD',
      'POST',
      'PUT',
      'DELETE',
      'OPTIONS',
      'CONNECT',
      'TRACE',
      'PATCH',
      'PRI',
      'get',
      '',
    ),
  },
  { weight: 1, arbitrary: latin(12) },
);

const SEGMENTS = fc.constantFrom(
  ...['..', '.', '%2e%2e', '..%2f', '..\\', '%5c..', '%00', '%', '%ff', 'assets', 'index.html', 'ws', 'link', 'up', ''],
  ...[
    'etc',
    'passwd',
    'C:',
    '....',
    '.git',
    '%252e%252e',
    '~',
    '?',
    '#',
    ':',
    '@evil.example',
    '\u00ff',
    'a'.repeat(9000),
  ],
);

const pathOf = (token: string): Arbitrary<string> =>
  fc.oneof(
    { weight: 4, arbitrary: fc.array(SEGMENTS, { maxLength: 7 }).map((parts) => `/${parts.join('/')}`) },
    {
      weight: 4,
      arbitrary: fc.constantFrom(
        ...[
          '/',
          '//',
          '///',
          '/ws',
          '/ws/',
          '/ws?',
          '*',
          '',
          'http://',
          'http://[',
          '//[::1',
          '//:@/',
          '/\\',
          '//evil.example/',
        ],
        ...[
          'http://evil.example/',
          'https://127.0.0.1/',
          'ws',
          `/?token=${'a'.repeat(43)}`,
          '/?token=',
          '/ws?token=&token=',
        ],
        ...[`/ws?token=${token.slice(0, -1)}`, `/?token=${token}x`, `/?TOKEN=${token}`, `/?token=%00${token}`],
      ),
    },
    { weight: 1, arbitrary: latin(40) },
  );

type Header = [name: string, value: string];

const hostHeader = (port: number): Arbitrary<Header[]> =>
  fc.oneof(
    {
      weight: 6,
      arbitrary: fc
        .constantFrom('127.0.0.1', 'localhost', '[::1]')
        .map((name): Header[] => [['Host', `${name}:${port}`]]),
    },
    {
      weight: 4,
      arbitrary: fc
        .constantFrom(
          ...[
            'evil.example',
            `evil.example:${port}`,
            `127.0.0.1.evil.example:${port}`,
            '127.0.0.1',
            '',
            `127.0.0.1:${port}x`,
          ],
          ...[
            `127.0.0.1:${port}@evil.example`,
            `[::ffff:127.0.0.1]:${port}`,
            `0.0.0.0:${port}`,
            `127.0.0.1 :${port}`,
            `[:${port}`,
          ],
        )
        .map((value): Header[] => [['Host', value]]),
    },
    { weight: 1, arbitrary: fc.constant<Header[]>([]) },
    {
      weight: 1,
      arbitrary: fc.constant<Header[]>([
        ['Host', `127.0.0.1:${port}`],
        ['Host', 'evil.example'],
      ]),
    },
  );

const originHeader = (port: number): Arbitrary<Header[]> =>
  fc.oneof(
    { weight: 3, arbitrary: fc.constant<Header[]>([]) },
    {
      weight: 2,
      arbitrary: fc
        .constantFrom(
          'http://evil.example',
          'null',
          `https://127.0.0.1:${port}`,
          'file://',
          '',
          `http://127.0.0.1:${port}`,
        )
        .map((value): Header[] => [['Origin', value]]),
    },
  );

/** What a parser takes, and what it should refuse: apart, as most requests are to get past the parser. */
const LEGAL_HEADERS = fc.constantFrom<Header>(
  ['Content-Length', '0'],
  ['Content-Length', '5'],
  ['Transfer-Encoding', 'chunked'],
  ['Connection', 'close'],
  ['Connection', 'keep-alive, Upgrade'],
  ['Upgrade', 'h2c'],
  ['Range', 'bytes=-1'],
  ['If-None-Match', '*'],
  ['X-Forwarded-Host', 'evil.example'],
  ['X-Forwarded-For', '127.0.0.1'],
  ['Forwarded', 'host=127.0.0.1'],
  ['X-HTTP-Method-Override', 'POST'],
  ['Referer', 'http://evil.example/'],
  ['Sec-Fetch-Site', 'cross-site'],
  ['__proto__', 'x'],
  ['constructor', 'x'],
  ['Sec-WebSocket-Key', ''],
  ['Sec-WebSocket-Version', '99'],
  ['Sec-WebSocket-Extensions', 'permessage-deflate; =;;'],
  ['Sec-WebSocket-Protocol', ',,'],
  ['Cookie', ';;;=;'],
  ['Cookie', `a=${'b'.repeat(5000)}`],
  ['X', '\u00e9\u00ff'],
);
const ILLEGAL_HEADERS = fc.oneof(
  fc.constantFrom<Header>(
    ['Content-Length', '-1'],
    ['Content-Length', '1e9'],
    ['Content-Length', '99999999999999999999'],
    ['Transfer-Encoding', 'chunked, identity'],
    ['Transfer-Encoding', 'xchunked'],
    ['Expect', '100-continue'],
    ['Expect', 'x'],
    ['X', 'y'.repeat(20_000)],
    ['Name with blanks', 'x'],
    ['', ''],
  ),
  fc.tuple(latin(8), latin(20)),
);
const ODD_HEADERS = fc.oneof(
  { weight: 6, arbitrary: fc.array(LEGAL_HEADERS, { maxLength: 4 }) },
  { weight: 1, arbitrary: fc.array(fc.oneof(LEGAL_HEADERS, ILLEGAL_HEADERS), { minLength: 1, maxLength: 4 }) },
);

export const UPGRADE: Header[] = [
  ['Connection', 'Upgrade'],
  ['Upgrade', 'websocket'],
  ['Sec-WebSocket-Version', '13'],
  ['Sec-WebSocket-Key', 'dGhlIHNhbXBsZSBub25jZQ=='],
];

/** An HTTP request with most of its parts right, so that what is wrong gets as far as it can. */
export function rawRequest({ port, token }: Door): Arbitrary<RawRequest> {
  const cookie = (value: string): Header[] => [['Cookie', `trm_token_${port}=${value}`]];
  return fc
    .record({
      method: METHOD_NAMES,
      path: pathOf(token),
      version: fc.oneof(
        { weight: 20, arbitrary: fc.constant('HTTP/1.1') },
        { weight: 1, arbitrary: fc.constantFrom('HTTP/1.0', 'HTTP/2.0', 'HTTP/9', '', 'RTSP/1.0') },
      ),
      host: hostHeader(port),
      origin: originHeader(port),
      key: fc.constantFrom('none', 'none', 'wrong', 'short', 'right'),
      upgrade: fc.boolean(),
      odd: ODD_HEADERS,
      many: fc.oneof(
        { weight: 20, arbitrary: fc.constant(0) },
        { weight: 1, arbitrary: fc.constantFrom(99, 101, 2000) },
      ),
      line: fc.oneof(
        { weight: 25, arbitrary: fc.constant('\r\n') },
        { weight: 1, arbitrary: fc.constantFrom('\n', '\r', '\0\r\n') },
      ),
      body: fc.oneof({ weight: 12, arbitrary: fc.constant('') }, { weight: 1, arbitrary: latin(200) }),
      cut: fc.oneof(
        { weight: 12, arbitrary: fc.constant(1) },
        { weight: 1, arbitrary: fc.double({ min: 0, max: 1, noNaN: true }) },
      ),
    })
    .map((r) => {
      const keys = {
        none: [],
        wrong: cookie('A'.repeat(token.length)),
        short: cookie(token.slice(1)),
        right: cookie(token),
      };
      const headers: Header[] = [
        ...r.host,
        ...r.origin,
        ...keys[r.key],
        ...(r.upgrade ? UPGRADE : []),
        ...r.odd,
        ...Array.from({ length: r.many }, (_, i): Header => [`X-${i}`, 'x']),
      ];
      const text = [`${r.method} ${r.path} ${r.version}`, ...headers.map(([n, v]) => `${n}: ${v}`), '', r.body].join(
        r.line,
      );
      const bytes = Buffer.from(text, 'latin1');
      return { bytes: bytes.subarray(0, Math.ceil(bytes.length * r.cut)), admitted: isAdmitted(r, port) };
    });
}

function isAdmitted({ key, host, origin }: { key: string; host: Header[]; origin: Header[] }, port: number): boolean {
  const known = ['127.0.0.1', 'localhost', '[::1]'].map((name) => `${name}:${port}`);
  const named = host.length === 1 && known.includes(host[0][1]);
  return key === 'right' && named && (origin.length === 0 || origin[0][1] === `http://${host[0][1]}`);
}
