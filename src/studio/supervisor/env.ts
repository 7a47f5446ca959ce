import { availableParallelism, cpus } from 'node:os';
import type { ComputeRole } from './port';

/** Cores this process may use. Node 16 has no availableParallelism. */
export function coreCount(): number {
  return typeof availableParallelism === 'function' ? availableParallelism() : cpus().length || 1;
}

/**
 * The environment of a compute process. TensorFlow runs one kernel at a time on all cores (intra-op); more inter-op
 * threads would only fight over them. The build process works on one thread beside it. What the user set stays.
 */
export function computeEnv(role: ComputeRole, env: NodeJS.ProcessEnv = process.env): Record<string, string> {
  const threads = role === 'tensor' ? String(coreCount()) : '1';
  const wanted: Record<string, string> = {
    TF_NUM_INTRAOP_THREADS: threads,
    TF_NUM_INTEROP_THREADS: '1',
    OMP_NUM_THREADS: threads,
    TF_FORCE_GPU_ALLOW_GROWTH: 'true',
    TF_CPP_MIN_LOG_LEVEL: '2',
    UV_THREADPOOL_SIZE: '4',
  };
  return Object.fromEntries(Object.entries(wanted).filter(([key]) => env[key] === undefined));
}
