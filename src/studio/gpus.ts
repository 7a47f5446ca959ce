/** The GPUs of this machine, asked without loading TensorFlow. */
import { execFile } from 'node:child_process';
import type { GpuInfo } from '../shared/doctor';

const QUERY = ['--query-gpu=index,name,memory.total', '--format=csv,noheader,nounits'];

/** Empty where there is no NVIDIA driver. Hidden ones (CUDA_VISIBLE_DEVICES) are listed too. */
export function listGpus(): Promise<GpuInfo[]> {
  return new Promise((resolve) => {
    execFile('nvidia-smi', QUERY, { timeout: 5000 }, (error, stdout) => resolve(error ? [] : parseGpus(stdout)));
  });
}

/** Lines such as `0, NVIDIA H100 80GB HBM3, 81559`, memory in MiB. */
export function parseGpus(text: string): GpuInfo[] {
  return text.split('\n').flatMap((line) => {
    const [, index, name, mebibytes] = /^(\d+), (.+), (\d+)$/.exec(line.trim()) ?? [];
    return index === undefined ? [] : [{ index: Number(index), name, memory_bytes: Number(mebibytes) * 2 ** 20 }];
  });
}
