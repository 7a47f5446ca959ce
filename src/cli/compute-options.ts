/** `--threads`, `--gpu` and `--xla`: the window's machine settings, for one command. */
import type { Command } from 'commander';
import { gpuEnv } from '../studio/supervisor/env';
import { UsageError, wholeNumber } from './usage';

interface ComputeOptions {
  threads?: string;
  gpu?: string;
  xla?: boolean;
}

export function addComputeOptions(command: Command): void {
  command
    .option('--threads <n>', 'threads of TensorFlow (default: the physical cores, shared with other runs)')
    .option('--gpu <device>', 'the GPU to use by its number, or "none" for the CPU')
    .option('--xla', 'let XLA compile the step’s graph (worth a try on a GPU; the first step takes longer)');
}

/**
 * Sets the environment that compute processes inherit, which wins over the studio's settings.
 * @throws UsageError
 */
export function applyComputeOptions({ threads, gpu, xla }: ComputeOptions, env: NodeJS.ProcessEnv = process.env): void {
  if (threads !== undefined) {
    const count = String(wholeNumber(threads, '--threads', 1, 1024));
    Object.assign(env, { TF_NUM_INTRAOP_THREADS: count, OMP_NUM_THREADS: count });
  }
  if (gpu !== undefined && !/^(none|\d{1,2}(,\d{1,2})*)$/.test(gpu)) {
    throw new UsageError(`--gpu is ${gpu}: use a device’s number such as 0, or none.`);
  }
  Object.assign(env, gpuEnv({ gpu: gpu ?? '', xla: xla ?? false }));
}
