/** Every kind of file that the studio reads from outside, with good examples of it. */
import { existsSync, mkdirSync, mkdtempSync, readFileSync, readdirSync, rmSync, writeFileSync } from 'node:fs';
import { cp } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { gunzipSync, gzipSync } from 'node:zlib';
import { unzipSync, zipSync } from 'fflate';
import { packTar } from 'modern-tar';
import { Votes } from '../../src/core/arc/voting';
import { parseAllConfig } from '../../src/core/checkpoint/import/all-config';
import { encodeShapes } from '../../src/core/checkpoint/formats/safetensors';
import { openCheckpoint } from '../../src/core/checkpoint/native/checkpoint';
import { gatheredContent } from '../../src/core/data/gather';
import { isGzip } from '../../src/core/data/gzip';
import { recognise } from '../../src/core/data/recognise';
import { DatasetStore } from '../../src/core/data/store';
import { readVotes, writeVotes } from '../../src/core/evaluate/votes-file';
import { FILES, readReport } from '../../src/core/evaluate/report';
import { traceFileJson } from '../../src/core/trace/trace-json';
import { formatAllConfig } from '../../src/core/checkpoint/import/all-config';
import { SIDECAR } from '../../src/core/bundle/files';
import { readTrace } from '../../src/renderer/playback/player/trace';
import { defaultConfig } from '../../src/shared/config';
import { StudioError } from '../../src/shared/errors';
import { parseOverride } from '../../src/shared/hydra/overrides';
import { pastedCommand } from '../../src/shared/hydra/command';
import { findBundle } from '../../src/studio/bundles/bundles';
import { readMetricsFile } from '../../src/studio/bundles/metrics-file';
import { openDatabase } from '../../src/studio/db/open';
import { openStore } from '../../src/studio/store';
import { openStudio } from '../../src/studio/studio';
import { goodFiles, mutate as mutateCheckpoint, readAll } from '../checkpoint/fuzz';
import { ScriptedCompute } from '../studio/scripted-compute';
import { change, type Random } from './mutate';
import type { Reader } from './try';

export { tryReader } from './try';

const golden = resolve(import.meta.dirname, '../golden');
const tiny = join(golden, 'arc-tiny/expected');
const bytesOf = (value: unknown): Buffer => Buffer.from(typeof value === 'string' ? value : JSON.stringify(value));
const grid = (colour: number) => [[colour, 0], [1, 2]]; // prettier-ignore
const task = (colour: number) => ({
  train: [{ input: grid(colour), output: grid(1) }, { input: grid(3), output: grid(colour) }],
  test: [{ input: grid(4), output: grid(5) }],
}); // prettier-ignore

/** A recogniser of dropped files under this name. */
async function dropped(name: string, bytes: Uint8Array): Promise<string[]> {
  const file = gatheredContent(name, bytes);
  const found = await recognise(file ? [file] : [], []);
  // Entries are read when they are stored; here too.
  return found.problems.map((p) => p.message);
}

const zips = (): Buffer[] =>
  [6, 0].map((level) =>
    Buffer.from(
      zipSync(
        {
          'x/training/a.json': bytesOf(task(1)),
          'x/training/b.json': bytesOf(task(2)),
          'x/evaluation/c.json': bytesOf(task(3)),
        },
        { level: level as 0 },
      ),
    ),
  );

/** Half of the changes are of the archive, the others of an entry in a sound one. */
function aroundEntries(good: Buffer, random: Random, others: readonly Buffer[]): Buffer {
  if (random(2)) return change(good, random, others);
  const entries = unzipSync(good);
  const names = Object.keys(entries);
  const name = names[random(names.length)];
  entries[name] = new Uint8Array(change(Buffer.from(entries[name]), random, others));
  return Buffer.from(zipSync(entries, { level: random(2) ? 6 : 0 }));
}

/** Half of the changes are of the packed bytes, the others of what is in them. */
function aroundGzip(good: Buffer, random: Random, others: readonly Buffer[]): Buffer {
  if (random(2)) return change(good, random, others);
  return gzipSync(change(gunzipSync(good), random, others));
}

const tarOf = async (entries: Record<string, Uint8Array>): Promise<Buffer> =>
  Buffer.from(
    await packTar(
      Object.entries(entries).map(([name, body]) => ({
        header: { name, size: body.byteLength, type: 'file' as const, mtime: new Date(0) },
        body,
      })),
    ),
  );

const linesOf = (...values: unknown[]): Buffer => bytesOf(values.map((value) => JSON.stringify(value)).join('\n'));
const lines = (): Buffer => linesOf({ name: 'a', data: task(1) }, { id: 'b', ...task(2) });
/** Without names and without a test pair, as in BARC. */
const examples = (): Buffer =>
  linesOf(...[3, 4].map((n) => ({ examples: task(n).train.map(({ input, output }) => [input, output]) })));

const challenges = (): Buffer => bytesOf({ t1: task(1), t2: task(2) });

/** Every reader, with a folder of their own that `close` removes. */
export async function makeReaders(names?: readonly string[]): Promise<Reader[]> {
  const folder = mkdtempSync(join(tmpdir(), 'trm-files-'));
  const made: Reader[] = [];
  for (const [name, make] of Object.entries(MAKERS)) {
    if (names && !names.includes(name)) continue;
    const at = join(folder, name.replace(/\W+/g, '-'));
    mkdirSync(at);
    made.push({ name, ...(await make(at)) });
  }
  return made.map((reader) => ({
    ...reader,
    close: async () => {
      await reader.close?.();
      rmSync(join(folder, reader.name.replace(/\W+/g, '-')), { recursive: true, force: true });
      if (readdirSync(folder).length === 0) rmSync(folder, { recursive: true, force: true });
    },
  }));
}

/** A reader of one file at a path. */
function atPath(folder: string, name: string, seeds: Buffer[], read: (path: string) => unknown): Omit<Reader, 'name'> {
  const path = join(folder, name);
  return {
    seeds,
    read: async (bytes) => {
      writeFileSync(path, bytes);
      await read(path);
      return [];
    },
  };
}

/** Of a dataset folder these files are changed, one at a time, the others good. */
async function inDataset(folder: string, files: string[]): Promise<Omit<Reader, 'name'>> {
  await cp(tiny, folder, { recursive: true });
  writeFileSync(join(folder, 'studio.json'), JSON.stringify({ schema: 1, kind: 'arc', rows: 30, columns: 30, recipe: null, shortfalls: [], left_out: [] })); // prettier-ignore
  const seeds = files.map((file) => readFileSync(join(folder, file)));
  return {
    seeds,
    read: (bytes, seed) => {
      const path = join(folder, files[seed]);
      writeFileSync(path, bytes);
      try {
        const store = DatasetStore.open(folder);
        try {
          store.check();
          for (const split of ['train', 'test'] as const) {
            const { examples } = store.split(split);
            for (const index of [0, examples >> 1, examples - 1]) {
              if (index < 0 || index >= examples) continue;
              store.read({ split, index });
              store.puzzleName({ split, index });
            }
          }
        } finally {
          store.close();
        }
      } finally {
        writeFileSync(path, seeds[seed]);
      }
      return [];
    },
  };
}

const MAKERS: Record<string, (folder: string) => Omit<Reader, 'name'> | Promise<Omit<Reader, 'name'>>> = {
  'task JSON': () => ({ seeds: [bytesOf(task(1))], read: (bytes) => dropped('t.json', bytes) }),
  'Kaggle JSON': () => ({
    seeds: [challenges(), bytesOf({ t1: [grid(5)], t2: [grid(5)] })],
    read: async (bytes, seed) => {
      const good = [challenges(), bytesOf({ t1: [grid(5)], t2: [grid(5)] })];
      const files = good.flatMap((one, i) => gatheredContent(['x_challenges.json', 'x_solutions.json'][i], i === seed ? bytes : one) ?? []); // prettier-ignore
      return (await recognise(files, [])).problems.map((p) => p.message);
    },
  }),
  submission: () => ({
    seeds: [bytesOf({ t1: [{ attempt_1: grid(1), attempt_2: grid(2) }] })],
    read: (bytes) => dropped('submission.json', bytes),
  }),
  CSV: () => ({
    seeds: ['sudoku', 'maze'].map((kind) => readFileSync(join(golden, 'csv', kind, 'train.csv'))),
    read: (bytes) => dropped('x.csv', bytes),
  }),
  ZIP: () => ({ seeds: zips(), mutate: aroundEntries, read: (bytes) => dropped('x.zip', bytes) }),
  gzip: () => ({
    seeds: [gzipSync(bytesOf(task(1))), gzipSync(lines())],
    mutate: aroundGzip,
    read: (bytes, seed) => dropped(['x.json.gz', 'x.jsonl.gz'][seed], bytes),
  }),
  tar: async () => {
    const plain = await tarOf({
      'x/training/a.json': bytesOf(task(1)),
      'x/training/b.jsonl': lines(),
      [`x/${'deep/'.repeat(40)}c.json.gz`]: gzipSync(bytesOf(task(3))),
    });
    return {
      seeds: [plain, gzipSync(plain)],
      mutate: (good, random, others) => (isGzip(good) ? aroundGzip : change)(good, random, others),
      read: (bytes, seed) => dropped(['x.tar', 'x.tgz'][seed], bytes),
    };
  },
  'JSON lines': () => ({ seeds: [lines(), examples()], read: (bytes) => dropped('x.jsonl', bytes) }),
  npy: (folder) =>
    inDataset(
      folder,
      ['train', 'test'].flatMap(
        (split) =>
        ['inputs', 'labels', 'puzzle_identifiers', 'puzzle_indices', 'group_indices'].map((part) => `${split}/all__${part}.npy`), // prettier-ignore
      ),
    ),
  'dataset.json': (folder) => inDataset(folder, ['train/dataset.json', 'test/dataset.json']),
  'studio.json': (folder) => inDataset(folder, ['studio.json']),
  'identifiers.json': (folder) => inDataset(folder, ['identifiers.json']),
  safetensors: () => checkpoints((file) => file[0] !== 0x50),
  torch: () => checkpoints((file) => file[0] === 0x50),
  'own checkpoint': (folder) => {
    const trm = { schema: 1, config: defaultConfig(), seq_len: 81, vocab_size: 11, num_puzzle_identifiers: 1, kind: 'sudoku', rows: 9, columns: 9, step: 10, total_steps: 100, seconds: 1.5, sampler: { iteration: 0, epoch: 0, position: 1, random: [1, 2, 3, 4] }, exploration: [1, 2, 3, 4], evaluated: null, evaluation_due: false }; // prettier-ignore
    const metadata = { format: 'trm-studio-checkpoint', trm: JSON.stringify(trm) };
    const seed = encodeShapes(new Map([['identifiers', { dtype: 'U8' as const, shape: [0], bytes: 0 }]]), metadata);
    return {
      ...atPath(folder, 'step_1.safetensors', [seed], async (path) => (await openCheckpoint(path)).file.close()),
      mutate: mutateCheckpoint,
    };
  },
  'all_config.yaml': () => ({
    seeds: [Buffer.from(formatAllConfig(defaultConfig())), readFileSync(resolve(import.meta.dirname, '../../resources/starters/arc-small/all_config.yaml'))], // prettier-ignore
    read: (bytes) => parseAllConfig(bytes.toString('utf8'), 'all_config.yaml').notes.slice(0, 0),
  }),
  'command line': () => ({
    seeds: [
      Buffer.from('torchrun --nproc-per-node 4 pretrain.py arch=trm data_paths="[data/sudoku]" epochs=5000 +run_name=x arch.L_layers=2 lr=1e-4 ema=True'), // prettier-ignore
    ],
    read: (bytes) => {
      for (const override of pastedCommand(bytes.toString('utf8')).overrides) parseOverride(override);
      return [];
    },
  }),
  database: async (folder) => {
    const studio = await openStudio({ home: folder, transport: 'web', compute: () => new ScriptedCompute().factory, resources: null }); // prettier-ignore
    const { import: id } = await studio.dispatch('import.begin', {});
    await studio.dispatch('import.add_files', { import: id, files: [{ path: 'x.json', content: new Uint8Array(challenges()) }] }); // prettier-ignore
    await studio.dispatch('import.commit', { import: id });
    await studio.close();
    const path = join(folder, 'studio.db');
    const seed = readFileSync(path);
    return {
      seeds: [seed],
      read: (bytes) => {
        for (const more of ['-wal', '-shm', '-journal']) rmSync(`${path}${more}`, { force: true });
        writeFileSync(path, bytes);
        const db = openDatabase(path, { log: studio.log });
        try {
          const store = openStore(db);
          for (const { id } of store.tasks.list({})) store.tasks.get(id);
          store.subsets.list();
          store.runs.list();
          store.datasets.list();
          store.settings.all();
        } finally {
          db.close();
        }
        return [];
      },
    };
  },
  'metrics history': (folder) =>
    atPath(
      folder,
      'history.csv',
      [
        Buffer.from('_step,_runtime,_timestamp,train/lm_loss\n1,0.5,1700000000,2.5\n2,1.0,1700000001,"2,5"\n3,1.5,,\n'),
        Buffer.from(
          '{"_step": 1, "train/lm_loss": 2.5, "all": {"exact_accuracy": 0.5}}\n{"_step": 2, "_runtime": 3}\n',
        ),
      ],
      async (path) => {
        for await (const row of readMetricsFile(path)) void row;
      },
    ),
  bundle: (folder) =>
    atPath(
      folder,
      SIDECAR,
      [bytesOf({ format: 'trm-studio-bundle', schema: 1, run: { id: 'abc', name: 'x' }, step: 10, seconds: 3.5, iteration: 1, intervals: 2, weights: 'ema', config: defaultConfig(), exported: '2025-01-01' })], // prettier-ignore
      () => findBundle(folder),
    ),
  trace: (folder) => {
    const { base64 } = JSON.parse(readFileSync(join(golden, 'trace/v2.json'), 'utf8')) as { base64: string };
    const path = join(folder, 'trace.safetensors');
    return {
      seeds: [Buffer.from(base64, 'base64')],
      mutate: mutateCheckpoint,
      read: async (bytes) => {
        let refusal: unknown;
        try {
          readTrace(bytes);
        } catch (error) {
          if (!(error instanceof StudioError)) throw error;
          refusal = error;
        }
        writeFileSync(path, bytes);
        await traceFileJson(path);
        if (refusal) throw refusal as StudioError;
        return [];
      },
    };
  },
  votes: async (folder) => {
    const votes = new Votes();
    const flat = { rows: 1, columns: 2, cells: new Uint8Array([1, 2]) };
    for (let view = 0; view < 5; view++) votes.add('t', flat, flat, 0.5, view);
    const path = join(folder, 'votes.safetensors');
    await writeVotes(path, votes, { evaluations: [] });
    const read = atPath(folder, 'votes.safetensors', [readFileSync(path)], (file) => readVotes(file));
    return { ...read, mutate: mutateCheckpoint };
  },
  'evaluation report': (folder) =>
    atPath(folder, FILES.report, [bytesOf({ schema: 1, metrics: { 'ARC/pass@1': 0.5 }, act_steps: [], by_views: [], notes: [], tasks: [] })], () => readReport(folder)), // prettier-ignore
  import: async (folder) => {
    const studio = await openStudio({ home: join(folder, 'home'), transport: 'web', compute: () => new ScriptedCompute().factory, resources: null }); // prettier-ignore
    const stored = (): string =>
      JSON.stringify([
        studio.context.store.subsets.list().map((s) => [s.name, s.count]),
        studio.context.store.datasets.list().length,
        readdirSync(studio.home.datasets),
        existsSync(join(studio.home.root, 'sources')) ? readdirSync(join(studio.home.root, 'sources')) : [],
      ]);
    const nothing = stored();
    const seeds = [...zips(), bytesOf(task(1)), challenges()];
    return {
      seeds,
      read: async (bytes, seed) => {
        const path = seed < 2 ? 'x.zip' : 'x.json';
        const { import: id } = await studio.dispatch('import.begin', {});
        await studio.dispatch('import.add_files', { import: id, files: [{ path, content: new Uint8Array(bytes) }] });
        let taken: { subsets: string[]; tasks: number };
        try {
          taken = await studio.dispatch('import.commit', { import: id, leave_out_bad: false });
        } catch (error) {
          await studio.dispatch('import.cancel', { import: id });
          if (stored() !== nothing) throw new Error(`half stored: ${stored()}`, { cause: error });
          throw error;
        }
        const counted = studio.context.store.subsets.list().reduce((sum, s) => sum + s.count, 0);
        if (counted !== taken.tasks) throw new Error(`${counted} of ${taken.tasks} tasks are stored`);
        for (const subset of taken.subsets) await studio.dispatch('tasks.delete_subset', { subset });
        if (stored() !== nothing) throw new Error(`not deleted: ${stored()}`);
        return [];
      },
      close: () => studio.close(),
    };
  },
};

export const READER_NAMES = Object.keys(MAKERS);

function checkpoints(of: (file: Buffer) => boolean): Omit<Reader, 'name'> {
  return {
    seeds: goodFiles().filter(of),
    mutate: mutateCheckpoint,
    read: (bytes) => {
      const answer = readAll(bytes);
      if (answer instanceof StudioError) throw answer;
      return [];
    },
  };
}
