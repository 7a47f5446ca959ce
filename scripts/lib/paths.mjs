import { homedir } from 'node:os';
import { dirname, join, resolve } from 'node:path';
import { fileURLToPath } from 'node:url';

/** The checkout that these scripts belong to. */
export const ROOT = resolve(dirname(fileURLToPath(import.meta.url)), '..', '..');

/**
 * Where large things that every clone shares are kept, by the conventions of each system. TRM_CACHE moves it.
 * @param {NodeJS.ProcessEnv} [env]
 * @param {NodeJS.Platform} [platform]
 * @param {string} [home]
 * @returns {string} an absolute path
 */
export function cacheDir(env = process.env, platform = process.platform, home = homedir()) {
  if (env.TRM_CACHE) return resolve(env.TRM_CACHE);
  if (platform === 'darwin') return join(home, 'Library', 'Caches', 'trm-studio');
  if (platform === 'win32') return join(env.LOCALAPPDATA || join(home, 'AppData', 'Local'), 'trm-studio', 'cache');
  // The XDG specification tells programs to ignore a relative path here.
  const xdg = env.XDG_CACHE_HOME?.startsWith('/') ? env.XDG_CACHE_HOME : join(home, '.cache');
  return join(xdg, 'trm-studio');
}

/**
 * @typedef {object} Paths
 * @property {string} root           the checkout
 * @property {string} modules        node_modules
 * @property {string} stamps         small files about this clone's set-up; gone when node_modules is
 * @property {string} report         runtime.json of this clone
 * @property {string} lock           held while this clone is being set up
 * @property {string} tfjs           the package whose addon is built
 * @property {string} addon          where that package looks for its addon
 * @property {string} cache          per user, shared by all clones
 * @property {string} cacheLock      held while the shared cache is being changed
 * @property {string} cacheReport    the latest runtime.json of any clone
 * @property {string} downloads      wheels between download and unpacking
 * @property {string} libraries      one folder per version and variant
 * @property {string} addons         compiled addons
 * @property {string} log            what the tools said during set-up
 */

/**
 * @param {{ root?: string, cache?: string }} [options]
 * @returns {Paths}
 */
export function pathsFor({ root = ROOT, cache = cacheDir() } = {}) {
  const modules = join(root, 'node_modules');
  const tfjs = join(modules, '@tensorflow', 'tfjs-node-gpu');
  return {
    root,
    modules,
    stamps: join(modules, '.trm'),
    report: join(modules, '.trm', 'runtime.json'),
    lock: join(root, '.trm', 'setup.lock'),
    tfjs,
    addon: join(tfjs, 'lib', 'napi-v8', 'tfjs_binding.node'),
    cache,
    cacheLock: join(cache, 'setup.lock'),
    cacheReport: join(cache, 'runtime.json'),
    downloads: join(cache, 'downloads'),
    libraries: join(cache, 'tensorflow'),
    addons: join(cache, 'addons'),
    log: join(cache, 'setup.log'),
  };
}
