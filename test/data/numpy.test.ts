import { mkdtempSync, readFileSync, rmSync, writeFileSync, truncateSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { NpyFile, npyHeader, writeNpy, type NpyType } from '../../src/core/data/npy';
import { NpyWriter } from '../../src/core/data/npy-writer';
import { LegacyRandom } from '../../src/core/data/numpy-random';
import { PythonFloat, pythonJson } from '../../src/core/data/python-json';

/**
 * Printed by NumPy 2.4.6: np.random.seed(seed), then 12 × randint(0, 8), permutation(np.arange(1, 10)), shuffle of
 * list(range(17)), randint(5, 6), randint(0, h) for h in 1, 2, 3, 5, 30, 31, 1000, 70000, 2³¹, 2³², permutation(1000)
 * and 3 × randint(0, 2³²).
 */
const DRAWN = [
  { seed: 0, randint8: [4, 7, 5, 0, 3, 3, 3, 7, 1, 3, 5, 2], perm: [4, 2, 3, 9, 6, 1, 7, 8, 5], shuffle17: [11, 12, 10, 2, 16, 14, 0, 3, 4, 13, 9, 5, 1, 8, 15, 7, 6], one: 5, mixed: [0, 1, 1, 3, 19, 14, 423, 52489, 160516793, 4057322111], after: [2152049921, 2758879760, 1616579105] },
  { seed: 42, randint8: [6, 3, 4, 6, 2, 7, 4, 4, 6, 1, 2, 6], perm: [1, 6, 7, 2, 9, 3, 4, 5, 8], shuffle17: [7, 13, 10, 3, 16, 6, 2, 12, 8, 5, 9, 14, 0, 4, 11, 15, 1], one: 5, mixed: [0, 1, 2, 2, 11, 22, 243, 31551, 2004731384, 199502978], after: [1012288338, 2857000314, 2721972301] },
  { seed: 4294967295, randint8: [3, 2, 4, 7, 4, 0, 6, 2, 1, 0, 7, 3], perm: [1, 5, 6, 2, 7, 9, 8, 4, 3], shuffle17: [10, 3, 12, 2, 15, 11, 1, 6, 8, 7, 0, 4, 13, 16, 9, 5, 14], one: 5, mixed: [0, 0, 1, 1, 27, 23, 713, 63215, 2140805349, 134358845], after: [2490985736, 80384945, 3612491818] },
  { seed: 123456789, randint8: [0, 4, 2, 1, 2, 5, 4, 7, 2, 4, 7, 3], perm: [6, 2, 7, 8, 3, 9, 4, 1, 5], shuffle17: [16, 15, 6, 4, 12, 14, 9, 2, 0, 5, 13, 7, 8, 10, 3, 1, 11], one: 5, mixed: [0, 1, 2, 1, 16, 6, 524, 59709, 2063557129, 2427325618], after: [1692095086, 2375729025, 820494729] },
]; // prettier-ignore

describe('NumPy’s legacy generator', () => {
  it.each(DRAWN)('draws as NumPy does from seed $seed', ({ seed, ...expected }) => {
    const random = new LegacyRandom(seed);
    const randint8 = Array.from({ length: 12 }, () => random.randint(0, 8));
    const perm = random.permutation(1, 10);
    const shuffle17 = Array.from({ length: 17 }, (_, i) => i);
    random.shuffle(shuffle17);
    const one = random.randint(5, 6);
    const mixed = [1, 2, 3, 5, 30, 31, 1000, 70000, 2 ** 31, 2 ** 32].map((high) => random.randint(0, high));
    random.permutation(0, 1000);
    const after = Array.from({ length: 3 }, () => random.randint(0, 2 ** 32));
    expect({ randint8, perm, shuffle17, one, mixed, after }).toEqual(expected);
  });

  it('refuses what NumPy refuses', () => {
    for (const seed of [-1, 2 ** 32, 1.5, NaN]) expect(() => new LegacyRandom(seed)).toThrow(RangeError);
    expect(() => new LegacyRandom(0).randint(3, 3)).toThrow('randint needs low < high');
  });
});

describe('.npy files', () => {
  let folder: string;
  let n = 0;
  beforeAll(() => (folder = mkdtempSync(join(tmpdir(), 'trm-npy-'))));
  afterAll(() => rmSync(folder, { recursive: true, force: true }));
  const file = (): string => join(folder, `${n++}.npy`);

  it('begin with the header that np.save writes', () => {
    // Printed by NumPy 2.4.6.
    const pad = (dict: string): string => `\x93NUMPY\x01\x00v\x00${dict.padEnd(117)}\n`;
    const cases: [NpyType, number[], string][] = [
      ['|u1', [12, 900], "{'descr': '|u1', 'fortran_order': False, 'shape': (12, 900), }"],
      ['<i4', [3], "{'descr': '<i4', 'fortran_order': False, 'shape': (3,), }"],
      ['|u1', [3404321, 900], "{'descr': '|u1', 'fortran_order': False, 'shape': (3404321, 900), }"],
      ['<i4', [], "{'descr': '<i4', 'fortran_order': False, 'shape': (), }"],
    ];
    for (const [type, shape, dict] of cases) expect(npyHeader(type, shape).toString('latin1')).toBe(pad(dict));
  });

  it('are read by offset as they were written, through buffers smaller than the array', async () => {
    const path = file();
    const writer = new NpyWriter(path, '|u1', [100, 7], 20);
    for (let row = 0; row < 100; row++) {
      await writer.ready(7);
      writer.reserve(7);
      const { array, start } = writer;
      expect(Array.from(array.subarray(start, start + 7))).toEqual([0, 0, 0, 0, 0, 0, 0]);
      for (let i = 0; i < 6; i++) array[start + i] = (row * 7 + i) % 251; // the last one stays 0
    }
    await writer.finish();
    const npy = NpyFile.open(path);
    expect([npy.type, npy.shape, npy.rowLength]).toEqual(['|u1', [100, 7], 7]);
    const rows = new Uint8Array(14);
    npy.readRows(98, 2, rows);
    const row = (r: number): number[] => [...Array.from({ length: 6 }, (_, i) => (r * 7 + i) % 251), 0];
    expect(Array.from(rows)).toEqual([...row(98), ...row(99)]);
    expect(() => npy.readRows(99, 2, rows)).toThrow(RangeError);
    npy.close();
  });

  it('hold int32, and give int64 back where it fits', () => {
    const path = file();
    writeNpy(path, '<i4', [3], Int32Array.of(-1, 0, 2 ** 31 - 1));
    const npy = NpyFile.open(path);
    expect(Array.from(npy.readAllInt32())).toEqual([-1, 0, 2 ** 31 - 1]);
    npy.close();
    const wide = file();
    const write = (values: bigint[]): void =>
      writeFileSync(
        wide,
        Buffer.concat([npyHeader('<i8', [values.length]), new Uint8Array(BigInt64Array.from(values).buffer)]),
      );
    write([5n, -7n]);
    expect(Array.from(NpyFile.open(wide).readAllInt32())).toEqual([5, -7]);
    write([5n, 2n ** 40n]);
    expect(() => NpyFile.open(wide).readAllInt32()).toThrow('entry 1 is 1099511627776, beyond 32 bits');
  });

  it('must be filled completely', async () => {
    const writer = new NpyWriter(file(), '|u1', [2, 2]);
    writer.reserve(2);
    await expect(writer.finish()).rejects.toThrow('2 of 4 bytes written');
    await writer.abandon();
  });

  it('are refused if they do not hold what they say', () => {
    const path = file();
    writeNpy(path, '|u1', [10, 10], new Uint8Array(100));
    const whole = readFileSync(path);
    const broken = (bytes: Uint8Array): string => {
      const at = file();
      writeFileSync(at, bytes);
      try {
        NpyFile.open(at).close();
      } catch (error) {
        return (error as Error).message.replace(at, 'x.npy');
      }
      return 'fine';
    };
    const header = (dict: string, data = 4): Uint8Array => {
      const text = Buffer.from(`${dict}\n`);
      const head = Buffer.from([0x93, ...Buffer.from('NUMPY'), 1, 0, text.length & 255, text.length >> 8]);
      return Buffer.concat([head, text, Buffer.alloc(data)]);
    };
    expect(broken(whole)).toBe('fine');
    expect(broken(whole.subarray(0, 200))).toContain(
      'x.npy has 200 bytes where its header (type |u1, shape 10, 10) asks for 228',
    );
    expect(broken(Buffer.concat([whole, Buffer.alloc(1)]))).toContain('has 229 bytes');
    expect(broken(Buffer.from('not numpy at all'))).toContain('is no NumPy array file');
    expect(broken(new Uint8Array(0))).toContain('is no NumPy array file');
    expect(broken(whole.subarray(0, 20))).toContain('has 20 bytes, and its header claims 118 from byte 10 on');
    expect(broken(header("{'descr': '|O', 'fortran_order': False, 'shape': (4,), }"))).toContain(
      'holds Python objects',
    );
    expect(broken(header("{'descr': '<f8', 'fortran_order': False, 'shape': (4,), }"))).toContain(
      'numbers of type <f8',
    );
    expect(broken(header("{'descr': '>i4', 'fortran_order': False, 'shape': (1,), }"))).toBe(
      "x.npy holds numbers of type >i4 (big-endian), and a dataset has |u1, <i4, <i8: save it again with array.astype('<i4').",
    );
    expect(broken(header("{'descr': '|u1', 'fortran_order': True, 'shape': (2, 2), }"))).toContain('column by column');
    // 80 bytes that ask for 32 GB are not believed, nor sizes beyond what a number holds.
    expect(broken(header("{'descr': '<i8', 'fortran_order': False, 'shape': (4294967296,), }"))).toContain(
      'asks for 34359738',
    );
    expect(broken(header("{'descr': '|u1', 'fortran_order': False, 'shape': (9999999999, 9999999999), }"))).toContain(
      'x.npy has',
    );
    expect(broken(header('{}'))).toContain('has a header that cannot be read');
  });

  it('tell it if they shrink while open', () => {
    const path = file();
    writeNpy(path, '|u1', [4, 4], new Uint8Array(16));
    const npy = NpyFile.open(path);
    truncateSync(path, 130);
    expect(() => npy.readRows(0, 4, new Uint8Array(16))).toThrow('has become shorter while it was read');
    npy.close();
  });
});

describe('JSON as Python prints it', () => {
  it('has spaces, escapes and floats of its own', () => {
    const map = new Map([['42', [1, new PythonFloat(1), new PythonFloat(3.8333333333333335)]]]);
    expect(pythonJson(map)).toBe('{"42": [1, 1.0, 3.8333333333333335]}');
    expect(pythonJson({ a: 'é–\u007f"\n😀', b: null, c: true })).toBe(
      '{"a": "\\u00e9\\u2013\\u007f\\"\\n\\ud83d\\ude00", "b": null, "c": true}',
    );
  });
});
