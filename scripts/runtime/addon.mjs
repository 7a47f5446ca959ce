import { createHash } from 'node:crypto';
import * as fs from 'node:fs';
import { join } from 'node:path';
import { copyInto, readJson, remove, sha256File, sha256Tree, sizeOf, writeJson } from '../lib/files.mjs';
import { run, why } from '../lib/process.mjs';
import { Problem } from '../lib/problem.mjs';

/**
 * tfjs-node-gpu's addon, compiled against the unpacked library. Being Node-API 8, one file serves Node 20 and newer and
 * every Electron.
 * @typedef {{ file: string, size: number, sha256: string }} Addon
 */

/**
 * What a compiled addon depends on: the sources, the library it is linked with and the place where it will look for it.
 * @param {import('../lib/paths.mjs').Paths} paths
 * @param {string} library  the unpacked folder
 * @param {string} platform
 */
export function addonKey(paths, library, platform) {
  const manifest = fs.readFileSync(join(library, 'manifest.json'), 'utf8');
  const version = readJson(join(paths.tfjs, 'package.json'))?.version;
  const source = sha256Tree(paths.tfjs, ['binding']);
  return createHash('sha256')
    .update([platform, library, manifest, version, source].join('\0'))
    .digest('hex')
    .slice(0, 24);
}

/**
 * @param {object} options
 * @param {string} options.include   Node's headers
 * @param {string} options.library
 * @param {string[]} options.libraries
 * @param {string} options.output
 * @param {NodeJS.Platform | string} [options.system]
 * @returns {string[]}
 */
export function compilerArguments({ include, library, libraries, output, system = process.platform }) {
  const mac = system === 'darwin';
  return [
    '-O2',
    '-fPIC',
    '-std=c++17',
    ...(mac ? ['-bundle', '-undefined', 'dynamic_lookup'] : ['-shared']),
    '-DNAPI_VERSION=8',
    `-I${include}`,
    '-I.',
    `-I${join(library, 'tensorflow', 'include')}`,
    'binding/tfjs_backend.cc',
    'binding/tfjs_binding.cc',
    '-o',
    output,
    // -Xlinker, not -Wl: a comma in the user's name would end a -Wl argument.
    '-Xlinker',
    '-rpath',
    '-Xlinker',
    join(library, 'tensorflow'),
    ...libraries.map((name) => join(library, name)),
  ];
}

/**
 * The compiled addon out of the cache, compiled if need be.
 * @param {object} options
 * @param {import('../lib/paths.mjs').Paths} options.paths
 * @param {string} options.library
 * @param {import('./plan.mjs').Target} options.target
 * @param {import('./plan.mjs').Tools} options.tools
 * @param {string} options.variant
 * @param {import('../lib/console.mjs').Console} options.console
 * @param {import('../lib/process.mjs').Run} [options.runCommand]
 * @returns {Promise<Addon>}
 */
export async function ensureAddon({ paths, library, target, tools, variant, console, runCommand = run }) {
  const file = join(paths.addons, `tfjs-${variant}-${addonKey(paths, library, tools.platform)}.node`);
  const kept = readJson(`${file}.json`);
  if (kept && sizeOf(file) === kept.size && (await sha256File(file)) === kept.sha256) return { file, ...kept };
  const { compiler, headers } = tools;
  if (!compiler || !headers)
    throw new Problem('no C++ compiler was found', { fix: 'Install one, then run `npm run setup`.' });
  await console.step('TensorFlow binding (compiling)', async () => {
    fs.mkdirSync(paths.addons, { recursive: true });
    const output = `${file}.${process.pid}.tmp`;
    const args = compilerArguments({ include: headers, library, libraries: target.libraries, output });
    const outcome = await runCommand(compiler, args, { cwd: paths.tfjs, timeout: 10 * 60_000 });
    console.record(`${compiler} ${args.join(' ')}: exit ${outcome.code}\n${outcome.stdout}${outcome.stderr}`);
    if (outcome.code !== 0) {
      remove(output);
      throw new Problem(`${compiler} could not compile the TensorFlow binding: ${why(outcome)}`, {
        fix: 'It needs C++17 (GCC 8, Clang 7 or newer); set CXX to another compiler, then run `npm run setup`.',
      });
    }
    fs.renameSync(output, file);
  });
  const record = { size: fs.statSync(file).size, sha256: await sha256File(file) };
  writeJson(`${file}.json`, record);
  return { file, ...record };
}

/**
 * Puts a copy where the package looks for it. A link would do on Linux, but not for a clone that is packed or copied.
 * @param {import('../lib/paths.mjs').Paths} paths
 * @param {Addon} addon
 */
export async function installAddon(paths, addon) {
  if (sizeOf(paths.addon) === addon.size && (await sha256File(paths.addon)) === addon.sha256) return;
  copyInto(addon.file, paths.addon);
}
