/** Metrics as files for other programs: CSV, JSON lines, TensorBoard events, whole and live. */
import { readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { referenceName, storedName } from '../../src/shared/metric-names';
import { exportMetrics, metricPieces } from '../../src/studio/metrics/export';
import { metricRows } from '../../src/studio/metrics/rows';
import { TensorBoardLog } from '../../src/studio/metrics/tensorboard-log';
import type { Store } from '../../src/studio/store';
import { bench, data, train } from './bench';
import { readEvents } from './event-file';
import { freshStore, runRecord, tinyConfig } from './fixtures';
import { freshFolder } from './home';
import { eventually } from './scripted-compute';

/** Three steps, an evaluation at the second, and what the machine did at the third. */
function measured(name = 'my run') {
  const store = freshStore();
  const run = runRecord({ name, created: '2026-01-01T00:00:00.000Z' });
  store.runs.insert(run);
  store.metrics.append(run.id, {
    steps: [1, 2, 3],
    seconds: [0.5, 1, 1.5],
    // At the second step no row halted.
    values: { lm_loss: [2.1234567890123, 1, 0.1], accuracy: [0.5, NaN, 0.75] },
  });
  store.metrics.append(run.id, { steps: [2], seconds: [1.25], values: { 'eval/exact_accuracy': [1 / 3] } });
  store.metrics.append(run.id, { steps: [3], seconds: [1.5], values: { 'machine/memory_bytes': [1e9] } });
  return { store, run };
}

const text = (store: Store, run: ReturnType<typeof runRecord>, format: 'csv' | 'jsonl'): string =>
  Buffer.concat([...metricPieces(store, run, format)]).toString();

describe('names', () => {
  it('are those that the reference logs, there and back', () => {
    for (const [stored, logged] of [
      ['lm_loss', 'train/lm_loss'],
      ['lr', 'train/lr'],
      ['eval/exact_accuracy', 'all.exact_accuracy'],
      ['ARC/pass@2', 'ARC/pass@2'],
      ['machine/tensors', 'machine/tensors'],
    ]) {
      expect(referenceName(stored)).toBe(logged);
      expect(storedName(logged)).toBe(stored);
    }
    expect(storedName('all/accuracy')).toBe('eval/accuracy');
  });
});

describe('a file of the metrics', () => {
  it('as CSV has a line for each step, with every digit that was stored', () => {
    const { store, run } = measured();
    const begun = Date.parse(run.created) / 1000;
    expect(text(store, run, 'csv').split('\n')).toEqual([
      '_step,_runtime,_timestamp,train/lm_loss,train/accuracy,all.exact_accuracy,machine/memory_bytes',
      `1,0.5,${begun + 0.5},2.1234567890123,0.5,,`,
      `2,1,${begun + 1},1,,0.3333333333333333,`,
      `3,1.5,${begun + 1.5},0.1,0.75,,1000000000`,
      '',
    ]);
  });

  it('as JSON lines has the same', () => {
    const { store, run } = measured();
    const begun = Date.parse(run.created) / 1000;
    const lines = text(store, run, 'jsonl').trim().split('\n');
    expect(lines.map((line) => JSON.parse(line) as unknown)).toEqual([
      { _step: 1, _runtime: 0.5, _timestamp: begun + 0.5, 'train/lm_loss': 2.1234567890123, 'train/accuracy': 0.5 },
      { _step: 2, _runtime: 1, _timestamp: begun + 1, 'train/lm_loss': 1, 'all.exact_accuracy': 1 / 3 },
      {
        _step: 3,
        _runtime: 1.5,
        _timestamp: begun + 1.5,
        'train/lm_loss': 0.1,
        'train/accuracy': 0.75,
        'machine/memory_bytes': 1e9,
      },
    ]);
  });

  it('as TensorBoard events has them by tag, and is replaced by the next export', async () => {
    const { store, run } = measured();
    const out = join(freshFolder(), 'new', 'folder');
    const { path, bytes } = await exportMetrics(store, run, 'tensorboard', out);
    await exportMetrics(store, run, 'tensorboard', out);
    expect(readdirSync(out)).toHaveLength(1);
    expect(readFileSync(path)).toHaveLength(bytes);
    const events = readEvents(readFileSync(path));
    expect(events[0]).toMatchObject({ version: 'brain.Event:2', step: 0 });
    expect(events.slice(1).map(({ step, values }) => [step, values])).toEqual([
      [1, { 'train/lm_loss': Math.fround(2.1234567890123), 'train/accuracy': 0.5 }],
      [2, { 'train/lm_loss': 1, 'all.exact_accuracy': Math.fround(1 / 3) }],
      [3, { 'train/lm_loss': Math.fround(0.1), 'train/accuracy': 0.75, 'machine/memory_bytes': 1e9 }],
    ]);
    expect(events[2].wall - events[1].wall).toBeCloseTo(0.5, 6);
  });

  it('goes to a file or into a folder, and never over another run’s events', async () => {
    const { store, run } = measured('../odd: name');
    const folder = freshFolder();
    expect((await exportMetrics(store, run, 'csv', folder)).path).toBe(join(folder, 'odd-name-metrics.csv'));
    expect((await exportMetrics(store, run, 'jsonl', join(folder, 'x.txt'))).path).toBe(join(folder, 'x.txt'));
    await expect(exportMetrics(store, run, 'tensorboard', join(folder, 'x.txt'))).rejects.toThrow(/is a file/);
    writeFileSync(join(folder, 'events.out.tfevents.1.other'), '');
    await expect(exportMetrics(store, run, 'tensorboard', folder)).rejects.toThrow(
      /holds events\.out\.tfevents\.1\.other/,
    );
  });

  it('of a run without metrics is empty, and page by page nothing is lost or doubled', () => {
    const store = freshStore();
    const run = runRecord();
    store.runs.insert(run);
    expect(text(store, run, 'csv')).toBe('_step,_runtime,_timestamp\n');
    expect(text(store, run, 'jsonl')).toBe('');
    const full = measured();
    const whole = [...metricRows(full.store, full.run.id)];
    for (const page of [1, 2, 3, 4, 5, 6]) expect([...metricRows(full.store, full.run.id, page)]).toEqual(whole);
    expect(whole.map((row) => row.step)).toEqual([1, 2, 3]);
  });
});

describe('live events', () => {
  it('are written while a run trains, each session in a file that names its first step', async () => {
    const { studio, compute } = await bench();
    const folder = join(freshFolder(), 'tb');
    const run = await studio.dispatch('runs.create', {
      name: 'live one',
      preset: null,
      config: { ...tinyConfig({ studio: { tensorboard_dir: folder } }), data_paths: [data] },
      dataset: null,
      recipe: null,
    });
    await eventually(() => studio.runs.get(run.id).total_steps === 100);
    const port = compute.latest('tensor');
    train(port, 1, 3);
    await studio.dispatch('runs.stop', { run: run.id });
    // Nothing was saved: it starts again from the beginning.
    await studio.dispatch('runs.resume', { run: run.id });
    await eventually(() => compute.latest('tensor').posted.filter((m) => m.type === 'train').length === 2);
    // The scripted process answers in the next turn.
    await new Promise((resolve) => setImmediate(resolve));
    train(compute.latest('tensor'), 1, 2);
    const [own] = readdirSync(folder);
    expect(own).toBe(`live-one-${run.id}`);
    const files = readdirSync(join(folder, own)).sort();
    expect(files).toHaveLength(2);
    const [first, second] = files.map((file) => readEvents(readFileSync(join(folder, own, file))));
    expect(first.map(({ step, start }) => [step, start ?? false])).toEqual([
      [0, false],
      [1, true],
      ...[1, 2, 3].flatMap((step) => [[step, false]]),
      [3, false],
    ]);
    expect(first[2].values['train/lm_loss']).toBeTypeOf('number');
    expect(second[1]).toMatchObject({ step: 1, start: true });
    await studio.close();
  });

  it('go to a new file after a crash, whose torn one stays as it is, in order', () => {
    const folder = freshFolder();
    const batch = { steps: [1], seconds: [1], values: { lm_loss: [1] } };
    const told: string[] = [];
    const at = () => new Date(1_700_000_000_000);
    const session = (first: number) =>
      new TensorBoardLog(folder, { id: 'abc', name: 'x' }, first, (s) => told.push(s), at);
    session(1).append(batch);
    const [file] = readdirSync(join(folder, 'x-abc'));
    const torn = readFileSync(join(folder, 'x-abc', file)).subarray(0, -5);
    writeFileSync(join(folder, 'x-abc', file), torn);
    const next = new TensorBoardLog(folder, { id: 'abc', name: 'renamed' }, 2, (s) => told.push(s), at);
    next.append({ ...batch, steps: [2] });
    next.append({ steps: [3], seconds: [3], values: { lm_loss: [NaN] } });
    expect(readdirSync(folder)).toEqual(['x-abc']);
    const files = readdirSync(join(folder, 'x-abc')).sort();
    expect(files[0]).toBe(file);
    expect(readFileSync(join(folder, 'x-abc', file))).toEqual(torn);
    expect(readEvents(readFileSync(join(folder, 'x-abc', files[1]))).map((e) => e.step)).toEqual([0, 2, 2]);
    expect(told).toEqual([]);
  });

  it('that cannot be written are told of once, and stop nothing', () => {
    const folder = join(freshFolder(), 'file');
    writeFileSync(folder, '');
    const told: string[] = [];
    const log = new TensorBoardLog(folder, { id: 'abc', name: 'x' }, 1, (s) => told.push(s));
    const batch = { steps: [1], seconds: [1], values: { lm_loss: [1] } };
    log.append(batch);
    log.append(batch);
    expect(told).toEqual([expect.stringMatching(/TensorBoard’s events cannot be written to .* Training goes on/)]);
  });
});
