/** Repeatable draws: the same seed gives the same series of fronts, victims and moments. */
export class Random {
  /** @param {number} seed */
  constructor(seed) {
    this.state = seed >>> 0;
  }

  /** Uniform in [0, 1); mulberry32. */
  next() {
    this.state = (this.state + 0x6d2b79f5) >>> 0;
    let t = this.state;
    t = Math.imul(t ^ (t >>> 15), t | 1);
    t ^= t + Math.imul(t ^ (t >>> 7), t | 61);
    return ((t ^ (t >>> 14)) >>> 0) / 2 ** 32;
  }

  /**
   * A whole number from 0 to `n` − 1.
   * @param {number} n
   */
  below(n) {
    return Math.floor(this.next() * n);
  }

  /**
   * One of the keys, as often as its weight says.
   * @template {string} K
   * @param {Partial<Record<K, number>>} weights
   * @returns {K}
   */
  weighted(weights) {
    const entries = /** @type {[K, number][]} */ (Object.entries(weights));
    let at = this.next() * entries.reduce((sum, [, weight]) => sum + weight, 0);
    for (const [key, weight] of entries) if ((at -= weight) < 0) return key;
    return entries[entries.length - 1][0];
  }
}
