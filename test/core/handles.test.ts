/** The guard for TensorFlow's 32-bit handle numbers, on a stand-in for the counter that takes 60 hours to wrap. */
import { expect, it } from 'vitest';
import { freeNegativeHandles, HANDLE_LIMIT, type NativeBackend } from '../../src/core/backend/native';

it('frees handles past 2³¹, which come back negative, and never the marker −1', () => {
  const freed: number[] = [];
  const ids = new Map<object, { id: number | null; values: unknown; refCount: number }>();
  const entry = (id: number | null, refCount = 1) => {
    const dataId = {};
    ids.set(dataId, { id, values: null, refCount });
    return dataId;
  };
  const backend = {
    binding: { TF_Version: '', deleteTensor: (id: number) => freed.push(id), getNumOfTensors: () => 0 },
    isUsingGpuDevice: false,
    tensorMap: ids,
    disposeData: () => false,
  } as unknown as NativeBackend;
  freeNegativeHandles(backend);

  const positive = entry(12);
  const wrapped = entry((2 ** 31 + 5) | 0);
  const shared = entry(9, 2);
  expect(backend.disposeData(positive)).toBe(true);
  expect(backend.disposeData(wrapped)).toBe(true);
  expect(backend.disposeData(entry(-1))).toBe(true);
  expect(backend.disposeData(entry(null))).toBe(true);
  expect(backend.disposeData(shared)).toBe(false);
  expect(freed).toEqual([12, -(2 ** 31) + 5]);
  expect(backend.disposeData(shared)).toBe(true);
  expect(freed).toContain(9);
  expect(ids.size).toBe(0);
  expect(HANDLE_LIMIT).toBeLessThan(2 ** 32);
});
