/** GIFs are decoded again by a reader written here from the specification, pixel by pixel. */
import { describe, expect, it } from 'vitest';
import { encodeGif, indexColours } from '@renderer/playback/export/gif';
import { randomFrom } from './fixtures/world';

interface Decoded {
  width: number;
  height: number;
  /** RGB triples of each frame as it stands on the screen. */
  frames: Uint8Array[];
  delays: number[];
  loops: boolean;
}

function decodeGif(file: Uint8Array): Decoded {
  const text = (from: number, to: number): string => String.fromCharCode(...file.subarray(from, to));
  const word = (at: number): number => file[at] | (file[at + 1] << 8);
  expect(text(0, 6)).toBe('GIF89a');
  const [width, height] = [word(6), word(8)];
  const colours = 2 << (file[10] & 7);
  const palette = file.subarray(13, 13 + 3 * colours);
  const screen = new Uint8Array(width * height * 3);
  const out: Decoded = { width, height, frames: [], delays: [], loops: false };
  let at = 13 + 3 * colours;
  const blocks = (): number[] => {
    const bytes: number[] = [];
    while (file[at]) {
      bytes.push(...file.subarray(at + 1, at + 1 + file[at]));
      at += 1 + file[at];
    }
    at++;
    return bytes;
  };
  for (;;) {
    const kind = file[at++];
    if (kind === 0x3b) break;
    if (kind === 0x21) {
      const label = file[at++];
      if (label === 0xf9) out.delays.push(word(at + 2));
      if (label === 0xff) out.loops = text(at + 1, at + 12) === 'NETSCAPE2.0';
      blocks();
      continue;
    }
    expect(kind).toBe(0x2c);
    const [left, top, w, h] = [word(at), word(at + 2), word(at + 4), word(at + 6)];
    at += 9;
    const size = file[at++];
    const pixels = inflate(blocks(), size);
    expect(pixels).toHaveLength(w * h);
    pixels.forEach((index, i) => {
      const to = ((top + Math.floor(i / w)) * width + left + (i % w)) * 3;
      screen.set(palette.subarray(3 * index, 3 * index + 3), to);
    });
    out.frames.push(screen.slice());
  }
  expect(at).toBe(file.length);
  return out;
}

/** LZW, strings kept whole: slow and plain. */
function inflate(bytes: number[], size: number): number[] {
  const clear = 1 << size;
  let table: number[][] = [];
  let width = 0;
  let before: number[] | null = null;
  const reset = (): void => {
    table = Array.from({ length: clear + 2 }, (_, i) => (i < clear ? [i] : []));
    width = size + 1;
    before = null;
  };
  reset();
  const out: number[] = [];
  for (let bit = 0; bit + width <= bytes.length * 8;) {
    let code = 0;
    for (let k = 0; k < width; k++, bit++) code |= ((bytes[bit >> 3] >> (bit & 7)) & 1) << k;
    if (code === clear) {
      reset();
      continue;
    }
    if (code === clear + 1) return out;
    const known: number[] | null = before;
    const entry: number[] = code < table.length ? table[code] : [...(known ?? []), (known ?? [])[0]];
    expect(code).toBeLessThanOrEqual(table.length);
    out.push(...entry);
    if (known && table.length < 4096) {
      table.push([...known, entry[0]]);
      if (table.length === 1 << width && width < 12) width++;
    }
    before = entry;
  }
  throw new Error('no end');
}

/** RGBA from a function of the pixel. */
function picture(
  width: number,
  height: number,
  of: (x: number, y: number) => [number, number, number],
): Uint8ClampedArray {
  const data = new Uint8ClampedArray(width * height * 4);
  for (let i = 0; i < width * height; i++) data.set([...of(i % width, Math.floor(i / width)), 255], 4 * i);
  return data;
}
const rgb = (frame: Uint8ClampedArray): number[] => [...frame].filter((_, i) => i % 4 < 3);

const through = (width: number, height: number, frames: Uint8ClampedArray[], delays: number[]): Decoded =>
  decodeGif(encodeGif(indexColours({ width, height, frames }), delays));

describe('a GIF', () => {
  it('gives back every pixel of frames with few colours', () => {
    const frames = [0, 1, 2].map((t) => picture(13, 7, (x, y) => [x === t ? 250 : 10, y * 30, 77]));
    const gif = through(13, 7, frames, [25, 25, 150]);
    expect([gif.width, gif.height]).toEqual([13, 7]);
    expect(gif.delays).toEqual([25, 25, 150]);
    expect(gif.loops).toBe(true);
    gif.frames.forEach((frame, i) => expect([...frame]).toEqual(rgb(frames[i])));
  });

  it('survives long noise, where its table of codes fills up and starts over', () => {
    const random = randomFrom(9);
    for (const colours of [2, 3, 17, 256]) {
      const frame = picture(160, 140, () => {
        const v = Math.floor(random() * colours);
        return [v, 255 - v, (v * 7) % 256];
      });
      const [found] = through(160, 140, [frame], [10]).frames;
      expect(sameBytes(found, rgb(frame)), `${colours} colours`).toBe(true);
    }
  });

  it('writes only what changes, and a pixel where nothing does', () => {
    const still = picture(100, 100, (x, y) => [x, y, (x * y) % 200]);
    const moved = still.slice();
    moved.set([255, 0, 0, 255], 4 * (50 * 100 + 40));
    const pictures = indexColours({ width: 100, height: 100, frames: [still, still, moved] });
    const one = encodeGif({ ...pictures, frames: pictures.frames.slice(0, 1) }, [10]);
    const three = encodeGif(pictures, [10, 10, 10]);
    expect(three.length - one.length).toBeLessThan(80);
    const { frames } = decodeGif(three);
    expect(frames[1]).toEqual(frames[0]);
    expect([...frames[2].subarray(3 * 5040, 3 * 5041)]).toEqual([
      ...pictures.palette.subarray(3 * pictures.frames[2][5040]).subarray(0, 3),
    ]);
  });

  it('with more than 256 colours keeps the frequent ones and takes the nearest for the rest', () => {
    const frame = picture(64, 64, (x, y) => (y < 32 ? [0, 116, 217] : [x * 4, y * 4, 9]));
    const [found] = through(64, 64, [frame], [10]).frames;
    const wanted = rgb(frame);
    expect([...found.subarray(0, 3 * 64 * 32)]).toEqual(wanted.slice(0, 3 * 64 * 32));
    const worst = wanted.reduce((most, v, i) => Math.max(most, Math.abs(v - found[i])), 0);
    expect(worst).toBeGreaterThan(0);
    expect(worst).toBeLessThan(140);
  });
});

function sameBytes(a: Uint8Array, b: number[]): boolean {
  return a.length === b.length && a.every((v, i) => v === b[i]);
}
