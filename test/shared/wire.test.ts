import { describe, expect, it } from 'vitest';
import { packGrid, unpackGrid } from '../../src/shared/arc';
import { StudioError, toWireError } from '../../src/shared/errors';
import { nextStatus } from '../../src/shared/jobs';
import { decodeWire, encodeWire } from '../../src/shared/wire';

describe('wire', () => {
  it('carries typed arrays and numbers that JSON has not', () => {
    const value = {
      bytes: new Uint8Array([0, 1, 255]),
      ints: new Int32Array([-1, 2 ** 31 - 1]),
      floats: new Float32Array([1.5, Number.NaN, -Infinity]),
      doubles: new Float64Array([0.1]),
      nothing: Number.NaN,
      nested: [{ empty: new Float32Array(0), text: 'ü' }],
    };
    expect(decodeWire(encodeWire(value))).toEqual(value);
  });

  it('reads a view into a larger buffer, not the buffer', () => {
    const all = new Float32Array([1, 2, 3, 4]);
    expect(decodeWire(encodeWire(all.subarray(1, 3)))).toEqual(new Float32Array([2, 3]));
  });

  it('leaves look-alikes of its own markers that are no arrays alone', () => {
    expect(decodeWire('{"$array":"constructor","base64":"AA=="}')).toEqual({ $array: 'constructor', base64: 'AA==' });
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
