/** What the process holds: watched in every flush of metrics, and counted by the leak test. */
import * as tf from '@tensorflow/tfjs-core';
import { nativeBackend } from './native';

export interface MemoryUse {
  /** tfjs tensors. */
  tensors: number;
  /** Native tensor handles; equals `tensors` in health. 0 on backends that have none. */
  native_handles: number;
  /** Resident memory of the process. */
  memory_bytes: number;
}

export function memoryUse(): MemoryUse {
  return {
    tensors: tf.memory().numTensors,
    native_handles: nativeBackend()?.binding.getNumOfTensors() ?? 0,
    memory_bytes: process.memoryUsage().rss,
  };
}
