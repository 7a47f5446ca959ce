/** The GPUs of this machine, asked without loading TensorFlow. */
import { execFile } from 'node:child_process';
import { GPU_QUERY, parseGpus } from '../core/backend/gpus';
import type { GpuInfo } from '../shared/doctor';

/** Empty where there is no NVIDIA driver. Hidden ones (CUDA_VISIBLE_DEVICES) are listed too. */
export function listGpus(): Promise<GpuInfo[]> {
  return new Promise((resolve) => {
    execFile('nvidia-smi', GPU_QUERY, { timeout: 5000 }, (error, stdout) => resolve(error ? [] : parseGpus(stdout)));
  });
}
