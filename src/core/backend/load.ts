/**
 * Finds the best TensorFlow of this machine, once per process, and says why it is not a better one.
 * Rungs: tfjs-node-gpu on libtensorflow (GPU or CPU), else WebAssembly. `TRM_BACKEND=tensorflow|wasm` forces one.
 */
import { existsSync, readFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { dirname, join } from 'node:path';
import util from 'node:util';
import * as tf from '@tensorflow/tfjs-core';
import type { BackendInfo, RuntimeReport } from '../../shared/doctor';
import { StudioError } from '../../shared/errors';
import { lowestDtype, setCard } from './bfloat16';
import { setDevice } from './device';
import { chooseGpu, queryGpus, type GpuChoice } from './gpus';
import { freeNegativeHandles, nativeBackend } from './native';
import { usableThreads } from './threads';

let loading: Promise<BackendInfo> | null = null;

/**
 * Loads the backend on the first call; later calls return the same answer.
 * @throws StudioError `unavailable` if none can be loaded, `bad_input` if TRM_BACKEND names none.
 */
export function loadBackend(): Promise<BackendInfo> {
  loading ??= load();
  return loading;
}

async function load(): Promise<BackendInfo> {
  const wanted = process.env.TRM_BACKEND ?? '';
  if (!['', 'tensorflow', 'wasm'].includes(wanted)) {
    throw new StudioError('bad_input', `TRM_BACKEND is "${wanted}": use tensorflow or wasm, or leave it unset.`);
  }
  let failure = 'TRM_BACKEND asks for WebAssembly.';
  if (wanted !== 'wasm') {
    try {
      return await loadTensorFlow();
    } catch (error) {
      failure = `TensorFlow could not be loaded: ${firstLine(error)} Run "npm run setup" to get it.`;
      if (wanted === 'tensorflow') throw new StudioError('unavailable', failure, undefined, { cause: error });
    }
  }
  try {
    return await loadWasm(failure);
  } catch (error) {
    const message = `Neither TensorFlow nor WebAssembly could be loaded: ${firstLine(error)} Run "npm run setup".`;
    throw new StudioError('unavailable', message, { tensorflow: failure }, { cause: error });
  }
}

function firstLine(error: unknown): string {
  const line = String((error as Error)?.message ?? error)
    .split('\n')[0]
    .trim();
  return line.endsWith('.') ? line : `${line}.`;
}

/** Values that the user has set stay. */
function setDefault(name: string, value: string): void {
  process.env[name] ??= value;
}

async function loadTensorFlow(): Promise<BackendInfo> {
  const threads = usableThreads();
  setDefault('TF_CPP_MIN_LOG_LEVEL', '2');
  setDefault('TF_FORCE_GPU_ALLOW_GROWTH', 'true');
  setDefault('TF_NUM_INTRAOP_THREADS', String(threads));
  // Eager ops come one after another: a second inter-op thread would only compete.
  setDefault('TF_NUM_INTEROP_THREADS', '1');
  setDefault('OMP_NUM_THREADS', process.env.TF_NUM_INTRAOP_THREADS ?? String(threads));
  // tfjs-node calls two helpers that Node ≥ 23 has dropped and earlier ones warn about.
  const legacy = util as unknown as Record<'isNullOrUndefined' | 'isArray', unknown>;
  legacy.isNullOrUndefined = (value: unknown) => value === null || value === undefined;
  legacy.isArray = Array.isArray;

  const { gpus, failure } = queryGpus();
  const choice = chooseGpu(gpus, process.env);
  for (const [name, value] of Object.entries(choice.env)) {
    if (value === null) delete process.env[name];
    else process.env[name] = value;
  }
  await import('@tensorflow/tfjs-node-gpu');
  if (!(await tf.setBackend('tensorflow'))) throw new Error('its backend did not start.');
  const backend = nativeBackend();
  if (!backend) throw new Error('its backend did not start.');
  freeNegativeHandles(backend);
  const gpu = backend.isUsingGpuDevice ? choice.gpu : null;
  setCard(gpu);
  if (gpu) setDevice({ kind: 'gpu', bytes: gpu.memory_bytes });
  return {
    backend: 'tensorflow',
    version: backend.binding.TF_Version,
    device: backend.isUsingGpuDevice ? (gpu?.name ?? 'GPU') : 'CPU',
    threads: Number(process.env.TF_NUM_INTRAOP_THREADS),
    device_memory: gpu?.memory_bytes ?? null,
    execution: 'recorded',
    dtype: lowestDtype(),
    why_not_better: whyNotBetter(backend.isUsingGpuDevice, choice, failure),
  };
}

function whyNotBetter(onGpu: boolean, { gpu, notes }: GpuChoice, failure: string | null): string | null {
  if (onGpu) {
    // Without the tool nobody knows what the card can do.
    if (!gpu)
      return `The GPU computes in float32, since what it can do is not known: ${failure ?? 'nvidia-smi does not list it'}.`;
    return notes[0] ?? null;
  }
  const hidden = process.env.CUDA_VISIBLE_DEVICES;
  if (hidden === '' || hidden === '-1') return 'CUDA_VISIBLE_DEVICES hides every GPU: unset it to use one.';
  if (gpu) {
    return gpuBuild()
      ? `${gpu.name} and the GPU build of TensorFlow are here, but CUDA did not start (driver ${gpu.driver}): run "npm run setup", which shows what fails.`
      : `${gpu.name} is here, but this TensorFlow is built for the CPU: run "npm run setup" to get the GPU build.`;
  }
  if (hidden !== undefined) return `CUDA_VISIBLE_DEVICES is "${hidden}", which names no GPU of this machine.`;
  return failure === null || failure.endsWith('not installed')
    ? 'No NVIDIA GPU was found on this machine.'
    : `No NVIDIA GPU can be used: ${failure}.`;
}

/** Whether set-up has put the GPU build in place, by its own report beside the packages. */
function gpuBuild(): boolean {
  try {
    const addon = createRequire(__filename).resolve('@tensorflow/tfjs-node-gpu/package.json');
    const report = join(dirname(addon), '..', '..', '.trm', 'runtime.json');
    return (JSON.parse(readFileSync(report, 'utf8')) as RuntimeReport).variant === 'gpu';
  } catch {
    return false;
  }
}

async function loadWasm(why: string): Promise<BackendInfo> {
  const threads = usableThreads();
  const wasm = await import('@tensorflow/tfjs-backend-wasm');
  const require = createRequire(__filename);
  // Derivatives are registered by the umbrella package alone, which tfjs-node brings with it (its own code is not run).
  createRequire(require.resolve('@tensorflow/tfjs-node-gpu/package.json'))('@tensorflow/tfjs');
  const main = require.resolve('@tensorflow/tfjs-backend-wasm');
  const folder = dirname(main);
  if (!existsSync(join(folder, 'tfjs-backend-wasm.wasm'))) throw new Error(`${folder} lacks its .wasm files.`);
  wasm.setWasmPaths(`${folder}/`);
  wasm.setThreadsCount(threads);
  if (!(await tf.setBackend('wasm'))) throw new Error('its backend did not start.');
  return {
    backend: 'wasm',
    version: wasm.version_wasm,
    device: 'CPU (WebAssembly)',
    threads: wasm.getThreadsCount(),
    device_memory: null,
    execution: 'eager',
    dtype: 'float32',
    why_not_better: why,
  };
}
