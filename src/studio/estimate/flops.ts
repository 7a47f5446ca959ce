/**
 * Floating-point operations of a TRM training step, counted from the config. A multiply-add counts as two.
 *
 * With T = P + S tokens, one block costs
 *   attention   qkv 6TD² + output 2TD² + scores 2T²D + weighted sum 2T²D = 8TD² + 4T²D
 *   SwiGLU      gate and up 4TDI + down 2TID = 6TDI
 *   or, with mlp_t, a SwiGLU over the sequence axis in place of attention: 6·D·T·I_t.
 * A level call is L_layers blocks. One ACT step makes H_cycles · (L_cycles + 1) of them; the L_cycles + 1 of the last
 * H cycle carry a gradient, and a backward pass costs twice its forward. The head adds 6·S·D·V (forward and backward).
 * Check: the ARC model (D 512, T 916, H 3, L 4) gives 15 calls + 2 · 5 = 25 forwards of 15.9 GF = 398 GF per sample.
 */
import type { ArchConfig, TrainConfig } from '../../shared/config';

/** The SwiGLU's inner width for an axis of `size`: round(expansion · size · 2/3), up to a multiple of 256. */
export function innerWidth(size: number, expansion: number): number {
  return Math.ceil(Math.round((expansion * size * 2) / 3) / 256) * 256;
}

/** P: prefix tokens that carry the puzzle embedding. */
export function prefixTokens(arch: ArchConfig): number {
  if (arch.puzzle_emb_ndim === 0) return 0;
  return arch.puzzle_emb_len || Math.ceil(arch.puzzle_emb_ndim / arch.hidden_size);
}

/** One call of the level for one sample. */
export function levelFlops(arch: ArchConfig, seqLen: number): number {
  const D = arch.hidden_size;
  const T = prefixTokens(arch) + seqLen;
  const mixing = arch.mlp_t ? 6 * D * T * innerWidth(T, arch.expansion) : 8 * T * D * D + 4 * T * T * D;
  return arch.L_layers * (mixing + 6 * T * D * innerWidth(D, arch.expansion));
}

/** One ACT step of one sample with its gradient. */
export function trainFlopsPerSample(arch: ArchConfig, seqLen: number, vocabSize: number): number {
  const calls = arch.H_cycles * (arch.L_cycles + 1) + 2 * (arch.L_cycles + 1);
  return calls * levelFlops(arch, seqLen) + 6 * seqLen * arch.hidden_size * vocabSize;
}

/** All ACT steps of one evaluated sample: evaluation never halts early. */
export function evalFlopsPerSample(arch: ArchConfig, seqLen: number, vocabSize: number): number {
  const call = arch.H_cycles * (arch.L_cycles + 1) * levelFlops(arch, seqLen);
  return arch.halt_max_steps * (call + 2 * seqLen * arch.hidden_size * vocabSize);
}

export function flopsPerStep(config: TrainConfig, seqLen: number, vocabSize: number): number {
  return config.global_batch_size * trainFlopsPerSample(config.arch, seqLen, vocabSize);
}

/** Trainable numbers of the network, puzzle embeddings apart. */
export function parameterCount(arch: ArchConfig, seqLen: number, vocabSize: number): number {
  const D = arch.hidden_size;
  const T = prefixTokens(arch) + seqLen;
  const mixing = arch.mlp_t ? 3 * T * innerWidth(T, arch.expansion) : 4 * D * D;
  const blocks = arch.L_layers * (mixing + 3 * D * innerWidth(D, arch.expansion));
  const positions = arch.pos_encodings === 'learned' ? T * D : 0;
  return blocks + 2 * vocabSize * D + 2 * D + 2 + positions;
}
