import { createHash } from 'node:crypto';
import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { join, sep } from 'node:path';
import { readJson, writeJson } from './files.mjs';
import { run, which, why } from './process.mjs';
import { Problem } from './problem.mjs';

const STAMP = 'dependencies.json';

/**
 * What node_modules must have been installed from. The platform belongs to it: a tree copied from another machine has
 * the wrong Node and the wrong native modules in it.
 * @param {string} root
 */
export function dependencyKey(root) {
  const hash = createHash('sha256');
  for (const name of ['package-lock.json', '.npmrc']) {
    const path = join(root, name);
    if (existsSync(path)) hash.update(readFileSync(path));
  }
  return `${hash.digest('hex')} ${process.platform}-${process.arch}`;
}

/**
 * @param {import('./paths.mjs').Paths} paths
 * @returns {boolean} whether node_modules is what the lockfile says
 */
export function dependenciesCurrent(paths) {
  if (readJson(join(paths.stamps, STAMP))?.key !== dependencyKey(paths.root)) return false;
  // A package deleted by hand is noticed for those that we name ourselves, at the price of some forty stat calls.
  const manifest = readJson(join(paths.root, 'package.json'));
  const direct = Object.keys({ ...manifest?.dependencies, ...manifest?.devDependencies });
  return direct.every((name) => existsSync(join(paths.modules, name, 'package.json')));
}

/**
 * Whether every package of the lockfile that must be there is there in its version. npm writes its own list last, so
 * an interrupted install has none; a tree that the user installed with `npm ci` himself passes and is kept.
 * @param {import('./paths.mjs').Paths} paths
 * @returns {string | null} null if complete, else what is wrong
 */
export function dependenciesWrong(paths) {
  const wanted = readJson(join(paths.root, 'package-lock.json'))?.packages;
  if (!wanted)
    throw new Problem(`${join(paths.root, 'package-lock.json')} is missing or not readable.`, {
      fix: 'Restore it from git.',
    });
  const installed = readJson(join(paths.modules, '.package-lock.json'))?.packages;
  if (!installed) return 'node_modules was not installed to its end';
  for (const [path, entry] of Object.entries(wanted)) {
    if (path === '' || entry.link) continue;
    const here = installed[path];
    if (!here) {
      if (entry.optional || entry.peer || entry.devOptional) continue;
      return `${path} is missing`;
    }
    if (here.version !== entry.version) return `${path} is version ${here.version}, not ${entry.version}`;
    if (!existsSync(join(paths.root, path, 'package.json'))) return `${path} is missing`;
  }
  return null;
}

/** @param {import('./paths.mjs').Paths} paths */
const stamp = (paths) => writeJson(join(paths.stamps, STAMP), { key: dependencyKey(paths.root) });

/**
 * How to call npm: the very npm that called us, if one did.
 * @param {NodeJS.ProcessEnv} [env]
 * @returns {{ command: string, args: string[], shell: boolean }}
 */
export function npmCommand(env = process.env) {
  if (env.npm_execpath?.endsWith('npm-cli.js') && existsSync(env.npm_execpath)) {
    // Not process.execPath: that may be the Node inside the node_modules which npm is about to delete.
    const node = env.npm_node_execpath && existsSync(env.npm_node_execpath) ? env.npm_node_execpath : process.execPath;
    return { command: node, args: [env.npm_execpath], shell: false };
  }
  const npm = which('npm', env);
  if (!npm)
    throw new Problem('npm is not on PATH, so the dependencies cannot be installed.', {
      fix: 'Install Node with npm and start again.',
    });
  return { command: npm, args: [], shell: process.platform === 'win32' };
}

/**
 * Installs the dependencies if they are not those of the lockfile.
 * @param {{ paths: import('./paths.mjs').Paths, console: import('./console.mjs').Console, runCommand?: import('./process.mjs').Run }} context
 */
export async function ensureDependencies({ paths, console, runCommand = run }) {
  if (dependenciesCurrent(paths)) return;
  if (dependenciesWrong(paths) === null) return stamp(paths);
  if (process.platform === 'win32' && process.execPath.startsWith(paths.modules + sep))
    throw new Problem('The dependencies have changed, and Windows cannot replace the Node that is running from them.', {
      fix: 'Run `npm ci`, then start again.',
    });
  await console.step('dependencies', async (update) => {
    const npm = npmCommand();
    const timer = setInterval(() => update(`${installedCount(paths.modules)} packages`), 500);
    // Node 20 outside makes npm warn about every package that asks for 22; those run in the Node that this installs.
    const args = [...npm.args, 'ci', '--loglevel=error', '--no-audit', '--no-fund', '--no-progress'];
    const env = { ...process.env, NO_UPDATE_NOTIFIER: '1' };
    const outcome = await runCommand(npm.command, args, { cwd: paths.root, env, shell: npm.shell }).finally(() =>
      clearInterval(timer),
    );
    console.record(`npm ci: exit ${outcome.code}\n${outcome.stdout}${outcome.stderr}`);
    if (/EUSAGE[^]*in sync/.test(outcome.stderr))
      throw new Problem('package-lock.json does not belong to package.json.', {
        fix: 'Restore both from git, or run `npm install --package-lock-only` after a change of your own.',
      });
    if (outcome.code !== 0)
      throw new Problem(`Installing the dependencies failed: ${why(outcome)}.`, {
        fix: `Check the network (npm's own settings for proxies and mirrors apply) and start again; all of it is in ${console.log ?? 'the log'}.`,
      });
    const wrong = dependenciesWrong(paths);
    if (wrong)
      throw new Problem(`npm ci said that it succeeded, but ${wrong}.`, {
        fix: 'Delete node_modules and start again.',
      });
    update(`${installedCount(paths.modules)} packages`);
  });
  stamp(paths);
}

/** @param {string} modules */
function installedCount(modules) {
  try {
    return readdirSync(modules).reduce(
      (sum, name) =>
        sum + (name.startsWith('@') ? readdirSync(join(modules, name)).length : name.startsWith('.') ? 0 : 1),
      0,
    );
  } catch {
    // npm makes and removes folders while we count.
    return 0;
  }
}
