import { describe, expect, test } from 'vitest';
import { cardProblem, parseForced, plan, targetFor } from '../../scripts/runtime/plan.mjs';
import { findCompiler, findGpus, findPip } from '../../scripts/runtime/tools.mjs';
import { parseRequirements, pipProblem, wheelsOf } from '../../scripts/runtime/wheels.mjs';

const TOOLS = {
  platform: 'linux-x64',
  libc: null,
  gpus: [] as { name: string; driver: string; capability?: number | null }[],
  gpuReason: 'no NVIDIA GPU was found (nvidia-smi is not installed)',
  pip: ['python3', '-m', 'pip'],
  compiler: 'g++',
  headers: '/include',
};
type Tools = Parameters<typeof plan>[0];
const outcomes = (change: Partial<Tools>, forced: Parameters<typeof plan>[1] = null) =>
  plan({ ...TOOLS, ...change }, forced).map(({ rung, verdict }) => `${rung} ${verdict?.status ?? 'try'}`);
const GPU = [{ name: 'A GPU', driver: '550.54.15' }];

describe('which rungs are tried', () => {
  test.each([
    ['with a GPU', { gpus: GPU }, ['gpu try', 'cpu try', 'download try', 'wasm try']],
    ['without a GPU', {}, ['gpu skipped', 'cpu try', 'download try', 'wasm try']],
    [
      'an old driver',
      { gpus: [{ name: 'A GPU', driver: '470.1' }] },
      ['gpu failed', 'cpu try', 'download try', 'wasm try'],
    ],
    ['no pip', { gpus: GPU, pip: null }, ['gpu failed', 'cpu failed', 'download try', 'wasm try']],
    ['no compiler', { compiler: null }, ['gpu skipped', 'cpu failed', 'download try', 'wasm try']],
    ['no headers', { headers: null }, ['gpu skipped', 'cpu failed', 'download try', 'wasm try']],
    ['no glibc', { libc: 'this Linux has no glibc' }, ['gpu skipped', 'cpu failed', 'download try', 'wasm try']],
    ['an arm64 Linux', { platform: 'linux-arm64', gpus: GPU }, ['gpu skipped', 'cpu try', 'download try', 'wasm try']],
    ['Windows', { platform: 'win32-x64' }, ['gpu skipped', 'cpu skipped', 'download try', 'wasm try']],
  ])('%s', (_name, change, expected) => expect(outcomes(change)).toEqual(expected));

  test('a forced rung is the only one but for wasm, and the GPU build may be had without a GPU', () => {
    expect(outcomes({}, 'gpu')).toEqual(['gpu try', 'cpu skipped', 'download skipped', 'wasm try']);
    expect(outcomes({ gpus: GPU }, 'wasm')).toEqual(['gpu skipped', 'cpu skipped', 'download skipped', 'wasm try']);
    expect(() => parseForced('cuda')).toThrow('TRM_TENSORFLOW is "cuda"; it can be gpu, cpu, download, wasm.');
  });

  test('every failed rung says how to get it', () => {
    for (const change of [{ pip: null }, { compiler: null }, { headers: null }])
      for (const { verdict } of plan({ ...TOOLS, ...change }))
        if (verdict?.status === 'failed') expect(verdict.fix).toMatch(/npm run setup/);
  });
});

/** Commands as a table of answers; anything else is not installed. */
const answers = (table: Record<string, { code?: number; stdout?: string; stderr?: string }>) => {
  const run = async (command: string, args: string[]) => {
    const given = table[[command, ...args].join(' ')] ?? table[command];
    const failure = given ? null : `${command} is not there`;
    return {
      code: given ? (given.code ?? 0) : null,
      signal: null,
      stdout: given?.stdout ?? '',
      stderr: given?.stderr ?? '',
      failure,
    };
  };
  return run;
};

describe('what is found on the machine', () => {
  test('GPUs by name and driver', async () => {
    const listed = { 'nvidia-smi': { stdout: 'NVIDIA H200, 570.1, 9.0\nNVIDIA L4, 570.1, 8.9\n' } };
    const found = await findGpus(answers(listed), {});
    expect(found.gpus).toEqual([
      { name: 'NVIDIA H200', driver: '570.1', capability: 9 },
      { name: 'NVIDIA L4', driver: '570.1', capability: 8.9 },
    ]);
  });
  test('GPUs of a driver that does not tell their capability', async () => {
    const old = {
      'nvidia-smi --query-gpu=name,driver_version,compute_cap --format=csv,noheader': {
        code: 2,
        stdout: 'Field "compute_cap" is not a valid field to query.',
      },
      'nvidia-smi --query-gpu=name,driver_version --format=csv,noheader': {
        stdout: 'Tesla V100-SXM2-16GB, 470.57.02\n',
      },
    };
    const { gpus } = await findGpus(answers(old), {});
    expect(gpus).toEqual([{ name: 'Tesla V100-SXM2-16GB', driver: '470.57.02', capability: null }]);
  });
  test.each([
    ['NVIDIA GeForce RTX 2080', '535.183.01', 7.5, null],
    ['NVIDIA GeForce RTX 4090', '550.54.15', 8.9, null],
    ['NVIDIA GeForce RTX 4090', '470.57.02', 8.9, '525'],
    ['Tesla V100', '470.57.02', null, '525'],
    ['NVIDIA H100 80GB HBM3', '535.183.01', 9, '555'],
    ['NVIDIA H200', '550.127.05', 9, '555'],
    ['NVIDIA H200', '580.65.06', 9, null],
    ['NVIDIA GeForce RTX 5090', '560.35.03', 12, '570'],
    ['NVIDIA GeForce RTX 5090', '580.65.06', 12, null],
  ])('%s with driver %s', (name, driver, capability, needed) => {
    const problem = cardProblem({ name, driver, capability });
    expect(problem?.fix ?? null).toBe(needed && `Update the driver to ${needed} or newer, then run \`npm run setup\`.`);
    if (capability === 9 && problem) expect(problem.reason).toContain(`${driver} is too old for ${name}`);
  });
  test('a card that is too old, beside one that is not', () => {
    const old = { name: 'Tesla K80', driver: '580.1', capability: 3.7 };
    expect(cardProblem(old)).toEqual({
      reason: 'Tesla K80 has compute capability 3.7, and TensorFlow 2.21.0 starts at 6.0',
      fix: null,
    });
    expect(outcomes({ gpus: [old] })[0]).toBe('gpu failed');
    expect(outcomes({ gpus: [old, { name: 'NVIDIA L4', driver: '580.1', capability: 8.9 }] })[0]).toBe('gpu try');
  });
  test('why there is no GPU', async () => {
    expect((await findGpus(answers({}), {})).gpuReason).toContain('nvidia-smi is not installed');
    const wedged = {
      'nvidia-smi': { code: 9, stdout: "NVIDIA-SMI has failed because it couldn't communicate with the driver." },
    };
    expect((await findGpus(answers(wedged), {})).gpuReason).toContain("couldn't communicate");
  });
  test('a Python without pip is passed over, and a pip of Python 2', async () => {
    const table = {
      'python3 -m pip --version': { code: 1, stderr: 'No module named pip' },
      'pip3 --version': { stdout: 'pip 20 from /x (python 2.7)' },
      'pip --version': { stdout: 'pip 23.0 from /x (python 3.11)' },
    };
    expect(await findPip(answers(table), {})).toEqual(['pip']);
    expect(await findPip(answers({}), {})).toBeNull();
  });
  test('$CXX comes first, and a compiler that does not start is none', async () => {
    expect(await findCompiler(answers({ 'g++': {}, 'g++-13': {} }), { CXX: 'g++-13' })).toBe('g++-13');
    expect(await findCompiler(answers({ 'clang++': { code: 1 } }), {})).toBeNull();
  });
});

describe('the pins', () => {
  test.each([
    ['linux-x64', 'cpu', 1],
    ['linux-x64', 'gpu', 13],
    ['linux-arm64', 'cpu', 1],
    ['darwin-arm64', 'cpu', 1],
  ] as const)('%s %s', (platform, variant, count) => {
    const target = targetFor(platform, variant);
    expect(target).not.toBeNull();
    const wheels = wheelsOf(target as NonNullable<typeof target>);
    expect(wheels).toHaveLength(count);
    expect(new Set(wheels.map((wheel) => wheel.sha256)).size).toBe(count);
    for (const wheel of wheels) expect(wheel.file).toContain(`-${wheel.version}-`);
  });
  test('a line without a hash is refused', () =>
    expect(() => parseRequirements('tensorflow==2.21.0')).toThrow('"tensorflow==2.21.0" is not a pinned wheel.'));
});

describe('why pip failed', () => {
  const wheel = {
    name: 'tensorflow-cpu',
    version: '2.21.0',
    sha256: 'a'.repeat(64),
    file: 'tensorflow_cpu-2.21.0-x.whl',
  };
  const said = (stderr: string) => pipProblem(wheel, { code: 1, signal: null, stdout: '', stderr, failure: null });
  test.each([
    [
      `ERROR: THESE PACKAGES DO NOT MATCH THE HASHES\n        Got        ${'b'.repeat(64)}`,
      `has sha256 ${'b'.repeat(64)} instead of ${'a'.repeat(64)}`,
    ],
    ['WARNING: Retrying … NewConnectionError', 'could not reach its package index'],
    ['ERROR: No matching distribution found for tensorflow-cpu==2.21.0', 'offers no tensorflow_cpu-2.21.0-x.whl'],
    ['ERROR: Could not install packages due to an OSError: [Errno 28] No space left on device', 'the disk became full'],
    ['ERROR: something new', 'ERROR: something new'],
  ])('%s', (stderr, expected) => {
    expect(said(stderr).message).toContain(expected);
    expect(said(stderr).fix).toMatch(/npm run setup/);
  });
});
