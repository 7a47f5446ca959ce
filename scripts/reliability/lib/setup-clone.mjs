/**
 * A clone whose set-up takes seconds: this checkout's own scripts, real pip and real compiler, and an addon that is linked,
 * loaded and computes; but a wheel of some megabytes in a folder in place of TensorFlow's in an index, a trial of one product
 * of matrices in place of all kernels, and no dependencies to install.
 */
import { execFileSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import { copyFileSync, cpSync, mkdirSync, readFileSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { zipSync } from 'fflate';
import { pathsFor, ROOT } from '../../lib/paths.mjs';
import { targetFor } from '../../runtime/plan.mjs';
import { wheelsOf } from '../../runtime/wheels.mjs';
import { startScript } from './studio.mjs';

const SOURCES = join(dirname(fileURLToPath(import.meta.url)), 'small-tensorflow');
const LIBRARIES = ['libtensorflow_cc.so.2', 'libtensorflow_framework.so.2'];
/** Appended to a library: its unpacking is then long enough to be hit. */
const BALLAST = 16 * 2 ** 20;

/** Bytes that a set-up of the small wheel wants to be free: the wheel, and what is in it. */
export const ROOM = 120e6;

/** Why there can be none here; null where there can. */
export function whyNoClone() {
  if (!targetFor(`${process.platform}-${process.arch}`, 'cpu') || process.platform !== 'linux')
    return 'the small wheel is made for Linux only';
  for (const [command, ...args] of [['g++', '--version'], ['python3', '-m', 'pip', '--version']]) {
    try {
      execFileSync(command, args, { stdio: 'ignore' });
    } catch {
      return `it needs ${args.includes('pip') ? 'pip' : command}`;
    }
  }
  return null;
} // prettier-ignore

export class SetupClone {
  /**
   * @param {string} root   the folder to make it in
   * @param {string} cache  the cache folder that it fills
   * @param {string} wheels a folder for the wheel
   */
  constructor(root, cache, wheels = `${root}-wheels`) {
    this.root = root;
    this.cache = cache;
    this.paths = pathsFor({ root, cache });
    const modules = pathsFor().modules;
    rmSync(root, { recursive: true, force: true });
    mkdirSync(root, { recursive: true });
    for (const name of ['lib', 'runtime', 'setup.mjs'])
      cpSync(join(ROOT, 'scripts', name), join(root, 'scripts', name), { recursive: true });
    const manifest = { name: 'clone', version: '1.0.0' };
    writeFileSync(join(root, 'package.json'), JSON.stringify(manifest));
    writeFileSync(join(root, 'package-lock.json'), JSON.stringify({ ...manifest, lockfileVersion: 3, packages: {} }));
    mkdirSync(join(this.paths.tfjs, 'binding'), { recursive: true });
    writeFileSync(join(this.paths.modules, '.package-lock.json'), JSON.stringify({ packages: {} }));
    for (const name of [`node-${process.platform}-${process.arch}`, 'node-api-headers'])
      symlinkSync(join(modules, name), join(this.paths.modules, name));
    writeFileSync(join(this.paths.tfjs, 'package.json'), JSON.stringify({ version: '1.0.0' }));
    for (const name of ['tfjs_backend.cc', 'tfjs_binding.cc'])
      copyFileSync(join(SOURCES, name), join(this.paths.tfjs, 'binding', name));
    this.wheels = wheels;
    this.makeWheel();
    copyFileSync(join(SOURCES, 'kernels.mjs'), join(root, 'scripts', 'runtime', 'kernels.mjs'));
    const plan = join(root, 'scripts', 'runtime', 'plan.mjs');
    writeFileSync(plan, readFileSync(plan, 'utf8').replaceAll('room: 1.5e9', `room: ${ROOM}`));
    /** @type {NodeJS.ProcessEnv} */
    this.env = {
      PATH: process.env.PATH,
      HOME: wheels,
      TRM_CACHE: cache,
      TRM_TENSORFLOW: 'cpu',
      PIP_NO_INDEX: '1',
      PIP_FIND_LINKS: wheels,
      PIP_CONFIG_FILE: '/dev/null',
      PIP_ROOT_USER_ACTION: 'ignore',
    };
  }

  /** Under the name of the pinned one, with the pin of this clone bent to it. */
  makeWheel() {
    const target = /** @type {import('../../runtime/plan.mjs').Target} */ (
      targetFor(`${process.platform}-${process.arch}`, 'cpu')
    );
    const [pin] = wheelsOf(target);
    mkdirSync(this.wheels, { recursive: true });
    const info = `${pin.file.split('-').slice(0, 2).join('-')}.dist-info`;
    const noise = Buffer.alloc(BALLAST);
    for (let i = 0, x = 1; i < BALLAST; i += 4)
      noise.writeUInt32LE((x = (Math.imul(x, 1664525) + 1013904223) >>> 0), i);
    /** @type {Record<string, Uint8Array>} */
    const files = {
      'tensorflow/include/tensorflow/c/c_api.h': readFileSync(join(SOURCES, 'c_api.h')),
      [`${info}/METADATA`]: Buffer.from(`Metadata-Version: 2.1\nName: ${pin.name}\nVersion: ${pin.version}\n`),
      [`${info}/WHEEL`]: Buffer.from('Wheel-Version: 1.0\nRoot-Is-Purelib: false\nTag: cp312-cp312-any\n'),
      [`${info}/RECORD`]: Buffer.from(''),
    };
    for (const name of LIBRARIES) {
      const built = join(this.wheels, name);
      const source = name === LIBRARIES[0] ? join(SOURCES, 'library.cc') : join(SOURCES, 'tfjs_backend.cc');
      execFileSync('g++', ['-shared', '-fPIC', `-Wl,-soname,${name}`, source, '-o', built]);
      files[`tensorflow/${name}`] = Buffer.concat([readFileSync(built), noise]);
      rmSync(built);
    }
    const wheel = zipSync(files, { level: 1, mtime: new Date(2026, 0, 1) });
    writeFileSync(join(this.wheels, pin.file), wheel);
    const hash = createHash('sha256').update(wheel).digest('hex');
    const line = `${pin.name}==${pin.version} --hash=sha256:${hash}  # ${pin.file}\n`;
    writeFileSync(join(this.root, 'scripts', 'runtime', 'requirements', target.requirements), line);
  }

  /** As if nothing had ever been set up. */
  clear() {
    for (const path of [this.cache, this.paths.stamps, dirname(this.paths.lock), join(this.paths.tfjs, 'lib')])
      rmSync(path, { recursive: true, force: true });
  }

  /** `npm run setup` without the app's own build. */
  setUp() {
    return this.spawn(['scripts/setup.mjs', '--no-build']);
  }

  /** What every start does before it starts. */
  start() {
    const program = `
      import { ensure, runMain } from './scripts/lib/ensure.mjs';
      import { Console } from './scripts/lib/console.mjs';
      import { pathsFor } from './scripts/lib/paths.mjs';
      import { sentence } from './scripts/lib/problem.mjs';
      await runMain(async () => {
        const paths = pathsFor();
        await ensure({ paths, console: new Console({ log: paths.log }), build: false });
        return 0;
      }, sentence);`;
    return this.spawn(['--input-type=module', '-e', program]);
  }

  /** Reads every byte and tries the addon. @returns {Promise<string | null>} what is wrong */
  async verify() {
    const { stdout, stderr } = await this.spawn(['scripts/runtime/verify.mjs', '--json']).ended;
    try {
      const verdict = JSON.parse(stdout);
      if (!verdict.ok) return verdict.problem;
      return verdict.variant === 'cpu' ? null : `the rung ${verdict.variant} was taken instead of cpu`;
    } catch {
      return stderr.trim() || 'verify.mjs said nothing';
    }
  }

  /** @param {string[]} args @returns {import('./studio.mjs').Started} */
  started(args) {
    return startScript(args, { cwd: this.root, env: this.env });
  }

  /**
   * Its end is that of the process itself: a tool that outlives a killed set-up may hold the pipes open.
   * @param {string[]} args
   * @returns {{ pid: number, ended: Promise<{ code: number | null, stdout: string, stderr: string }> }}
   */
  spawn(args) {
    const { child, stdout, stderr } = this.started(args);
    const ended = new Promise((resolve, reject) => {
      child.on('error', reject);
      child.on('exit', (code) => setTimeout(() => resolve({ code, stdout: stdout(), stderr: stderr() }), 20));
    });
    return { pid: child.pid ?? 0, ended };
  }
}
