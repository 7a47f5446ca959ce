import { describe, expect, it } from 'vitest';
import { IDENTITY } from '@shared/arc-augment';
import type { Dihedral } from '@shared/arc-grid';
import { augmentPacked, drawAugmentation, isIdentity, nameOf, withImage } from '@renderer/tasks/augmentation';
import { canvasPair, roomOf, tokenWords } from '@renderer/tasks/token-canvas';
import { fromPacked, toPacked } from '@renderer/editor/strokes';
import { EMPTY, END } from '@renderer/grid/cells';

describe('an augmentation by hand', () => {
  it('recolours and turns, as the reference does', () => {
    const images = Uint8Array.from([0, 2, 1, 3, 4, 5, 6, 7, 8, 9]);
    const under = (t: Dihedral): string => toPacked(augmentPacked('012/300', { t, images }));
    // numpy.rot90 turns counter-clockwise: the last column comes first.
    expect([0, 1, 2, 3, 4, 5, 6, 7].map((t) => under(t as Dihedral))).toEqual([
      '021/300',
      '10/20/03',
      '003/120',
      '30/02/01',
      '120/003',
      '300/021',
      '03/20/10',
      '01/02/30',
    ]);
  });

  it('stays a permutation when one colour is chosen for another', () => {
    const once = withImage(IDENTITY.images, 3, 7);
    expect([...once]).toEqual([0, 1, 2, 7, 4, 5, 6, 3, 8, 9]);
    expect([...withImage(once, 1, 7)]).toEqual([0, 7, 2, 1, 4, 5, 6, 3, 8, 9]);
    expect([...IDENTITY.images]).toEqual([0, 1, 2, 3, 4, 5, 6, 7, 8, 9]);
  });

  it('is called as in identifiers.json, and not at all where it changes nothing', () => {
    const images = Uint8Array.from([0, 2, 8, 7, 3, 9, 1, 4, 5, 6]);
    expect(nameOf('00d62c1b', { t: 3, images })).toBe('00d62c1b|||t3|||0287391456');
    expect(nameOf('00d62c1b', { t: 0, images: IDENTITY.images.slice() })).toBe('00d62c1b');
    expect(isIdentity({ t: 4, images: IDENTITY.images })).toBe(false);
  });

  it('is drawn with black in its place', () => {
    let seed = 1;
    const random = (): number => (seed = (seed * 16807) % 2147483647) / 2147483647;
    const seen = new Set<string>();
    for (let i = 0; i < 400; i++) {
      const { t, images } = drawAugmentation(random);
      expect(images[0]).toBe(0);
      expect([...images].sort()).toEqual([0, 1, 2, 3, 4, 5, 6, 7, 8, 9]);
      seen.add(`t${t}`);
      for (let c = 1; c < 10; c++) seen.add(`${c}>${images[c]}`);
    }
    expect(seen.size).toBe(8 + 81);
  });
});

describe('the token canvas', () => {
  const input = fromPacked('12/30');
  const output = fromPacked('5');

  it('holds padding, end marks and colours where the builder puts them', () => {
    const pair = canvasPair(4, input, output, { row: 1, column: 1 });
    // Colours are c + 2; the row below and the column right are EOS, the corner between them is not.
    expect(pair && [...pair.input.tokens]).toEqual([0, 0, 0, 0, 0, 3, 4, 1, 0, 5, 2, 1, 0, 1, 1, 0]);
    expect(pair?.output && [...pair.output.tokens]).toEqual([0, 0, 0, 0, 0, 7, 1, 0, 0, 1, 0, 0, 0, 0, 0, 0]);
    expect(pair?.input.counts).toEqual({ pad: 8, eos: 4, colours: 4 });
    expect(pair && [...pair.input.cells.values.subarray(4, 8)]).toEqual([EMPTY, 1, 2, END]);
  });

  it('moves both grids alike, and no further than both fit', () => {
    expect(roomOf(4, input, fromPacked('000'))).toEqual({ row: 2, column: 1 });
    expect(roomOf(2, input, fromPacked('000'))).toBeNull();
    expect(canvasPair(2, input, fromPacked('000'), { row: 0, column: 0 })).toBeNull();
    expect(canvasPair(4, input, output, { row: 9, column: 9 })?.offset).toEqual({ row: 2, column: 2 });
  });

  it('is read aloud token by token', () => {
    expect([0, 1, 2, 11].map(tokenWords)).toEqual([
      'token 0, PAD',
      'token 1, EOS',
      'token 2, colour 0 (black)',
      'token 11, colour 9 (maroon)',
    ]);
  });
});
