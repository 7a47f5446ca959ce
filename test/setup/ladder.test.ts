import { existsSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { Writable } from 'node:stream';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import type { RuntimeReport } from '../../src/shared/doctor';
import { Console } from '../../scripts/lib/console.mjs';
import { pathsFor } from '../../scripts/lib/paths.mjs';
import { Problem } from '../../scripts/lib/problem.mjs';
import { ensureRuntime, runtimeCurrent } from '../../scripts/runtime/ladder.mjs';

let dir: string;
let said: string;
let calls: string[];
beforeEach(() => {
  dir = mkdtempSync(join(tmpdir(), 'trm-ladder-'));
  said = '';
  calls = [];
});
afterEach(() => rmSync(dir, { recursive: true, force: true }));

const NODE = { path: process.execPath, version: '24.0.0', include: '/include', origin: 'package' as const };
const TOOLS = {
  platform: 'linux-x64',
  libc: null,
  gpus: [{ name: 'NVIDIA H200', driver: '570.1' }],
  gpuReason: '',
  pip: ['pip'],
  compiler: 'g++',
  headers: '/include',
};

/** The world around the ladder: what is asked of it is noted, and goes well unless a test says otherwise. */
function world(change: Record<string, unknown> = {}) {
  const paths = pathsFor({ root: join(dir, 'clone'), cache: join(dir, 'cache') });
  const stream = new Writable({ write: (chunk, _encoding, done) => ((said += chunk), done()) });
  const note =
    <T>(name: string, result: T) =>
    async () => (calls.push(name), result);
  const seams = {
    findTools: note('look', TOOLS),
    libraryWrong: note('check', 'DIR is not there' as string | null),
    unpackLibrary: note('fetch', undefined),
    ensureAddon: note('compile', { file: join(dir, 'built.node'), size: 5, sha256: 'x' }),
    installAddon: async () => {
      calls.push('install');
      mkdirSync(dirname(paths.addon), { recursive: true });
      writeFileSync(paths.addon, '12345');
    },
    prove: note('prove', { ok: true as const, tensorflow: '2.21.0', gpu: true, log: '' }),
    packageDownload: async () => {
      calls.push('download');
      throw new Problem('its server cannot be reached', { fix: 'Later: `npm run setup`.' });
    },
    now: () => 1_000_000,
    ...change,
  };
  return { paths, node: NODE, console: new Console({ stream }), env: { PATH: '' }, seams };
}
const statuses = (report: RuntimeReport) => report.rungs.map(({ rung, status }) => `${rung} ${status}`).join(', ');

describe('the TensorFlow ladder', () => {
  test('takes the GPU and stops there', async () => {
    const context = world();
    const report: RuntimeReport = await ensureRuntime(context);
    expect(statuses(report)).toBe('gpu taken, cpu skipped, download skipped, wasm skipped');
    expect(calls).toEqual(['look', 'check', 'fetch', 'compile', 'prove', 'install']);
    expect(report).toMatchObject({
      schema: 1,
      variant: 'gpu',
      tensorflow_version: '2.21.0',
      addon: context.paths.addon,
    });
    expect(report.rungs[0]?.reason).toBe('TensorFlow 2.21.0 on NVIDIA H200');
    expect(JSON.parse(readFileSync(context.paths.report, 'utf8'))).toEqual(report);
    expect(JSON.parse(readFileSync(context.paths.cacheReport, 'utf8'))).toEqual(report);
  });

  test('a GPU build that finds no GPU is not taken, and its complaint is passed on', async () => {
    const log = '2026-01-01 00:00:00.0: E cuda_platform.cc:51] failed call to cuInit: CUDA_ERROR_NO_DEVICE';
    let trials = 0;
    const prove = async () => ({ ok: true as const, tensorflow: '2.21.0', gpu: false, log: trials++ ? '' : log });
    const report = await ensureRuntime(world({ prove }));
    expect(statuses(report)).toBe('gpu failed, cpu taken, download skipped, wasm skipped');
    expect(report.rungs[0]?.reason).toContain('failed call to cuInit: CUDA_ERROR_NO_DEVICE');
    expect(said).toContain('TensorFlow on the GPU: failed:');
  });

  test('an addon that does not prove itself is never installed; wasm is left, and a stale addon goes', async () => {
    const context = world({ prove: async () => ({ ok: false as const, error: 'this processor lacks AVX', log: '' }) });
    mkdirSync(dirname(context.paths.addon), { recursive: true });
    writeFileSync(context.paths.addon, 'of yesterday');
    const report = await ensureRuntime(context);
    expect(statuses(report)).toBe('gpu failed, cpu failed, download failed, wasm taken');
    expect(calls).not.toContain('install');
    expect(existsSync(context.paths.addon)).toBe(false);
    expect(report).toMatchObject({ variant: 'wasm', tensorflow_version: null, library_dir: null, addon: null });
    for (const rung of report.rungs.slice(0, 3)) expect(rung.fix).toMatch(/npm run setup/);
  });

  test('a download with a wrong hash fails its rung in one sentence', async () => {
    const unpackLibrary = async () => {
      throw new Problem('x.whl has sha256 b instead of a', { fix: 'It was refused. Then run `npm run setup`.' });
    };
    const report = await ensureRuntime(world({ unpackLibrary }));
    expect(report.variant).toBe('wasm');
    expect(said).toContain('TensorFlow on the CPU: failed: x.whl has sha256 b instead of a. It was refused.');
    expect(said).not.toContain('    at ');
  });

  test('an unexpected error is a sentence too, and releases the lock of the cache', async () => {
    const unpackLibrary = async () => {
      throw Object.assign(new Error('ENOSPC: no space left on device, write'), { code: 'ENOSPC' });
    };
    const context = world({ unpackLibrary });
    expect((await ensureRuntime(context)).rungs[1]?.reason).toContain('The disk is full');
    expect(existsSync(context.paths.cacheLock)).toBe(false);
  });

  test('a whole library is not fetched again', async () => {
    await ensureRuntime(world({ libraryWrong: async () => null }));
    expect(calls).toEqual(['look', 'compile', 'prove', 'install']);
  });

  test('a failure is remembered for a day, unless the surroundings change', async () => {
    const context = world({ findTools: async () => ({ ...TOOLS, gpus: [], gpuReason: 'none', pip: null }) });
    await ensureRuntime(context);
    const day = 24 * 3600_000;
    expect(await runtimeCurrent(context.paths, { env: { PATH: '' }, now: 1_000_000 + day - 1 })).toBe(true);
    expect(await runtimeCurrent(context.paths, { env: { PATH: '' }, now: 1_000_000 + day + 1 })).toBe(false);
    expect(await runtimeCurrent(context.paths, { env: { PATH: '', TRM_TENSORFLOW: 'cpu' }, now: 1_000_001 })).toBe(
      false,
    );
    const other = pathsFor({ root: context.paths.root, cache: join(dir, 'elsewhere') });
    expect(await runtimeCurrent(other, { env: { PATH: '' }, now: 1_000_001 })).toBe(false);
  });

  test('TRM_TENSORFLOW with a wrong value is wrong usage', async () => {
    const context = { ...world(), env: { PATH: '', TRM_TENSORFLOW: 'tpu' } };
    await expect(ensureRuntime(context)).rejects.toMatchObject({
      exitCode: 2,
      message: expect.stringContaining('"tpu"'),
    });
  });
});
