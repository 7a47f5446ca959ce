/**
 * The puzzle embedding and its optimizer: a table on the host, of which a step reads and changes only the batch's rows.
 * Sparse SignSGD: gradients of rows with the same id are summed; touched rows: w *= 1 − lr·wd; w −= lr · sign(g).
 */
export class PuzzleEmbedding {
  constructor(
    readonly rows: number,
    readonly width: number,
    /** [rows, width], zeros at the start. */
    readonly weights: Float32Array = new Float32Array(rows * width),
  ) {
    if (weights.length !== rows * width) throw new Error(`embedding of ${weights.length} numbers, not ${rows * width}`);
  }

  /** @param ids [B] @returns [B, width] */
  gather(ids: Int32Array): Float32Array {
    const { width } = this;
    const out = new Float32Array(ids.length * width);
    for (let b = 0; b < ids.length; b++) {
      const id = this.checked(ids[b]);
      out.set(this.weights.subarray(id * width, (id + 1) * width), b * width);
    }
    return out;
  }

  /** One update. @param ids [B] @param gradient [B, width] */
  update(ids: Int32Array, gradient: Float32Array, lr: number, weightDecay: number): void {
    const { width, weights } = this;
    const sums = new Map<number, Float32Array>();
    for (let b = 0; b < ids.length; b++) {
      const row = gradient.subarray(b * width, (b + 1) * width);
      const sum = sums.get(this.checked(ids[b]));
      if (!sum) sums.set(ids[b], row.slice());
      else for (let i = 0; i < width; i++) sum[i] += row[i];
    }
    const decay = 1 - lr * weightDecay;
    for (const [id, sum] of sums) {
      const at = id * width;
      // Two roundings to float32, as two in-place operations on float32 tensors do.
      for (let i = 0; i < width; i++) weights[at + i] = Math.fround(weights[at + i] * decay) - lr * Math.sign(sum[i]);
    }
  }

  private checked(id: number): number {
    if (id >= 0 && id < this.rows) return id;
    throw new RangeError(`puzzle identifier ${id} lies outside the embedding's ${this.rows} rows`);
  }
}
