import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { run } from '../lib/process.mjs';

const SCRIPT = join(dirname(fileURLToPath(import.meta.url)), 'trial.mjs');

/** @typedef {{ ok: true, tensorflow: string, gpu: boolean, first_use_s?: number, log: string } | { ok: false, error: string, log: string }} Proof */

/**
 * Whether an addon loads and computes on this machine.
 * @param {string} addon
 * @param {{ node: string, runCommand?: import('../lib/process.mjs').Run }} options
 * @returns {Promise<Proof>}
 */
export async function prove(addon, { node, runCommand = run }) {
  const outcome = await runCommand(node, [SCRIPT, addon], {
    // Warnings and up: that is where TensorFlow says which CUDA library it could not load.
    env: {
      ...process.env,
      TF_CPP_MIN_LOG_LEVEL: '1',
      TF_FORCE_GPU_ALLOW_GROWTH: 'true',
      CUDA_DEVICE_ORDER: 'PCI_BUS_ID',
      NODE_OPTIONS: '',
    },
    // The first use of a GPU newer than the library compiles its kernels, which takes minutes.
    timeout: 10 * 60_000,
  });
  const log = outcome.stderr;
  const line = outcome.stdout.split('\n').find((text) => text.startsWith('{"ok"'));
  if (line) return { ...JSON.parse(line), log };
  if (outcome.signal === 'SIGILL')
    return { ok: false, error: 'this processor lacks instructions (AVX) that TensorFlow is built for', log };
  return {
    ok: false,
    error: outcome.failure ?? `loading it ended the process (${outcome.signal ?? `exit code ${outcome.code}`})`,
    log,
  };
}

/**
 * The line of TensorFlow's log that says why there is no GPU.
 * @param {string} log
 * @returns {string | null}
 */
export function gpuComplaint(log) {
  const lines = log
    .split('\n')
    .filter((line) => /Cannot dlopen|Could not load|cuInit|CUDA_ERROR|driver version|no CUDA-capable/i.test(line));
  // "2026-01-02 03:04:05.678: W external/…/gpu_device.cc:2430] Cannot dlopen …": only the end speaks to people.
  return lines[0]?.replace(/^.*?\]\s*/, '').slice(0, 240) ?? null;
}
