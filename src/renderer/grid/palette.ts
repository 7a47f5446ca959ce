/** Colours of cells. The drawing's own lines and inks come from the theme (theme.ts). */

export type PaletteName = 'official' | 'symbols';

/** ARC Prize's colours. */
const OFFICIAL = [
  '#000000',
  '#0074D9',
  '#FF4136',
  '#2ECC40',
  '#FFDC00',
  '#AAAAAA',
  '#F012BE',
  '#FF851B',
  '#7FDBFF',
  '#870C25',
] as const;

/**
 * Found by search, each near the hue of its official colour, so that every two stay apart under normal sight and full
 * protan-, deuter- and tritanopia: CIEDE2000 of 18 or more, where the official ones come down to 5.6. The test computes
 * it. The digits in the cells help where cells are large enough.
 */
const SAFE = [
  '#000000',
  '#18377F',
  '#B14E29',
  '#109677',
  '#F5F907',
  '#B8C2C0',
  '#BA05F2',
  '#D79106',
  '#22C8FD',
  '#6C1204',
] as const;

export const colourNames = [
  'black',
  'blue',
  'red',
  'green',
  'yellow',
  'grey',
  'magenta',
  'orange',
  'sky',
  'maroon',
] as const;

export const palettes: Record<PaletteName, readonly string[]> = { official: OFFICIAL, symbols: SAFE };

/** sRGB relative luminance (WCAG 2). */
function luminance(hex: string): number {
  const [r, g, b] = [1, 3, 5].map((at) => {
    const s = parseInt(hex.slice(at, at + 2), 16) / 255;
    return s <= 0.04045 ? s / 12.92 : ((s + 0.055) / 1.055) ** 2.4;
  });
  return 0.2126 * r + 0.7152 * g + 0.0722 * b;
}

/** Black or white, whichever reads better on `hex`. */
export function inkOn(hex: string): '#000000' | '#ffffff' {
  const l = luminance(hex);
  return (l + 0.05) / 0.05 >= 1.05 / (l + 0.05) ? '#000000' : '#ffffff';
}

const INKS: Record<PaletteName, readonly string[]> = {
  official: OFFICIAL.map(inkOn),
  symbols: SAFE.map(inkOn),
};
export const inks = (name: PaletteName): readonly string[] => INKS[name];
