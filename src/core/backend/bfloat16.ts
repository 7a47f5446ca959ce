/** Whether this machine computes faster in bfloat16 than in float32. */
import { readFileSync } from 'node:fs';
import { hasBfloat16 } from './gpus';
import type { GpuInfo } from '../../shared/doctor';
import { nativeBackend } from './native';

let gains: boolean | null = null;
let card: GpuInfo | null = null;

/** Told once, by whoever loads the backend: the card that computes, not another one of the machine. */
export function setCard(gpu: GpuInfo | null): void {
  card = gpu;
  gains = null;
}

/**
 * True on a CPU with AVX-512 BF16 or AMX, and on a GPU from compute capability 8.0 (Ampere). Others would compute bfloat16
 * by way of float32, slower than that itself.
 */
export function bfloat16Gains(): boolean {
  const backend = nativeBackend();
  if (!backend) return false;
  gains ??= backend.isUsingGpuDevice ? hasBfloat16(card) : cpuHasBfloat16();
  return gains;
}

/** What a recorded step computes in where the config asks for bfloat16: that only where it gains. */
export const lowestDtype = (): 'float32' | 'bfloat16' => (bfloat16Gains() ? 'bfloat16' : 'float32');

/** `forward_dtype` as it is carried out in a recorded graph here. */
export const runsInBfloat16 = (forwardDtype: string): boolean =>
  forwardDtype === 'bfloat16' && lowestDtype() === 'bfloat16';

function cpuHasBfloat16(): boolean {
  try {
    return /^flags\s*:.*\b(avx512_bf16|amx_bf16)\b/m.test(readFileSync('/proc/cpuinfo', 'utf8'));
  } catch {
    return false;
  }
}
