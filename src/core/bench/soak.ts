/** A long run of a tiny model: nothing may accumulate and nothing may slow down. */
import { memoryUse } from '../backend/memory';
import { Trainer } from '../train/trainer';
import { randomBatch, median } from './measure';
import { tinyModel } from './configs';

export interface SoakSample {
  step: number;
  tensors: number;
  native_handles: number;
  memory_bytes: number;
  /** Median milliseconds of a step since the sample before. */
  step_ms: number;
}

export interface SoakResult {
  steps: number;
  execution: 'eager' | 'recorded';
  samples: SoakSample[];
  /** Most and fewest after burn-in. */
  tensors: [number, number];
  native_handles: [number, number];
  /** Last against first quarter after burn-in, as a share: 0.02 is 2 % more. */
  memory_growth: number;
  slowdown: number;
  passed: boolean;
}

export const MEMORY_LIMIT = 0.02;
export const SPEED_LIMIT = 0.05;
const SAMPLES = 100;
/** Steps at the start in which caches fill and allocators find their size, as a share. */
const BURN_IN = 0.1;

export async function soak(
  steps: number,
  execution: 'eager' | 'recorded',
  progress: (sample: SoakSample) => void,
): Promise<SoakResult> {
  const { config, spec } = tinyModel();
  const trainer = new Trainer(config, spec, steps, null, { execution });
  const batches = Array.from({ length: 16 }, (_, i) => randomBatch(spec, config.global_batch_size, i));
  const every = Math.max(1, Math.floor(steps / SAMPLES));
  const samples: SoakSample[] = [];
  let times: number[] = [];
  for (let step = 1; step <= steps; step++) {
    const begin = performance.now();
    trainer.run(batches[step % batches.length]);
    times.push(performance.now() - begin);
    if (step % every === 0) {
      // Garbage that nobody has collected yet says nothing about what is held.
      globalThis.gc?.();
      const sample = { step, ...memoryUse(), step_ms: median(times) };
      samples.push(sample);
      progress(sample);
      times = [];
    }
    if (step % 50 === 0) await new Promise((resolve) => setImmediate(resolve));
  }
  const ran = trainer.execution;
  trainer.dispose();
  return judge(steps, ran, samples);
}

export function judge(steps: number, execution: 'eager' | 'recorded', samples: SoakSample[]): SoakResult {
  const settled = samples.slice(Math.ceil(samples.length * BURN_IN));
  const quarter = Math.max(1, Math.floor(settled.length / 4));
  const change = (of: (sample: SoakSample) => number): number => {
    const [first, last] = [settled.slice(0, quarter), settled.slice(-quarter)].map((part) => median(part.map(of)));
    return last / first - 1;
  };
  const span = (of: (sample: SoakSample) => number): [number, number] => {
    const values = settled.map(of);
    return [Math.max(...values), Math.min(...values)];
  };
  const tensors = span((s) => s.tensors);
  const handles = span((s) => s.native_handles);
  const memoryGrowth = change((s) => s.memory_bytes);
  const slowdown = change((s) => s.step_ms);
  const constant = tensors[0] === tensors[1] && handles[0] === handles[1];
  return {
    steps,
    execution,
    samples,
    tensors,
    native_handles: handles,
    memory_growth: memoryGrowth,
    slowdown,
    passed: constant && Math.abs(memoryGrowth) <= MEMORY_LIMIT && Math.abs(slowdown) <= SPEED_LIMIT,
  };
}
