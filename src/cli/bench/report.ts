/** What the measurements of steps come to: a table for people, objects for programs. */
import { benchModel, type BenchName } from '../../core/bench/configs';
import type { Timing } from '../../core/bench/measure';
import { flopsPerStep } from '../../studio/estimate/flops';
import { bytes, table } from '../output';
import { isTorch, MODES, type Mode } from './jobs';

export interface StepResult {
  config: BenchName;
  mode: Mode;
  batch: number;
  timing: Timing | null;
  /** Why there is no timing. */
  error: string | null;
}

export interface Peaks {
  /** FLOP/s of large matrix products. */
  float32: number;
  /** Null where this machine does not gain from it. */
  bfloat16: number | null;
}

export function stepFlops({ config, batch }: Pick<StepResult, 'config' | 'batch'>): number {
  const model = benchModel(config, 'float32', batch);
  return flopsPerStep(model.config, model.spec.seq_len, model.spec.vocab_size);
}

export function resultRecord(result: StepResult, peaks: Peaks) {
  const { config, mode, batch, timing, error } = result;
  const flops = stepFlops(result);
  const rate = timing && (flops * 1000) / timing.median_ms;
  return {
    event: 'result',
    config,
    mode,
    batch,
    error,
    ...(timing && {
      ...timing,
      flops_per_step: flops,
      flops_per_s: rate,
      share_of_float32_peak: (rate as number) / peaks.float32,
    }),
  };
}

export function stepTable(results: readonly StepResult[], peaks: Peaks, configs: readonly BenchName[]): string {
  const rows = configs.flatMap((config) => {
    const own = results
      .filter((r) => r.config === config)
      .sort((a, b) => MODES.indexOf(a.mode) - MODES.indexOf(b.mode));
    const eager = own.find((r) => r.mode === 'eager')?.timing?.median_ms;
    return own.map((result) => {
      const { mode, batch, timing } = result;
      if (!timing) return [config, mode, String(batch), 'failed', '–', '–', '–', '–', '–'];
      const rate = (stepFlops(result) * 1000) / timing.median_ms;
      return [
        config,
        mode,
        String(batch),
        `${timing.median_ms.toFixed(0)} ms`,
        eager ? `${(eager / timing.median_ms).toFixed(2)}×` : '–',
        (rate / 1e9).toFixed(0),
        `${((100 * rate) / peaks.float32).toFixed(0)} %`,
        bytes(timing.peak_bytes),
        `${(timing.first_ms / 1000).toFixed(1)} s`,
      ];
    });
  });
  const head = ['config', 'mode', 'batch', 'step', 'against eager', 'GFLOP/s', 'of peak', 'memory', 'first step'];
  const failed = results
    .filter((r) => r.error !== null)
    .map(({ config, mode, error }) => `${config}, ${mode}: ${error}`);
  return [table(head, rows, [2, 3, 4, 5, 6, 7, 8]), ...failed].join('\n');
}

export interface Ratio {
  config: BenchName;
  what: string;
  /** How many times faster; null where one of the two is missing. */
  value: number;
}

/** The comparisons that matter, for each config whose parts are there. */
export function ratios(results: readonly StepResult[], configs: readonly BenchName[]): Ratio[] {
  return configs.flatMap((config) => {
    const of = (fits: (mode: Mode) => boolean): number | null => {
      const times = results.flatMap((r) =>
        r.config === config && fits(r.mode) && r.timing ? [r.timing.median_ms] : [],
      );
      return times.length ? Math.min(...times) : null;
    };
    const is = (mode: Mode) => of((m) => m === mode);
    const pairs: [string, number | null, number | null][] = [
      ['recorded against eager', is('eager'), is('recorded')],
      ['recorded against PyTorch eager', is('torch eager'), is('recorded')],
      ['best of ours against best of PyTorch', of(isTorch), of((mode) => !isTorch(mode))],
    ];
    return pairs.flatMap(([what, slow, fast]) => (slow && fast ? [{ config, what, value: slow / fast }] : []));
  });
}
