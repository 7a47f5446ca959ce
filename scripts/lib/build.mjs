import { existsSync, readdirSync } from 'node:fs';
import { join } from 'node:path';
import { readJson, remove, sha256Tree, writeJson } from './files.mjs';
import { withNode } from './node.mjs';
import { run, why } from './process.mjs';
import { Problem } from './problem.mjs';

/** What the bundles are made from. */
const INPUTS = ['src', 'electron.vite.config.ts', 'package.json', 'package-lock.json'];
/** What the rest of the app needs to find there. */
const OUTPUTS = ['main/index.js', 'main/server.js', 'main/cli.js', 'main/compute.js', 'renderer/index.html'];

/** @param {string} root */
export function buildKey(root) {
  const configs = readdirSync(root).filter((name) => /^tsconfig.*\.json$/.test(name));
  return sha256Tree(root, [...INPUTS, ...configs]);
}

/** @param {string} root */
const stampPath = (root) => join(root, 'out', '.built.json');

/**
 * @param {string} root
 * @returns {{ current: boolean, key: string }}
 */
export function buildState(root) {
  const key = buildKey(root);
  const current =
    readJson(stampPath(root))?.key === key && OUTPUTS.every((file) => existsSync(join(root, 'out', file)));
  return { current, key };
}

/**
 * Builds if the sources are not those of the last build.
 * @param {{ paths: import('./paths.mjs').Paths, console: import('./console.mjs').Console, node: import('./node.mjs').NodeBinary, runCommand?: import('./process.mjs').Run }} context
 */
export async function ensureBuild({ paths, console, node, runCommand = run }) {
  const { current, key } = buildState(paths.root);
  if (current) return;
  await console.step('build', async () => {
    // First away with the stamp: a build that is interrupted leaves a mixture of old and new files.
    remove(stampPath(paths.root));
    const tool = join(paths.modules, 'electron-vite', 'bin', 'electron-vite.js');
    const outcome = await runCommand(node.path, [tool, 'build', '--logLevel', 'warn'], {
      cwd: paths.root,
      env: { ...withNode(paths.modules, node), NODE_ENV: 'production', FORCE_COLOR: '0' },
    });
    console.record(`electron-vite build: exit ${outcome.code}\n${outcome.stdout}${outcome.stderr}`);
    if (outcome.code !== 0)
      throw new Problem(`The build failed: ${why(outcome)}.`, {
        fix: `If you changed the sources, \`npm run typecheck\` names the place; all of the output is in ${console.log ?? 'the log'}.`,
      });
    const missing = OUTPUTS.find((file) => !existsSync(join(paths.root, 'out', file)));
    if (missing)
      throw new Problem(`The build made no out/${missing}.`, { fix: 'Restore the sources from git and start again.' });
    // The key of the sources as they were at the beginning: a file saved during the build is built next time.
    writeJson(stampPath(paths.root), { key });
  });
}
