/** Random changes of good files, the same for every reader: of bytes, of lengths, and of what text says. */

/** Reproducible whole numbers below `n`. */
export type Random = (n: number) => number;

const EXTREMES = [0, 1, 0x7f, 0x80, 0xff, 0x7fffffff, 0x80000000, 0xffffffff, 0x40000000];
const NUMBERS = ['-1', '0', '1e999', '-1e999', '1e308', '0.5', '2147483648', '9007199254740993', '99999999999999999999', 'NaN', 'null', '"7"', '[]', '{}']; // prettier-ignore
const WORDS = [
  '"data_offsets"', '"a":', '{', '[', '1e99', '-1', 'cos\nsystem\n', 'cbuiltins\neval\n', '\x93', 'R', '(', '..', '/', 's', 'u', 'b',
  '"__proto__":', '"constructor":', '../../x', 'C:\\x', '\0', '\r\n', '\ufeff', '\ud800', '${x}', '&a *a', '!!python/object', '"', "'",
]; // prettier-ignore
const DEEP = ['[', '{"a":', '(', '- ', '"'];

/** One to four changes. @param others whose bytes may be spliced in */
export function change(good: Buffer, random: Random, others: readonly Buffer[]): Buffer {
  let bytes = Buffer.from(good);
  for (let n = 0; n <= random(3) && bytes.length > 8; n++) bytes = changeOnce(bytes, random, others);
  return bytes;
}

function changeOnce(bytes: Buffer, random: Random, others: readonly Buffer[]): Buffer<ArrayBuffer> {
  const at = random(bytes.length);
  const length = 1 + random(Math.min(64, bytes.length - at));
  const copy = Buffer.from(bytes);
  switch (random(12)) {
    case 0:
      copy[at] ^= 1 << random(8);
      return copy;
    case 1:
      copy[at] = random(256);
      return copy;
    case 2:
      if (at + 4 <= copy.length) copy.writeUInt32LE(EXTREMES[random(EXTREMES.length)], at);
      return copy;
    case 3:
      return copy.subarray(0, at);
    case 4:
      return Buffer.concat([copy.subarray(0, at), copy.subarray(at + length)]);
    case 5:
      return Buffer.concat([copy.subarray(0, at + length), copy.subarray(at)]);
    case 6: {
      const other = others[random(others.length)];
      other.copy(copy, at, random(other.length), other.length);
      return copy;
    }
    case 7:
      copy.write(WORDS[random(WORDS.length)], at, 'latin1');
      return copy;
    case 8:
      copy.fill(random(256), at, at + length);
      return copy;
    case 9:
      return insteadOfNumber(copy, at, NUMBERS[random(NUMBERS.length)]);
    case 10:
      // Seldom: each is a megabyte.
      if (random(40)) return changeOnce(copy, random, others);
      return Buffer.concat([copy.subarray(0, at), Buffer.from(DEEP[random(DEEP.length)].repeat(200_000)), copy.subarray(at)]); // prettier-ignore
    default:
      if (at + 8 <= copy.length) copy.writeBigUInt64LE(BigInt(EXTREMES[random(EXTREMES.length)]) << BigInt(random(33)), at); // prettier-ignore
      return copy;
  }
}

/** The first number of the text behind a place becomes another one, of any length. */
function insteadOfNumber(bytes: Buffer, at: number, number: string): Buffer<ArrayBuffer> {
  const text = bytes.subarray(at, at + 4096).toString('latin1');
  const found = /-?\d+(\.\d+)?/.exec(text);
  const [from, to] = found ? [at + found.index, at + found.index + found[0].length] : [at, at];
  return Buffer.concat([bytes.subarray(0, from), Buffer.from(number), bytes.subarray(to)]);
}

/** Random numbers of one case: each case can be made again by itself. */
export function randomOf(seed: number, name: string, index: number): Random {
  let state = seed >>> 0;
  for (const c of `${name} ${index}`) state = Math.imul(state ^ c.charCodeAt(0), 0x01000193) >>> 0;
  return (n) => {
    state = (state + 0x6d2b79f5) >>> 0;
    let t = Math.imul(state ^ (state >>> 15), 1 | state);
    t = (t + Math.imul(t ^ (t >>> 7), 61 | t)) ^ t;
    return Math.floor((((t ^ (t >>> 14)) >>> 0) / 2 ** 32) * n);
  };
}
