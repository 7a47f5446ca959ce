/** A batch computed in parts: the same numbers as the whole, whatever the architecture and the size of a part. */
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest';
import { loadBackend } from '../../src/core/backend/load';
import { memoryUse } from '../../src/core/backend/memory';
import { openData, type OpenData } from '../../src/core/data/merged';
import { TrainSampler } from '../../src/core/data/sampler';
import { joined, partsOf } from '../../src/core/train/parts';
import { RecordedExecutor } from '../../src/core/train/recorded-step';
import { STATE_GROUPS } from '../../src/core/train/step';
import { Trainer, type TrainerSnapshot } from '../../src/core/train/trainer';
import { ARCH_NAMES } from '../../src/shared/architectures';
import type { TrainConfigInput } from '../../src/shared/config';
import { tinyConfig, writeTinyDataset } from './fixture';
import { whileRunFails } from './native-calls';

let home: string;
let data: OpenData;
const trainers: Trainer[] = [];

beforeAll(async () => {
  expect((await loadBackend()).backend).toBe('tensorflow');
  home = mkdtempSync(join(tmpdir(), 'trm-parts-'));
  data = openData([writeTinyDataset(join(home, 'data'))], []);
});
afterEach(() => trainers.splice(0).forEach((trainer) => trainer.dispose()));
afterAll(() => {
  data.close();
  rmSync(home, { recursive: true, force: true });
});

type Execution = 'eager' | 'recorded';

function trainer(
  part: number,
  execution: Execution,
  other: TrainConfigInput = {},
  from: TrainerSnapshot | null = null,
): Trainer {
  const config = tinyConfig({ ...other, studio: { micro_batch: part } });
  const { seq_len, vocab_size } = data.train.metadata;
  const spec = { arch: config.arch, seq_len, vocab_size, num_puzzle_identifiers: data.numPuzzleIdentifiers };
  const made = new Trainer(config, spec, 1000, from, { execution });
  expect(made.execution).toBe(execution);
  trainers.push(made);
  return made;
}

function train(of: Trainer, steps: number, sampler = samplerOf(of)) {
  return Array.from({ length: steps }, () => {
    const batch = sampler.next();
    if (!batch) throw new Error('the data ended');
    return of.run(batch).sums;
  });
}

const samplerOf = ({ config }: Trainer) =>
  new TrainSampler(data.train, { batchSize: config.global_batch_size, epochs: 1000, seed: 0 });

/** ‖a − b‖ / ‖b‖ */
function relative(a: Float32Array, b: Float32Array): number {
  let [difference, norm] = [0, 0];
  for (let i = 0; i < b.length; i++) {
    difference += (a[i] - b[i]) ** 2;
    norm += b[i] ** 2;
  }
  return Math.sqrt(norm === 0 ? difference : difference / norm);
}

describe('the parts of a batch', () => {
  it.each([
    [6, 6, [6]],
    [6, 100, [6]],
    [6, 4, [3, 3]],
    [7, 3, [3, 2, 2]],
    [768, 330, [256, 256, 256]],
    [5, 1, [1, 1, 1, 1, 1]],
  ])('of %i rows, at most %i at once, are %j', (rows, most, sizes) => {
    const parts = partsOf(rows, most);
    expect(parts.map(({ size }) => size)).toEqual(sizes);
    // Each row once, in order.
    const all = parts.flatMap(({ at, size }) => Array.from({ length: size }, (_, i) => at + i));
    expect(all).toEqual(Array.from({ length: rows }, (_, i) => i));
  });
});

const CASES: { name: string; other: TrainConfigInput }[] = [
  ...ARCH_NAMES.map((name) => ({
    name,
    other: { arch: { name, H_layers: 1, L_cycles: 2, no_ACT_continue: false } } as TrainConfigInput,
  })),
  { name: 'halting by q_halt alone', other: {} },
  { name: 'learned positions and no average', other: { ema: false, arch: { pos_encodings: 'learned' } } },
  { name: 'no puzzle embedding', other: { arch: { puzzle_emb_ndim: 0, puzzle_emb_len: 0 } } },
  { name: 'a frozen network', other: { freeze_weights: true } },
];

describe.each([
  { execution: 'recorded', cases: CASES },
  // Op by op it is the same program: the one that halts by comparison, and those without a part of the state.
  { execution: 'eager', cases: [CASES[0], ...CASES.slice(-2)] },
] as const)('$execution, a batch in parts', ({ execution, cases }) => {
  it.each([...cases])('gives the whole batch’s numbers within 1e-6 over 20 steps: $name', async ({ other }) => {
    const [whole, parts] = [trainer(6, execution, other), trainer(4, execution, other)];
    const [a, b] = [train(whole, 20), train(parts, 20)];
    a.forEach((sums, i) => {
      for (const name of Object.keys(sums) as (keyof typeof sums)[]) {
        const [x, y] = [sums[name] ?? 0, b[i][name] ?? 0];
        expect(Math.abs(y - x), `${name} of step ${i + 1}`).toBeLessThanOrEqual(1e-6 * Math.abs(x));
      }
    });
    const [x, y] = [await whole.snapshot(), await parts.snapshot()];
    // The same rows have halted, and the same random numbers were drawn.
    expect(y.carry).toEqual(x.carry);
    expect(y.exploration).toEqual(x.exploration);
    for (const group of ['weights', 'ema'] as const) {
      expect([...y[group].keys()]).toEqual([...x[group].keys()]);
      const all = ({ [group]: values }: TrainerSnapshot) => joined([...values.values(), new Float32Array(1)]);
      expect(relative(all(y), all(x)), group).toBeLessThan(1e-6);
      // The halting heads begin at 0, and AdamATan2 takes the smallest gradients for whole: rounding shows there first.
      for (const [name, values] of x[group]) expect(relative(y[group].get(name)!, values), name).toBeLessThan(1e-5);
    }
    for (const [name, z] of x.latents) expect(relative(y.latents.get(name)!, z), name).toBeLessThan(1e-5);
    expect(relative(y.puzzleEmbedding, x.puzzleEmbedding)).toBeLessThan(1e-6);
  });
});

describe('a recorded step in parts', () => {
  it('takes parts of two sizes', () => {
    const [whole, parts] = [6, 4].map((part) => trainer(part, 'recorded', { global_batch_size: 7 }));
    const [a, b] = [train(whole, 6), train(parts, 6)];
    b.forEach(({ loss }, i) => expect(Math.abs(loss - a[i].loss)).toBeLessThan(1e-5 * a[i].loss));
  });

  it('goes on from a snapshot to the last bit, after an odd number of steps too', async () => {
    const whole = trainer(2, 'recorded');
    const sampler = samplerOf(whole);
    train(whole, 7, sampler);
    const halfway = structuredClone(await whole.snapshot());
    const position = sampler.state();
    const rest = train(whole, 8, sampler);
    const resumed = trainer(2, 'recorded', {}, halfway);
    const again = samplerOf(resumed);
    again.restore(position);
    expect(train(resumed, 8, again)).toEqual(rest);
    expect(await resumed.snapshot()).toEqual(await whole.snapshot());
  });

  it('has one graph whatever the batch', () => {
    const bytes = [8, 32].map((global_batch_size) => {
      const { executor } = trainer(4, 'recorded', { global_batch_size }).internals();
      if (!(executor instanceof RecordedExecutor)) throw new Error('not recorded');
      return executor.graphBytes;
    });
    expect(Math.abs(bytes[1] - bytes[0])).toBeLessThan(0.02 * bytes[0]);
  });

  it.each(['recorded', 'eager'] as const)('leaves nothing behind when it runs %s', (execution) => {
    const before = memoryUse();
    const run = trainer(4, execution);
    train(run, 2);
    const middle = memoryUse();
    train(run, 5);
    expect(memoryUse().native_handles).toBe(middle.native_handles);
    run.dispose();
    trainers.pop();
    expect(memoryUse().native_handles).toBe(before.native_handles);
  });

  it.each([1, 2, 3])('changes nothing if run %i of it fails', async (failing) => {
    const run = trainer(3, 'recorded');
    const sampler = samplerOf(run);
    train(run, 3, sampler);
    const before = structuredClone(await run.snapshot());
    const position = sampler.state();
    whileRunFails(failing, 'it failed', () => expect(() => train(run, 1, sampler)).toThrow('it failed'));
    const after = await run.snapshot();
    for (const group of STATE_GROUPS) expect(after[group]).toEqual(before[group]);
    expect(after.puzzleEmbedding).toEqual(before.puzzleEmbedding);
    // And the step can be tried again.
    sampler.restore(position);
    const again = trainer(3, 'recorded', {}, before);
    const other = samplerOf(again);
    other.restore(position);
    expect(train(run, 3, sampler)).toEqual(train(again, 3, other));
  });
});
