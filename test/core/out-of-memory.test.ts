/** Memory that runs out in a step: said in one sentence, and nothing of the step is kept. */
import { execFileSync } from 'node:child_process';
import { readFileSync } from 'node:fs';
import * as tf from '@tensorflow/tfjs-core';
import { afterEach, beforeAll, describe, expect, it } from 'vitest';
import { loadBackend } from '../../src/core/backend/load';
import { benchModel, tinyModel } from '../../src/core/bench/configs';
import { randomBatch } from '../../src/core/bench/measure';
import { isOutOfMemory } from '../../src/core/train/out-of-memory';
import { STATE_GROUPS } from '../../src/core/train/step';
import { Trainer } from '../../src/core/train/trainer';
import { StudioError } from '../../src/shared/errors';
import { whileCallFails, whileRunFails } from './native-calls';

beforeAll(async () => {
  expect((await loadBackend()).backend).toBe('tensorflow');
});
const open: Trainer[] = [];
afterEach(() => open.splice(0).forEach((trainer) => trainer.dispose()));

function trainer(batch: number, part: number, warn: (sentence: string) => void = () => undefined) {
  const { config, spec } = benchModel('canvas', 'float32', batch);
  config.studio.micro_batch = part;
  const made = new Trainer(config, spec, 100, null, { execution: 'recorded', warn });
  open.push(made);
  return { made, batch: randomBatch(spec, batch, 1) };
}

function thrown(f: () => unknown): StudioError {
  try {
    f();
  } catch (error) {
    expect(error).toBeInstanceOf(StudioError);
    return error as StudioError;
  }
  throw new Error('nothing was thrown');
}

const OOM =
  'Session fail to run with error: OOM when allocating tensor with shape[24,916,916] and type bfloat16 on ' +
  '/job:localhost/replica:0/task:0/device:GPU:0 by allocator GPU_0_bfc\n\t [[{{node BatchMatMulV2_311}}]]';

describe('words for memory that ran out', () => {
  it.each([OOM, 'RESOURCE_EXHAUSTED: failed to allocate memory', 'std::bad_alloc'])('%s', (text) => {
    expect(isOutOfMemory(new Error(text))).toBe(true);
  });
  it.each(['No registered kernel for this device', 'indices[0] = 9 is not in [0, 3)'])('not %s', (text) => {
    expect(isOutOfMemory(new Error(text))).toBe(false);
  });
});

describe('a step that runs out of memory', () => {
  it.each([1, 2])(
    'says what did not fit and what would, in place of a slower road (TensorFlow’s words, run %i)',
    (at) => {
      const warnings: string[] = [];
      const { made, batch } = trainer(4, 2, (sentence) => warnings.push(sentence));
      const error = whileRunFails(at, OOM, () => thrown(() => made.run(batch)));
      expect(error.code).toBe('too_large');
      expect(error.data).toMatchObject({ out_of_memory: true, part: 2, micro_batch: 1 });
      expect(error.message).toMatch(
        /^This machine ran out of memory with a part of 2 puzzles of the batch of 4, at a tensor \[24,916,916\] of bfloat16; it has [\d.]+ GB in all\. /,
      );
      expect(error.message).toMatch(/Set studio\.micro_batch to 1: .*in parts of one puzzle, and learns the same\.$/);
      expect(warnings).toEqual([]);
      expect([made.execution, made.step]).toEqual(['recorded', 0]);
      // It was no fault of the graph: the step can be tried again.
      expect(made.run(batch).step).toBe(1);
    },
  );

  it('op by op leaves no tensor, wherever in the step it was', () => {
    const { config, spec } = tinyModel();
    config.global_batch_size = 4;
    config.studio.micro_batch = 2;
    const made = new Trainer(config, spec, 100, null, { execution: 'eager' });
    open.push(made);
    const batch = randomBatch(spec, 4, 1);
    made.run(batch);
    for (const name of ['executeOp', 'tensorDataSync'] as const) {
      // The whole step once, for its number of calls.
      const { calls } = whileCallFails(name, 0, '', () => made.run(batch));
      const before = [tf.memory().numTensors, made.step];
      // Its first and last calls, and some from all over it; the last ones are of the update.
      const some = Array.from({ length: 12 }, (_, i) => 1 + Math.floor((i * (calls - 1)) / 11));
      for (const at of new Set([...some, calls - 1, calls - 2])) {
        if (at < 1) continue;
        expect(() => whileCallFails(name, at, 'a fault', () => made.run(batch))).toThrow('a fault');
        expect([tf.memory().numTensors, made.step], `${name} ${at} of ${calls}`).toEqual(before);
      }
    }
  });

  const limited = process.platform === 'linux' ? it : it.skip;
  limited('leaves the run as it was, with a real limit on the process’s memory', async () => {
    // One-hot tokens of 65 MB: each is asked of the system anew, and none fits below the limit.
    const { config, spec } = tinyModel();
    spec.vocab_size = 4000;
    config.global_batch_size = 256;
    config.studio.micro_batch = 256;
    const made = new Trainer(config, spec, 100, null, { execution: 'recorded' });
    open.push(made);
    expect(made.run(randomBatch(spec, 256, 0)).step).toBe(1);
    const before = structuredClone(await made.snapshot());
    const limit = (bytes: string) => execFileSync('prlimit', ['--pid', String(process.pid), `--as=${bytes}:`]);
    const batch = randomBatch(spec, 256, 1);
    const [, size] = /^VmSize:\s*(\d+) kB/m.exec(readFileSync('/proc/self/status', 'utf8')) ?? [];
    limit(String(Number(size) * 1024 + 45e6));
    let error: StudioError;
    try {
      error = thrown(() => made.run(batch));
    } finally {
      limit('unlimited');
    }
    expect(error.data).toMatchObject({ out_of_memory: true, part: 256, micro_batch: 128 });
    expect(error.message).toMatch(/the batch of 256 puzzles, at a tensor \[[\d,]+\] of \w+;/);
    const after = await made.snapshot();
    for (const group of STATE_GROUPS) expect(after[group], group).toEqual(before[group]);
    expect(after.puzzleEmbedding).toEqual(before.puzzleEmbedding);
    expect(after.carry).toEqual(before.carry);
    expect(made.run(batch).step).toBe(2);
  });
});
