import { describe, expect, it } from 'vitest';
import type { Task } from '../../src/shared/arc';
import { bestCheckpoint } from '../../src/studio/repositories/checkpoints';
import { toPrune } from '../../src/studio/runs/checkpoints';
import { rewind } from '../../src/studio/runs/rewind';
import { freshStore, runRecord } from './fixtures';

const task: Task = {
  name: '00d62c1b',
  train: [
    {
      input: [
        [0, 1],
        [2, 3],
      ],
      output: [
        [9, 0],
        [0, 0],
      ],
    },
  ],
  test: [{ input: [[5, 5, 5]], output: [[5]] }, { input: [[1]] }],
};

describe('tasks', () => {
  it('come back as they were stored, also the order of the file’s keys', () => {
    const store = freshStore();
    store.subsets.insert({ name: 'mine', title: 'Mine', source: '/x', bundled: false, licence: null });
    const odd: Task = { ...task, name: 'odd', test_first: true };
    store.tasks.insertAll('mine', [task, odd]);
    expect(store.tasks.tasksOf('mine')).toEqual([task, odd]);
  });

  it('are summed up: sides, colours, shapes, solutions', () => {
    const store = freshStore();
    store.subsets.insert({ name: 'mine', title: 'Mine', source: '/x', bundled: false, licence: null });
    store.tasks.insertAll('mine', [task]);
    const [summary] = store.tasks.list({});
    expect(summary).toMatchObject({
      subset: 'mine',
      name: '00d62c1b',
      train_pairs: 1,
      test_pairs: 2,
      max_side: 3,
      same_shape: false,
      has_solutions: false,
      input: '01/23',
      output: '90/00',
    });
    expect(summary.colours.toString(2)).toBe('1000101111');
    expect(store.tasks.get(summary.id)?.test).toEqual([
      { input: '555', output: '5' },
      { input: '1', output: null },
    ]);
    expect(store.tasks.get(summary.id + 1)).toBeNull();
  });

  it('are filtered by collection, name and size, and a wildcard in a search is a character', () => {
    const store = freshStore();
    for (const name of ['a', 'b']) {
      store.subsets.insert({ name, title: name, source: '/x', bundled: name === 'b', licence: null });
      store.tasks.insertAll(name, [
        { ...task, name: `${name}_1` },
        {
          ...task,
          name: `${name}21`,
          train: [{ input: [[1]], output: [[1]] }],
          test: [{ input: [[1]], output: [[2]] }],
        },
      ]);
    }
    const names = (filter: Parameters<typeof store.tasks.list>[0]) => store.tasks.list(filter).map((t) => t.name);
    expect(names({})).toEqual(['b_1', 'b21', 'a_1', 'a21']); // bundled ones first
    expect(names({ subsets: ['a'] })).toEqual(['a_1', 'a21']);
    expect(names({ subsets: [] })).toEqual([]);
    expect(names({ search: '_' })).toEqual(['b_1', 'a_1']);
    expect(names({ search: '%' })).toEqual([]);
    expect(names({ max_side: 1, search: 'A' })).toEqual(['a21']);
  });

  it('go with their collection, and a name stands once in it', () => {
    const store = freshStore();
    store.subsets.insert({ name: 'mine', title: 'Mine', source: '/x', bundled: false, licence: null });
    store.tasks.insertAll('mine', [task]);
    expect(() => store.tasks.insertAll('mine', [task])).toThrow(/UNIQUE/);
    store.subsets.delete('mine');
    expect(store.tasks.list({})).toEqual([]);
  });
});

describe('metrics', () => {
  it('keep every point exactly; a missing value is no point', () => {
    const store = freshStore();
    const run = runRecord();
    store.runs.insert(run);
    const third = 1 / 3;
    store.metrics.append(run.id, {
      steps: [1, 2, 3],
      seconds: [0.1, 0.2, 0.3],
      values: { lm_loss: [third, 2, 3], accuracy: [NaN, 0.5, NaN] },
    });
    store.metrics.append(run.id, { steps: [3], seconds: [0.35], values: { 'eval/accuracy': [0.75] } });
    const series = new Map(store.metrics.series(run.id).map((s) => [s.name, s]));
    expect([...series.keys()].sort()).toEqual(['accuracy', 'eval/accuracy', 'lm_loss']);
    expect(series.get('lm_loss')?.values).toEqual(Float32Array.of(third, 2, 3));
    expect(series.get('accuracy')).toEqual({
      name: 'accuracy',
      steps: Float64Array.of(2),
      seconds: Float64Array.of(0.2),
      values: Float32Array.of(0.5),
    });
    expect(store.metrics.series(run.id, ['eval/accuracy'])).toHaveLength(1);
    // In the store they are float64, for a resumed run to be compared with.
    expect(store.metrics.batchesAfter(run.id, 0)[0].values.lm_loss[0]).toBe(third);
    expect(store.metrics.valueAt(run.id, 3, 'eval/accuracy')).toBe(0.75);
    expect(store.metrics.valueAt(run.id, 2, 'eval/accuracy')).toBeNull();
    expect(store.metrics.valueAt(run.id, 1, 'accuracy')).toBeNull();
  });

  it('of many steps come back in order', () => {
    const store = freshStore();
    const run = runRecord();
    store.runs.insert(run);
    const steps = Array.from({ length: 5000 }, (_, i) => i + 1);
    store.metrics.append(run.id, { steps, seconds: steps, values: { loss: steps.map((s) => s * 2) } });
    const [loss] = store.metrics.series(run.id);
    expect(loss.steps).toEqual(Float64Array.from(steps));
    expect(loss.values[4999]).toBe(10_000);
    expect(store.metrics.lastStep(run.id)).toBe(5000);
  });
});

describe('a run', () => {
  it('comes back as it was stored, and its update stamps the time', () => {
    const store = freshStore();
    const run = runRecord({ pinned: [{ split: 'test', index: 3 }], notes: ['a'], resume_at_start: true });
    store.runs.insert(run);
    expect(store.runs.get(run.id)).toEqual(run);
    store.runs.update(run.id, { step: 7, resume_at_start: false });
    const after = store.runs.get(run.id);
    expect(after).toMatchObject({ step: 7, resume_at_start: false, pinned: run.pinned });
    expect(after?.updated).not.toBe(run.updated);
  });

  it('takes everything of it along when it is deleted', () => {
    const store = freshStore();
    const run = runRecord();
    store.runs.insert(run);
    store.metrics.append(run.id, { steps: [1], seconds: [1], values: { loss: [1] } });
    store.events.append(run.id, 'info', 'x', 1);
    store.checkpoints.record(
      run.id,
      { step: 1, path: '', bytes: 1, sha256: '', reason: 'end', exact_accuracy: null },
      'p',
    );
    store.predictions.put(run.id, 1, [
      {
        example: { split: 'test', index: 0 },
        puzzle: 'p',
        tokens: Uint8Array.of(1),
        confidence: Uint8Array.of(2),
        q_halt: 0.5,
        wrong: 0,
      },
    ]);
    store.runs.delete(run.id);
    for (const table of ['metrics', 'run_events', 'checkpoints', 'predictions']) {
      expect(store.db.prepare(`SELECT count(*) AS n FROM ${table}`).get(), table).toEqual({ n: 0 });
    }
  });

  it('goes back to a step: what came after it is gone, and its figures follow', () => {
    const store = freshStore();
    const run = runRecord({
      step: 6,
      last_lm_loss: 0.1,
      best_exact_accuracy: 0.9,
      last_exact_accuracy: 0.9,
      seconds: 6,
    });
    store.runs.insert(run);
    const steps = [1, 2, 3, 4, 5, 6];
    store.metrics.append(run.id, { steps, seconds: steps, values: { lm_loss: steps.map((s) => 10.1 - s) } });
    for (const [step, exact] of [
      [2, 0.5],
      [4, 0.25],
      [6, 0.9],
    ]) {
      store.metrics.append(run.id, { steps: [step], seconds: [step], values: { 'eval/exact_accuracy': [exact] } });
      store.predictions.put(run.id, step, [
        {
          example: { split: 'test', index: 0 },
          puzzle: 'p',
          tokens: Uint8Array.of(1),
          confidence: Uint8Array.of(2),
          q_halt: 0,
          wrong: 0,
        },
      ]);
      store.events.append(run.id, 'info', `at ${step}`, step);
    }
    store.events.append(run.id, 'info', 'without a step', null);
    rewind(store, run, 4);
    expect(store.runs.get(run.id)).toMatchObject({
      step: 4,
      seconds: 4,
      // To the last bit: a series in float32 would not do.
      last_lm_loss: 10.1 - 4,
      best_exact_accuracy: 0.5,
      last_exact_accuracy: 0.25,
    });
    expect(store.metrics.lastStep(run.id)).toBe(4);
    expect(store.predictions.list(run.id).map((p) => p.step)).toEqual([2, 4]);
    expect(store.events.list(run.id).map((e) => e.message)).toEqual(['at 2', 'at 4', 'without a step']);
    rewind(store, run, 0);
    expect(store.runs.get(run.id)).toMatchObject({
      step: 0,
      seconds: 0,
      last_lm_loss: null,
      best_exact_accuracy: null,
    });
  });
});

describe('checkpoints', () => {
  const list = [10, 20, 30, 40, 50].map((step, i) => ({
    id: i,
    run: 'r',
    step,
    created: '',
    path: '',
    bytes: 0,
    sha256: '',
    reason: i % 2 ? 'evaluation' : 'interval',
    exact_accuracy: [null, 0.5, null, 0.5, null][i],
  }));
  const steps = (c: { step: number }[]) => c.map((x) => x.step);

  it('keep the newest and the best; of equals the newest is the best', () => {
    expect(bestCheckpoint(list)?.step).toBe(40);
    expect(bestCheckpoint([list[0]])).toBeNull();
    expect(bestCheckpoint([{ step: 1, exact_accuracy: 0 }])?.step).toBe(1);
    expect(steps(toPrune(list, 1, false, new Set()))).toEqual([10, 20, 30]);
    expect(steps(toPrune(list, 2, false, new Set()))).toEqual([10, 20, 30]);
    expect(steps(toPrune(list, 9, false, new Set()))).toEqual([]);
  });

  it('keep those of evaluations where the config says so, and those that a trace is made of', () => {
    expect(steps(toPrune(list, 1, true, new Set()))).toEqual([10, 30]);
    expect(steps(toPrune(list, 1, false, new Set([0])))).toEqual([20, 30]);
  });

  it('of one step replace each other and keep the accuracy that was measured', () => {
    const store = freshStore();
    const run = runRecord();
    store.runs.insert(run);
    const file = { step: 5, path: '', bytes: 1, sha256: 'a', reason: 'evaluation' as const, exact_accuracy: 0.5 };
    const first = store.checkpoints.record(run.id, file, 'p');
    const second = store.checkpoints.record(run.id, { ...file, sha256: 'b', reason: 'end', exact_accuracy: null }, 'p');
    expect(second).toMatchObject({ id: first.id, sha256: 'b', exact_accuracy: 0.5, reason: 'end' });
    expect(store.checkpoints.list(run.id)).toHaveLength(1);
    expect(store.db.pragma('synchronous', { simple: true })).toBe(1);
  });
});

describe('predictions', () => {
  it('come back in their order, as arrays of their own', () => {
    const store = freshStore();
    const run = runRecord();
    store.runs.insert(run);
    const p = (index: number) => ({
      example: { split: 'test' as const, index },
      puzzle: `test ${index}`,
      tokens: Uint8Array.of(index, 2),
      confidence: Uint8Array.of(9, 8),
      q_halt: -0.25,
      wrong: 1,
    });
    store.predictions.put(run.id, 10, [p(3), p(1)]);
    store.predictions.put(run.id, 20, [p(1)]);
    store.predictions.put(run.id, 10, [p(5)]);
    expect(store.predictions.list(run.id)).toEqual([
      { run: run.id, step: 10, predictions: [p(5)] },
      { run: run.id, step: 20, predictions: [p(1)] },
    ]);
    expect(store.predictions.list(run.id)[0].predictions[0].tokens.buffer.byteLength).toBe(2);
  });
});
