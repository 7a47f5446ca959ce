/** What flows from a dataset into a step. B = batch rows, S = seq_len. Row-major typed arrays, one per tensor. */
export interface Batch {
  /** Rows, padding included; always the asked-for batch size. */
  size: number;
  /** Rows that hold examples; the rest are blank (test split's last batch only). */
  filled: number;
  /** [B, S] tokens. */
  inputs: Int32Array;
  /** [B, S] tokens, −100 where there is no label (the reference's IGNORE_LABEL_ID). */
  labels: Int32Array;
  /** [B] row numbers of the puzzle embedding; blank_identifier_id in padding rows. */
  puzzle_identifiers: Int32Array;
}

export const IGNORE_LABEL = -100;
