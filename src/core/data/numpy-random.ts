/**
 * NumPy's legacy generator (`np.random.seed`, `randint`, `shuffle`, `permutation`), bit for bit: the reference's
 * builder draws from it, and equal datasets need equal draws. Sources: Matsumoto and Nishimura, "Mersenne Twister"
 * (1998); NumPy's `_legacy_seeding`, `random_interval` and `RandomState`, whose stream NumPy has frozen (NEP 19).
 */
const N = 624;
const M = 397;

export class LegacyRandom {
  private readonly key = new Uint32Array(N);
  private at = N;

  /** @param seed 0 … 2³² − 1, as for `np.random.seed` */
  constructor(seed: number) {
    if (!Number.isInteger(seed) || seed < 0 || seed >= 2 ** 32) {
      throw new RangeError(`the seed is ${seed}: use a whole number from 0 to ${2 ** 32 - 1}`);
    }
    this.key[0] = seed;
    for (let i = 1; i < N; i++) {
      const last = this.key[i - 1];
      this.key[i] = Math.imul(1812433253, last ^ (last >>> 30)) + i;
    }
  }

  /** The next 32 bits, 0 … 2³² − 1. */
  uint32(): number {
    if (this.at === N) this.twist();
    let y = this.key[this.at++];
    y ^= y >>> 11;
    y ^= (y << 7) & 0x9d2c5680;
    y ^= (y << 15) & 0xefc60000;
    y ^= y >>> 18;
    return y >>> 0;
  }

  private twist(): void {
    const { key } = this;
    for (let i = 0; i < N; i++) {
      const y = (key[i] & 0x80000000) | (key[i + 1 < N ? i + 1 : 0] & 0x7fffffff);
      key[i] = key[i + M < N ? i + M : i + M - N] ^ (y >>> 1) ^ (y & 1 ? 0x9908b0df : 0);
    }
    this.at = 0;
  }

  /** `np.random.rand()`: [0, 1) with 53 random bits. */
  rand(): number {
    return ((this.uint32() >>> 5) * 0x4000000 + (this.uint32() >>> 6)) / 0x20000000000000;
  }

  /**
   * Uniform in 0 … `max` (inclusive, below 2³²): draws are cut to the smallest 2ᵏ − 1 that covers `max` and thrown away
   * while they are too large. Nothing is drawn for `max` 0.
   */
  interval(max: number): number {
    if (max === 0) return 0;
    const mask = 0xffffffff >>> Math.clz32(max);
    for (;;) {
      const value = (this.uint32() & mask) >>> 0;
      if (value <= max) return value;
    }
  }

  /** `np.random.randint(low, high)`: `high` excluded, high − low ≤ 2³². */
  randint(low: number, high: number): number {
    if (!(high > low)) throw new RangeError(`randint needs low < high, not ${low} and ${high}`);
    return low + this.interval(high - low - 1);
  }

  /**
   * `np.random.shuffle` of a list or a one-dimensional array, in place: Fisher–Yates from the end.
   * @param first leave what comes before it alone, as if the array began there
   */
  shuffle(items: { length: number; [i: number]: unknown }, first = 0): void {
    for (let i = items.length - 1; i > first; i--) {
      const j = first + this.interval(i - first);
      const last = items[i];
      items[i] = items[j];
      items[j] = last;
    }
  }

  /** `np.random.choice(total, size, replace=False)`: the first `size` of a permutation of all. */
  choice(total: number, size: number): Int32Array {
    const items = Int32Array.from({ length: total }, (_, i) => i);
    this.shuffle(items);
    return items.slice(0, size);
  }

  /** `np.random.permutation(np.arange(low, high))`. */
  permutation(low: number, high: number): number[] {
    const items = Array.from({ length: high - low }, (_, i) => low + i);
    this.shuffle(items);
    return items;
  }
}
