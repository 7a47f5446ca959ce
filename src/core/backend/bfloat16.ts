/** Whether this machine computes faster in bfloat16 than in float32. */
import { execFileSync } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { nativeBackend } from './native';

let gains: boolean | null = null;

/**
 * True on a CPU with AVX-512 BF16 or AMX, and on a GPU from compute capability 8.0 (Ampere). Others would compute bfloat16
 * by way of float32, slower than that itself.
 */
export function bfloat16Gains(): boolean {
  const backend = nativeBackend();
  if (!backend) return false;
  gains ??= backend.isUsingGpuDevice ? gpuHasBfloat16() : cpuHasBfloat16();
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

function gpuHasBfloat16(): boolean {
  try {
    const options = { encoding: 'utf8', timeout: 5000, stdio: 'pipe' } as const;
    const lines = execFileSync('nvidia-smi', ['--query-gpu=compute_cap', '--format=csv,noheader'], options);
    return lines
      .trim()
      .split('\n')
      .every((capability) => Number(capability) >= 8);
  } catch {
    return false;
  }
}
