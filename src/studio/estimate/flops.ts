/**
 * Floating-point operations of a training step, counted from the config. A multiply-add counts as two.
 *
 * With T = P + S tokens and C = heads · head size (D where the heads divide it), one block costs
 *   attention   qkv 6TDC + output 2TDC + scores 2T²C + weighted sum 2T²C = 8TDC + 4T²C
 *   SwiGLU      gate and up 4TDI + down 2TID = 6TDI
 *   or, with mlp_t, a SwiGLU over the sequence axis in place of attention: 6·D·T·I_t.
 * A level call is a stack of blocks; those with a gradient cost twice their forward once more. The head adds 6·S·D·V
 * (forward and backward). Where q_continue learns, a step makes one more forward.
 * Check: the ARC model (D 512, T 916, H 3, L 4) gives 15 calls + 2 · 5 = 25 forwards of 15.9 GF = 398 GF per sample.
 */
import { ARCHITECTURES, headSize, mixesBySwiglu, prefixTokens, reads, swigluWidth } from '../../shared/architectures';
import type { ArchConfig, TrainConfig } from '../../shared/config';

/** Blocks that one forward (ACT step) runs through, how many of them with a gradient, and blocks that have weights. */
function blocks(arch: ArchConfig): { run: number; learning: number; stored: number } {
  const { H_cycles: H, L_cycles: L, H_layers, L_layers } = arch;
  switch (ARCHITECTURES[arch.name].preset) {
    case 'hrm':
      return { run: H * (L * L_layers + H_layers), learning: L_layers + H_layers, stored: L_layers + H_layers };
    case 'transformers_baseline':
      return { run: H_layers, learning: H_layers, stored: H_layers };
    default:
      return { run: H * (L + 1) * L_layers, learning: (L + 1) * L_layers, stored: L_layers };
  }
}

const attentionWidth = (arch: ArchConfig): number => arch.num_heads * headSize(arch);

/** One block for one sample. */
export function blockFlops(arch: ArchConfig, seqLen: number): number {
  const D = arch.hidden_size;
  const C = attentionWidth(arch);
  const T = prefixTokens(arch) + seqLen;
  const mixing = mixesBySwiglu(arch) ? 6 * D * T * swigluWidth(T, arch.expansion) : 8 * T * D * C + 4 * T * T * C;
  return mixing + 6 * T * D * swigluWidth(D, arch.expansion);
}

/** HRM always teaches q_continue, TRM where it is asked to; with a single ACT step there is nothing to go on to. */
function learnsContinue(arch: ArchConfig): boolean {
  const { preset } = ARCHITECTURES[arch.name];
  const asked = reads(arch.name, 'no_ACT_continue') && !arch.no_ACT_continue;
  return arch.halt_max_steps > 1 && (preset === 'hrm' || asked);
}

/** One ACT step of one sample with its gradient. */
export function trainFlopsPerSample(arch: ArchConfig, seqLen: number, vocabSize: number): number {
  const { run, learning } = blocks(arch);
  const forwards = (learnsContinue(arch) ? 2 : 1) * run + 2 * learning;
  return forwards * blockFlops(arch, seqLen) + 6 * seqLen * arch.hidden_size * vocabSize;
}

/** All ACT steps of one evaluated sample: evaluation never halts early. */
export function evalFlopsPerSample(arch: ArchConfig, seqLen: number, vocabSize: number): number {
  const step = blocks(arch).run * blockFlops(arch, seqLen);
  return arch.halt_max_steps * (step + 2 * seqLen * arch.hidden_size * vocabSize);
}

export function flopsPerStep(config: TrainConfig, seqLen: number, vocabSize: number): number {
  return config.global_batch_size * trainFlopsPerSample(config.arch, seqLen, vocabSize);
}

/** Trainable numbers of the network, puzzle embeddings apart. */
export function parameterCount(arch: ArchConfig, seqLen: number, vocabSize: number): number {
  const D = arch.hidden_size;
  const T = prefixTokens(arch) + seqLen;
  const mixing = mixesBySwiglu(arch) ? 3 * T * swigluWidth(T, arch.expansion) : 4 * D * attentionWidth(arch);
  const network = blocks(arch).stored * (mixing + 3 * D * swigluWidth(D, arch.expansion));
  const positions = arch.pos_encodings === 'learned' ? T * D : 0;
  return network + 2 * vocabSize * D + 2 * D + 2 + positions;
}
