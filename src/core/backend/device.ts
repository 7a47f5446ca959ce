/** How much memory the device has that computes, and what follows from it for the shape of a graph. */
import { totalmem } from 'node:os';

export interface Device {
  kind: 'cpu' | 'gpu';
  /** All of its memory, whatever others take of it: what follows from it must not change from start to start. */
  bytes: number;
}

let device: Device | null = null;

/** The machine's memory, or the container's where that is less. */
function cpuMemory(): number {
  // Without a limit it is 0 or far beyond the machine's.
  const limit = process.constrainedMemory();
  return limit > 0 ? Math.min(limit, totalmem()) : totalmem();
}

/** The device that graphs are recorded for: the CPU until `setDevice` says otherwise. */
export const currentDevice = (): Device => (device ??= { kind: 'cpu', bytes: cpuMemory() });

/** Told once, by whoever loads the backend. */
export const setDevice = (next: Device): void => void (device = next);

/** What `f` records is for another device than this machine's; it need not be there. */
export function forDevice<T>(other: Device, f: () => T): T {
  const before = device;
  device = other;
  try {
    return f();
  } finally {
    device = before;
  }
}

export interface AttentionBudget {
  /** Bytes of [T, T] weights computed at once, counted as float32. */
  part: number;
  /** One call's weights are kept for the backward pass up to this many bytes; larger ones are computed again. */
  keep: number;
}

const MiB = 2 ** 20;
const GiB = 2 ** 30;

/**
 * A CPU works best in its caches. A GPU wants few large kernels: parts of 1 to 2 GiB, at most a sixteenth of its memory,
 * as about four tensors of that size live at once. A step with a gradient calls attention 10 to 30 times: keeping a 512th of
 * the memory each time takes a few percent of it.
 */
export function attentionBudget({ kind, bytes }: Device = currentDevice()): AttentionBudget {
  if (kind === 'cpu') return { part: 16 * MiB, keep: 16 * MiB };
  return { part: Math.min(2 * GiB, Math.max(bytes / 40, Math.min(GiB, bytes / 16))), keep: bytes / 512 };
}
