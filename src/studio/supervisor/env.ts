import { usableThreads } from '../../core/backend/threads';
import type { ComputeSettings } from '../../shared/contract/app';
import type { ComputeRole } from './port';

export const DEFAULT_COMPUTE: ComputeSettings = { threads: 0, gpu: '', gpu_memory_growth: true, xla: false };

/**
 * Threads for a process of tensors: what the person set, else the physical cores that this process may use, shared with
 * the other processes of the app that are training: two TensorFlows with a thread per core each are slower than one after
 * the other.
 * @param others processes of other studios (a window, a server, a command line) that train at this moment
 */
export function tensorThreads(set: number, others: number, usable = usableThreads()): number {
  return set > 0 ? set : Math.max(1, Math.floor(usable / (1 + others)));
}

/**
 * The environment of a compute process. TensorFlow runs one kernel at a time on all its threads (intra-op); more inter-op
 * threads would only fight over them. The build process works on one thread beside it. What the user set stays.
 */
export function computeEnv(
  role: ComputeRole,
  settings: ComputeSettings = DEFAULT_COMPUTE,
  others = 0,
  env: NodeJS.ProcessEnv = process.env,
): Record<string, string> {
  const threads = role === 'tensor' ? String(tensorThreads(settings.threads, others)) : '1';
  const wanted: Record<string, string> = {
    TF_NUM_INTRAOP_THREADS: threads,
    TF_NUM_INTEROP_THREADS: '1',
    OMP_NUM_THREADS: threads,
    TF_FORCE_GPU_ALLOW_GROWTH: String(settings.gpu_memory_growth),
    TF_CPP_MIN_LOG_LEVEL: '2',
    // CUDA's own order is the fastest first: the settings' number is nvidia-smi's.
    CUDA_DEVICE_ORDER: 'PCI_BUS_ID',
    UV_THREADPOOL_SIZE: '4',
    ...gpuEnv(settings),
  };
  return Object.fromEntries(Object.entries(wanted).filter(([key]) => env[key] === undefined));
}

/** XLA compiles clusters of a graph into kernels: "2" also those that need no must-compile mark. */
export const XLA_FLAGS = '--tf_xla_auto_jit=2';

/** CUDA numbers devices from 0; −1 hides them all, and the CPU is used. */
export function gpuEnv({ gpu, xla }: Pick<ComputeSettings, 'gpu' | 'xla'>): Record<string, string> {
  return {
    ...(gpu === '' ? {} : { CUDA_VISIBLE_DEVICES: gpu === 'none' ? '-1' : gpu }),
    ...(xla ? { TF_XLA_FLAGS: XLA_FLAGS } : {}),
  };
}
