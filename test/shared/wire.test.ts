import { deepStrictEqual } from 'node:assert';
import fc from '../property';
import { describe, expect, it } from 'vitest';
import { packGrid, unpackGrid } from '../../src/shared/arc';
import { StudioError, toWireError } from '../../src/shared/errors';
import { nextStatus } from '../../src/shared/jobs';
import { decodeWire, encodeWire, isDeeper } from '../../src/shared/wire';

describe('wire', () => {
  it('carries typed arrays and what JSON has not', () => {
    const value = {
      bytes: new Uint8Array([0, 1, 255]),
      ints: new Int32Array([-1, 2 ** 31 - 1]),
      floats: new Float32Array([1.5, Number.NaN, -Infinity]),
      doubles: new Float64Array([0.1]),
      nothing: Number.NaN,
      zero: -0,
      unset: undefined,
      nested: [{ empty: new Float32Array(0), text: 'ü\ud800' }, undefined, Infinity],
    };
    const read = decodeWire(encodeWire(value)) as typeof value;
    expect(read).toStrictEqual(value);
    expect(Object.is(read.zero, -0)).toBe(true);
    expect(read.floats).toBeInstanceOf(Float32Array);
  });

  it('reads a view into a larger buffer, not the buffer, wherever the message lies', () => {
    const all = new Float64Array([1, 2, 3, 4]);
    const message = encodeWire({ a: 'odd', part: all.subarray(1, 3), file: Buffer.from('abc') });
    const shifted = Buffer.concat([Buffer.from('x'), message]).subarray(1);
    const read = decodeWire(shifted) as { part: Float64Array; file: Uint8Array };
    expect(read.part).toEqual(new Float64Array([2, 3]));
    expect(read.part.buffer.byteLength).toBe(16);
    expect(Object.getPrototypeOf(read.file)).toBe(Uint8Array.prototype);
  });

  it.each([
    [{ $number: '7' }],
    [{ $array: 'Uint8Array', base64: 'AA==' }],
    [{ $undefined: true }],
    [[[['a'], 'NaN']]],
    [[null, [[[], 'undefined']]]],
    [JSON.parse('{"__proto__":{"polluted":1},"constructor":{"prototype":null},"toString":null}') as object],
  ])('takes nothing in a user’s data for a marker: %j', (value) => {
    const read = decodeWire(encodeWire(value));
    // assert's comparison knows own "__proto__" keys from prototypes.
    deepStrictEqual(read, value);
    expect(({} as { polluted?: number }).polluted).toBeUndefined();
  });

  it('gives back any data, its keys and types', () => {
    const key = fc.oneof(
      fc.string({ unit: 'binary', maxLength: 8 }),
      fc.constantFrom('$number', '$array', 'base64', '__proto__', 'constructor', 'prototype', 'toJSON', 'length', ''),
    );
    const { value } = fc.letrec((tie) => ({
      value: fc.oneof(
        { depthSize: 'small', withCrossShrink: true },
        fc.constantFrom(null, undefined, NaN, Infinity, -Infinity, -0, true, false),
        fc.double(),
        fc.integer(),
        fc.string({ unit: 'binary', maxLength: 20 }),
        fc.uint8Array({ maxLength: 9 }),
        fc.int8Array({ maxLength: 9 }),
        fc.uint16Array({ maxLength: 9 }),
        fc.int16Array({ maxLength: 9 }),
        fc.uint32Array({ maxLength: 9 }),
        fc.int32Array({ maxLength: 9 }),
        fc.float32Array({ maxLength: 9 }),
        fc.float64Array({ maxLength: 9 }),
        fc.array(tie('value'), { maxLength: 6 }),
        fc.array(fc.tuple(key, tie('value')), { maxLength: 6 }).map(Object.fromEntries),
      ),
    }));
    fc.assert(
      fc.property(value, (data) => {
        const before = structuredClone(data);
        const read = decodeWire(encodeWire(data));
        // It also knows −0 from 0.
        deepStrictEqual(read, data);
        deepStrictEqual(data, before);
      }),
      { numRuns: 3000 },
    );
  });

  it('refuses what cannot cross, with its place', () => {
    const circle: Record<string, unknown> = {};
    circle.self = circle;
    for (const [value, says] of [
      [{ a: [() => 1] }, /function cannot be sent \(at a\.0\)/],
      [{ a: new Map() }, /Map cannot be sent \(at a\)/],
      [new Date(0), /Date cannot be sent \(at the top\)/],
      [1n, /bigint/],
      [new DataView(new ArrayBuffer(1)), /DataView/],
      [circle, /more than 100 deep/],
    ] as const) {
      expect(() => encodeWire(value)).toThrow(says);
    }
  });

  const message = (json: string, bytes = '', length = Buffer.byteLength(json)) => {
    const head = Buffer.alloc(4);
    head.writeUInt32LE(length);
    return Buffer.concat([head, Buffer.from(json), Buffer.from(bytes)]);
  };

  it.each([
    ['nothing', Buffer.alloc(0)],
    ['half a length', Buffer.alloc(3)],
    ['a length of 4 GB', message('[1,[]]', '', 0xffffffff)],
    ['no JSON', message('[1,[}')],
    ['no UTF-8', Buffer.concat([message('', '', 3), Buffer.from([0x22, 0xff, 0x22])])],
    ['no list', message('[1]')],
    ['no places', message('[1,{}]')],
    ['a place that is none', message('[null,[7]]')],
    ['a kind that is none', message('[null,[[[],"constructor",1]]]', 'a')],
    ['a kind of the prototype', message('[null,[[[],"toString",1]]]', 'a')],
    ['a place that is taken', message('[7,[[[],"NaN"]]]')],
    ['one place twice', message('[null,[[[],"NaN"],[[],"Infinity"]]]')],
    ['a path into the prototype', message('[{},[[["__proto__","x"],"NaN"]]]')],
    ['a path to an inherited key', message('[{},[[["toString"],"NaN"]]]')],
    ['a path to nowhere', message('[[],[[[5],"NaN"]]]')],
    ['a path into an array that it made', message('[null,[[[],"Uint8Array",1],[[0],"NaN"]]]', 'a')],
    ['a path that is longer than data may be', message(`[null,[[[${'0,'.repeat(200)}0],"NaN"]]]`)],
    ['more elements than bytes', message('[null,[[[],"Float64Array",1]]]', 'abc')],
    ['2 ** 40 elements', message(`[null,[[[],"Uint8Array",${2 ** 40}]]]`, 'abc')],
    ['fewer than none', message('[null,[[[],"Uint8Array",-1]]]', 'abc')],
    ['half an element', message('[null,[[[],"Int16Array",0.5]]]', 'a')],
    ['no count', message('[null,[[[],"Uint8Array"]]]')],
    ['bytes that belong to nothing', message('[1,[]]', 'abc')],
  ])('refuses %s', (_what, bytes) => {
    expect(() => decodeWire(bytes)).toThrow();
    expect(({} as { x?: number }).x).toBeUndefined();
  });

  it('refuses or reads any bytes, without a crash and in proportion to their number', () => {
    const good = Buffer.from(encodeWire({ a: [1, NaN, new Float32Array(3)], b: { c: undefined, d: 'text' } }));
    const change = fc.record({ at: fc.nat(good.length - 1), byte: fc.nat(255) });
    fc.assert(
      fc.property(fc.array(change, { minLength: 1, maxLength: 6 }), (changes) => {
        const bytes = Buffer.from(good);
        for (const { at, byte } of changes) bytes[at] = byte;
        try {
          expect(JSON.stringify(decodeWire(bytes))?.length ?? 0).toBeLessThan(20 * bytes.length);
        } catch (error) {
          expect(error).toBeInstanceOf(Error);
          expect(error).not.toBeInstanceOf(RangeError);
        }
      }),
      { numRuns: 3000 },
    );
  });

  it('reads a depth bomb without recursion, and sees that it is one', () => {
    const depth = 200_000;
    const bomb = decodeWire(message(`[${'['.repeat(depth)}${']'.repeat(depth)},[]]`));
    expect(isDeeper(bomb)).toBe(true);
    expect(() => encodeWire(bomb)).toThrow(/more than 100 deep/);
  });

  it('measures depth, also where much is shared', () => {
    const nested = (depth: number) => {
      let value: unknown[] = [];
      for (let i = 1; i < depth; i++) value = [value, value];
      return value;
    };
    expect(isDeeper(nested(100))).toBe(false);
    expect(isDeeper(nested(101))).toBe(true);
    expect(isDeeper('text')).toBe(false);
    expect(isDeeper({ a: new Uint8Array(9) }, 1)).toBe(false);
  });

  it('packs grids', () => {
    const grid = [
      [0, 1, 2],
      [9, 8, 7],
    ];
    expect(packGrid(grid)).toBe('012/987');
    expect(unpackGrid('012/987')).toEqual(grid);
  });
});

describe('errors', () => {
  it('passes a StudioError on, names errno faults, and hides the rest', () => {
    expect(toWireError(new StudioError('conflict', 'No.', { a: 1 }))).toEqual({
      code: 'conflict',
      message: 'No.',
      data: { a: 1 },
    });
    expect(toWireError(Object.assign(new Error('x'), { code: 'ENOSPC', path: '/d/f' })).message).toMatch(
      /^The disk that holds \/d\/f is full/,
    );
    const seen: unknown[] = [];
    const wire = toWireError(new TypeError('a is undefined'), (e) => seen.push(e));
    expect(wire.code).toBe('internal');
    expect(wire.message).not.toContain('undefined');
    expect(seen).toHaveLength(1);
  });
});

describe('job statuses', () => {
  it('allows what fits and refuses the rest', () => {
    expect(nextStatus('running', 'pause')).toBe('paused');
    expect(nextStatus('paused', 'resume')).toBe('running');
    expect(nextStatus('running', 'lost')).toBe('stopped');
    expect(nextStatus('stopped', 'start')).toBe('queued');
    expect(nextStatus('done', 'pause')).toBeNull();
    expect(nextStatus('stopped', 'resume')).toBeNull();
  });
});
