import { mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createHash } from 'node:crypto';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { writeAtomically } from '../../src/core/lib/atomic';
import { writeSafetensors } from '../../src/core/checkpoint/formats/safetensors-write';
import { openTensorFile } from '../../src/core/checkpoint/formats/open';
import {
  parseHeader,
  readSafetensors,
  SafetensorsFile,
  type NamedTensor,
} from '../../src/core/checkpoint/formats/safetensors';

let folder: string;
beforeAll(() => {
  folder = mkdtempSync(join(tmpdir(), 'trm-safetensors-'));
});
afterAll(() => rmSync(folder, { recursive: true, force: true }));

const TENSORS = new Map<string, NamedTensor>([
  ['a', { shape: [2, 2], data: Float32Array.of(1, -0, NaN, Infinity) }],
  ['empty', { shape: [0], data: new Uint8Array(0) }],
  ['b', { shape: [3], data: Int32Array.of(1, -2, 2 ** 31 - 1) }],
  ['scalar', { shape: [], data: Float64Array.of(Math.PI) }],
]);

describe('a written file', () => {
  it('is known as one whatever its header’s length: 80 is the P of a ZIP archive, 128 the first byte of a pickle', async () => {
    const first = new Set<number>();
    for (let n = 0; n < 40; n++) {
      const path = join(folder, `length-${n}.safetensors`);
      await writeSafetensors(path, TENSORS, { pad: 'x'.repeat(8 * n) });
      first.add(readFileSync(path)[0]);
      const opened = openTensorFile(path);
      expect(opened.format).toBe('safetensors');
      await opened.close();
    }
    expect(first).toContain(0x50);
    expect(first).toContain(0x80);
  });

  it('comes back bit for bit, and its sha256 is the file’s', async () => {
    const path = join(folder, 'good.safetensors');
    const written = await writeSafetensors(path, TENSORS, { note: 'ü "quoted"' });
    const bytes = readFileSync(path);
    expect(written.bytes).toBe(bytes.length);
    expect(written.sha256).toBe(createHash('sha256').update(bytes).digest('hex'));
    const { tensors, metadata } = await readSafetensors(path);
    expect(metadata.note).toBe('ü "quoted"');
    expect([...tensors.keys()]).toEqual([...TENSORS.keys()]);
    for (const [name, { shape, data }] of TENSORS) {
      expect(tensors.get(name)?.shape).toEqual(shape);
      expect(tensors.get(name)?.data).toEqual(data);
    }
  });

  it('gives single rows without reading the rest', async () => {
    const path = join(folder, 'rows.safetensors');
    await writeSafetensors(path, TENSORS, {});
    const file = await SafetensorsFile.open(path);
    expect(Array.from(await file.row('a', 1))).toEqual([NaN, Infinity]);
    await expect(file.row('a', 2)).rejects.toThrow(/no row 2/);
    await expect(file.row('b', 0)).rejects.toThrow(/no row 0/);
    await expect(file.float32('a', [4])).rejects.toThrow(/shape \[2, 2\] where \[4\]/);
    file.close();
  });
});

describe('a failed write', () => {
  it('leaves the old file and nothing beside it', async () => {
    const path = join(folder, 'kept', 'step_1.safetensors');
    await writeAtomically(path, [Buffer.from('old')]);
    function* failing(): Generator<Uint8Array> {
      yield Buffer.from('new');
      throw Object.assign(new Error('no space'), { code: 'ENOSPC' });
    }
    await expect(writeAtomically(path, failing())).rejects.toThrow('no space');
    expect(readFileSync(path, 'utf8')).toBe('old');
    expect(readdirSync(join(folder, 'kept'))).toEqual(['step_1.safetensors']);
  });
});

describe('a damaged file is refused, naming what is wrong', () => {
  const file = (header: string, data: number): Buffer => {
    const text = Buffer.from(header);
    const length = Buffer.alloc(8);
    length.writeBigUInt64LE(BigInt(text.length));
    return Buffer.concat([length, text, Buffer.alloc(data)]);
  };
  const tensor = (from: number, to: number, shape = [(to - from) / 4], dtype = 'F32') =>
    JSON.stringify({ dtype, shape, data_offsets: [from, to] });
  const cases: [string, Buffer, RegExp][] = [
    ['shorter than its length field', Buffer.alloc(5), /shorter than 8/],
    ['a header of 2⁶³ bytes', Buffer.from([0, 0, 0, 0, 0, 0, 0, 0x80, 123]), /claims 9223372036854775808/],
    ['a header that is cut off', file('{}', 0).subarray(0, 9), /cut off/],
    ['no JSON', file('{"a":', 0), /not JSON/],
    ['a list', file('[]', 0), /not an object/],
    ['metadata that is no text', file('{"__metadata__":{"a":1}}', 0), /metadata/],
    ['an unknown type', file(`{"a":${tensor(0, 4, [1], 'F33')}}`, 4), /"F33"/],
    ['a type from the prototype', file(`{"a":${tensor(0, 4, [1], 'toString')}}`, 4), /"toString"/],
    ['a negative size', file(`{"a":${tensor(0, 4, [-1])}}`, 4), /no shape/],
    ['a shape that overflows', file(`{"a":${tensor(0, 4, [2 ** 52, 2 ** 52])}}`, 4), /does not fill/],
    ['a shape that does not fit', file(`{"a":${tensor(0, 8, [1])}}`, 8), /does not fill its 8/],
    ['offsets backwards', file('{"a":{"dtype":"F32","shape":[0],"data_offsets":[4,0]}}', 4), /data_offsets/],
    ['a gap', file(`{"a":${tensor(0, 4)},"b":${tensor(8, 12)}}`, 12), /begins at 8, not at 4/],
    ['an overlap', file(`{"a":${tensor(0, 8)},"b":${tensor(4, 12)}}`, 12), /begins at 4, not at 8/],
    ['bytes missing', file(`{"a":${tensor(0, 8)}}`, 4), /needs/],
    ['bytes too many', file(`{"a":${tensor(0, 4)}}`, 8), /needs/],
    ['a name twice', file(`{"a":${tensor(0, 4)},"a":${tensor(0, 4)}}`, 4), /"a" appears twice/],
    ['a name twice, once escaped', file(`{"a":${tensor(0, 4)},"\\u0061":${tensor(0, 4)}}`, 4), /"a" appears twice/],
    ['a text twice', file(`{"__metadata__":{"k":"1","k":"2"},"a":${tensor(0, 4)}}`, 4), /"k" appears twice/],
    [
      'two shapes for one tensor',
      file('{"a":{"dtype":"F32","shape":[1],"shape":[1],"data_offsets":[0,4]}}', 4),
      /"shape" appears twice/,
    ],
  ];
  it.each(cases)('%s', async (_what, bytes, wrong) => {
    const path = join(folder, 'bad.safetensors');
    writeFileSync(path, bytes);
    const read = readSafetensors(path);
    await expect(read).rejects.toThrow(wrong);
    await expect(read).rejects.toMatchObject({ code: 'damaged' });
  });

  it('takes names that look like the format’s own words', () => {
    const header = `{"__metadata__":{"data_offsets":"\\"a\\": {"},"data_offsets":${tensor(0, 4)},"shape":${tensor(4, 8)}}`;
    const bytes = file(header, 8);
    expect([...parseHeader(bytes, bytes.length, 'x').tensors.keys()]).toEqual(['data_offsets', 'shape']);
  });

  it('reads bfloat16 and float16 as float32', async () => {
    const path = join(folder, 'halves.safetensors');
    const bytes = file(`{"b":${tensor(0, 4, [2], 'BF16')},"h":${tensor(4, 8, [2], 'F16')}}`, 8);
    bytes.set([0xc0, 0x3f, 0x00, 0xc0, 0x00, 0x3e, 0x01, 0x00], bytes.length - 8);
    writeFileSync(path, bytes);
    const { tensors } = await readSafetensors(path);
    expect(tensors.get('b')?.data).toEqual(Float32Array.of(1.5, -2));
    expect(tensors.get('h')?.data).toEqual(Float32Array.of(1.5, 2 ** -24));
  });

  it('survives 2000 random changes of a good header without any other kind of error', () => {
    const good = file(`{"__metadata__":{"k":"v"},"a":${tensor(0, 8)},"b":${tensor(8, 12)}}`, 12);
    let seed = 1;
    const next = () => (seed = (Math.imul(seed, 48271) >>> 0) % 2147483647);
    let refused = 0;
    for (let i = 0; i < 2000; i++) {
      const bytes = Buffer.from(good);
      for (let n = 0; n <= i % 4; n++) bytes[next() % bytes.length] = next() % 256;
      try {
        parseHeader(bytes, bytes.length, 'x');
      } catch (error) {
        refused++;
        expect(error).toMatchObject({ code: 'damaged' });
      }
    }
    expect(refused).toBeGreaterThan(500);
  });
});
