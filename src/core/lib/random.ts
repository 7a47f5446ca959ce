/**
 * Seeded random numbers whose state can be saved: sfc32 (Chris Doty-Humphrey's Small Fast Counting generator, PractRand),
 * seeded through splitmix32 from a seed and the name of a stream, so that initial weights, exploration and whatever comes
 * later never share numbers.
 */
export type RandomState = [number, number, number, number];

export class Random {
  private state: RandomState;

  constructor(seed: number, stream: string) {
    let h = seed >>> 0;
    for (let i = 0; i < stream.length; i++) h = Math.imul(h ^ stream.charCodeAt(i), 0x01000193) >>> 0;
    const next = () => {
      h = (h + 0x9e3779b9) >>> 0;
      let z = h;
      z = Math.imul(z ^ (z >>> 16), 0x21f0aaad);
      z = Math.imul(z ^ (z >>> 15), 0x735a2d97);
      return (z ^ (z >>> 15)) >>> 0;
    };
    this.state = [next(), next(), next(), 1];
    for (let i = 0; i < 12; i++) this.uint32();
  }

  /** 0 … 2³² − 1. */
  uint32(): number {
    let [a, b, c, d] = this.state;
    const result = (a + b + d) >>> 0;
    d = (d + 1) >>> 0;
    a = b ^ (b >>> 9);
    b = (c + (c << 3)) >>> 0;
    c = (c << 21) | (c >>> 11);
    c = (c + result) >>> 0;
    this.state = [a >>> 0, b, c, d];
    return result;
  }

  /** [0, 1) with 53 random bits. */
  uniform(): number {
    return ((this.uint32() >>> 5) * 0x4000000 + (this.uint32() >>> 6)) / 0x20000000000000;
  }

  /** A whole number from `low` to `high`, both included. */
  integer(low: number, high: number): number {
    return low + Math.floor(this.uniform() * (high - low + 1));
  }

  save(): RandomState {
    return [...this.state];
  }

  restore(state: RandomState): void {
    this.state = [...state];
  }
}
