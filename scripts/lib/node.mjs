import { existsSync } from 'node:fs';
import { delimiter, dirname, join } from 'node:path';
import { readJson } from './files.mjs';
import { Problem } from './problem.mjs';

/** better-sqlite3's prebuilt binary needs Node-API 10; below this version it does not fail but crashes the process. */
export const NODE_NEEDED = 22;
/** What the tools of the set-up itself (electron-vite, npm's own lockfile) ask for. */
export const NODE_OUTSIDE = [20, 19];

/** @typedef {{ path: string, version: string, include: string | null, origin: 'package' | 'current' }} NodeBinary */

/** @param {string} version */
const major = (version) => Number.parseInt(version.replace(/^v/, ''), 10);

/**
 * The scripts themselves run in the user's Node, whatever it is.
 * @param {string} [version]
 */
export function checkOutsideNode(version = process.versions.node) {
  const [a, b] = version.split('.').map(Number);
  const [needA, needB] = NODE_OUTSIDE;
  if (a > needA || (a === needA && b >= needB)) return;
  throw new Problem(`This is Node ${version}; TRM Studio needs Node ${needA}.${needB} or newer to set itself up.`, {
    fix: 'Install a newer Node from https://nodejs.org and start again.',
  });
}

/**
 * The Node that everything but the set-up runs in: the one that comes as a dependency (a plain npm package per
 * platform, no install script), else this one if it is new enough.
 * @param {string} modules node_modules
 * @param {{ platform?: string, arch?: string, current?: { execPath: string, version: string } }} [options]
 * @returns {NodeBinary}
 */
export function findNode(modules, options = {}) {
  const { platform = process.platform, arch = process.arch } = options;
  const current = options.current ?? { execPath: process.execPath, version: process.versions.node };
  const name = `node-${platform === 'win32' ? 'win' : platform}-${arch}`;
  const home = join(modules, name);
  const path = join(home, 'bin', platform === 'win32' ? 'node.exe' : 'node');
  const version = readJson(join(home, 'package.json'))?.version;
  if (version && major(version) >= NODE_NEEDED && existsSync(path))
    return {
      path,
      version,
      include: headersIn([join(home, 'include', 'node'), ...shared(modules)]),
      origin: 'package',
    };
  if (major(current.version) >= NODE_NEEDED) {
    const beside = join(dirname(dirname(current.execPath)), 'include', 'node');
    const include = headersIn([beside, ...shared(modules)]);
    return { path: current.execPath, version: current.version, include, origin: 'current' };
  }
  throw new Problem(
    `This is Node ${current.version}, the package ${name} is not installed, and SQLite needs Node ${NODE_NEEDED} or newer.`,
    { fix: `Run \`npm ci\` without --omit=optional, or start with Node ${NODE_NEEDED} or newer.` },
  );
}

/** @param {string} modules */
function shared(modules) {
  const nodedir = process.env.npm_config_nodedir;
  return [join(modules, 'node-api-headers', 'include'), ...(nodedir ? [join(nodedir, 'include', 'node')] : [])];
}

/** @param {string[]} candidates */
function headersIn(candidates) {
  return candidates.find((dir) => existsSync(join(dir, 'node_api.h'))) ?? null;
}

/**
 * The environment in which commands find this Node and the project's tools first.
 * @param {string} modules
 * @param {NodeBinary} node
 * @param {NodeJS.ProcessEnv} [env]
 * @returns {NodeJS.ProcessEnv}
 */
export function withNode(modules, node, env = process.env) {
  // The Node's own folder comes first: node_modules/.bin/node is absent where the user's Node serves.
  return { ...env, PATH: [dirname(node.path), join(modules, '.bin'), env.PATH ?? env.Path ?? ''].join(delimiter) };
}
