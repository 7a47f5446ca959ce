/**
 * A trace: what the model did with one example, ACT step by ACT step. Written once by the compute process as a
 * safetensors file; playback reads it and computes nothing. T = ACT steps, S = rows · columns of the canvas.
 *
 * Tensors:  input U8 [S] · target U8 [S] (ignore_label_id where unknown; absent if there is none) ·
 *           tokens U8 [T, S] (argmax of the logits decoded from z_H) · confidence F32 [T, S] (softmax-free: the stablemax
 *           probability of the chosen token) · q_halt F32 [T] (logit) · z_H_change F32 [T] (RMS distance to the step before).
 * `__metadata__.trace` holds TraceMeta as JSON.
 */
import type { PuzzleKind } from './arc';

export interface TraceMeta {
  schema: 1;
  kind: PuzzleKind;
  rows: number;
  columns: number;
  act_steps: number;
  /** The puzzle's name in identifiers.json, e.g. "00d62c1b"; for puzzles without names "test 17". */
  puzzle: string;
  split: 'train' | 'test';
  index: number;
  run: string;
  run_name: string;
  checkpoint_step: number;
  weights: 'ema' | 'raw';
  /** The step at which the model itself would have halted (first q_halt > 0), or null. */
  halts_at: number | null;
  /** True if every labelled cell of the last step is right; null without a target. */
  solved: boolean | null;
}
