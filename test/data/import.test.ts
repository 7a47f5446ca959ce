import {
  chmodSync,
  closeSync,
  ftruncateSync,
  mkdirSync,
  mkdtempSync,
  openSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { execFileSync } from 'node:child_process';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { gatherPaths, gatheredContent, type GatheredFile } from '../../src/core/data/gather';
import { recognise, type Recognised } from '../../src/core/data/recognise';

const grid = [
  [1, 2],
  [3, 4],
];
const task = { train: [{ input: grid, output: grid }], test: [{ input: grid, output: grid }] };
const asked = { train: task.train, test: [{ input: grid }] };

let folder: string;
beforeEach(() => (folder = mkdtempSync(join(tmpdir(), 'trm-import-'))));
afterEach(() => {
  chmodSync(folder, 0o700);
  rmSync(folder, { recursive: true, force: true });
});

function write(name: string, value: unknown): string {
  const path = join(folder, name);
  mkdirSync(dirname(path), { recursive: true });
  writeFileSync(path, typeof value === 'string' || value instanceof Uint8Array ? value : JSON.stringify(value));
  return path;
}

async function take(paths: string[], taken: string[] = []): Promise<Recognised> {
  const { files, problems } = await gatherPaths(paths);
  const recognised = await recognise(files, taken);
  return { ...recognised, problems: [...problems, ...recognised.problems] };
}
const messages = ({ problems }: Recognised, harmless = false): string[] =>
  problems.filter((p) => p.harmless === harmless).map((p) => p.message);
const names = ({ subsets }: Recognised): Record<string, string[]> =>
  Object.fromEntries(subsets.map((s) => [s.name, s.tasks.map((t) => t.name)]));

describe('recognised are', () => {
  it('a Kaggle pair, in either order, joined by its name', async () => {
    const c = write('arc-agi_extra_challenges.json', '{"b": %, "10197236": %, "a": %}'.replaceAll('%', JSON.stringify(asked)));
    const s = write('arc-agi_extra_solutions.json', { a: [grid], b: [grid], 10197236: [grid] });
    for (const paths of [[c, s], [s, c]]) {
      const found = await take(paths);
      expect(found.problems).toEqual([]);
      expect(found.items.map((i) => [i.recognised_as, i.tasks])).toEqual(
        paths[0] === c ? [['Kaggle challenges', 3], ['Kaggle solutions', 3]] : [['Kaggle solutions', 3], ['Kaggle challenges', 3]],
      );
      expect(names(found)).toEqual({ 'arc-agi_extra': ['b', '10197236', 'a'] });
      expect(found.subsets[0]).toMatchObject({ title: 'arc-agi_extra', source: c });
      expect(found.subsets[0].tasks.every((t) => t.test[0].output)).toBe(true);
    }
  }); // prettier-ignore

  it('two pairs at once, and tasks that stand in both', async () => {
    const paths = ['x', 'y'].flatMap((n) => [
      write(`${n}_challenges.json`, { a: asked }),
      write(`${n}_solutions.json`, { a: [grid] }),
    ]);
    const found = await take(paths);
    expect([found.problems, names(found)]).toEqual([[], { x: ['a'], y: ['a'] }]);
  });

  it('challenges without solutions, with a word about it', async () => {
    const found = await take([write('t_challenges.json', { a: asked })]);
    expect([messages(found), messages(found, true)]).toEqual([
      [],
      ['t_challenges.json has no solutions next to it: test outputs stay unknown.'],
    ]);
    expect(found.subsets[0].tasks[0].test).toEqual([{ input: grid }]);
    expect((await take([write('u.json', { a: task })])).problems).toEqual([]);
  });

  it('single tasks: one, or several by themselves', async () => {
    const [a, b] = [write('00d62c1b.json', task), write('b.json', asked)];
    expect(names(await take([a]))).toEqual({ '00d62c1b': ['00d62c1b'] });
    expect(names(await take([a, b]))).toEqual({ imported: ['00d62c1b', 'b'] });
  });

  it('a folder of tasks, folders in it, and what else lies there', async () => {
    for (const concept of ['Above', 'Center'])
      for (const n of [1, 2]) write(`corpus/${concept}/${concept}${n}.json`, task);
    write('corpus/README.md', '# Concepts');
    write('corpus/Above/notes.txt', 'x');
    write('corpus/.git/config.json', 'not json');
    write('corpus/.DS_Store', 'x');
    write('corpus/__MACOSX/Above1.json', 'x');
    const found = await take([join(folder, 'corpus')]);
    expect(messages(found)).toEqual([]);
    expect(messages(found, true)).toEqual(['2 files that hold no tasks (corpus/Above/notes.txt, …): left out.']);
    expect(names(found)).toEqual({ corpus: ['Above1', 'Above2', 'Center1', 'Center2'] });
    expect(found.subsets[0].source).toBe(join(folder, 'corpus'));
  });

  it('the folders training and evaluation of a folder, as collections of their own', async () => {
    write('data/training/a.json', task);
    write('data/evaluation/b.json', task);
    expect(names(await take([join(folder, 'data')]))).toEqual({ 'data-evaluation': ['b'], 'data-training': ['a'] });
    expect(names(await take([join(folder, 'data/training')]))).toEqual({ training: ['a'] });
  });

  it('files by content, as a browser gives them', async () => {
    const bytes = (value: unknown): Uint8Array => Buffer.from(JSON.stringify(value));
    const files = [
      gatheredContent('my tasks/a.json', bytes(task)),
      gatheredContent('my tasks/.hidden/b.json', bytes(task)),
      gatheredContent('./c.json', bytes(task)),
    ];
    expect(files[1]).toBeNull();
    const found = await recognise(
      files.filter((f) => f !== null),
      [],
    );
    expect(names(found)).toEqual({ 'my-tasks': ['a'], c: ['c'] });
    expect(found.subsets[0].title).toBe('my tasks');
  });

  it('submissions, and left out', async () => {
    const found = await take([write('submission.json', { a: [{ attempt_1: grid, attempt_2: grid }] })]);
    expect(messages(found, true)).toEqual(['submission.json is a submission, which holds no tasks: left out.']);
    expect(found.subsets).toEqual([]);
  });

  it('named so that no other collection has the name', async () => {
    const path = write('training.json', { a: task });
    const found = await take([path, write('sub/training_challenges.json', { b: task })], ['training', 'training-2']);
    expect(found.problems.map((p) => p.message)).toEqual([
      'training_challenges.json holds the same collection as training.json: add one of the two.',
    ]);
    expect(found.subsets.map((s) => [s.name, s.title])).toEqual([['training-3', 'training (3)']]);
    expect(Object.keys(names(await take([write('Ä b/c;d*.json', task)])))).toEqual(['c-d']);
  });
});

describe('refused with one sentence are', () => {
  const deep = '['.repeat(100_000);
  it.each<[string, unknown, string | RegExp]>([
    ['x.json', '{"train": [', 'x.json is not JSON: it ends too early, at line 1, column 12; mend the file or leave it out.'],
    ['x.json', deep, /^x\.json is no file of tasks: it is nested more than 32 levels deep/],
    ['x.json', `{"train": ${deep}${']'.repeat(100_000)}}`, /^x\.json is no file of tasks: it is nested/],
    ['x.json', '', 'x.json is empty: choose a file that holds a task.'],
    ['x.json', {}, 'x.json holds no tasks, only {}: choose another file.'],
    ['x.json', [task], /^x\.json is JSON but holds no task/],
    ['x.json', { version: 1 }, /^x\.json is JSON but holds no task/],
    ['x.txt', task, 'x.txt cannot be imported: drop tasks (.json, .jsonl, .zip, .tar, .gz), CSVs of Sudoku or mazes, or the folder of a dataset.'],
    ['x.json', { ...task, test: null }, 'x.json: "test" is null: make it a list of pairs.'],
    ['x.json', { train: [{ input: [[10]], output: grid }], test: task.test }, 'x.json: train[0].input row 1, column 1 is 10: use a colour from 0 to 9.'],
    ['x.json', '{"train": [], "train": [], "test": []}', 'x.json: the key "train" appears twice in one object at line 1: keep one.'],
    ['x.json', { a: { train: task.train } }, 'x.json, task a: "test" is missing: add it, a task has the lists "train" and "test".'],
    ['x.json', `{"a": ${JSON.stringify(task)},\n"b": ${JSON.stringify(task)},\n"a": ${JSON.stringify(task)}}`, 'x.json: the task a appears twice, again at line 3: keep one of the two.'],
    ['x.json', { '../../x': task }, 'x.json, task ../../x: the task name "../../x" holds "/", so no file can be named after it: call it "x".'],
    ['x.json', { 'C:\\x': task }, 'x.json, task C:\\x: the task name "C:\\\\x" holds ":", so no file can be named after it: call it "C-x".'],
    ['x.json', { nul: task }, 'x.json, task nul: the task name "nul" is a name that Windows keeps for itself, so no file can be named after it: call it "x-nul".'],
    ['x_solutions.json', { a: [grid] }, 'x_solutions.json has no challenges next to it: add x_challenges.json too.'],
  ])('%s', async (name, content, message) => {
    const found = await take([write(name, content)]);
    expect(messages(found)).toHaveLength(1);
    if (typeof message === 'string') expect(messages(found)[0]).toBe(message);
    else expect(messages(found)[0]).toMatch(message);
    expect(found.problems[0].file).toBe(join(folder, name));
  }); // prettier-ignore

  it.each<[string, unknown, string, string[]]>([
    ['a missing one', { a: [grid] }, 'x_solutions.json: there is no solution of the task b: add it, or use the matching pair of files.', ['a']],
    ['one too many', { a: [grid, grid], b: [grid] }, 'x_solutions.json: the task a has 1 test input and 2 solutions: give one solution for each test input.', ['b']],
    ['none for a task', { a: [grid], b: [] }, 'x_solutions.json: the task b has 1 test input and 0 solutions: give one solution for each test input.', ['a']],
    ['one without a task', { a: [grid], b: [grid], c: [grid] }, 'x_solutions.json: the solution c belongs to no task of x_challenges.json: use the matching pair of files.', ['a', 'b']],
    ['a bad grid', { a: [[[1], [1, 2]]], b: [grid] }, 'x_solutions.json: a[0] row 2 has 2 cells where row 1 has 1: give every row the same length.', ['b']],
    ['one that appears twice', '{"a": [[[1]]], "b": [[[1]]], "a": [[[2]]]}', 'x_solutions.json: the solution of a appears twice, again at line 1: keep one of the two.', ['b']],
  ])('solutions that do not match: %s', async (_, solutions, message, kept) => {
    const found = await take([write('x_challenges.json', { a: asked, b: asked }), write('x_solutions.json', solutions)]);
    expect(messages(found)).toEqual([message]);
    expect(names(found)).toEqual({ x: kept });
  }); // prettier-ignore

  it('solutions that contradict the outputs in the challenges', async () => {
    const found = await take([write('x_challenges.json', { a: task }), write('x_solutions.json', { a: [[[9]]] })]);
    expect(messages(found)).toEqual([
      'x_solutions.json: the solution a[0] differs from the output in the challenges file: remove the wrong one.',
    ]);
  });

  it('the same task twice in one import', async () => {
    const [one, two] = [write('p/x.json', task), write('q/x.json', task)];
    const found = await take([one, two]);
    expect(messages(found)).toEqual([
      'x.json: the task x is in this import twice, also in x.json: keep one of the two.',
    ]);
    expect(found.problems[0].file).toBe(two);
    const nested = await take([folder]);
    expect(messages(nested)[0]).toMatch(/q\/x\.json: the task x is in this import twice, also in .*p\/x\.json/);
    expect(messages(await take([join(folder, 'p'), one]))).toHaveLength(1);
    expect(messages(await take([one, write('c.json', { x: task })]))[0]).toContain('also in a collection');
  });

  it('a bad file among good ones: only that one', async () => {
    for (const n of [1, 2, 3]) write(`f/t${n}.json`, n === 2 ? { ...task, train: [] } : task);
    const found = await take([join(folder, 'f')]);
    expect(messages(found)).toEqual([
      'f/t2.json: "train" is empty: give at least one demonstration, a pair of input and output.',
    ]);
    expect(names(found)).toEqual({ f: ['t1', 't3'] });
  });

  it('a file of 2 GB, unread', async () => {
    const path = join(folder, 'big.json');
    const fd = openSync(path, 'w');
    ftruncateSync(fd, 2 * 2 ** 30);
    closeSync(fd);
    expect(messages(await take([path]))).toEqual([
      'big.json has 2,048 MB, and JSON is read up to 200 MB: split it, or leave it out.',
    ]);
  });

  it('what is not there, and links to nothing', async () => {
    symlinkSync(join(folder, 'gone'), join(folder, 'dangling.json'));
    const found = await take([join(folder, 'none.json'), join(folder, 'dangling.json')]);
    expect(messages(found)).toEqual([
      `${join(folder, 'none.json')} does not exist: check the path.`,
      `${join(folder, 'dangling.json')} does not exist: check the path.`,
    ]);
  });

  it.skipIf(process.platform === 'win32')('a pipe, which would never end', async () => {
    const path = join(folder, 'pipe.json');
    execFileSync('mkfifo', [path]);
    const found = await take([path]);
    expect(messages(found, true)).toEqual(['pipe.json is neither a file nor a folder: left out.']);
  });

  it.skipIf(process.platform === 'win32')('files and folders without permission', async () => {
    const file = write('secret.json', task);
    const inner = dirname(write('locked/a.json', task));
    chmodSync(folder, 0o755);
    chmodSync(file, 0);
    chmodSync(inner, 0);
    const root = process.geteuid?.() === 0;
    if (root) process.seteuid?.(65534); // root may read anything
    try {
      const found = await take([file, inner]);
      expect(messages(found).sort()).toEqual([
        `No permission for ${inner}: change its permissions or choose another.`,
        `No permission for ${file}: change its permissions or choose another.`,
      ].sort()); // prettier-ignore
      expect(found.subsets).toEqual([]);
    } finally {
      if (root) process.seteuid?.(0);
      chmodSync(inner, 0o700);
    }
  });
});

describe('large and strange folders', () => {
  it('links that lead back up end there', async () => {
    write('loop/a.json', task);
    mkdirSync(join(folder, 'loop/inner'));
    symlinkSync(join(folder, 'loop'), join(folder, 'loop/inner/up'));
    const found = await take([join(folder, 'loop')]);
    expect(names(found)).toEqual({ loop: ['a'] });
    expect(messages(found, true)).toEqual(['loop/inner/up is a link to a folder that was read already: left out.']);
  });

  it('10 000 files are read with progress, and cancelled at once', async () => {
    mkdirSync(join(folder, 'many'));
    const text = JSON.stringify(task);
    for (let i = 0; i < 10_000; i++) writeFileSync(join(folder, 'many', `t${i}.json`), text);
    const { files } = await gatherPaths([join(folder, 'many')]);
    expect(files).toHaveLength(10_000);
    const seen: number[] = [];
    let ticks = 0;
    const timer = setInterval(() => ticks++, 5);
    const found = await recognise(files, [], {
      progress: (done, total, what) => {
        expect([total, what]).toEqual([10_000, 'files read']);
        seen.push(done);
      },
    });
    clearInterval(timer);
    expect(found.subsets[0].tasks).toHaveLength(10_000);
    expect(found.problems).toEqual([]);
    expect(seen.at(-1)).toBe(10_000);
    expect([...seen].sort((a, b) => a - b)).toEqual(seen);
    expect(seen.length).toBeGreaterThan(3);
    expect(ticks).toBeGreaterThan(3); // the process stays alive to other work

    const abort = new AbortController();
    const reads: string[] = [];
    const watched: GatheredFile[] = files.map((file) => ({
      ...file,
      read: () => {
        reads.push(file.relative);
        return file.read();
      },
    }));
    const cancelled = recognise(watched, [], { signal: abort.signal, progress: () => abort.abort() });
    await expect(cancelled).rejects.toMatchObject({ code: 'cancelled' });
    expect(reads.length).toBeLessThan(10_000);

    const gone = new AbortController();
    gone.abort();
    await expect(gatherPaths([join(folder, 'many')], { signal: gone.signal })).rejects.toMatchObject({
      code: 'cancelled',
    });
  });
});
