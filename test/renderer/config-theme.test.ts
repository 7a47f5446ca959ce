import { readFileSync } from 'node:fs';
import { resolve } from 'node:path';
import { describe, expect, it } from 'vitest';

const css = readFileSync(resolve(process.cwd(), 'src/renderer/app/theme.css'), 'utf8');

function tokens(selector: string): Record<string, string> {
  const start = css.indexOf(`${selector} {`);
  const block = css.slice(start, css.indexOf('}', start));
  return Object.fromEntries([...block.matchAll(/--([\w-]+):\s*(#[0-9a-f]{6});/gi)].map((m) => [m[1], m[2]]));
}

/** WCAG 2: relative luminance of #rrggbb. */
function luminance(hex: string): number {
  const [r, g, b] = [1, 3, 5].map((at) => {
    const s = parseInt(hex.slice(at, at + 2), 16) / 255;
    return s <= 0.04045 ? s / 12.92 : ((s + 0.055) / 1.055) ** 2.4;
  });
  return 0.2126 * r + 0.7152 * g + 0.0722 * b;
}

function contrast(a: string, b: string): number {
  const [high, low] = [luminance(a), luminance(b)].sort((x, y) => y - x);
  return (high + 0.05) / (low + 0.05);
}

const TEXT: [string, string[]][] = [
  ['ink', ['bg', 'panel', 'panel2', 'accentbg']],
  ['ink2', ['bg', 'panel', 'panel2']],
  ['ink3', ['bg', 'panel', 'panel2']],
  ['accent', ['bg', 'panel', 'panel2', 'accentbg']],
  ['on-accent', ['accent', 'accent-hover']],
  ['ok', ['panel', 'okbg', 'bg']],
  ['warn', ['panel', 'warnbg', 'bg']],
  ['bad', ['panel', 'badbg', 'bg']],
];
const MARKS: [string, string[]][] = [
  ['mark', ['panel', 'bg', 'panel2']],
  ...Array.from({ length: 8 }, (_, i): [string, string[]] => [`curve${i + 1}`, ['panel']]),
];

describe.each([
  ['light', ':root'],
  ['dark', ':root.dark'],
])('the %s theme', (_name, selector) => {
  const theme = tokens(selector);
  it.each(TEXT)('has %s readable on its surfaces: 4.5 : 1', (ink, surfaces) => {
    for (const surface of surfaces)
      expect([surface, contrast(theme[ink], theme[surface]) >= 4.5]).toEqual([surface, true]);
  });
  it.each(MARKS)('has %s visible: 3 : 1', (mark, surfaces) => {
    for (const surface of surfaces)
      expect([surface, contrast(theme[mark], theme[surface]) >= 3]).toEqual([surface, true]);
  });
});

describe('the themes', () => {
  it('define the same tokens', () => {
    expect(Object.keys(tokens(':root.dark')).sort()).toEqual(Object.keys(tokens(':root')).sort());
  });
});
