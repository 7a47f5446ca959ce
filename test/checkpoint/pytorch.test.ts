import { existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { fromBytes } from '../../src/core/lib/open-file';
import { fromFloat32, toFloat32 } from '../../src/core/checkpoint/formats/dtypes';
import { openTensorFile } from '../../src/core/checkpoint/formats/open';
import { openPytorch, readPytorch } from '../../src/core/checkpoint/formats/pytorch';
import { writePytorch, type StreamedTensor } from '../../src/core/checkpoint/formats/pytorch-write';
import { zipPieces } from '../../src/core/checkpoint/formats/zip-write';
import { contentOf, CORPUS, corpusFiles, expectedOf, faultOf } from './fixtures';
import { fuzz } from './fuzz';

let folder: string;
beforeAll(() => {
  folder = mkdtempSync(join(tmpdir(), 'trm-pytorch-'));
});
afterAll(() => rmSync(folder, { recursive: true, force: true }));

const corpus = (name: string): Buffer => readFileSync(join(CORPUS, name));
const open = (bytes: Uint8Array) => readPytorch(fromBytes(bytes, 'step_1'));

/** An archive of these entries, as our own writer makes it (without zip64). */
async function archive(...entries: [string, Buffer][]): Promise<Buffer> {
  const parts = entries.map(([name, bytes]) => ({ name, size: bytes.length, pieces: () => [bytes] }));
  const pieces: Uint8Array[] = [];
  for await (const piece of zipPieces(parts)) pieces.push(piece);
  return Buffer.concat(pieces);
}

describe('files of real PyTorch versions', () => {
  it.each(corpusFiles())('%s is read bit for bit', (name) => {
    const file = openPytorch(join(CORPUS, `${name}.pt`));
    expect(contentOf(file)).toEqual(expectedOf(name));
    file.close();
  });

  it('gives rows of a table without the rest, also of a transposed one', () => {
    const file = open(corpus('torch-2.15-views.pt'));
    const whole = expectedOf('torch-2.15-views');
    expect(Buffer.from(file.bytes('whole', 2, 2)).toString('hex')).toBe(whole.whole.hex.slice(2 * 96, 4 * 96));
    expect(Buffer.from(file.bytes('turned', 11, 1)).toString('hex')).toBe(whole.turned.hex.slice(11 * 40));
    expect(Array.from(toFloat32(file.bytes('turned', 3, 1), 'F32'))).toEqual([3, 15, 27, 39, 51]);
    expect(file.bytes('whole', 5, 0)).toHaveLength(0);
    expect(() => file.bytes('whole', 4, 2)).toThrow(RangeError);
  });
});

describe('what is no state dict is refused by name, in one sentence', () => {
  const cases: [string, RegExp][] = [
    ['system', /asks for "(posix|nt)\.system".*could run code/],
    ['protocol', /pickle protocol 4/],
    ['legacy', /bare pickle, as PyTorch before 1\.6/],
    ['nested', /under "model": save that part alone/],
    ['list', /no state dict/],
    ['module', /asks for "torch\.nn\.modules\.linear\.Linear"/],
    ['deflated', /"archive\/data\.pkl" is compressed \(method 8\)/],
  ];
  const versions = ['torch-2.0', 'torch-2.15'];
  it.each(versions.flatMap((v) => cases.map(([what, sentence]) => [`${v}-bad-${what}.pt`, sentence] as const)))(
    '%s',
    (name, sentence) => {
      const fault = faultOf(() => openTensorFile(join(CORPUS, name)));
      expect(fault).toMatchObject({ code: 'bad_input', message: expect.stringMatching(sentence) as string });
      expect(fault?.message).not.toMatch(/\n|undefined/);
    },
  );

  const around = (pickle: Buffer, storage: Buffer = Buffer.alloc(8)) =>
    archive(['a/data.pkl', pickle], ['a/data/0', storage]);
  const latin = (text: string) => Buffer.from(text, 'latin1');
  const view = (offset: string, size: string, stride: string, length = 'K\x02', key = '0') =>
    `ctorch._utils\n_rebuild_tensor_v2\n((X\x07\0\0\0storagectorch\nFloatStorage\nX\x01\0\0\0${key}X\x03\0\0\0cpu${length}tQ` +
    `${offset}${size}${stride}\x89ccollections\nOrderedDict\n)RtR`;
  const dict = (value: string) => latin(`\x80\x02}X\x01\0\0\0w${value}s.`);

  it('reads the hand-made pickle that the bad ones are made of', async () => {
    const storage = Buffer.from(Float32Array.of(1, 2).buffer);
    const file = open(await around(dict(view('K\0', 'K\x02\x85', 'K\x01\x85')), storage));
    expect(Array.from(toFloat32(file.bytes('w'), 'F32'))).toEqual([1, 2]);
  });

  const bad: [string, Buffer, RegExp][] = [
    ['an instruction that is not listed', latin('\x80\x02}2.'), /instruction DUP at byte 3/],
    ['an unknown instruction', latin('\x80\x02}\xff.'), /0xff, is no pickle instruction/],
    ['STACK_GLOBAL', latin('\x80\x02\x93.'), /STACK_GLOBAL/],
    ['SETITEM on a list', latin('\x80\x02]K\x01K\x02s.'), /sets items of something that is no dict/],
    ['SETITEM on a tensor', dict(`${view('K\0', 'K\x02\x85', 'K\x01\x85')}K\x01K\x02s`), /no dict/],
    ['APPEND to a dict', latin('\x80\x02}K\x01a.'), /no list/],
    ['attributes', latin('\x80\x02}}X\x01\0\0\0aK\x01sb.'), /BUILD/],
    ['a call of a number', latin('\x80\x02K\x01)R.'), /no function/],
    ['a memo that was never written', latin('\x80\x02h\x05.'), /memo 5/],
    ['no values left', latin('\x80\x02s.'), /takes more values/],
    ['a value of the surroundings', latin('\x80\x02}(K\x01s.'), /takes more values/],
    ['text longer than the file', latin('\x80\x02X\xff\xff\xff\x7f.'), /cut off/],
    ['no end', latin('\x80\x02}'), /cut off/],
    ['more behind the end', latin('\x80\x02}.}'), /goes on after its end/],
    ['a number of 200 bytes', latin(`\x80\x02\x8a\xc8${'\x01'.repeat(200)}.`), /number of 200 bytes/],
    ['a key twice', latin('\x80\x02}(K\x01NK\x01Nu.'), /key "1" twice/],
    ['a million objects', latin(`\x80\x02${'}'.repeat(1_000_000)}.`), /more than 500000 objects/],
    ['a pickle of 5 MB', Buffer.alloc(5_000_000), /data\.pkl has 5000000 bytes/],
    ['a storage that is not there', dict(view('K\0', 'K\x02\x85', 'K\x01\x85', 'K\x02', '7')), /data\/7, which is not there/],
    ['32 GiB in a few bytes', dict(view('K\0', 'J\0\0\0\x40\x85', 'K\x01\x85', '\x8a\x05\0\0\0\0\x02')), /"w" needs 8589934592 numbers/],
    ['a view behind its storage', dict(view('K\x01', 'K\x02\x85', 'K\x01\x85')), /reaches element 2, and its storage has 2/],
    ['a stride behind its storage', dict(view('K\0', 'K\x02\x85', 'K\x02\x85')), /reaches element 2/],
    ['a negative offset', dict(view('J\xff\xff\xff\xff', 'K\x01\x85', 'K\x01\x85')), /other arguments/],
    ['strides for another rank', dict(view('K\0', 'K\x01K\x02\x86', 'K\x01\x85')), /other arguments/],
    ['billions of equal numbers', dict(view('K\0', 'J\0\0\0\x40\x85', 'K\0\x85')), /claims 1073741824 numbers and has 2/],
    ['a shape that overflows', dict(view('K\0', '(J\0\0\0\x40J\0\0\0\x40J\0\0\0\x40t', '(K\0K\0K\0t')), /shape \[1073741824, /],
    ['an empty dict', latin('\x80\x02}.'), /holds no tensors/],
  ]; // prettier-ignore
  it.each(bad)('%s', async (_what, pickle, sentence) => {
    const bytes = await around(pickle);
    const fault = faultOf(() => open(bytes));
    expect(fault?.message).toMatch(sentence);
    expect(['bad_input', 'damaged']).toContain(fault?.code);
  });
});

describe('archives that are not as torch.save writes them', () => {
  const good = corpus('torch-2.15-step.pt');
  const directory = good.readUInt32LE(good.length - 6);
  const change = (...edits: [number, Uint8Array | number][]): Buffer => {
    const bytes = Buffer.from(good);
    for (const [at, value] of edits) {
      if (typeof value === 'number') bytes.writeUInt32LE(value, at);
      else bytes.set(value, at);
    }
    return bytes;
  };
  const nameAt = directory + 46;
  const firstName = good.toString('utf8', nameAt, nameAt + good.readUInt16LE(directory + 28));
  const dataEntry = good.indexOf('/data/0', directory) - 46 - (firstName.indexOf('/') > 0 ? firstName.indexOf('/') : 0);
  const storageStart = 64 * Math.ceil((good.indexOf('/data/0') + 7) / 64);

  const cases: [string, Buffer, RegExp][] = [
    ['an empty file', Buffer.alloc(0), /0 bytes|neither/],
    ['cut in the middle', good.subarray(0, good.length / 2), /directory.*missing/],
    ['cut by a byte', good.subarray(0, good.length - 1), /directory.*missing/],
    ['an absolute path', change([nameAt, Buffer.from('/')]), /"\/orch-2\.15-step\/data\.pkl" has an absolute path/],
    ['a path that leads out', change([nameAt, Buffer.from('../')]), /leads out of the archive/],
    ['a Windows path', change([nameAt, Buffer.from('C:')]), /absolute path/],
    ['an encrypted entry', change([directory + 8, Uint8Array.of(9)]), /encrypted/],
    ['a compressed entry', change([directory + 10, Uint8Array.of(8)]), /compressed \(method 8\)/],
    ['two sizes for one entry', change([directory + 20, 5]), /holds 5 bytes for/],
    ['more bytes than there are', change([directory + 20, 2 ** 31], [directory + 24, 2 ** 31]), /claims 2147483648 bytes/],
    ['an entry in another place', change([directory + 42, 64]), /not where it should be/],
    ['a flipped bit in the pickle', change([good.indexOf('_orig_mod'), Buffer.from('^')]), /data\.pkl" does not match its checksum/],
  ]; // prettier-ignore
  it.each(cases)('%s', (_what, bytes, sentence) => {
    const fault = faultOf(() => open(bytes));
    expect(fault?.message).toMatch(sentence);
    expect(['bad_input', 'damaged']).toContain(fault?.code);
  });

  it('finds a flipped bit in a tensor when it is read', () => {
    expect(dataEntry).toBeGreaterThan(directory);
    const file = open(change([storageStart + 100, Uint8Array.of(good[storageStart + 100] ^ 1)]));
    expect(faultOf(() => file.bytes('_orig_mod.weights'))).toMatchObject({
      code: 'damaged',
      message: expect.stringMatching(/data\/0" does not match its checksum/) as string,
    });
  });

  it('refuses entries that share bytes, which is how a small file claims a large one', async () => {
    const bytes = await archive(['a/data/0', Buffer.alloc(4096)], ['a/data/1', Buffer.alloc(64)]);
    const at = bytes.readUInt32LE(bytes.length - 6);
    for (const field of [20, 24]) bytes.writeUInt32LE(4200, at + field);
    expect(faultOf(() => open(bytes))?.message).toMatch(/"a\/data\/0" overlaps the next one/);
  });

  it('refuses two entries of one name', async () => {
    const bytes = await archive(['a/data/0', Buffer.alloc(8)], ['a/data/0', Buffer.alloc(8)]);
    expect(faultOf(() => open(bytes))?.message).toMatch(/two entries "a\/data\/0"/);
  });

  const ends: [string, (bytes: Buffer) => unknown, RegExp][] = [
    ['60000 entries', (b) => b.writeUInt16LE(60_000, b.length - 12), /claims 60000 entries/],
    ['more entries than fit', (b) => b.writeUInt16LE(200, b.length - 12), /odd size/],
    ['a directory outside the file', (b) => b.writeUInt32LE(2 ** 30, b.length - 6), /outside the file/],
    ['zip64 without its record', (b) => b.writeUInt32LE(2 ** 32 - 1, b.length - 6), /zip64 directory is missing/],
  ];
  it.each(ends)('%s', async (_what, edit, sentence) => {
    const bytes = await archive(['a/data/0', Buffer.alloc(8)]);
    edit(bytes);
    expect(faultOf(() => open(bytes))?.message).toMatch(sentence);
  });

  it('refuses an archive of another program', async () => {
    const bytes = await archive(['notes.txt', Buffer.from('notes')]);
    expect(faultOf(() => open(bytes))?.message).toMatch(/a ZIP archive, but not one of torch\.save/);
  });
});

describe('a written step_N', () => {
  const tensors = new Map<string, StreamedTensor>([
    ['w', { dtype: 'F32', shape: [3, 2], pieces: () => [Buffer.from(Float32Array.of(1, -0, NaN, Infinity, 5, 6).buffer)] }],
    ['b', { dtype: 'BF16', shape: [2], pieces: () => [fromFloat32(Float32Array.of(1.5, -2), 'BF16')] }],
    ['empty', { dtype: 'F16', shape: [0, 4], pieces: () => [] }],
    ['scalar', { dtype: 'F64', shape: [], pieces: () => [fromFloat32(Float32Array.of(2.5), 'F64')] }],
    ['rank 4', { dtype: 'F16', shape: [1, 2, 1, 2], pieces: () => [fromFloat32(Float32Array.of(1, 2, 3, 4), 'F16')] }],
  ]); // prettier-ignore

  it.each([
    ['plainly', undefined],
    ['with zip64 fields', 4],
  ])('comes back bit for bit, %s', async (_how, wideFrom) => {
    const path = join(folder, 'step_7');
    const written = await writePytorch(path, tensors, wideFrom);
    const bytes = readFileSync(path);
    expect(written.bytes).toBe(bytes.length);
    const file = openPytorch(path);
    const content = contentOf(file);
    file.close();
    for (const [name, { dtype, shape, pieces }] of tensors) {
      const hex = Buffer.concat([...(pieces() as Iterable<Uint8Array>)]).toString('hex');
      expect(content[name]).toEqual({ dtype, shape, hex });
    }
    // Storages begin at multiples of 64, as torch.save aligns them.
    const at = bytes.indexOf(Buffer.from(Float32Array.of(1, -0, NaN, Infinity, 5, 6).buffer));
    expect(at % 64).toBe(0);
    expect(bytes.readUInt32LE(bytes.length - 6) === 0xffffffff).toBe(wideFrom !== undefined);
  });

  it('is not left half-written when a tensor gives fewer bytes than its shape needs', async () => {
    const path = join(folder, 'step_8');
    const short = new Map([['w', { dtype: 'F32', shape: [3], pieces: () => [Buffer.alloc(8)] } as StreamedTensor]]);
    await expect(writePytorch(path, short)).rejects.toThrow(/has 8 bytes, not 12/);
    expect(existsSync(path)).toBe(false);
    expect(existsSync(`${path}.partial`)).toBe(false);
  });
});

describe('number formats', () => {
  it('take every half and bfloat16 to float32 and back', () => {
    const all = Uint16Array.from({ length: 65_536 }, (_, i) => i);
    for (const dtype of ['F16', 'BF16'] as const) {
      const back = new Uint16Array(
        fromFloat32(toFloat32(new Uint8Array(all.buffer), dtype), dtype).buffer as ArrayBuffer,
      );
      expect(back).toEqual(all);
    }
  });

  it('round to the nearest, ties to even', () => {
    const half = (x: number) => toFloat32(fromFloat32(Float32Array.of(x), 'F16') as Uint8Array<ArrayBuffer>, 'F16')[0];
    const brain = (x: number) =>
      toFloat32(fromFloat32(Float32Array.of(x), 'BF16') as Uint8Array<ArrayBuffer>, 'BF16')[0];
    expect([1 + 2 ** -11, 1 + 3 * 2 ** -11, 65519, 65520, 2 ** -25, 2 ** -25 * 1.01, 1e-10].map(half)).toEqual([
      1,
      1 + 2 ** -9,
      65504,
      Infinity,
      0,
      2 ** -24,
      0,
    ]);
    expect([1 + 2 ** -8, 1 + 3 * 2 ** -8, 3.4e38, -1.0000001].map(brain)).toEqual([1, 1 + 2 ** -6, Infinity, -1]);
  });
});

describe('both readers', () => {
  // scripts/reliability/files.mjs does the same with 10,000.
  it('answer 600 random changes of good files with tensors or a sentence', async () => {
    const result = await fuzz(600, 3);
    expect(result.refused).toBeGreaterThan(300);
    expect(result.read).toBeGreaterThan(20);
    expect(result.largest).toBeLessThan(2 ** 27);
  });

  it('refuse 80 bytes that claim 32 GiB, by a sentence and without allocating anything', () => {
    const end = Buffer.alloc(80);
    end.writeUInt32LE(0x04034b50, 0);
    // The end of a directory: one entry, in almost 4 GiB, as far as a plain archive can claim.
    end.writeUInt32LE(0x06054b50, 58);
    end.writeUInt16LE(1, 66);
    end.writeUInt16LE(1, 68);
    end.writeUInt32LE(0xfffffffe, 70);
    end.writeUInt32LE(0xfffffff0, 74);
    const wide = Buffer.alloc(80);
    wide.writeUInt32LE(0x04034b50, 0);
    // The zip64 end, which can claim 32 GiB, is cut to fit: locator and end only.
    wide.writeUInt32LE(0x07064b50, 38);
    wide.writeBigUInt64LE(32n * 2n ** 30n, 46);
    wide.writeUInt32LE(0x06054b50, 58);
    wide.writeUInt32LE(0xffffffff, 70);
    wide.writeUInt32LE(0xffffffff, 74);
    const text = Buffer.alloc(80, 'a');
    text.write('\x80\x02X', 'latin1');
    const header = Buffer.alloc(80, ' ');
    header.writeBigUInt64LE(72n);
    header.write(`{"a":{"dtype":"F32","shape":[${2 ** 33}],"data_offsets":[0,${2 ** 35}]}}`, 8);
    const length = Buffer.alloc(80, '{');
    length.writeBigUInt64LE(32n * 2n ** 30n);
    for (const bytes of [end, wide, text, header, length]) {
      const path = join(folder, 'claims.pt');
      writeFileSync(path, bytes);
      const before = process.memoryUsage();
      const fault = faultOf(() => openTensorFile(path));
      const after = process.memoryUsage();
      expect(fault?.message).toMatch(/claims\.pt.*\.$/);
      expect(['bad_input', 'damaged']).toContain(fault?.code);
      expect(after.arrayBuffers - before.arrayBuffers).toBeLessThan(2 ** 24);
    }
  });

  it('tell a folder, and a file of another kind, by a sentence', () => {
    expect(faultOf(() => openTensorFile(folder))?.message).toMatch(/is not a file: choose the checkpoint file itself/);
    const text = join(folder, 'notes.txt');
    writeFileSync(text, 'These are notes about a run.');
    expect(faultOf(() => openTensorFile(text))?.message).toMatch(/neither a torch\.save file nor safetensors/);
  });
});
