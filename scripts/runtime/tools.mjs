import { existsSync } from 'node:fs';
import { run, which, why } from '../lib/process.mjs';

/**
 * What is on this machine, by asking each tool. Slow where something is broken (a wedged driver), so every question
 * has a time limit.
 * @param {{ node: import('../lib/node.mjs').NodeBinary, runCommand?: import('../lib/process.mjs').Run, env?: NodeJS.ProcessEnv, platform?: string, glibc?: string | null }} context
 * @returns {Promise<import('./plan.mjs').Tools>}
 */
export async function findTools({
  node,
  runCommand = run,
  env = process.env,
  platform = `${process.platform}-${process.arch}`,
  glibc,
}) {
  const { gpus, gpuReason } = await findGpus(runCommand, env);
  return {
    platform,
    libc: platform.startsWith('linux') ? glibcProblem(glibc === undefined ? glibcVersion() : glibc) : null,
    gpus,
    gpuReason,
    pip: await findPip(runCommand, env),
    compiler: await findCompiler(runCommand, env),
    headers: node.include,
  };
}

/**
 * @param {import('../lib/process.mjs').Run} runCommand
 * @param {NodeJS.ProcessEnv} env
 * @returns {Promise<{ gpus: import('./plan.mjs').Gpu[], gpuReason: string }>}
 */
export async function findGpus(runCommand, env) {
  const ask = (/** @type {string} */ fields) =>
    runCommand('nvidia-smi', [`--query-gpu=${fields}`, '--format=csv,noheader'], { env, timeout: 30_000 });
  let outcome = await ask('name,driver_version,compute_cap');
  // Drivers before 510 do not tell the compute capability.
  if (/compute_cap/.test(outcome.stdout + outcome.stderr) && outcome.code !== 0) {
    outcome = await ask('name,driver_version');
  }
  if (outcome.failure?.endsWith('is not there'))
    return { gpus: [], gpuReason: 'no NVIDIA GPU was found (nvidia-smi is not installed)' };
  if (outcome.code !== 0) return { gpus: [], gpuReason: `nvidia-smi does not work: ${why(outcome)}` };
  const gpus = outcome.stdout
    .split('\n')
    .map((line) => line.split(',').map((part) => part.trim()))
    .filter(([name, driver]) => name && driver)
    .map(([name, driver, capability]) => ({ name, driver, capability: Number(capability) || null }));
  return { gpus, gpuReason: gpus.length ? '' : 'nvidia-smi lists no GPU' };
}

/**
 * @param {import('../lib/process.mjs').Run} runCommand
 * @param {NodeJS.ProcessEnv} env
 * @returns {Promise<string[] | null>} the command to put before pip's own arguments
 */
export async function findPip(runCommand, env) {
  for (const command of [['python3', '-m', 'pip'], ['pip3'], ['pip'], ['python', '-m', 'pip']]) {
    const outcome = await runCommand(command[0], [...command.slice(1), '--version'], { env, timeout: 60_000 });
    // Python 2's pip also answers; it knows no manylinux_2_27.
    if (outcome.code === 0 && /\(python 3\./.test(outcome.stdout)) return command;
  }
  return null;
}

/**
 * @param {import('../lib/process.mjs').Run} runCommand
 * @param {NodeJS.ProcessEnv} env
 * @returns {Promise<string | null>}
 */
export async function findCompiler(runCommand, env) {
  for (const command of [env.CXX, 'g++', 'clang++', 'c++']) {
    if (!command) continue;
    // Asked, not just looked up: macOS has a clang++ that only offers to install the real one.
    const outcome = await runCommand(command, ['--version'], { env, timeout: 30_000 });
    if (outcome.code === 0) return command;
  }
  return null;
}

/** @returns {string | null} like 2.36; null on a Linux without glibc (Alpine) */
function glibcVersion() {
  // Else the report looks up the names of all network interfaces, which takes seconds on some machines.
  /** @type {any} */ (process.report).excludeNetwork = true;
  const report = /** @type {any} */ (process.report?.getReport());
  return report?.header?.glibcVersionRuntime ?? null;
}

/** @param {string | null} version */
function glibcProblem(version) {
  if (!version) return 'this Linux has no glibc, which TensorFlow needs';
  const [major, minor] = version.split('.').map(Number);
  return major > 2 || (major === 2 && minor >= 27) ? null : `this Linux has glibc ${version}, TensorFlow needs 2.27`;
}

/**
 * What the choice of a rung depended on, by looking only, never by running anything: read at every start to notice a
 * driver, a compiler or a pip that has appeared or gone since.
 * @param {string} cache
 * @param {NodeJS.ProcessEnv} [env]
 * @returns {string}
 */
export function surroundings(cache, env = process.env) {
  const has = (/** @type {string} */ name) => (which(name, env) ? name : '-');
  return [
    cache,
    env.TRM_TENSORFLOW || 'best',
    existsSync('/proc/driver/nvidia/version') || existsSync('/dev/dxg') ? 'driver' : '-',
    has('nvidia-smi'),
    has('python3') === '-' && has('pip3') === '-' && has('pip') === '-' ? '-' : 'python',
    env.CXX ?? '-',
    has('g++'),
    has('clang++'),
  ].join(' ');
}
