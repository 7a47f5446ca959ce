/** What a set-up that was killed leaves, and what the next one makes of it. */
import { existsSync, mkdirSync, mkdtempSync, readdirSync, rmSync, writeFileSync } from 'node:fs';
import { hostname, tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { Writable } from 'node:stream';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { Console } from '../../scripts/lib/console.mjs';
import { pathsFor } from '../../scripts/lib/paths.mjs';
import { sweep } from '../../scripts/lib/sweep.mjs';
import { ensureRuntime, runtimeCurrent } from '../../scripts/runtime/ladder.mjs';
import { libraryWrong, unpackLibrary } from '../../scripts/runtime/library.mjs';
import { targetFor } from '../../scripts/runtime/plan.mjs';
import { wheelsOf } from '../../scripts/runtime/wheels.mjs';

/** Above the highest number that Linux gives. */
const DEAD = 4_194_999;

let dir: string;
beforeEach(() => {
  dir = mkdtempSync(join(tmpdir(), 'trm-killed-'));
});
afterEach(() => rmSync(dir, { recursive: true, force: true }));

const quiet = () => new Console({ stream: new Writable({ write: (_chunk, _encoding, done) => done() }) });
const put = (...path: string[]) => {
  const file = join(dir, ...path);
  mkdirSync(dirname(file), { recursive: true });
  writeFileSync(file, 'x');
  return file;
};

describe('what a killed set-up leaves', () => {
  test('goes: files on their way, notes of locks, libraries that were replaced; nothing else does', () => {
    const left = [`a.json.${DEAD}.tmp`, `setup.lock.${DEAD}`, `2.21.0-cpu.old-${DEAD}/lib.so`, `.part-${DEAD}/x.whl`];
    const stays = ['lib.so.2', 'setup.lock', `mine.${process.pid}.tmp`, 'x-2.21.0.whl', `living.${process.ppid}.tmp`];
    for (const name of [...left, ...stays]) put(name);
    sweep([dir, join(dir, 'absent')], { sparing: 'living' });
    expect(readdirSync(dir).sort()).toEqual([...stays].sort());
    sweep([dir]);
    expect(readdirSync(dir).sort()).toEqual(stays.slice(0, -1).sort());
  });

  test('a library that only had no name yet gets it, and nothing is fetched', async () => {
    const target = targetFor('linux-x64', 'cpu')!;
    const library = join(dir, '2.21.0-cpu');
    put('2.21.0-cpu', 'damaged');
    put('2.21.0-cpu.partial', 'lib.so');
    put('2.21.0-cpu.partial', `manifest.json.${DEAD}.tmp`);
    const manifest = { schema: 1, wheels: wheelsOf(target).map(({ sha256 }) => sha256), files: [{ path: 'lib.so', size: 1 }] };
    writeFileSync(join(`${library}.partial`, 'manifest.json'), JSON.stringify(manifest));
    const runCommand = () => Promise.reject(new Error('pip was asked'));
    const downloads = join(dir, 'downloads');
    await unpackLibrary({ dir: library, target, pip: ['pip'], downloads, console: quiet(), title: '', runCommand });
    expect(await libraryWrong(library, target)).toBeNull();
    expect(readdirSync(dir)).toEqual(['2.21.0-cpu']);
    expect(readdirSync(library).sort()).toEqual(['lib.so', 'manifest.json']);
  });

  test('a wheel that is unpacked, and was to go, goes', async () => {
    const target = targetFor('linux-x64', 'cpu')!;
    const library = join(dir, '2.21.0-cpu');
    const [wheel] = wheelsOf(target);
    const files = target.libraries.map((path) => ({ path, size: 1, sha256: '' }));
    for (const { path } of files) put('2.21.0-cpu.partial', path);
    put('2.21.0-cpu.partial', '.parts', `${wheel!.name}.json`);
    writeFileSync(
      join(`${library}.partial`, '.parts', `${wheel!.name}.json`),
      JSON.stringify({ wheel: wheel!.sha256, files }),
    );
    const archive = put('downloads', wheel!.file);
    const downloads = join(dir, 'downloads');
    await unpackLibrary({ dir: library, target, pip: ['pip'], downloads, console: quiet(), title: '' });
    expect(existsSync(archive)).toBe(false);
    expect(await libraryWrong(library, target)).toBeNull();
  });

  test('goes at the next set-up; and the lock of a killed one is no set-up that is current', async () => {
    const paths = pathsFor({ root: join(dir, 'clone'), cache: join(dir, 'cache') });
    const tools = { platform: 'linux-x64', libc: null, gpus: [], gpuReason: '', pip: ['pip'], compiler: 'g++', headers: '/x' };
    const seams = {
      findTools: async () => tools,
      libraryWrong: async () => null,
      ensureAddon: async () => ({ file: join(dir, 'built.node'), size: 1, sha256: 'x' }),
      installAddon: async () => put('clone/node_modules/@tensorflow/tfjs-node-gpu/lib/napi-v8/tfjs_binding.node'),
      prove: async () => ({ ok: true as const, tensorflow: '2.21.0', gpu: false, log: '' }),
    };
    const node = { path: process.execPath, version: '24.0.0', include: '/include', origin: 'package' as const };
    const left = [
      put('cache', 'tensorflow', `2.21.0-cpu.old-${DEAD}`, 'lib.so'),
      put('cache', 'addons', `tfjs.node.json.${DEAD}.tmp`),
      put('cache', 'downloads', `.part-${DEAD}`, 'x.whl'),
      put('cache', `runtime.json.${DEAD}.tmp`),
      put('cache', `setup.lock.${DEAD}`),
    ];
    const env = { PATH: '', TRM_TENSORFLOW: 'wasm' };
    const installed = { ...seams, installAddon: async () => void (await seams.installAddon()) };
    await ensureRuntime({ paths, node, console: quiet(), env: { PATH: '' }, seams: installed });
    expect(left.filter((path) => existsSync(path))).toEqual([]);
    await ensureRuntime({ paths, node, console: quiet(), env, seams: installed });
    expect(await runtimeCurrent(paths, { env })).toBe(true);
    writeFileSync(paths.cacheLock, JSON.stringify({ pid: DEAD, born: null, host: hostname(), commands: [] }));
    expect(await runtimeCurrent(paths, { env })).toBe(false);
    await ensureRuntime({ paths, node, console: quiet(), env, seams: installed });
    expect(existsSync(paths.cacheLock)).toBe(false);
    expect(await runtimeCurrent(paths, { env })).toBe(true);
  });
}); // prettier-ignore
