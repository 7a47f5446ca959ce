/** What benchmarks conclude from their numbers; the numbers themselves are no business of a test. */
import { beforeAll, describe, expect, it } from 'vitest';
import { ratios, resultRecord, stepFlops, stepTable, type StepResult } from '../../src/cli/bench/report';
import { MODES, stepJobs } from '../../src/cli/bench/jobs';
import { loadBackend } from '../../src/core/backend/load';
import { Message } from '../../src/core/backend/record/proto';
import { benchModel, BENCH_NAMES } from '../../src/core/bench/configs';
import {
  matmulPeak,
  measureEvaluation,
  measureStep,
  measureTrace,
  median,
  type Timing,
} from '../../src/core/bench/measure';
import { readRunMetadata, summarise } from '../../src/core/bench/run-metadata';
import { judge, soak, type SoakSample } from '../../src/core/bench/soak';
import { checkConfig } from '../../src/shared/config-fields';

const timing = (ms: number): Timing => ({
  times_ms: [ms],
  median_ms: ms,
  first_ms: 2 * ms,
  peak_bytes: 1e9,
  version: 'x',
});
const result = (mode: StepResult['mode'], ms: number | null): StepResult => ({
  config: 'small',
  mode,
  batch: 8,
  timing: ms === null ? null : timing(ms),
  error: ms === null ? 'It is not there.' : null,
});

describe('a comparison of steps', () => {
  const results = [
    result('eager', 600),
    result('recorded', 250),
    result('recorded bf16', 200),
    result('torch bf16', 300),
  ];

  it('takes each mode of each config once, in an order that chance gives', () => {
    const jobs = stepJobs(['small', 'arc'], MODES, () => 0);
    expect(jobs).toHaveLength(12);
    expect(new Set(jobs.map(({ config, mode }) => `${config} ${mode}`)).size).toBe(12);
    expect(jobs).not.toEqual(stepJobs(['small', 'arc'], MODES, () => 0.999));
  });

  it('divides what is there, and only that', () => {
    expect(ratios(results, ['small', 'arc'])).toEqual([
      { config: 'small', what: 'recorded against eager', value: 2.4 },
      { config: 'small', what: 'best of ours against best of PyTorch', value: 1.5 },
    ]);
    expect(ratios([result('eager', null), result('recorded', 1)], ['small'])).toEqual([]);
  });

  it('counts the work of the model that was run', () => {
    // ARC model: 398 GF a sample, batch 2.
    expect(stepFlops({ config: 'arc', batch: 2 }) / 1e9).toBeCloseTo(797, -1);
    const record = resultRecord(
      { ...result('recorded', 1000), config: 'arc', batch: 2 },
      { float32: 200e9, bfloat16: null },
    );
    expect(record).toMatchObject({ event: 'result', config: 'arc', median_ms: 1000 });
    expect((record as { share_of_float32_peak: number }).share_of_float32_peak).toBeCloseTo(3.98, 1);
  });

  it('is a table with a line for what failed too', () => {
    const text = stepTable([...results, result('torch eager', null)], { float32: 2e11, bfloat16: null }, ['small']);
    expect(text.split('\n')).toHaveLength(7);
    expect(text).toContain('3.00×');
    expect(text).toContain('small, torch eager: It is not there.');
  });
});

describe('the models that are measured', () => {
  it.each(BENCH_NAMES)('%s is a config in both formats', (name) => {
    for (const dtype of ['float32', 'bfloat16'] as const)
      expect(checkConfig(benchModel(name, dtype).config)).toEqual([]);
  });

  it('have the sizes of the comparison', () => {
    expect(benchModel('arc', 'float32').config).toMatchObject({
      global_batch_size: 2,
      arch: { hidden_size: 512, num_heads: 8, H_cycles: 3, L_cycles: 4, L_layers: 2, puzzle_emb_len: 16 },
    });
    expect(benchModel('small', 'float32', 32).config.global_batch_size).toBe(32);
  });
});

describe('a long run', () => {
  const sample = (step: number, more: Partial<SoakSample> = {}): SoakSample => ({
    step,
    tensors: 40,
    native_handles: 40,
    memory_bytes: 1e9,
    step_ms: 10,
    ...more,
  });
  const run = (change: (i: number) => Partial<SoakSample>) =>
    judge(
      100,
      'recorded',
      Array.from({ length: 100 }, (_, i) => sample(i + 1, change(i))),
    );

  it('is steady if nothing grows after burn-in', () => {
    expect(run((i) => (i < 10 ? { memory_bytes: 5e8, tensors: 3 } : {})).passed).toBe(true);
  });

  it.each([
    ['memory', (i: number) => ({ memory_bytes: 1e9 * (1 + i / 1000) })],
    ['tensors', (i: number) => ({ tensors: 40 + Math.floor(i / 50) })],
    ['native handles', (i: number) => ({ native_handles: 40 + Math.floor(i / 50) })],
    ['time', (i: number) => ({ step_ms: 10 + i / 50 })],
  ])('is not if %s creeps up', (_, change) => expect(run(change).passed).toBe(false));

  it('tells by how much', () => {
    const { memory_growth, slowdown } = run((i) => ({ memory_bytes: i < 60 ? 1e9 : 1.1e9, step_ms: i < 60 ? 10 : 9 }));
    expect(memory_growth).toBeCloseTo(0.1, 6);
    expect(slowdown).toBeCloseTo(-0.1, 6);
  });
});

describe('measurements', () => {
  beforeAll(async () => {
    await loadBackend();
  });
  const { spec, config, name } = benchModel('small', 'float32', 1);
  const arch = {
    ...config.arch,
    hidden_size: 16,
    num_heads: 1,
    puzzle_emb_ndim: 16,
    H_cycles: 1,
    L_cycles: 1,
    halt_max_steps: 2,
  };
  const tiny = { name, config: { ...config, arch }, spec: { ...spec, arch } };
  const runs = { warm: 1, steps: 2 };

  it('run what they are asked to', async () => {
    for (const execution of ['eager', 'recorded'] as const) {
      expect(measureStep(tiny, execution, runs, 'v').times_ms).toHaveLength(2);
      expect(measureEvaluation(tiny, execution, runs, 'v').times_ms).toHaveLength(2);
    }
    expect((await measureTrace(tiny, runs, 'v')).median_ms).toBeGreaterThan(0);
    expect(matmulPeak(false)).toBeGreaterThan(1e8);
    expect(median([3, 1, 2, 10])).toBe(2.5);
  });

  it('of a long run sample it to its end', async () => {
    const seen: number[] = [];
    const done = await soak(100, 'recorded', ({ step }) => seen.push(step));
    expect(seen).toHaveLength(100);
    expect([done.steps, done.execution, done.samples.length]).toEqual([100, 'recorded', 100]);
    expect(done.tensors[0]).toBe(done.tensors[1]);
  });
});

describe('a profile', () => {
  it('reads what TensorFlow wrote down of a run', () => {
    const node = (name: string, from: number, to: number) =>
      new Message().text(1, name).int(13, 5_000).int(14, from).int(15, to);
    const device = '/job:localhost/replica:0/task:0/device:CPU:0';
    const ran = [node('a', 1_000_000, 3_500_000), node('b', 0, 500_000), node('_SOURCE', 0, 0)];
    const stats = ran.reduce((message, one) => message.message(2, one), new Message().text(1, device));
    const graph = new Message()
      .message(1, new Message().text(1, 'a').text(2, 'MatMul'))
      .message(1, new Message().text(1, 'b').text(2, 'MatMul'));
    const metadata = new Message().message(1, new Message().message(1, stats)).message(3, graph).finish();
    expect(summarise(readRunMetadata(metadata), 1, 4)).toEqual({
      step_ms: 4,
      ops: [
        { op: 'MatMul', device: '/device:CPU:0', count: 2, ms: 3 },
        { op: 'other', device: '/device:CPU:0', count: 1, ms: 0 },
      ],
    });
  });
});
