import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join, resolve } from 'node:path';
import { zipSync, type Zippable } from 'fflate';
import fc from '../property';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { memorySource } from '../../src/core/data/byte-source';
import { gatheredContent, gatherPaths, type GatheredFile } from '../../src/core/data/gather';
import { recognise, type Recognised } from '../../src/core/data/recognise';
import { listZip } from '../../src/core/data/zip';

const tiny = resolve(import.meta.dirname, '../golden/arc-tiny/expected');
const csvs = resolve(import.meta.dirname, '../golden/csv');
const text = (value: unknown): Uint8Array =>
  new TextEncoder().encode(typeof value === 'string' ? value : JSON.stringify(value));
const task = (colour: number) => ({ train: [{ input: [[colour]], output: [[1]] }], test: [{ input: [[colour]], output: [[2]] }] }); // prettier-ignore

let folder: string;
beforeEach(() => (folder = mkdtempSync(join(tmpdir(), 'trm-zip-'))));
afterEach(() => rmSync(folder, { recursive: true, force: true }));

function write(name: string, content: Uint8Array | string): string {
  const path = join(folder, name);
  mkdirSync(dirname(path), { recursive: true });
  writeFileSync(path, content);
  return path;
}
async function take(paths: string[]): Promise<Recognised> {
  const { files, problems } = await gatherPaths(paths);
  const found = await recognise(files, []);
  return { ...found, problems: [...problems, ...found.problems] };
}
const sent = (files: Record<string, Uint8Array>): GatheredFile[] =>
  Object.entries(files).flatMap(([path, content]) => gatheredContent(path, content) ?? []);
const names = ({ subsets }: Recognised): Record<string, string[]> =>
  Object.fromEntries(subsets.map((s) => [s.name, s.tasks.map((t) => t.name)]));
const kinds = ({ items }: Recognised): unknown[] => items.map((i) => [i.recognised_as, i.tasks, i.puzzles]);
const messages = ({ problems }: Recognised): string[] => problems.map((p) => p.message.replaceAll(folder, ''));

describe('archives', () => {
  it('of a repository of ARC are its collections', async () => {
    const zip = zipSync({
      'ARC-AGI-master': {
        'readme.md': text('hello'),
        data: {
          training: { 'a.json': text(task(1)), 'b.json': text(task(2)) },
          evaluation: { 'c.json': text(task(3)) },
        },
      },
    });
    const path = write('arc.zip', zip);
    const found = await take([path]);
    expect(names(found)).toEqual({ 'ARC-AGI-master-evaluation': ['c'], 'ARC-AGI-master-training': ['a', 'b'] });
    expect(kinds(found)).toEqual([
      ['zip archive', 0, 0],
      ['ARC-AGI repository', 1, 0],
      ['ARC-AGI repository', 2, 0],
    ]);
    expect(found.problems.map((p) => [p.message, p.harmless])).toEqual([
      ['ARC-AGI-master/readme.md holds no tasks: left out.', true],
    ]);
    expect(found.items[1].file).toBe(`${path} › ARC-AGI-master`);
  });

  it('of ConceptARC and of a Kaggle pair, also when sent by content', async () => {
    const concept = zipSync({ 'ConceptARC/corpus/Above/Above1.json': text(task(1)), 'ConceptARC/corpus/Center/Center1.json': text(task(2)) }); // prettier-ignore
    const solved = { t: { train: task(1).train, test: [{ input: [[1]] }] } };
    const pair = zipSync({ 'x_challenges.json': text(solved), 'x_solutions.json': text({ t: [[[2]]] }) });
    const found = await recognise(sent({ 'concept.zip': concept, 'kaggle.zip': pair }), []);
    expect(found.problems).toEqual([]);
    expect(names(found)).toEqual({ ConceptARC: ['Above1', 'Center1'], x: ['t'] });
    expect(kinds(found)).toContainEqual(['ConceptARC repository', 2, 0]);
    expect(found.subsets.find((s) => s.name === 'x')?.tasks[0].test[0].output).toEqual([[2]]);
  });

  const damage = (zip: Uint8Array, at: number, ...bytes: number[]): Uint8Array => {
    const copy = zip.slice();
    copy.set(bytes, at);
    return copy;
  };
  /** Where the n-th central header begins. */
  const central = (zip: Uint8Array): number => {
    const view = new DataView(zip.buffer, zip.byteOffset, zip.byteLength);
    for (let i = 0; ; i++) if (view.getUint32(i, true) === 0x02014b50) return i;
  };
  const one = (entries: Zippable = { 'a.json': text(task(1)) }): Uint8Array => zipSync(entries);
  it.each<[string, () => Uint8Array, RegExp]>([
    ['no archive', () => text('not a zip at all, only text'), /^x\.zip is called \.zip but is no ZIP archive/],
    ['a cut one', () => one().slice(0, -30), /^x\.zip is damaged: its end is missing/],
    ['a wrong checksum', () => damage(one(), central(one()) + 16, 1, 2, 3, 4), /^x\.zip › a\.json is damaged: its checksum is wrong/],
    ['a size that is too small', () => damage(one(), central(one()) + 24, 5, 0), /^x\.zip › a\.json is damaged: it cannot be unpacked to its 5 bytes/],
    ['an encrypted entry', () => damage(one(), central(one()) + 8, 1), /^x\.zip › a\.json is left out: it is encrypted/],
    ['a foreign method', () => damage(one(), central(one()) + 10, 12), /a\.json is left out: it is packed by method 12/],
    ['a link', () => damage(one(), central(one()) + 41, 0xa1), /a\.json is left out: it is a link/],
    ['a name that leads out', () => one({ '../../evil.json': text(task(1)) }), /x\.zip › \.\.\/\.\.\/evil\.json is left out: its name leads out of the archive/],
    ['an absolute name', () => one({ '/etc/evil.json': text(task(1)) }), /\/etc\/evil\.json is left out: its name leads out/],
    ['a bomb', () => one({ 'bomb.json': new Uint8Array(8 * 2 ** 20) }), /x\.zip › bomb\.json is left out: it unpacks to \d+ times its size/],
    ['a list that is cut', () => damage(one(), central(one()), 0), /^x\.zip is damaged: entry 1 of 1 is missing from its list/],
    ['a ZIP64 one', () => { const z = one(); return damage(z, z.length - 22 + 10, 0xff, 0xff); }, /^x\.zip is a large archive \(ZIP64\): unpack it/],
  ])('refuse %s with a sentence', async (_, make, message) => {
    const found = await take([write('x.zip', make())]);
    expect(messages(found)[0]).toMatch(message);
    expect(found.subsets).toEqual([]);
    expect(found.problems[0].harmless).toBe(false);
  }); // prettier-ignore

  it.each<[string, (end: Buffer) => Buffer]>([
    ['only the mark', () => Buffer.from('PK\x05\x06', 'latin1')],
    ['the mark, with text behind it', () => Buffer.from('made by PK\x05\x06 and friends', 'latin1')],
    ['a whole end record that fits', (end) => Buffer.concat([Buffer.from('x'), end, Buffer.from('yy')])],
    ['an end record of no entries', () => Buffer.from('PK\x05\x06'.padEnd(22, '\0'), 'latin1')],
  ])('are read where the comment holds %s', async (_, make) => {
    const zip = Buffer.from(one());
    const end = Buffer.from(zip.subarray(-22));
    // A record of the comment says of itself that it ends with the file.
    end.writeUInt16LE(2, 20);
    end.writeUInt32LE(7, 16);
    const comment = make(end);
    zip.writeUInt16LE(comment.length, zip.length - 2);
    const found = await take([write('x.zip', Buffer.concat([zip, comment]))]);
    expect(found.problems).toEqual([]);
    expect(names(found)).toEqual({ x: ['a'] });
  });

  it('of a stranger, with the mark in its comment, are read', async () => {
    const found = await take([resolve(import.meta.dirname, 'cases/comment.zip')]);
    expect(found.problems).toEqual([]);
    expect(names(found)).toEqual({ comment: ['fine'] });
  });

  it('with bytes that two entries claim give none of them twice', async () => {
    const zip = Buffer.from(one({ 'a.json': text(task(1)), 'b.json': text(task(2)) }));
    const first = central(zip);
    const second = zip.indexOf('PK\x01\x02', first + 4, 'latin1');
    zip.writeUInt32LE(zip.readUInt32LE(first + 42), second + 42);
    const found = await take([write('x.zip', zip)]);
    expect(messages(found)[0]).toMatch(/x\.zip › a\.json is left out: its bytes are those of another entry too/);
    expect(found.problems.every((p) => !p.harmless)).toBe(true);
    expect(found.subsets).toEqual([]);
  });

  it('take any names, contents and comments, and give them back', async () => {
    const content = fc.uint8Array({ maxLength: 400 });
    const entries = fc.dictionary(fc.stringMatching(/^[\p{L}\p{N} ._-]{1,12}$/u).filter((n) => !/^[0-9]+$|\.\./.test(n)), content, { maxKeys: 6 }); // prettier-ignore
    await fc.assert(
      fc.asyncProperty(entries, content, fc.integer({ min: 0, max: 9 }), async (files, comment, level) => {
        const zip = Buffer.from(zipSync(files, { level: level as 0 }));
        zip.writeUInt16LE(comment.length, zip.length - 2);
        const source = memorySource(Buffer.concat([zip, comment]));
        const { entries, refused } = await listZip(source, 'x.zip');
        expect(refused).toEqual([]);
        const read = await Promise.all(entries.map(async (e) => [e.name, [...(await e.read(source))]] as const));
        expect(Object.fromEntries(read)).toEqual(
          Object.fromEntries(Object.entries(files).map(([name, bytes]) => [name, [...bytes]])),
        );
      }),
      { numRuns: 300 },
    );
  });

  it('are read by offset: an entry that nobody reads costs nothing', async () => {
    const zip = one({ 'a.json': text(task(1)), 'b.bin': [new Uint8Array(2 ** 20), { level: 0 }] });
    let read = 0;
    const whole = memorySource(zip);
    const counted = {
      ...whole,
      read: (at: number, n: number) => ((read += Math.min(n, zip.length - at)), whole.read(at, n)),
    };
    const { entries } = await listZip(counted, 'x.zip');
    expect(JSON.parse(new TextDecoder().decode(await entries[0].read(counted)))).toEqual(task(1));
    expect(read).toBeLessThan(70_000);
  });
});

describe('datasets', () => {
  it('that a builder wrote are linked where they lie', async () => {
    const found = await take([tiny]);
    expect(found.problems).toEqual([]);
    expect(found.subsets).toEqual([]);
    expect(found.datasets).toMatchObject([
      {
        name: 'expected',
        kind: 'arc',
        how: 'linked',
        source: tiny,
        rows: 30,
        train_examples: 184,
        from: { folder: tiny },
      },
    ]);
    expect(kinds(found)).toEqual([['dataset folder', 0, 184 + found.datasets[0].test_examples]]);
  });

  it('that are sent, or lie in an archive, are to be copied, other files of the folder left alone', async () => {
    const files: Record<string, Uint8Array> = { 'ds/notes.txt': text('x') };
    for (const split of ['train', 'test'])
      for (const part of ['dataset.json', 'all__inputs.npy', 'all__labels.npy', 'all__puzzle_identifiers.npy', 'all__puzzle_indices.npy', 'all__group_indices.npy'])
        files[`ds/${split}/${part}`] = readFileSync(join(tiny, split, part)); // prettier-ignore
    for (const given of [files, { 'ds.zip': zipSync(files) }]) {
      const found = await recognise(sent(given), []);
      expect(found.problems.map((p) => p.harmless)).toEqual([true]);
      const [dataset] = found.datasets;
      expect(dataset).toMatchObject({ name: 'ds', kind: 'arc', how: 'copied', rows: 30, train_examples: 184 });
      expect(dataset.from.how === 'copied' && dataset.from.parts).toHaveLength(12);
    }
  });

  it('that are damaged are told, with the file and both values', async () => {
    const metadata = JSON.parse(readFileSync(join(tiny, 'train/dataset.json'), 'utf8')) as object;
    for (const part of ['inputs', 'labels', 'puzzle_identifiers', 'puzzle_indices', 'group_indices'])
      write(`ds/train/all__${part}.npy`, readFileSync(join(tiny, `train/all__${part}.npy`)));
    write('ds/train/dataset.json', JSON.stringify({ ...metadata, seq_len: 841 }));
    const found = await take([join(folder, 'ds')]);
    expect(messages(found)).toEqual([
      '/ds/train/all__inputs.npy has the shape 184×900, and dataset.json (seq_len 841) and the inputs ask for 184×841: build the dataset again, or copy it again.',
    ]);
    expect(found.datasets).toEqual([]);
  });

  it('with a token outside the vocabulary are told, wherever it stands', async () => {
    for (const part of ['inputs', 'labels', 'puzzle_identifiers', 'puzzle_indices', 'group_indices'])
      write(`ds/train/all__${part}.npy`, readFileSync(join(tiny, `train/all__${part}.npy`)));
    write('ds/train/dataset.json', readFileSync(join(tiny, 'train/dataset.json')));
    const labels = readFileSync(join(tiny, 'train/all__labels.npy'));
    labels[128 + 183 * 900 + 5] = 77; // behind the header: the last example, place 5
    write('ds/train/all__labels.npy', labels);
    expect(messages(await take([join(folder, 'ds')]))).toEqual([
      '/ds/train/all__labels.npy: example 183 holds the token 77 at place 5, and vocab_size is 12: build the dataset again.',
    ]);
  });

  it('come from CSVs: train.csv with the test.csv beside it, or one that is divided', async () => {
    const pair = await take([join(csvs, 'sudoku')]);
    expect(pair.problems).toEqual([]);
    expect(pair.datasets).toMatchObject([{ name: 'sudoku', kind: 'sudoku', how: 'built', rows: 9, train_examples: 40, test_examples: 7 }]);
    expect(kinds(pair)).toEqual([['Sudoku CSV', 0, 7], ['Sudoku CSV', 0, 40]]);
    const alone = await take([join(csvs, 'maze/train.csv')]);
    expect(alone.datasets).toMatchObject([{ name: 'train', kind: 'maze', rows: 5, train_examples: 11, test_examples: 1 }]);
    expect(kinds(alone)).toEqual([['maze CSV', 0, 12]]);
  }); // prettier-ignore

  it.each<[string, string | Uint8Array, RegExp]>([
    ['x.csv', 'name,age\nx,3\n', /^x\.csv: line 1 is "name,age", where the columns should be named/],
    ['x.csv', 'source,q,a,rating\nx,abc,abc,1\n', /^x\.csv: line 2, q is "abc", neither Sudoku/],
    [
      'x.csv',
      `source,q,a,rating\nx,${'.'.repeat(80)}z,${'1'.repeat(81)},1\n`,
      /^x\.csv: line 2, q, character 81 is "z": use the digits/,
    ],
    ['x.csv', 'source,q,a,rating\nx,S  ?    G,Sooo    G,1\n', /^x\.csv: line 2, q, character 4 is "\?": use /],
    ['x.csv', 'source,q,a,rating\n', /^x\.csv holds no puzzles/],
    ['x.csv', `source,q,a,rating\nx,${'.'.repeat(80)},1,1\n`, /^x\.csv: line 2, q has 80 characters instead of 81/],
    ['x.npy', new Uint8Array(9), /^x\.npy is one array of a dataset: drop the whole folder/],
  ])('are refused with one sentence: %s %#', async (name, content, message) => {
    const found = await take([write(name, content)]);
    expect(messages(found)).toHaveLength(1);
    expect(messages(found)[0]).toMatch(message);
    expect(found.datasets).toEqual([]);
  });

  it('are not looked for in tables that lie in a folder of tasks', async () => {
    write('tasks/scores.csv', 'name,age\nx,3\n');
    write('tasks/a.json', JSON.stringify(task(1)));
    const found = await take([join(folder, 'tasks')]);
    expect(found.problems.map((p) => [p.message, p.harmless])).toEqual([['tasks/scores.csv holds no tasks: left out.', true]]);
    expect(names(found)).toEqual({ tasks: ['a'] });
  }); // prettier-ignore
});
