/** What a killed process leaves, and what the next start makes of it. */
import { existsSync, mkdirSync, readdirSync, readFileSync, symlinkSync, unlinkSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { openDatabase } from '../../src/studio/db/open';
import { silentLog as log } from '../../src/studio/log';
import { claim, deleteWithFiles } from '../../src/studio/unfinished';
import { bench, create, status } from './bench';
import { checkpointFile, runRecord } from './fixtures';
import { freshFolder } from './home';
import { eventually } from './scripted-compute';

/** A process that is no more. */
const DEAD = '999999999:1';

function put(path: string): string {
  mkdirSync(join(path, '..'), { recursive: true });
  writeFileSync(path, 'x');
  return path;
}

describe('the next start', () => {
  it('removes what a dead process was writing where no row names it, and nothing else', async () => {
    const { studio, home } = await bench();
    const out = freshFolder();
    const mine = put(join(out, 'all_config.yaml'));
    const [partial, config, last] = ['step_4.partial', 'identifiers.json', 'step_4'].map((name) => join(out, name));
    const dead = { ...studio.context, owner: DEAD };
    claim(dead, [mine, partial, config, last], last);
    claim(dead, [join(home, 'runs', 'imported')]);
    const ours = join(home, 'runs', 'ours');
    claim(studio.context, [ours]);
    for (const path of [partial, config, join(home, 'runs', 'imported', 'step_1'), join(ours, 'step_1')]) put(path);
    await bench(home);
    expect(readdirSync(out)).toEqual(['all_config.yaml']);
    expect(readdirSync(join(home, 'runs'))).toEqual(['ours']);
  });

  it('keeps an export that was whole when its studio died', async () => {
    const { studio, home } = await bench();
    const out = freshFolder();
    const [partial, config, last] = ['step_4.partial', 'all_config.yaml', 'step_4'].map((name) => join(out, name));
    claim({ ...studio.context, owner: DEAD }, [partial, config, last], last);
    [partial, config, last].forEach(put);
    await bench(home);
    expect(readdirSync(out).sort()).toEqual(['all_config.yaml', 'step_4']);
  });

  it('removes checkpoint files that were never recorded, and the proof that the home can be written', async () => {
    const { studio, home } = await bench();
    const run = runRecord({ status: 'stopped' });
    studio.context.store.runs.insert(run);
    const file = checkpointFile(join(home, 'runs', run.id), 5);
    studio.context.store.checkpoints.record(run.id, file, `runs/${run.id}/checkpoints/step_5.safetensors`);
    put(join(home, 'runs', run.id, 'checkpoints', 'step_6.safetensors'));
    put(join(home, 'runs', run.id, 'checkpoints', 'step_7.safetensors.partial'));
    put(join(home, '.write-test-999999999'));
    await bench(home);
    expect(readdirSync(join(home, 'runs', run.id, 'checkpoints'))).toEqual(['step_5.safetensors']);
    expect(existsSync(join(home, '.write-test-999999999'))).toBe(false);
  });

  it('removes folders that a dead process was filling for a dataset or a solve, and leaves those of a living one', async () => {
    const { home } = await bench();
    for (const folder of ['datasets', 'solves'])
      for (const pid of [999999999, process.pid]) put(join(home, folder, `.one.building-${pid}`, 'data', 'train.npy'));
    await bench(home);
    for (const folder of ['datasets', 'solves'])
      expect(readdirSync(join(home, folder))).toEqual([`.one.building-${process.pid}`]);
  });

  it('removes traces that no row names, and half-written ones unless a living process writes them', async () => {
    const { studio, home } = await bench();
    const { store, owner } = studio.context;
    const run = runRecord({ status: 'stopped' });
    store.runs.insert(run);
    const trace = (name: string, status: 'done' | 'running', by: string | null) =>
      store.traces.insert({
        run: run.id,
        checkpoint: null,
        solve: null,
        network: null,
        checkpoint_step: 1,
        split: 'test',
        example: 0,
        weights: 'ema',
        act_steps: null,
        inner_updates: 0,
        views: 1,
        puzzle: 'test 0',
        status,
        error: null,
        solved: null,
        path: `traces/${name}`,
        bytes: null,
        sha256: null,
        owner: by,
        created: run.created,
      });
    trace('done.safetensors', 'done', null);
    trace('dead.safetensors', 'running', DEAD);
    trace('living.safetensors', 'running', owner);
    for (const name of ['done', 'dead', 'living', 'unnamed'])
      for (const end of ['', '.partial']) put(join(home, 'traces', `${name}.safetensors${end}`));
    put(join(home, 'traces', 'notes.txt'));
    await bench(home);
    expect(readdirSync(join(home, 'traces')).sort()).toEqual([
      'done.safetensors',
      'living.safetensors',
      'living.safetensors.partial',
      'notes.txt',
    ]);
  });

  it('removes the files of what was being deleted when its process died', async () => {
    const { studio, home } = await bench();
    const { store } = studio.context;
    const run = runRecord({ status: 'stopped' });
    store.runs.insert(run);
    const file = put(join(home, 'runs', run.id, 'checkpoints', 'step_5.safetensors'));
    const killed = () => {
      throw new Error('killed');
    };
    const dying = { ...studio.context, owner: DEAD, log: { ...log, error: killed } };
    // A path that no system takes: that is where it dies, before the second one.
    expect(() => deleteWithFiles(dying, ['\0', file], () => store.runs.delete(run.id))).toThrow('killed');
    expect([store.runs.list(), existsSync(file)]).toEqual([[], true]);
    await bench(home);
    expect(existsSync(file)).toBe(false);
  });

  it.runIf(process.platform === 'linux')('tries again what could not be removed', async () => {
    const { studio, home } = await bench();
    const folder = join(home, 'runs', 'gone');
    // A file that not even root may remove.
    symlinkSync('/proc/self', folder);
    deleteWithFiles({ ...studio.context, owner: DEAD, log }, [join(folder, 'comm')], () => undefined);
    await bench(home);
    unlinkSync(folder);
    const file = put(join(folder, 'comm'));
    await bench(home);
    expect(existsSync(file)).toBe(false);
    const notes = Object.keys(studio.context.store.settings.all()).filter((key) => key.startsWith('unfinished.'));
    expect(notes).toEqual([]);
  });

  it('removes the copy of a database whose migration was killed after it was done', () => {
    const file = join(freshFolder(), 'studio.db');
    openDatabase(file, { log }).close();
    put(`${file}.schema-1.backup`);
    const mine = put(`${file}.my-copy`);
    openDatabase(file, { log }).close();
    expect(existsSync(`${file}.schema-1.backup`)).toBe(false);
    expect(existsSync(mine)).toBe(true);
  });
});

it('keeps the file that a row names until the row names another of the same step', async () => {
  const { studio, compute, home } = await bench();
  const run = await create(studio, 'a');
  await eventually(() => status(studio, run) === 'running');
  const port = compute.latest('tensor');
  const { job } = port.job('train');
  const first = checkpointFile(join(home, 'runs', run.id), 5, 'first');
  port.say({ type: 'checkpoint', job, checkpoint: first });
  const second = { ...checkpointFile(join(home, 'runs', run.id), 51, 'second'), step: 5 };
  expect(readFileSync(first.path, 'utf8')).toBe('first');
  port.say({ type: 'checkpoint', job, checkpoint: second });
  expect(studio.context.store.checkpoints.list(run.id).map(({ step, sha256 }) => [step, sha256])).toEqual([
    [5, second.sha256],
  ]);
  expect(existsSync(first.path)).toBe(false);
  expect(existsSync(second.path)).toBe(true);
});
