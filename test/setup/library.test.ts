import { createHash } from 'node:crypto';
import {
  copyFileSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readFileSync,
  rmSync,
  statSync,
  truncateSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Writable } from 'node:stream';
import { zipSync } from 'fflate';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { Console } from '../../scripts/lib/console.mjs';
import { libraryWrong, matcher, unpackLibrary } from '../../scripts/runtime/library.mjs';
import { targetFor } from '../../scripts/runtime/plan.mjs';
import { listZip, unpackEntry } from '../../scripts/runtime/unzip.mjs';
import { fetchWheel, wheelsOf } from '../../scripts/runtime/wheels.mjs';

let dir: string;
beforeEach(() => {
  dir = mkdtempSync(join(tmpdir(), 'trm-library-'));
});
afterEach(() => rmSync(dir, { recursive: true, force: true }));

const sha = (data: Uint8Array) => createHash('sha256').update(data).digest('hex');
const noise = Uint8Array.from({ length: 70_000 }, (_, i) => (i * i * 31) % 251);
const zip = (files: Record<string, Uint8Array>) => {
  const path = join(dir, 'a.whl');
  writeFileSync(path, zipSync(Object.fromEntries(Object.entries(files).map(([name, data]) => [name, [data, {}]]))));
  return path;
};

describe('unpacking a wheel', () => {
  test('gives the bytes, their number and their hash', async () => {
    const archive = zip({ 'x/lib.so': noise, 'x/empty': new Uint8Array() });
    const entries = listZip(archive);
    expect(entries.map((entry) => entry.name)).toEqual(['x/lib.so', 'x/empty']);
    for (const [entry, data] of [[entries[0], noise] as const, [entries[1], new Uint8Array()] as const]) {
      const record = await unpackEntry(archive, entry as (typeof entries)[0], dir);
      expect(record).toEqual({ path: entry?.name, size: data.length, sha256: sha(data) });
      expect(sha(readFileSync(join(dir, record.path)))).toBe(sha(data));
    }
  });
  test('refuses an archive that is cut short, or leads out of its folder', async () => {
    const archive = zip({ 'lib.so': noise });
    truncateSync(archive, statSync(archive).size - 30);
    expect(() => listZip(archive)).toThrow('is damaged');
    const evil = zip({ '../outside': noise });
    await expect(unpackEntry(evil, listZip(evil)[0]!, join(dir, 'in'))).rejects.toThrow('leads out of it');
    expect(existsSync(join(dir, 'outside'))).toBe(false);
  });
  test('takes an archive whose comment holds the mark of an end record', () => {
    const archive = zip({ 'lib.so': noise });
    const comment = Buffer.from('PK\x05\x06 and more', 'latin1');
    const bytes = Buffer.concat([readFileSync(archive), comment]);
    bytes.writeUInt16LE(comment.length, bytes.length - comment.length - 2);
    writeFileSync(archive, bytes);
    expect(listZip(archive).map((entry) => entry.name)).toEqual(['lib.so']);
  });
  test('refuses bytes that do not inflate, and leaves no file with the final name', async () => {
    const archive = zip({ 'lib.so': noise });
    const bytes = readFileSync(archive);
    bytes.fill(0xff, 100, 200);
    writeFileSync(archive, bytes);
    await expect(unpackEntry(archive, listZip(archive)[0]!, dir)).rejects.toThrow('is damaged');
    expect(existsSync(join(dir, 'lib.so'))).toBe(false);
  });
  test('takes what the addon needs, and nothing else', () => {
    const wanted = matcher(targetFor('linux-x64', 'gpu')!.unpack);
    for (const name of [
      'tensorflow/libtensorflow_cc.so.2',
      'tensorflow/include/tensorflow/c/c_api.h',
      'nvidia/cublas/lib/libcublas.so.12',
      'nvidia/cuda_nvcc/bin/ptxas',
    ])
      expect(wanted(name), name).toBe(true);
    for (const name of ['tensorflow/python/x.so', 'tensorflow/include/absl/x.h', 'nvidia/cublas/include/cublas.h'])
      expect(wanted(name), name).toBe(false);
  });
});

describe('fetching a wheel', () => {
  const wheel = { name: 'x', version: '1', sha256: sha(noise), file: 'x-1-py3-none-any.whl' };
  const folder = () => join(dir, 'downloads');
  /** A pip that puts these bytes where it is told to. */
  const pip = (data: Uint8Array, code = 0) => {
    let calls = 0;
    const runCommand = async (_command: string, args: string[]) => {
      calls++;
      const requirements = readFileSync(args[args.indexOf('-r') + 1]!, 'utf8');
      expect(requirements).toBe(`x==1 --hash=sha256:${wheel.sha256}\n`);
      expect(args).toEqual(expect.arrayContaining(['--no-deps', '--only-binary=:all:', '--require-hashes']));
      if (code === 0) writeFileSync(join(args[args.indexOf('-d') + 1]!, wheel.file), data);
      return { code, signal: null, stdout: '', stderr: 'ERROR: no', failure: null };
    };
    const fetch = () =>
      fetchWheel({ wheel, pip: ['pip'], platforms: ['any'], folder: folder(), update: () => {}, runCommand });
    return { fetch, calls: () => calls };
  };

  test('keeps one that is right and asks pip no more', async () => {
    const { fetch, calls } = pip(noise);
    const path = await fetch();
    expect(await fetch()).toBe(path);
    expect(calls()).toBe(1);
  });
  test('fetches a damaged one again', async () => {
    mkdirSync(folder());
    writeFileSync(join(folder(), wheel.file), noise.subarray(0, 100));
    const { fetch, calls } = pip(noise);
    expect(sha(readFileSync(await fetch()))).toBe(wheel.sha256);
    expect(calls()).toBe(1);
  });
  test('refuses one with another hash even if pip let it pass, and keeps nothing of it', async () => {
    await expect(pip(noise.subarray(1)).fetch()).rejects.toThrow(`instead of ${wheel.sha256}`);
    expect(existsSync(join(folder(), wheel.file))).toBe(false);
    await expect(pip(noise, 1).fetch()).rejects.toThrow('ERROR: no');
  });
});

describe('the unpacked library', () => {
  const target = targetFor('linux-x64', 'cpu')!;
  const library = () => join(dir, 'cache', '2.21.0-cpu');
  const quiet = () => new Console({ stream: new Writable({ write: (_chunk, _encoding, done) => done() }) });
  /** The wheel is too large for a test: a small one, put where a finished download lies, with its pin bent to it. */
  const unpack = async (files: Record<string, Uint8Array>, freeBytes = 1e12) => {
    const archive = zip(files);
    const [pin] = wheelsOf(target);
    const runCommand = async (_command: string, args: string[]) => {
      copyFileSync(archive, join(args[args.indexOf('-d') + 1]!, pin!.file));
      return { code: 0, signal: null, stdout: '', stderr: '', failure: null };
    };
    return unpackLibrary({
      dir: library(),
      target,
      pip: ['pip'],
      downloads: join(dir, 'downloads'),
      console: quiet(),
      title: 'test',
      runCommand,
      freeBytes: () => freeBytes,
    });
  };
  const write = (manifest: object) => {
    mkdirSync(library(), { recursive: true });
    writeFileSync(join(library(), 'manifest.json'), JSON.stringify(manifest));
  };
  const whole = () => ({
    schema: 1,
    tensorflow: '2.21.0',
    wheels: wheelsOf(target).map((wheel) => wheel.sha256),
    files: [{ path: 'lib.so', size: noise.length, sha256: sha(noise) }],
  });

  test('a wheel with the wrong hash never reaches it', async () => {
    await expect(unpack({ [target.libraries[0]!]: noise })).rejects.toThrow('instead of');
    expect(existsSync(library())).toBe(false);
  });
  test('a full disk is told before anything is fetched', async () => {
    await expect(unpack({}, 1e6)).rejects.toThrow('has 1 MB free, and 1.50 GB are needed');
    expect(existsSync(join(dir, 'downloads'))).toBe(false);
  });
  test('is whole, truncated, changed, missing, or of other pins', async () => {
    expect(await libraryWrong(library(), target)).toContain('is not there');
    write(whole());
    const file = join(library(), 'lib.so');
    expect(await libraryWrong(library(), target)).toContain('is missing');
    writeFileSync(file, noise);
    expect(await libraryWrong(library(), target, { full: true })).toBeNull();
    const bent = noise.slice();
    bent[500]! ^= 1;
    writeFileSync(file, bent);
    expect(await libraryWrong(library(), target)).toBeNull(); // sizes only: that is what makes a start quick
    expect(await libraryWrong(library(), target, { full: true })).toContain('is damaged');
    truncateSync(file, 10);
    expect(await libraryWrong(library(), target)).toContain('has 10 bytes instead of 70000');
    writeFileSync(file, noise);
    write({ ...whole(), wheels: ['of last year'] });
    expect(await libraryWrong(library(), target)).toContain('other wheels');
    writeFileSync(join(library(), 'manifest.json'), '{"schema": 1, "fi');
    expect(await libraryWrong(library(), target)).toContain('has no manifest');
  });
});
