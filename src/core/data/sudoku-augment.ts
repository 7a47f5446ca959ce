/** Sudoku's symmetries, drawn as in the reference's `build_sudoku_dataset.py`. */
import type { LegacyRandom } from './numpy-random';

/** Cells [S] of a puzzle and of its solution, as tokens. */
export interface Board {
  input: Uint8Array;
  label: Uint8Array;
}

/**
 * A board and its solution with other digits, perhaps transposed, with bands and stacks and the rows and columns within
 * them in another order. Draws: digits, transposition, bands, rows of each band in the new order, stacks, columns.
 *
 * @param input, label [81] tokens: digit + 1, 1 = blank
 */
export function shuffleSudoku(input: Uint8Array, label: Uint8Array, random: LegacyRandom): Board {
  const digits = random.permutation(1, 10);
  const transpose = random.rand() < 0.5;
  const lines = (): number[] =>
    random.permutation(0, 3).flatMap((band) => random.permutation(0, 3).map((line) => 3 * band + line));
  const rows = lines();
  const columns = lines();
  const apply = (board: Uint8Array): Uint8Array => {
    const out = new Uint8Array(81);
    for (let i = 0; i < 81; i++) {
      const [row, column] = [rows[Math.floor(i / 9)], columns[i % 9]];
      const token = board[transpose ? column * 9 + row : row * 9 + column];
      out[i] = token > 1 ? digits[token - 2] + 1 : token;
    }
    return out;
  };
  return { input: apply(input), label: apply(label) };
}
