/** WebSocket frames and calls of the contract as a page gone wrong might send them. */
import fc, { type Arbitrary } from 'fast-check';
import { METHODS } from '../../src/shared/contract';
import { encodeWire } from '../../src/shared/wire';

/** A WebSocket frame of a client, masked or not, its length true or not. */
export const frame: Arbitrary<Buffer> = fc
  .record({
    first: fc.oneof(fc.constantFrom(0x81, 0x82, 0x88, 0x89, 0x8a, 0x01, 0x00, 0xc2), fc.nat(255)),
    masked: fc.oneof({ weight: 5, arbitrary: fc.constant(true) }, { weight: 1, arbitrary: fc.constant(false) }),
    claim: fc.option(fc.constantFrom(0n, 125n, 2n ** 16n, 2n ** 26n + 1n, 2n ** 53n, 2n ** 63n - 1n, 2n ** 64n - 1n), {
      freq: 4,
    }),
    body: fc.uint8Array({ maxLength: 120 }),
  })
  .map(({ first, masked, claim, body }) => {
    const head = Buffer.alloc(claim === null ? 2 : 10);
    head[0] = first;
    head[1] = (masked ? 0x80 : 0) | (claim === null ? body.length : 127);
    if (claim !== null) head.writeBigUInt64BE(claim, 2);
    // A mask of zeros: the body goes as it is.
    return Buffer.concat([head, masked ? Buffer.alloc(4) : Buffer.alloc(0), body]);
  });

const KEYS = fc.oneof(
  fc.constantFrom(
    ...[
      'run',
      'runs',
      'id',
      'config',
      'dataset',
      'checkpoint',
      'task',
      'import',
      'example',
      'split',
      'index',
      'name',
      'view',
    ],
    ...['__proto__', 'constructor', 'prototype', 'toString', 'toJSON', 'then', 'length', '$number', '$array', ''],
  ),
  fc.string({ maxLength: 6 }),
);

/** No path that leads anywhere: a call may be right by chance, and must not read or write the tester's own files. */
const WORDS = fc.constantFrom(
  'x',
  'nobody',
  '../../x',
  '\0',
  '\ud800',
  'a'.repeat(100_000),
  '__proto__',
  '{{7*7}}',
  "'; --",
  '1e999',
);

/** Data as a page could send it; with `clones`, also what only Electron's IPC carries. */
export const anyInput = (clones: boolean): Arbitrary<unknown> =>
  fc.letrec((tie) => ({
    value: fc.oneof(
      { depthSize: 'small', withCrossShrink: true },
      fc.constantFrom<unknown>(null, undefined, true, 0, -0, 1, -1, NaN, Infinity, 2 ** 53, 1e308, 0.5),
      WORDS,
      fc.uint8Array({ maxLength: 20 }),
      fc.float64Array({ maxLength: 5 }),
      ...(clones
        ? [fc.bigInt(), fc.constantFrom<unknown>(new Date(0), new Map([[1, 2]]), new Set([1]), /x/, circle())]
        : []),
      fc.array(tie('value'), { maxLength: 5 }),
      fc.array(fc.tuple(KEYS, tie('value')), { maxLength: 5 }).map(Object.fromEntries),
      fc.nat(5000).map(nested),
    ),
  })).value;

function circle(): unknown {
  const self: Record<string, unknown> = {};
  self.self = self;
  return self;
}

/** Not deeper than `encodeWire` takes; deeper ones are made as bytes. */
function nested(depth: number): unknown {
  let value: unknown = 0;
  for (let i = 0; i < depth % 90; i++) value = i % 2 ? [value] : { a: value };
  return value;
}

/** Without app.doctor, which loads TensorFlow in a process of its own: seconds for each of thousands of calls. */
const NAMES = Object.keys(METHODS).filter((name) => name !== 'app.doctor');

/** A method's name, or something else in its place. */
export const anyMethod = (clones: boolean): Arbitrary<unknown> =>
  fc.oneof(
    { weight: 6, arbitrary: fc.constantFrom(...NAMES) },
    {
      weight: 1,
      arbitrary: fc.constantFrom<unknown>(
        '__proto__',
        'constructor',
        'toString',
        '',
        'runs.lst',
        null,
        { toString: 1 },
        [[]],
      ),
    },
    { weight: 1, arbitrary: anyInput(clones) },
  );

/** The inside of a binary WebSocket message of who has the key. */
export const message: Arbitrary<Buffer> = fc.oneof(
  {
    weight: 6,
    arbitrary: fc
      .record({ id: fc.nat(), method: anyMethod(false), input: anyInput(false) })
      .map((call) => Buffer.from(encodeWire(call))),
  },
  { weight: 1, arbitrary: fc.uint8Array({ maxLength: 60 }).map((bytes) => Buffer.from(bytes)) },
  { weight: 1, arbitrary: anyInput(false).map((value) => Buffer.from(encodeWire(value))) },
  {
    weight: 1,
    arbitrary: fc
      .record({ depth: fc.nat(20_000), open: fc.constantFrom('[', '{"a":'), closed: fc.boolean() })
      .map(bomb),
  },
  {
    weight: 2,
    arbitrary: fc
      .record({ value: anyInput(false), at: fc.double({ min: 0, max: 1, noNaN: true }), byte: fc.nat(255) })
      .map(({ value, at, byte }) => {
        const bytes = Buffer.from(encodeWire({ id: 1, method: 'settings.get', input: value }));
        bytes[Math.floor(at * (bytes.length - 1))] = byte;
        return bytes;
      }),
  },
);

function bomb({ depth, open, closed }: { depth: number; open: string; closed: boolean }): Buffer {
  const inside = open.repeat(depth) + (closed ? '1' + (open === '[' ? ']' : '}').repeat(depth) : '');
  const json = Buffer.from(`[{"id":1,"method":"settings.set","input":${inside}},[]]`);
  const head = Buffer.alloc(4);
  head.writeUInt32LE(json.length);
  return Buffer.concat([head, json]);
}
