import { describe, expect, it } from 'vitest';
import * as f from '../../src/renderer/ui/format';

describe('numbers as the window writes them', () => {
  it('groups counts and says "not yet" for what is unknown', () => {
    expect(f.formatCount(31_208)).toBe('31,208');
    for (const format of [
      f.formatCount,
      f.formatPercent,
      f.formatNumber,
      f.formatLoss,
      f.formatDuration,
      f.formatBytes,
      f.formatRate,
    ]) {
      for (const nothing of [null, undefined, NaN, Infinity]) expect(format(nothing)).toBe('not yet');
    }
  });

  it('writes shares with a thin blank before the sign', () => {
    expect(f.formatPercent(0.385)).toBe('38.5 %');
    expect(f.formatPercent(1, 0)).toBe('100 %');
  });

  it('never writes 17 digits', () => {
    expect(f.formatNumber(0.1 + 0.2)).toBe('0.3');
    expect(f.formatNumber(3e-4)).toBe('3e-4');
    expect(f.formatNumber(0.000312)).toBe('3.12e-4');
    expect(f.formatNumber(7.4321)).toBe('7.43');
    expect(f.formatNumber(0)).toBe('0');
    expect(f.formatLoss(0.41237)).toBe('0.412');
    expect(f.formatLoss(123.456)).toBe('123.5');
    expect(f.formatValue(3e-4)).toBe('3e-4');
    expect(f.formatValue(1e-4)).toBe('1e-4');
    expect(f.formatValue(100_000)).toBe('100,000');
    expect(f.formatValue(null)).toBe('empty');
    expect(f.formatValue([])).toBe('none');
  });

  it('writes times as people say them', () => {
    const seconds = [0.4, 9.96, 12, 59.4, 59.6, 180, 4560, 7200, 2 * 86_400 + 3 * 3600, 3600 * 47.99];
    expect(seconds.map(f.formatDuration)).toEqual([
      '0.4 s',
      '10 s',
      '12 s',
      '59 s',
      '1 min',
      '3 min',
      '1 h 16 min',
      '2 h',
      '2 d 3 h',
      '47 h 59 min',
    ]);
    expect(f.formatDuration(-1)).toBe('not yet');
  });

  it('turns slow rates round', () => {
    expect(f.formatRate(4.1)).toBe('4.1 steps/s');
    expect(f.formatRate(787, 'sample')).toBe('787 samples/s');
    expect(f.formatRate(0.25)).toBe('4.0 s/step');
    expect(f.formatRate(0)).toBe('not yet');
    // Nobody pictures 7636.2 s.
    expect(f.formatRate(1 / 7636.2)).toBe('2 h 7 min/step');
    expect(f.formatRate(1 / 99.9)).toBe('99.9 s/step');
    expect(f.formatRate(1 / 119)).toBe('2 min/step');
  });

  it('writes work with the unit that fits', () => {
    expect(f.formatFlops(18.6e9)).toBe('18.6 GFLOP');
    expect(f.formatFlops(306_000e9)).toBe('306 TFLOP');
    expect(f.formatFlops(999.9e9)).toBe('1 TFLOP');
    expect(f.formatFlops(0)).toBe('0 FLOP');
    expect(f.formatFlops(null)).toBe('not yet');
  });

  it('writes sizes and ages', () => {
    expect(f.formatBytes(41e6)).toBe('41 MB');
    expect(f.formatBytes(87_654)).toBe('87.7 kB');
    expect(f.formatMemory(18.2 * 1024 ** 3)).toBe('18.2 GB');
    expect(f.formatMemory(24 * 1024 ** 3)).toBe('24 GB');
    expect(f.formatBytes(0)).toBe('0 bytes');
    const now = Date.parse('2026-01-02T10:00:00Z');
    expect(f.formatAgo('2026-01-02T09:59:58Z', now)).toBe('just now');
    expect(f.formatAgo('2026-01-02T09:59:20Z', now)).toBe('40 s ago');
    expect(f.formatAgo('2026-01-02T08:00:00Z', now)).toBe('2 h ago');
    expect(f.formatAgo(null, now)).toBe('not yet');
    expect(f.formatAgo('nonsense', now)).toBe('not yet');
  });

  it('counts words', () => {
    expect([0, 1, 1200].map((n) => f.formatPlural(n, 'run'))).toEqual(['0 runs', '1 run', '1,200 runs']);
  });
});
