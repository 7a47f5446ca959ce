/**
 * Animated GIF: a global palette, LZW, and of each frame only the rectangle that differs from the one before.
 * Source: CompuServe, "Graphics Interchange Format, version 89a", 1990; the loop block is Netscape's.
 */

export interface Pictures {
  width: number;
  height: number;
  /** RGBA, row by row, opaque; width · height · 4 bytes each. */
  frames: Uint8ClampedArray[];
}

export interface IndexedPictures {
  width: number;
  height: number;
  /** r, g, b of each colour; at most 256. */
  palette: Uint8Array;
  /** A palette index per pixel. */
  frames: Uint8Array[];
}

const MAX_COLOURS = 256;
const MAX_CODES = 4096;

/**
 * Colours that occur are kept as they are; where there are more than 256, the most frequent stay, and each other one
 * becomes the nearest of them. Drawings have a few flat colours and the shades of their letters' edges.
 */
export function indexColours({ width, height, frames }: Pictures): IndexedPictures {
  const counts = new Map<number, number>();
  const pixels = frames.map((frame) => new Uint32Array(frame.buffer, frame.byteOffset, frame.byteLength / 4));
  for (const frame of pixels) {
    for (let i = 0; i < frame.length;) {
      const colour = frame[i];
      const start = i;
      while (i < frame.length && frame[i] === colour) i++;
      counts.set(colour, (counts.get(colour) ?? 0) + i - start);
    }
  }
  const kept = [...counts].sort((a, b) => b[1] - a[1] || a[0] - b[0]).slice(0, MAX_COLOURS);
  // Bytes of a pixel lie as r, g, b, a in memory, whatever the machine's order of a word is.
  const bytesOf = (colour: number): Uint8Array => new Uint8Array(Uint32Array.of(colour).buffer);
  const palette = new Uint8Array(3 * kept.length);
  kept.forEach(([colour], i) => palette.set(bytesOf(colour).subarray(0, 3), 3 * i));
  const index = new Map(kept.map(([colour], i) => [colour, i]));
  const nearest = (colour: number): number => {
    const [r, g, b] = bytesOf(colour);
    let best = 0;
    let least = Infinity;
    for (let i = 0; i < kept.length; i++) {
      const distance = (palette[3 * i] - r) ** 2 + (palette[3 * i + 1] - g) ** 2 + (palette[3 * i + 2] - b) ** 2;
      if (distance < least) [best, least] = [i, distance];
    }
    return best;
  };
  const indexed = pixels.map((frame) => {
    const out = new Uint8Array(frame.length);
    for (let i = 0; i < frame.length; i++) {
      if (i > 0 && frame[i] === frame[i - 1]) {
        out[i] = out[i - 1];
        continue;
      }
      let at = index.get(frame[i]);
      if (at === undefined) index.set(frame[i], (at = nearest(frame[i])));
      out[i] = at;
    }
    return out;
  });
  return { width, height, palette, frames: indexed };
}

/** @param delays of each frame in hundredths of a second; browsers take less than 2 for 10 */
export function encodeGif(pictures: IndexedPictures, delays: readonly number[]): Uint8Array {
  const { width, height, palette, frames } = pictures;
  const bits = Math.max(1, Math.ceil(Math.log2(Math.max(2, palette.length / 3))));
  const table = new Uint8Array(3 * 2 ** bits);
  table.set(palette);
  const out = new Bytes();
  out.text('GIF89a');
  out.words(width, height);
  out.bytes(0x80 | 0x70 | (bits - 1), 0, 0);
  out.append(table);
  out.bytes(0x21, 0xff, 11);
  out.text('NETSCAPE2.0');
  out.bytes(3, 1, 0, 0, 0);
  frames.forEach((frame, i) => {
    const box = i === 0 ? { x: 0, y: 0, width, height } : changedBox(frames[i - 1], frame, width, height);
    out.bytes(0x21, 0xf9, 4, 1 << 2);
    out.words(delays[i]);
    out.bytes(0, 0);
    out.bytes(0x2c);
    out.words(box.x, box.y, box.width, box.height);
    out.bytes(0);
    compress(cut(frame, width, box), Math.max(2, bits), out);
  });
  out.bytes(0x3b);
  return out.take();
}

interface PixelBox {
  x: number;
  y: number;
  width: number;
  height: number;
}

/** What differs; a single pixel where nothing does, for every frame must have one. */
function changedBox(before: Uint8Array, now: Uint8Array, width: number, height: number): PixelBox {
  let [left, right, top, bottom] = [width, -1, height, -1];
  for (let i = 0; i < now.length; i++) {
    if (now[i] === before[i]) continue;
    const [x, y] = [i % width, Math.floor(i / width)];
    if (x < left) left = x;
    if (x > right) right = x;
    if (y < top) top = y;
    bottom = y;
  }
  if (right < 0) return { x: 0, y: 0, width: 1, height: 1 };
  return { x: left, y: top, width: right - left + 1, height: bottom - top + 1 };
}

function cut(frame: Uint8Array, width: number, box: PixelBox): Uint8Array {
  const out = new Uint8Array(box.width * box.height);
  for (let y = 0; y < box.height; y++) {
    const from = (box.y + y) * width + box.x;
    out.set(frame.subarray(from, from + box.width), y * box.width);
  }
  return out;
}

/** LZW with codes that grow from size + 1 to 12 bits, in blocks of at most 255 bytes. */
function compress(pixels: Uint8Array, size: number, out: Bytes): void {
  const clear = 1 << size;
  const colours = 1 << size;
  // Code of (a known string, one more colour), 0 where there is none.
  const known = new Uint16Array(MAX_CODES * colours);
  let [next, width] = [clear + 2, size + 1];
  let [held, count] = [0, 0];
  const block = new Uint8Array(255);
  let filled = 0;
  const flush = (): void => {
    if (!filled) return;
    out.bytes(filled);
    out.append(block.subarray(0, filled));
    filled = 0;
  };
  const byte = (value: number): void => {
    block[filled++] = value;
    if (filled === 255) flush();
  };
  const emit = (code: number): void => {
    held |= code << count;
    for (count += width; count >= 8; count -= 8) {
      byte(held & 255);
      held >>>= 8;
    }
  };
  out.bytes(size);
  emit(clear);
  let current = pixels[0];
  for (let i = 1; i < pixels.length; i++) {
    const colour = pixels[i];
    const at = current * colours + colour;
    if (known[at]) {
      current = known[at];
      continue;
    }
    emit(current);
    if (next < MAX_CODES) {
      // The reader learns a code one later than the writer: the width grows when a code no longer fits.
      if (next === 1 << width && width < 12) width++;
      known[at] = next++;
    } else {
      emit(clear);
      known.fill(0);
      [next, width] = [clear + 2, size + 1];
    }
    current = colour;
  }
  emit(current);
  if (next === 1 << width && width < 12) width++;
  emit(clear + 1);
  if (count > 0) byte(held & 255);
  flush();
  out.bytes(0);
}

/** Bytes that grow. */
class Bytes {
  private data = new Uint8Array(1 << 16);
  private end = 0;

  append(bytes: Uint8Array): void {
    if (this.end + bytes.length > this.data.length) {
      const larger = new Uint8Array(Math.max(2 * this.data.length, this.end + bytes.length));
      larger.set(this.data.subarray(0, this.end));
      this.data = larger;
    }
    this.data.set(bytes, this.end);
    this.end += bytes.length;
  }

  bytes(...values: number[]): void {
    this.append(Uint8Array.from(values));
  }

  /** Little-endian. */
  words(...values: number[]): void {
    for (const value of values) this.bytes(value & 255, value >> 8);
  }

  text(ascii: string): void {
    this.append(Uint8Array.from(ascii, (c) => c.charCodeAt(0)));
  }

  take(): Uint8Array {
    return this.data.slice(0, this.end);
  }
}
