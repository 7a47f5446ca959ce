/** The version whose C API the addon is built against. To move on: change this, and the pins in requirements/. */
export const TENSORFLOW = '2.21.0';

/**
 * The oldest driver for a card, newest cards first. CUDA 12 runs on every driver of branch 525 or newer (NVIDIA's minor
 * version compatibility). From compute capability 9.0 on a part of TensorFlow's kernels is there as PTX 8.5 only, which the
 * driver compiles from branch 555 on; cards of 10.0 and newer came with 570.
 */
const DRIVERS = [
  { from: 10, driver: 570 },
  { from: 9, driver: 555 },
  { from: 0, driver: 525 },
];
/** TensorFlow's kernels are built for cards from here on. */
const OLDEST_CARD = 6;

/**
 * @typedef {'gpu' | 'cpu' | 'download' | 'wasm'} Rung
 * @typedef {{ rung: Rung, status: 'taken' | 'failed' | 'skipped', reason: string, fix: string | null }} RungReport
 *
 * @typedef {{ name: string, driver: string, capability?: number | null }} Gpu  capability is CUDA's, such as 9.0
 *
 * @typedef {object} Target
 * @property {string} requirements  file in requirements/
 * @property {string[]} platforms   pip's names for what the wheels may be tagged with
 * @property {string[]} libraries   what the addon is linked with, relative to the unpacked folder
 * @property {string[]} unpack      prefixes of what is taken out of the wheels
 * @property {number} room          bytes on the disk while it is being set up
 *
 * @typedef {object} Tools          what was found on this machine
 * @property {string} platform      like linux-x64
 * @property {string | null} libc   why wheels for glibc cannot run here, or null
 * @property {Gpu[]} gpus
 * @property {string} gpuReason     why there are none
 * @property {string[] | null} pip
 * @property {string | null} compiler
 * @property {string | null} headers
 */

const LINUX_LIBRARIES = ['tensorflow/libtensorflow_cc.so.2', 'tensorflow/libtensorflow_framework.so.2'];
const MAC_LIBRARIES = ['tensorflow/libtensorflow_cc.2.dylib', 'tensorflow/libtensorflow_framework.2.dylib'];

/**
 * The C API and what its headers include: 14 files are read when the addon is compiled. The wheel's whole include/
 * would be 13 000 files and 270 MB.
 */
const HEADERS = [
  'tensorflow/include/tensorflow/c/',
  'tensorflow/include/tensorflow/core/platform/ctstring',
  'tensorflow/include/tsl/platform/ctstring',
  'tensorflow/include/xla/tsl/c/',
];

/** @type {Record<string, Partial<Record<'gpu' | 'cpu', Target>>>} */
const TARGETS = {
  'linux-x64': {
    gpu: {
      requirements: 'linux-x64-gpu.txt',
      platforms: ['manylinux_2_27_x86_64', 'manylinux_2_25_x86_64', 'manylinux2014_x86_64', 'manylinux_2_12_x86_64'],
      libraries: LINUX_LIBRARIES,
      // The libraries find nvidia/*/lib through their own RUNPATH; XLA runs ptxas and reads libdevice from cuda_nvcc.
      unpack: [...LINUX_LIBRARIES, ...HEADERS, 'nvidia/*/lib/', 'nvidia/cuda_nvcc/bin/', 'nvidia/cuda_nvcc/nvvm/'],
      room: 7.5e9,
    },
    cpu: {
      requirements: 'linux-x64-cpu.txt',
      platforms: ['manylinux_2_27_x86_64'],
      libraries: LINUX_LIBRARIES,
      unpack: [...LINUX_LIBRARIES, ...HEADERS],
      room: 1.5e9,
    },
  },
  'linux-arm64': {
    cpu: {
      requirements: 'linux-arm64-cpu.txt',
      platforms: ['manylinux_2_27_aarch64'],
      libraries: LINUX_LIBRARIES,
      unpack: [...LINUX_LIBRARIES, ...HEADERS],
      room: 1.5e9,
    },
  },
  'darwin-arm64': {
    cpu: {
      requirements: 'darwin-arm64-cpu.txt',
      platforms: ['macosx_12_0_arm64'],
      libraries: MAC_LIBRARIES,
      unpack: [...MAC_LIBRARIES, ...HEADERS],
      room: 1.5e9,
    },
  },
};

/**
 * @param {string} platform
 * @param {'gpu' | 'cpu'} variant
 * @returns {Target | null}
 */
export function targetFor(platform, variant) {
  return TARGETS[platform]?.[variant] ?? null;
}

/** @type {Rung[]} */
export const RUNGS = ['gpu', 'cpu', 'download', 'wasm'];

/**
 * @param {string | undefined} value TRM_TENSORFLOW
 * @returns {Rung | null} null if nothing is forced; throws a plain string for a wrong value
 */
export function parseForced(value) {
  if (!value) return null;
  if (RUNGS.includes(/** @type {Rung} */ (value))) return /** @type {Rung} */ (value);
  throw `TRM_TENSORFLOW is "${value}"; it can be ${RUNGS.join(', ')}.`;
}

/**
 * Which rungs are worth trying on this machine, best first, and why the others are not. A rung without a verdict is to
 * be tried.
 * @param {Tools} tools
 * @param {Rung | null} forced only this one, with wasm below it so that the app starts in any case
 * @returns {{ rung: Rung, verdict: RungReport | null }[]}
 */
export function plan(tools, forced = null) {
  return RUNGS.map((rung) => {
    if (rung === 'wasm') return { rung, verdict: null };
    if (forced && forced !== rung)
      return { rung, verdict: skipped(rung, `TRM_TENSORFLOW=${forced} asks for another`, null) };
    if (rung === 'download') return { rung, verdict: null };
    return { rung, verdict: verdictOn(rung, tools, forced !== null) };
  });
}

/**
 * @param {'gpu' | 'cpu'} rung
 * @param {Tools} tools
 * @param {boolean} isForced
 * @returns {RungReport | null}
 */
function verdictOn(rung, tools, isForced) {
  if (!targetFor(tools.platform, rung))
    return skipped(
      rung,
      `TensorFlow ${TENSORFLOW} has no ${rung === 'gpu' ? 'GPU ' : ''}library for ${tools.platform}`,
      null,
    );
  if (rung === 'gpu' && !isForced) {
    if (!tools.gpus.length)
      return skipped(
        rung,
        tools.gpuReason,
        "With an NVIDIA GPU: install NVIDIA's driver until `nvidia-smi` lists it, then run `npm run setup`.",
      );
    const problems = tools.gpus.map(cardProblem);
    // One card that can is enough.
    const problem = problems.every((p) => p !== null) ? problems[0] : null;
    if (problem) return failed(rung, problem.reason, problem.fix);
  }
  if (tools.libc) return failed(rung, tools.libc, null);
  if (!tools.pip)
    return failed(
      rung,
      'no pip was found (tried python3 -m pip, pip3, pip)',
      'Install Python 3 with pip (Debian: `apt install python3-pip`), then run `npm run setup`.',
    );
  if (!tools.compiler)
    return failed(
      rung,
      'no C++ compiler was found (tried $CXX, g++, clang++)',
      'Install one (Debian: `apt install g++`; macOS: `xcode-select --install`), then run `npm run setup`.',
    );
  if (!tools.headers)
    return failed(
      rung,
      "Node's C headers (node_api.h) were not found",
      'Run `npm ci` without --omit=optional, then `npm run setup`.',
    );
  return null;
}

/**
 * Why a card cannot run this TensorFlow with its driver, or null.
 * @param {Gpu} gpu
 * @returns {{ reason: string, fix: string | null } | null}
 */
export function cardProblem({ name, driver, capability = null }) {
  if (capability !== null && capability < OLDEST_CARD)
    return {
      reason: `${name} has compute capability ${capability.toFixed(1)}, and TensorFlow ${TENSORFLOW} starts at ${OLDEST_CARD}.0`,
      fix: null,
    };
  const needed = /** @type {{ driver: number }} */ (DRIVERS.find(({ from }) => (capability ?? 0) >= from)).driver;
  if (Number.parseInt(driver, 10) >= needed) return null;
  const card =
    capability === null || capability < 9 ? 'CUDA 12' : `${name} (compute capability ${capability.toFixed(1)})`;
  return {
    reason: `the NVIDIA driver ${driver} is too old for ${card}`,
    fix: `Update the driver to ${needed} or newer, then run \`npm run setup\`.`,
  };
}

/** @param {Rung} rung @param {string} reason @param {string | null} fix @returns {RungReport} */
export const skipped = (rung, reason, fix) => ({ rung, status: 'skipped', reason, fix });
/** @param {Rung} rung @param {string} reason @param {string | null} fix @returns {RungReport} */
export const failed = (rung, reason, fix) => ({ rung, status: 'failed', reason, fix });
/** @param {Rung} rung @param {string} reason @returns {RungReport} */
export const taken = (rung, reason) => ({ rung, status: 'taken', reason, fix: null });
