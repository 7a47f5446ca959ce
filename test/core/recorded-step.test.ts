/** The recorded training step against the eager one, and what it promises besides the same numbers. */
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { loadBackend } from '../../src/core/backend/load';
import { memoryUse } from '../../src/core/backend/memory';
import { nativeBackend } from '../../src/core/backend/native';
import { openData, type OpenData } from '../../src/core/data/merged';
import { TrainSampler } from '../../src/core/data/sampler';
import { evaluateBatch } from '../../src/core/act/batch';
import { RecordedExecutor } from '../../src/core/train/recorded-step';
import { ROW_COLUMNS } from '../../src/core/act/forward';
import { STATE_GROUPS, type StateGroup } from '../../src/core/train/step';
import { Trainer, type TrainerOptions, type TrainerSnapshot } from '../../src/core/train/trainer';
import type { TrainConfig } from '../../src/shared/config';
import { tinyConfig, writeTinyDataset } from './fixture';
import { boundCopy } from './native-calls';

let home: string;
let data: OpenData;
const trainers: Trainer[] = [];

beforeAll(async () => {
  expect((await loadBackend()).backend).toBe('tensorflow');
  home = mkdtempSync(join(tmpdir(), 'trm-recorded-'));
  data = openData([writeTinyDataset(join(home, 'data'))], []);
});
afterAll(() => {
  trainers.forEach((trainer) => trainer.dispose());
  data.close();
  rmSync(home, { recursive: true, force: true });
});

function trainer(config: TrainConfig, options: TrainerOptions, from: TrainerSnapshot | null = null): Trainer {
  const { seq_len, vocab_size } = data.train.metadata;
  const spec = { arch: config.arch, seq_len, vocab_size, num_puzzle_identifiers: data.numPuzzleIdentifiers };
  const made = new Trainer(config, spec, 1000, from, options);
  trainers.push(made);
  return made;
}

const samplerOf = (config: TrainConfig) =>
  new TrainSampler(data.train, { batchSize: config.global_batch_size, epochs: 1000, seed: 0 });

/** Sums of each step. */
function train(of: Trainer, steps: number, sampler = samplerOf(of.config)) {
  return Array.from({ length: steps }, () => {
    const batch = sampler.next();
    if (!batch) throw new Error('the data ended');
    return of.run(batch).sums;
  });
}

/** ‖a − b‖ / ‖b‖ of each tensor; the largest. */
function distance(a: TrainerSnapshot, b: TrainerSnapshot, groups: readonly StateGroup[] = STATE_GROUPS): number {
  const relative = (x: Float32Array, y: Float32Array) => {
    let [difference, norm] = [0, 0];
    for (let i = 0; i < y.length; i++) {
      difference += (x[i] - y[i]) ** 2;
      norm += y[i] ** 2;
    }
    return norm === 0 ? Math.sqrt(difference) : Math.sqrt(difference / norm);
  };
  const tensors = groups.flatMap((group) =>
    [...b[group]].map(([name, values]) => relative(a[group].get(name) as Float32Array, values)),
  );
  return Math.max(...tensors, relative(a.puzzleEmbedding, b.puzzleEmbedding));
}

const CASES: { name: string; arch: Record<string, unknown>; weights: number }[] = [
  { name: 'rotary attention', arch: {}, weights: 1e-6 },
  // Chaotic: 1e-7 in its weights moves the reference itself by 1e-3 in a few steps.
  { name: 'MLP over the sequence', arch: { mlp_t: true, pos_encodings: 'none' }, weights: 1e-5 },
  {
    name: 'HRM',
    arch: { name: 'recursive_reasoning.hrm@HierarchicalReasoningModel_ACTV1', H_layers: 1, no_ACT_continue: false },
    // Sums of floats depend on the processor: below 1e-6 on some, 1.09e-6 on others, with the same code.
    weights: 2e-6,
  },
  { name: 'rotary attention by row and column', arch: { pos_encodings: 'rope2d' }, weights: 1e-6 },
  { name: 'learned positions', arch: { pos_encodings: 'learned', L_layers: 2 }, weights: 1e-6 },
];

describe.each(CASES)('a recorded run with $name', ({ arch, weights }) => {
  it('gives the eager numbers within 1e-6 after 50 steps', async () => {
    const config = tinyConfig({ arch });
    const [eager, recorded] = [trainer(config, { execution: 'eager' }), trainer(config, { execution: 'recorded' })];
    expect([eager.execution, recorded.execution]).toEqual(['eager', 'recorded']);
    const [a, b] = [train(eager, 50), train(recorded, 50)];
    a.forEach((sums, i) => {
      for (const name of Object.keys(sums) as (keyof typeof sums)[]) {
        const [x, y] = [sums[name] ?? 0, b[i][name] ?? 0];
        expect(Math.abs(y - x), `${name} of step ${i + 1}`).toBeLessThanOrEqual(1e-6 * Math.abs(x));
      }
    });
    expect(recorded.carry).toEqual(eager.carry);
    const [x, y] = [await eager.snapshot(), await recorded.snapshot()];
    expect(distance(y, x, ['weights', 'ema'])).toBeLessThan(weights);
    // Latents and moments are one step's numbers, which nothing averages.
    expect(distance(y, x)).toBeLessThan(1e-5);
    expect(y.puzzleEmbedding.some((value) => value !== 0)).toBe(true);
  });
});

describe('a recorded step', () => {
  it('goes on from a snapshot to the last bit', async () => {
    const config = tinyConfig();
    const whole = trainer(config, { execution: 'recorded' });
    const sampler = samplerOf(config);
    train(whole, 7, sampler);
    const halfway = structuredClone(await whole.snapshot());
    const position = sampler.state();
    const rest = train(whole, 12, sampler);
    const resumed = trainer(config, { execution: 'recorded' }, halfway);
    const again = samplerOf(config);
    again.restore(position);
    expect(train(resumed, 12, again)).toEqual(rest);
    expect(await resumed.snapshot()).toEqual(await whole.snapshot());
  });

  it('sends the batch in and a few numbers per row out, nothing else', () => {
    const config = tinyConfig({ ema: true });
    const run = trainer(config, { execution: 'recorded' });
    const { executor } = run.internals();
    if (!(executor instanceof RecordedExecutor)) throw new Error('not recorded');
    const before = executor.traffic;
    train(run, 5);
    const after = executor.traffic;
    const B = config.global_batch_size;
    const S = run.spec.seq_len;
    expect(after.runs - before.runs).toBe(5);
    // Tokens, labels, identifiers and their first rows, six numbers, and a few bytes per row of flags.
    const batch = 4 * (2 * B * S + 2 * B + 6);
    const bytesIn = (after.bytesIn - before.bytesIn) / 5;
    expect(bytesIn).toBeGreaterThanOrEqual(batch);
    expect(bytesIn).toBeLessThanOrEqual(batch + 4 * B);
    expect((after.bytesOut - before.bytesOut) / 5).toBe(4 * B * ROW_COLUMNS.length + 4);
    expect(executor.graphBytes).toBeLessThan(5e6);
  });

  it.each([
    { what: 'the learning rates', other: { lr: 5e-3, puzzle_emb_lr: 5e-3 } },
    { what: 'the weight decay', other: { weight_decay: 5 } },
    { what: 'the puzzle weight decay', other: { puzzle_emb_weight_decay: 50 } },
    { what: 'the moments', other: { beta1: 0.5, beta2: 0.6 } },
  ])('has $what from its config as the eager one', async ({ other }) => {
    const config = tinyConfig({ ...other, lr_warmup_steps: 0 });
    const [eager, recorded] = [trainer(config, { execution: 'eager' }), trainer(config, { execution: 'recorded' })];
    train(eager, 6);
    train(recorded, 6);
    const [x, y] = [await eager.snapshot(), await recorded.snapshot()];
    expect(distance(y, x)).toBeLessThan(1e-5);
    const plain = trainer(tinyConfig({ lr_warmup_steps: 0 }), { execution: 'recorded' });
    train(plain, 6);
    expect(distance(await plain.snapshot(), y)).toBeGreaterThan(1e-4);
  });

  it('bakes no number of a step into the graph', () => {
    const config = tinyConfig();
    const run = trainer(config, { execution: 'recorded' });
    const { executor } = run.internals();
    const B = config.global_batch_size;
    const S = run.spec.seq_len;
    const usual = {
      tokens: new Int32Array(B * S).fill(3),
      labels: new Int32Array(B * S).fill(4),
      reset: new Uint8Array(B),
      last: new Uint8Array(B),
      identifiers: Int32Array.from({ length: B }, (_, b) => b + 1),
      adam: [0, 1, 1, 1],
      sparse: [0, 1] as [number, number],
    };
    // Learning nothing and starting every row anew: the outcome is that of this input alone.
    const outcome = (change: Partial<typeof usual>) => {
      executor.write({ latents: start });
      return [...executor.run({ ...usual, ...change }).rows];
    };
    const z = new Float32Array(B * (S + 1) * config.arch.hidden_size).map((_, i) => Math.sin(i));
    const start = new Map([
      ['z_H', z],
      ['z_L', z],
    ]);
    executor.puzzles?.write(Float32Array.from({ length: data.numPuzzleIdentifiers * 16 }, (_, i) => Math.cos(i)));
    const base = outcome({});
    expect(outcome({})).toEqual(base);
    const changes = {
      tokens: new Int32Array(B * S).fill(5),
      labels: new Int32Array(B * S).fill(5),
      reset: new Uint8Array(B).fill(1),
      identifiers: new Int32Array(B).fill(2),
    };
    for (const [name, value] of Object.entries(changes)) expect(outcome({ [name]: value }), name).not.toEqual(base);
    // What changes the state shows in the step after.
    for (const change of [
      { adam: [1e-2, 1, 1, 1] },
      { adam: [0, 0.5, 1, 1] },
      { adam: [1e-2, 1, 3, 1] },
      { adam: [1e-2, 1, 1, 5] },
      { sparse: [0.1, 1] as [number, number] },
      { sparse: [0, 0.5] as [number, number] },
    ]) {
      const before = outcome({});
      outcome(change);
      expect(outcome({}), JSON.stringify(change)).not.toEqual(before);
    }
  });

  it('moves the batch’s rows of the embedding only, each by the sum of its gradients', async () => {
    const config = tinyConfig({ puzzle_emb_lr: 1e-2, lr_warmup_steps: 0, global_batch_size: 6 });
    const [eager, recorded] = [trainer(config, { execution: 'eager' }), trainer(config, { execution: 'recorded' })];
    const batch = { ...data.train.batch([0, 1, 2, 9, 10, 11]), puzzle_identifiers: Int32Array.of(3, 3, 7, 3, 7, 1) };
    for (let i = 0; i < 3; i++) [eager, recorded].forEach((of) => of.run(batch));
    const [x, y] = [eager, recorded].map((of) => of.puzzles?.read() as Float32Array);
    expect([...y]).toEqual([...x]);
    const width = config.arch.puzzle_emb_ndim;
    const moved = Array.from({ length: data.numPuzzleIdentifiers }, (_, id) =>
      y.subarray(id * width, (id + 1) * width).some((value) => value !== 0),
    );
    expect(moved.flatMap((is, id) => (is ? [id] : []))).toEqual([1, 3, 7]);
    expect([...(recorded.puzzles?.gather(Int32Array.of(7, 1)) ?? [])]).toEqual([
      ...y.subarray(7 * width, 8 * width),
      ...y.subarray(width, 2 * width),
    ]);
    const wrong = { ...batch, puzzle_identifiers: new Int32Array(6).fill(data.numPuzzleIdentifiers) };
    const before = (await recorded.snapshot()).weights;
    expect(() => recorded.run(wrong)).toThrow(/lies outside the embedding/);
    expect((await recorded.snapshot()).weights).toEqual(before);
  });

  it('learns in bfloat16 nearly what it learns in float32, with float32 weights', async () => {
    const runs = (['float32', 'bfloat16'] as const).map((forward_dtype) =>
      trainer(tinyConfig({ arch: { forward_dtype } }), { execution: 'recorded' }),
    );
    const [full, low] = runs.map((of) => train(of, 20).map(({ lm_loss }) => lm_loss));
    full.forEach((loss, i) => expect(Math.abs(low[i] - loss) / loss).toBeLessThan(2e-2));
    if (runs[1].dtype === 'bfloat16') expect(low).not.toEqual(full);
    const { weights } = await runs[1].snapshot();
    // A bfloat16 has 16 zero bits at its end.
    const bits = new Uint32Array((weights.get('lm_head.weight') as Float32Array).slice().buffer);
    expect(bits.some((b) => (b & 0xffff) !== 0)).toBe(true);
  });

  it('evaluates as the eager one does, with raw and averaged weights', () => {
    const run = trainer(tinyConfig(), { execution: 'recorded' });
    train(run, 20);
    const batch = data.train.batch([1, 5, 8]);
    for (const which of ['raw', 'ema'] as const) {
      const model = run.evaluated(which);
      const detail = { logits: true, confidence: true };
      const recorded = evaluateBatch(model, run.puzzles, batch, 3, detail);
      const eager = evaluateBatch({ ...model, execution: 'eager' }, run.puzzles, batch, 3, detail);
      recorded.forEach((step, t) => {
        expect([...step.tokens]).toEqual([...eager[t].tokens]);
        for (const key of ['logits', 'rows', 'confidence', 'change'] as const) {
          const [a, b] = [step[key], eager[t][key]] as Float32Array[];
          a.forEach((value, i) => expect(value).toBeCloseTo(b[i], 4));
        }
      });
      // The last step alone is the last of all steps.
      const [last] = evaluateBatch(model, run.puzzles, batch, 3, { lastOnly: true, logits: true });
      expect([...(last.logits as Float32Array)]).toEqual([...(recorded[2].logits as Float32Array)]);
    }
  });

  it.each(['loadSavedModel', 'runSavedModel'] as const)('goes on eagerly with one warning if %s fails', (call) => {
    const backend = nativeBackend();
    if (!backend) throw new Error('no TensorFlow');
    const config = tinyConfig();
    const expected = train(trainer(config, { execution: 'eager' }), 5);
    const warnings: string[] = [];
    const failing = (session: number | string, ...rest: unknown[]) => {
      const names = String(rest[rest.length - 1]);
      if (call === 'runSavedModel' && !names.includes('run/out'))
        return original(session as never, ...(rest as [never]));
      throw new Error('No registered kernel for this device\nand more');
    };
    const { binding } = backend;
    const original = binding[call].bind(binding) as (...args: never[]) => unknown;
    backend.binding = { ...boundCopy(binding), [call]: failing };
    let fallen: Trainer;
    try {
      fallen = trainer(config, { execution: 'recorded', warn: (sentence) => warnings.push(sentence) });
      expect(train(fallen, 5)).toEqual(expected);
    } finally {
      backend.binding = binding;
    }
    expect(fallen.execution).toBe('eager');
    expect(warnings).toEqual([
      'This TensorFlow could not run the recorded step (No registered kernel for this device): steps run op by op, which is slower.',
    ]);
  });

  it('uses a dozen handles per step and leaves none', () => {
    const before = memoryUse();
    const run = trainer(tinyConfig(), { execution: 'recorded' });
    const binding = nativeBackend()?.binding;
    if (!binding) throw new Error('no TensorFlow');
    const fresh = () => {
      const id = binding.createTensor([], 1, new Float32Array(1));
      binding.deleteTensor(id);
      return id;
    };
    train(run, 1);
    const first = fresh();
    train(run, 10);
    expect((fresh() - first) / 10).toBeLessThan(12);
    run.dispose();
    expect(memoryUse().native_handles).toBe(before.native_handles);
  });
});
