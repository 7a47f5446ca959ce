/** Recording in itself: any tfjs function as a graph with resident state. */
import * as tf from '@tensorflow/tfjs-core';
import { beforeAll, describe, expect, it } from 'vitest';
import { loadBackend } from '../../src/core/backend/load';
import { memoryUse } from '../../src/core/backend/memory';
import { computedAfter } from '../../src/core/backend/ordering';
import { lowPrecision } from '../../src/core/backend/precision';
import {
  record,
  type CompiledFn,
  type HostTensor,
  type Recordable,
  type StateSpec,
} from '../../src/core/backend/record/record';

beforeAll(async () => {
  expect((await loadBackend()).backend).toBe('tensorflow');
});

const floats = (shape: number[], ...values: number[]): HostTensor => ({
  dtype: 'float32',
  shape,
  values: Float32Array.from(values),
});
const ints = (...values: number[]): HostTensor => ({
  dtype: 'int32',
  shape: [values.length],
  values: Int32Array.from(values),
});

const nothing: StateSpec = { variables: {} };
const open: CompiledFn[] = [];

function recorded(fn: Recordable, inputs: Record<string, HostTensor>, state = nothing, bfloat16 = false): CompiledFn {
  const made = record(fn, inputs, state, { bfloat16 });
  open.push(made);
  return made;
}

describe('record', () => {
  it('computes what the function computes, for new inputs each time', () => {
    const fn: Recordable = ({ x, w }) => ({
      outputs: { y: tf.softmax(tf.matMul(x as tf.Tensor2D, w as tf.Tensor2D, false, true)), best: tf.argMax(x, -1) },
    });
    const inputs = (k: number) => ({ x: floats([2, 3], 1, 2, k, -1, 0.5, 3), w: floats([2, 3], 1, 0, 1, 0, k, 0) });
    const compiled = recorded(fn, inputs(0));
    for (const k of [1, -2, 7]) {
      const { x, w } = inputs(k);
      const [a, b] = [x, w].map(({ values }) => tf.tensor2d(values as Float32Array, [2, 3]));
      const expected = tf.softmax(tf.matMul(a, b, false, true));
      const { y, best } = compiled.run(inputs(k));
      // TensorFlow may take another softmax kernel in a graph: the last digit can differ.
      expected.dataSync().forEach((value, i) => expect(y[i]).toBeCloseTo(value, 6));
      expect([...best]).toEqual([k > 2 ? 2 : 1, 2]);
      tf.dispose([a, b, expected]);
    }
  });

  it('keeps its state in the graph and counts what crosses the border', () => {
    const fn: Recordable = ({ by }, { sum, runs }) => ({
      outputs: { last: tf.add(sum, 0) },
      state: { sum: tf.add(sum, by), runs: tf.add(runs, 1) },
    });
    const state: StateSpec = {
      variables: {
        sum: { dtype: 'float32', shape: [3], values: Float32Array.from([1, 2, 3]) },
        runs: { dtype: 'float32', shape: [], values: null },
      },
    };
    const compiled = recorded(fn, { by: floats([3], 0, 0, 0) }, state);
    const before = compiled.traffic;
    expect([...compiled.run({ by: floats([3], 1, 1, 1) }).last]).toEqual([1, 2, 3]);
    expect([...compiled.run({ by: floats([3], 10, 20, 30) }).last]).toEqual([2, 3, 4]);
    const after = compiled.traffic;
    expect(after.bytesIn - before.bytesIn).toBe(2 * 12);
    // The output and one int32 that makes the updates run.
    expect(after.bytesOut - before.bytesOut).toBe(2 * (12 + 4));
    expect([...(compiled.read().get('sum') ?? [])]).toEqual([12, 23, 34]);
    expect([...(compiled.read().get('runs') ?? [])]).toEqual([2]);
    compiled.write(new Map([['sum', Float32Array.from([7, 8, 9])]]));
    // What is not fetched still updates the state.
    expect(compiled.run({ by: floats([3], 1, 1, 1) }, { fetch: [] })).toEqual({});
    expect([...(compiled.read(['sum']).get('sum') ?? [])]).toEqual([8, 9, 10]);
  });

  it('reads all of its state before it changes any', () => {
    const fn: Recordable = (_, { a, b }) => ({ outputs: {}, state: { a: b, b: a } });
    const variable = (value: number) =>
      ({ dtype: 'float32', shape: [4], values: new Float32Array(4).fill(value) }) as const;
    const compiled = recorded(fn, {}, { variables: { a: variable(1), b: variable(2) } });
    for (let i = 0; i < 3; i++) compiled.run({});
    expect([...(compiled.read().get('a') ?? [])]).toEqual([2, 2, 2, 2]);
    expect([...(compiled.read().get('b') ?? [])]).toEqual([1, 1, 1, 1]);
  });

  it('changes nothing in a run that fails in the middle', () => {
    const made = recorded(
      ({ x, ids }, { count, row }, { table }) => {
        const at = tf.range(0, 1, 1, 'int32');
        table.scatter(at, tf.add(table.gather(at), 1));
        // The way to `row` is long, that to the others short.
        const late = Array.from({ length: 50 }).reduce<tf.Tensor>((sum) => tf.sin(sum), x);
        return {
          outputs: {},
          state: { count: tf.add(count, 1), row: tf.add(row, tf.gather(late, ids as tf.Tensor1D)) },
        };
      },
      { x: floats([3], 1, 2, 3), ids: ints(0) },
      {
        variables: {
          count: { dtype: 'float32', shape: [], values: Float32Array.of(5) },
          row: { dtype: 'float32', shape: [1], values: Float32Array.of(7) },
        },
        tables: { table: { rows: 2, width: 2 } },
      },
    );
    expect(() => made.run({ x: floats([3], 1, 2, 3), ids: ints(9) })).toThrow(/9 is not in \[0, 3\)/);
    expect([...made.read(['count', 'row'])].map(([, values]) => [...values])).toEqual([[5], [7]]);
    expect([...made.readTable('table')]).toEqual([0, 0, 0, 0]);
    made.run({ x: floats([3], 1, 2, 3), ids: ints(2) });
    expect(made.read(['count']).get('count')).toEqual(Float32Array.of(6));
    expect([...made.readTable('table')]).toEqual([1, 1, 0, 0]);
  });

  it('starts with zeros that do not cross the border', () => {
    const state: StateSpec = {
      variables: {
        a: { dtype: 'float32', shape: [50], values: null },
        b: { dtype: 'int32', shape: [2], values: null },
      },
    };
    const made = recorded(({ x }, { a }) => ({ outputs: {}, state: { a: tf.add(a, x) } }), { x: floats([], 0) }, state);
    expect(made.traffic.bytesIn).toBe(0);
    made.run({ x: floats([], 2) });
    expect([...(made.read(['a']).get('a') ?? [])]).toEqual(Array.from({ length: 50 }, () => 2));
    expect([...(made.read(['b']).get('b') ?? [])]).toEqual([0, 0]);
  });

  it('does not keep memory of JavaScript in a variable', () => {
    const fn: Recordable = ({ x }, { kept }) => ({ outputs: { before: kept }, state: { kept: tf.reshape(x, [4]) } });
    const input = floats([2, 2], 1, 2, 3, 4);
    const compiled = recorded(
      fn,
      { x: input },
      { variables: { kept: { dtype: 'float32', shape: [4], values: null } } },
    );
    compiled.run({ x: input });
    input.values.fill(99);
    expect([...(compiled.read().get('kept') ?? [])]).toEqual([1, 2, 3, 4]);
  });

  it('records derivatives like any other kernels', () => {
    const fn: Recordable = ({ x }, { w }) => {
      const loss = (w: tf.Tensor) =>
        tf.sum(tf.square(tf.sub(tf.matMul(x as tf.Tensor2D, w as tf.Tensor2D), 1))) as tf.Scalar;
      const { value, grad } = tf.valueAndGrad(loss)(w);
      return { outputs: { loss: value }, state: { w: tf.sub(w, tf.mul(grad, 0.1)) } };
    };
    const variables = { w: { dtype: 'float32', shape: [2, 1], values: null } } as const;
    const compiled = recorded(fn, { x: floats([2, 2], 1, 0, 0, 1) }, { variables });
    // w' = w − 0.1 · 2 · (w − 1): the distance to 1 shrinks by 0.8, the loss is twice its square.
    const losses = [0, 1, 2].map(() => compiled.run({ x: floats([2, 2], 1, 0, 0, 1) }).loss[0]);
    [2, 2 * 0.8 ** 2, 2 * 0.8 ** 4].forEach((expected, i) => expect(losses[i]).toBeCloseTo(expected, 6));
  });

  it('records other shapes and branches anew and keeps the state', () => {
    let negate = false;
    const fn: Recordable = ({ x }, { seen }) => ({
      outputs: { y: negate ? tf.neg(tf.sum(x)) : tf.sum(x) },
      state: { seen: tf.add(seen, 1) },
    });
    const state: StateSpec = {
      variables: { seen: { dtype: 'float32', shape: [], values: null } },
      tables: { rows: { rows: 5, width: 2 } },
    };
    const compiled = recorded(fn, { x: floats([2], 0, 0) }, state);
    compiled.writeTable(
      'rows',
      Float32Array.from({ length: 10 }, (_, i) => i),
    );
    expect(compiled.run({ x: floats([2], 1, 2) }).y[0]).toBe(3);
    expect(compiled.recordings).toBe(1);
    expect(compiled.run({ x: floats([3], 1, 2, 4) }).y[0]).toBe(7);
    expect(compiled.recordings).toBe(2);
    expect(compiled.run({ x: floats([2], 5, 5) }).y[0]).toBe(10);
    expect(compiled.recordings).toBe(2);
    negate = true;
    expect(compiled.run({ x: floats([2], 5, 5) }, { branch: 'negated' }).y[0]).toBe(-10);
    expect(compiled.read().get('seen')?.[0]).toBe(4);
    expect([...compiled.readRows('rows', Int32Array.from([4, 1]))]).toEqual([8, 9, 2, 3]);
  });

  it('gathers and scatters single rows of a table', () => {
    const fn: Recordable = ({ ids, by }, _, { table }) => {
      const rows = table.gather(ids as tf.Tensor1D);
      table.scatter(ids as tf.Tensor1D, tf.add(rows, by) as tf.Tensor2D);
      return { outputs: { rows } };
    };
    const state: StateSpec = { variables: {}, tables: { table: { rows: 1000, width: 3 } } };
    const compiled = recorded(fn, { ids: ints(0, 0), by: floats([], 0) }, state);
    compiled.writeTable(
      'table',
      Float32Array.from({ length: 3000 }, (_, i) => i),
    );
    const before = compiled.traffic.bytesOut;
    expect([...compiled.run({ ids: ints(7, 7), by: floats([], 1) }).rows]).toEqual([21, 22, 23, 21, 22, 23]);
    expect(compiled.traffic.bytesOut - before).toBe(6 * 4 + 4);
    expect([...compiled.readRows('table', Int32Array.from([6, 7, 8]))]).toEqual([18, 19, 20, 22, 23, 24, 24, 25, 26]);
    expect(compiled.readTable('table').filter((value, i) => value !== i)).toHaveLength(3);
    expect(() => compiled.run({ ids: ints(1000, 0), by: floats([], 1) })).toThrow(/1000/);
  });

  it('takes tensors from outside as constants and leaves them usable', () => {
    // One that TensorFlow has, one that is still in JavaScript.
    const used = tf.tidy(() => tf.add(tf.tensor1d([1, 2]), 0));
    const fresh = tf.tensor1d([10, 20]);
    const compiled = recorded(({ x }) => ({ outputs: { y: tf.add(tf.add(x, used), fresh) } }), {
      x: floats([2], 0, 0),
    });
    expect([...compiled.run({ x: floats([2], 100, 200) }).y]).toEqual([111, 222]);
    const sum = tf.add(used, fresh);
    expect([...sum.dataSync()]).toEqual([11, 22]);
    tf.dispose([used, fresh, sum]);
  });

  it('runs what stands in lowPrecision in bfloat16, and only that', () => {
    // 1 + 2⁻⁹ is not a bfloat16: it becomes 1.
    const x = floats([1, 1], 1 + 2 ** -9);
    const fn: Recordable = ({ x }) => ({
      outputs: {
        full: tf.mul(x, x),
        low: tf.mul(
          lowPrecision(() => tf.matMul(x as tf.Tensor2D, x as tf.Tensor2D)),
          1,
        ),
        moved: tf.add(
          tf.reshape(
            lowPrecision(() => tf.mul(x, 1)),
            [1],
          ),
          2 ** -9,
        ),
      },
    });
    const exact = Math.fround((1 + 2 ** -9) ** 2);
    const low = recorded(fn, { x }, nothing, true).run({ x });
    expect([low.full[0], low.low[0], low.moved[0]]).toEqual([exact, 1, 1 + 2 ** -9]);
    const full = recorded(fn, { x }).run({ x });
    expect([full.full[0], full.low[0], full.moved[0]]).toEqual([exact, exact, 1 + 2 ** -8]);
  });

  it.each([false, true])('computes products, turned round too, with the same outcome (bfloat16: %s)', (bfloat16) => {
    // Small whole numbers: exact in bfloat16 too.
    const numbers = (shape: number[], by: number): HostTensor => {
      const values = Float32Array.from({ length: shape.reduce((a, b) => a * b) }, (_, i) => ((i * by) % 5) - 2);
      return { dtype: 'float32', shape, values };
    };
    const inputs = { a: numbers([2, 3, 4], 3), b: numbers([2, 3, 2], 7), m: numbers([3, 4], 2), n: numbers([5, 4], 3) };
    const products = (x: Record<string, tf.Tensor>) => ({
      turned: tf.matMul(x.a as tf.Tensor3D, x.b as tf.Tensor3D, true, false),
      plain: tf.matMul(x.m as tf.Tensor2D, x.n as tf.Tensor2D, false, true),
      left: tf.matMul(x.m as tf.Tensor2D, tf.slice(x.m, [0, 0], [3, 2]) as tf.Tensor2D, true, false),
    });
    const fn: Recordable = (x) => ({ outputs: lowPrecision(() => products(x)) });
    const eager = Object.entries(inputs).map(([name, { values, shape }]) => [name, tf.tensor(values, [...shape])]);
    const tensors = Object.fromEntries(eager) as Record<string, tf.Tensor>;
    const expected = products(tensors);
    const made = recorded(fn, inputs, nothing, bfloat16).run(inputs);
    for (const [name, tensor] of Object.entries(expected)) expect([...made[name]]).toEqual([...tensor.dataSync()]);
    tf.dispose([tensors, expected]);
  });

  it('computes anew what is ordered after something else', () => {
    const fn =
      (ordered: boolean): Recordable =>
      ({ x }) => {
        const y = tf.exp(x);
        const z = tf.neg(y);
        return { outputs: { y: tf.add(tf.exp(ordered ? computedAfter(x, z) : x), z) } };
      };
    const [shared, anew] = [false, true].map((ordered) => recorded(fn(ordered), { x: floats([2], 1, 2) }));
    for (const compiled of [shared, anew]) expect([...compiled.run({ x: floats([2], 1, 2) }).y]).toEqual([0, 0]);
    // An Identity with a control input, and an Exp of its own.
    expect(anew.graphBytes).toBeGreaterThan(shared.graphBytes + 50);
  });

  it('writes equal constants and nodes once and leaves out what nothing needs', () => {
    const table = tf.range(0, 50_000);
    const size = (uses: number, waste: number) => {
      const fn: Recordable = ({ x }) => {
        let y: tf.Tensor = x;
        // The same table made anew each time, as a loop in a model does.
        for (let i = 0; i < uses; i++) y = tf.add(y, tf.sum(tf.mul(tf.tensor1d(Float32Array.from(values)), 1)));
        for (let i = 0; i < waste; i++) tf.mul(x, tf.add(table, i));
        return { outputs: { y } };
      };
      return recorded(fn, { x: floats([], 1) }).graphBytes;
    };
    const values = table.dataSync();
    expect(size(1, 0)).toBeGreaterThan(200_000);
    expect(size(20, 0) - size(1, 0)).toBeLessThan(5000);
    // Longer numbers in names, no more.
    expect(Math.abs(size(1, 20) - size(1, 0))).toBeLessThan(20);
    const filled = recorded(({ x }) => ({ outputs: { y: tf.add(x, tf.zeros([400_000])) } }), { x: floats([], 1) });
    expect(filled.graphBytes).toBeLessThan(2000);
    table.dispose();
  });

  it.each([
    { what: 'reads a tensor back', fn: (x: tf.Tensor) => tf.mul(x, x.dataSync()[0]) },
    {
      what: 'runs a recorded function',
      fn: (x: tf.Tensor) => {
        open[0].run({ x: floats([2, 3], 0, 0, 0, 0, 0, 0), w: floats([2, 3], 0, 0, 0, 0, 0, 0) });
        return x;
      },
    },
  ])('refuses a function that $what', ({ what, fn }) => {
    expect(() => recorded(({ x }) => ({ outputs: { y: fn(x) } }), { x: floats([], 1) })).toThrow(what);
    // The backend is as it was.
    const sum = tf.add(1, 2);
    expect(sum.dataSync()[0]).toBe(3);
    sum.dispose();
  });

  it('knows the shapes of kernels that it was not told of', () => {
    const fn: Recordable = ({ x }) => ({
      outputs: { y: tf.cumsum(x, 0), top: tf.topk(x, 2).values, g: tf.gather(x, [1]) },
    });
    const { y, top, g } = recorded(fn, { x: floats([3], 0, 0, 0) }).run({ x: floats([3], 1, 2, 3) });
    expect([[...y], [...top], [...g]]).toEqual([[1, 3, 6], [3, 2], [2]]);
  });

  it('leaves neither tensors nor native handles behind', () => {
    for (const compiled of open.splice(0)) compiled.dispose();
    const before = memoryUse();
    const fn: Recordable = ({ x }, { s }) => {
      const kept = tf.keep(tf.add(s, x));
      return { outputs: { y: kept }, state: { s: kept } };
    };
    const variables = { s: { dtype: 'float32', shape: [2], values: null } } as const;
    const compiled = recorded(fn, { x: floats([2], 0, 0) }, { variables });
    for (let i = 0; i < 20; i++) compiled.run({ x: floats([2], 1, i) });
    expect(memoryUse().tensors).toBe(before.tensors);
    expect(memoryUse().native_handles).toBe(before.native_handles);
    compiled.dispose();
  });
});
