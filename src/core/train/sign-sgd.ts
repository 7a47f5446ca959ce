/**
 * The puzzle embedding and its optimizer: a table of which a step reads and changes only the batch's rows.
 * Sparse SignSGD: gradients of rows with the same id are summed; touched rows: w *= 1 − lr·wd; w −= lr · sign(g).
 */

/** Puzzle embeddings, wherever they are. */
export interface PuzzleRows {
  readonly rows: number;
  readonly width: number;
  /** @param ids [B] @returns [B, width] */
  gather(ids: Int32Array): Float32Array;
  /** All of them, [rows, width]. */
  read(): Float32Array;
  /** @param values [rows, width] */
  write(values: Float32Array): void;
}

/** Learning rate and 1 − lr · weight decay, in float32 as a tensor has them. */
export const sparseNumbers = (lr: number, weightDecay: number): [lr: number, decay: number] => [
  Math.fround(lr),
  Math.fround(1 - lr * weightDecay),
];

/** @throws RangeError for an identifier that the embedding has no row for */
export function checkIdentifiers(ids: Int32Array, rows: number): void {
  const wrong = ids.find((id) => id < 0 || id >= rows);
  if (wrong !== undefined) {
    throw new RangeError(`puzzle identifier ${wrong} lies outside the embedding's ${rows} rows`);
  }
}

/** A table on the host. */
export class PuzzleEmbedding implements PuzzleRows {
  constructor(
    readonly rows: number,
    readonly width: number,
    /** [rows, width], zeros at the start. */
    readonly weights: Float32Array = new Float32Array(rows * width),
  ) {
    if (weights.length !== rows * width) throw new Error(`embedding of ${weights.length} numbers, not ${rows * width}`);
  }

  gather(ids: Int32Array): Float32Array {
    const { width } = this;
    checkIdentifiers(ids, this.rows);
    const out = new Float32Array(ids.length * width);
    for (let b = 0; b < ids.length; b++) {
      out.set(this.weights.subarray(ids[b] * width, (ids[b] + 1) * width), b * width);
    }
    return out;
  }

  read(): Float32Array {
    return this.weights;
  }

  write(values: Float32Array): void {
    this.weights.set(values);
  }

  /** One update. @param ids [B] @param gradient [B, width] @param numbers as `sparseNumbers` gives them */
  update(ids: Int32Array, gradient: Float32Array, [lr, decay]: readonly [number, number]): void {
    const { width, weights } = this;
    checkIdentifiers(ids, this.rows);
    const sums = new Map<number, Float32Array>();
    for (let b = 0; b < ids.length; b++) {
      const row = gradient.subarray(b * width, (b + 1) * width);
      const sum = sums.get(ids[b]);
      if (!sum) sums.set(ids[b], row.slice());
      else for (let i = 0; i < width; i++) sum[i] += row[i];
    }
    for (const [id, sum] of sums) {
      const at = id * width;
      // Two roundings to float32, as two in-place operations on float32 tensors do.
      for (let i = 0; i < width; i++) weights[at + i] = Math.fround(weights[at + i] * decay) - lr * Math.sign(sum[i]);
    }
  }
}
