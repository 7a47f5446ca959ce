/** NVIDIA's cards as the driver's tool lists them, which of them this process computes on, and what that one cannot do. */
import { execFileSync } from 'node:child_process';
import type { GpuInfo } from '../../shared/doctor';

export const GPU_QUERY = [
  '--query-gpu=index,uuid,name,memory.total,compute_cap,driver_version',
  '--format=csv,noheader,nounits',
];

/** The tool takes seconds on a machine whose driver is not kept loaded. */
const TIMEOUT_MS = 20_000;

/** Lines such as `0, GPU-5f…, NVIDIA H100 80GB HBM3, 81559, 9.0, 580.65.06`, memory in MiB. */
export function parseGpus(text: string): GpuInfo[] {
  return text.split('\n').flatMap((line) => {
    const found = /^(\d+), (\S+), (.+), (\d+), (\d+\.\d+), (\S+)$/.exec(line.trim());
    if (!found) return [];
    const [, index, uuid, name, mebibytes, capability, driver] = found;
    return [
      {
        index: Number(index),
        uuid,
        name,
        memory_bytes: Number(mebibytes) * 2 ** 20,
        compute_capability: Number(capability),
        driver,
      },
    ];
  });
}

/**
 * The cards that CUDA shows a process, in its order: numbers as `nvidia-smi` has them (with CUDA_DEVICE_ORDER=PCI_BUS_ID) or
 * the beginnings of UUIDs, up to the first that is none.
 * @param visible CUDA_VISIBLE_DEVICES; undefined shows all
 */
export function visibleGpus(gpus: readonly GpuInfo[], visible: string | undefined): GpuInfo[] {
  if (visible === undefined) return [...gpus];
  const chosen: GpuInfo[] = [];
  for (const entry of visible.split(',').map((text) => text.trim())) {
    const fits = (gpu: GpuInfo) =>
      /^\d+$/.test(entry) ? gpu.index === Number(entry) : /^GPU-/i.test(entry) && gpu.uuid.startsWith(entry);
    const found = gpus.filter(fits);
    if (found.length !== 1) break;
    chosen.push(found[0]);
  }
  return chosen;
}

/** From this compute capability on XLA of TensorFlow 2.21 ends the process: its compiler does not know the cards. */
const XLA_ENDS_AT = 10;

export interface GpuChoice {
  /** The card to compute on, or null. */
  gpu: GpuInfo | null;
  /** Variables to set, null for those to take away. */
  env: Record<string, string | null>;
  /** Sentences on what is done otherwise than was asked. */
  notes: string[];
}

/**
 * One card for this process. TensorFlow would run graphs on the first that it sees and upload to the last, so that a second
 * one can only cost. Cards are numbered as `nvidia-smi` does.
 */
export function chooseGpu(gpus: readonly GpuInfo[], env: NodeJS.ProcessEnv): GpuChoice {
  const order: Record<string, string> = env.CUDA_DEVICE_ORDER === undefined ? { CUDA_DEVICE_ORDER: 'PCI_BUS_ID' } : {};
  const [gpu] = visibleGpus(gpus, env.CUDA_VISIBLE_DEVICES) as (GpuInfo | undefined)[];
  if (!gpu) return { gpu: null, env: order, notes: [] };
  const choice: GpuChoice = { gpu, env: { ...order, CUDA_VISIBLE_DEVICES: gpu.uuid }, notes: [] };
  if (gpu.compute_capability >= XLA_ENDS_AT && /--tf_xla_auto_jit=[12]\b/.test(env.TF_XLA_FLAGS ?? '')) {
    choice.env.TF_XLA_FLAGS = null;
    choice.notes.push(
      `XLA is off: with ${gpu.name} (compute capability ${gpu.compute_capability.toFixed(1)}) this TensorFlow’s compiler would end the process.`,
    );
  }
  return choice;
}

/** @returns the cards, or why they cannot be told */
export function queryGpus(): { gpus: GpuInfo[]; failure: string | null } {
  try {
    const options = { encoding: 'utf8', timeout: TIMEOUT_MS, stdio: 'pipe' } as const;
    return { gpus: parseGpus(execFileSync('nvidia-smi', GPU_QUERY, options)), failure: null };
  } catch (error) {
    const { code, message } = error as NodeJS.ErrnoException;
    if (code === 'ENOENT') return { gpus: [], failure: 'nvidia-smi is not installed' };
    if (code === 'ETIMEDOUT') return { gpus: [], failure: `nvidia-smi gave no answer within ${TIMEOUT_MS / 1000} s` };
    return { gpus: [], failure: `nvidia-smi does not work: ${message.split('\n').filter(Boolean).pop() ?? code}` };
  }
}

/** Compute capability from which on the cards multiply bfloat16 themselves. */
const BFLOAT16_FROM = 8;

export const hasBfloat16 = (gpu: GpuInfo | null): boolean => gpu !== null && gpu.compute_capability >= BFLOAT16_FROM;
