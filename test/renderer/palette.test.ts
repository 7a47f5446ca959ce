import { describe, expect, it } from 'vitest';
import { inks, palettes } from '@renderer/grid/palette';
import { SIGHTS, contrast, difference, seen } from './support/colour-vision';

function closest(colours: readonly string[], sight: string): number {
  const labs = colours.map((hex) => seen(hex, sight));
  const all = labs.flatMap((a, i) => labs.slice(i + 1).map((b) => difference(a, b)));
  expect(all).toHaveLength(45);
  return Math.min(...all);
}

describe('the colour-blind-safe palette', () => {
  it('measures with the published pairs of CIEDE2000', () => {
    // Sharma, Wu and Dalal 2005, table 1, rows 1, 7, 17 and 25.
    const rows: [number[], number[], number][] = [
      [[50, 2.6772, -79.7751], [50, 0, -82.7485], 2.0425],
      [[50, 0, 0], [50, -1, 2], 2.3669],
      [[50, 2.5, 0], [73, 25, -18], 27.1492],
      [[60.2574, -34.0099, 36.2677], [60.4626, -34.1751, 39.4387], 1.2644],
    ];
    for (const [a, b, expected] of rows) expect(difference(a as never, b as never)).toBeCloseTo(expected, 3);
  });

  it.each(Object.keys(SIGHTS))('keeps every two colours apart under %s', (sight) => {
    expect(closest(palettes.symbols, sight)).toBeGreaterThanOrEqual(18);
  });

  it('is what the official one is not', () => {
    expect(closest(palettes.official, 'deuteranopia')).toBeLessThan(8);
  });

  it.each(['official', 'symbols'] as const)('has readable digits on every colour (%s)', (name) => {
    palettes[name].forEach((hex, c) => expect(contrast(hex, inks(name)[c])).toBeGreaterThanOrEqual(4.5));
  });
});
