// Work that takes seconds: the smallest model, data and task that go through every part of the app.

/** A 4 × 4 Sudoku dataset that is built in milliseconds. */
export const TINY_RECIPE = { kind: 'sudoku', size: 4, train: 64, test: 16, blanks: [6, 8], seed: 1 };

/**
 * A model of some thousand parameters.
 * @param {number} epochs eight steps each
 * @param {Record<string, unknown>} [studio] settings under `studio.`
 */
export const tinyConfig = (epochs, studio = {}) => ({
  arch: {
    hidden_size: 32,
    num_heads: 2,
    L_layers: 1,
    H_cycles: 1,
    L_cycles: 1,
    halt_max_steps: 2,
    puzzle_emb_ndim: 32,
    puzzle_emb_len: 1,
    expansion: 1,
    forward_dtype: 'float32',
  },
  global_batch_size: 8,
  epochs,
  eval_interval: Math.min(epochs, 10),
  lr: 1e-3,
  lr_warmup_steps: 3,
  ema: true,
  evaluators: [],
  studio: { checkpoint_every_steps: 20, keep_checkpoints: 2, ...studio },
});

/** An ARC task of 2 × 2 grids: the colours are exchanged. */
export const TINY_TASK = {
  train: [
    { input: [[1, 2], [2, 1]], output: [[2, 1], [1, 2]] },
    { input: [[1, 1], [2, 1]], output: [[2, 2], [1, 2]] },
  ],
  test: [{ input: [[2, 2], [1, 2]], output: [[1, 1], [2, 1]] }],
}; // prettier-ignore
