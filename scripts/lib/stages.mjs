import { existsSync } from 'node:fs';
import { createRequire } from 'node:module';
import { join, relative } from 'node:path';
import { electronComplaint, ensureElectron, hasDisplay, installedElectron } from './electron.mjs';
import { readJson } from './files.mjs';
import { run, which } from './process.mjs';
import { playwrightCounts, vitestCounts } from './results.mjs';

/**
 * @typedef {object} StageContext
 * @property {import('./paths.mjs').Paths} paths
 * @property {import('./node.mjs').NodeBinary} node
 * @property {import('./console.mjs').Console} console
 * @property {NodeJS.ProcessEnv} env
 *
 * How to run a stage: a line for the shell, as in package.json, or why it cannot be run.
 * @typedef {{ line: string, env?: NodeJS.ProcessEnv, report?: { file: string, read: (json: any) => import('./results.mjs').Counts } }} Command
 * @typedef {{ name: string, title: string, minutes: number, prepare: (context: StageContext) => Promise<Command | string> }} Stage
 */

/** @param {StageContext} context @param {string} script @returns {Command | string} */
function fromPackage({ paths }, script) {
  const line = readJson(join(paths.root, 'package.json'))?.scripts?.[script];
  return line ? { line } : `package.json has no script "${script}"`;
}

/** @param {StageContext} context @param {string} name */
const reportFile = ({ paths }, name) => join(paths.stamps, `results-${name}.json`);

/** @type {Stage[]} */
const STAGES = [
  { name: 'format', title: 'Formatting', minutes: 5, prepare: async (context) => fromPackage(context, 'format:check') },
  { name: 'lint', title: 'Lint', minutes: 10, prepare: async (context) => fromPackage(context, 'lint') },
  { name: 'types', title: 'Types', minutes: 10, prepare: async (context) => fromPackage(context, 'typecheck') },
  {
    name: 'knip',
    title: 'Unused files, exports and dependencies',
    minutes: 5,
    prepare: async () => ({ line: 'knip' }),
  },
  {
    name: 'supply',
    title: 'Licences and known vulnerabilities',
    minutes: 5,
    // Node from the PATH, as all tools: a path with quotes in it cannot be quoted for every shell.
    prepare: async () => ({ line: 'node scripts/supply.mjs' }),
  },
  {
    name: 'pure',
    title: 'Unit tests without TensorFlow',
    minutes: 20,
    prepare: async (context) => vitest(context, 'pure', '--project=pure --project=renderer --fileParallelism'),
  },
  {
    name: 'tensor',
    title: 'Unit, contract and golden tests with TensorFlow',
    minutes: 40,
    prepare: async (context) => vitest(context, 'tensor', '--project=tensor'),
  },
  { name: 'chromium', title: 'End to end in Chromium', minutes: 20, prepare: async (context) => chromium(context) },
  { name: 'electron', title: 'End to end in Electron', minutes: 20, prepare: async (context) => electron(context) },
];

/** Names for several stages together. @type {Record<string, string[]>} */
export const ALIASES = { unit: ['pure', 'tensor'] };

/** @param {string} root */
function hasKnip(root) {
  return (
    readJson(join(root, 'package.json'))?.knip ||
    ['knip.json', 'knip.jsonc', 'knip.ts'].some((name) => existsSync(join(root, name)))
  );
}

/**
 * The stages of this checkout: without a configuration knip is not a check that was skipped, there is none.
 * @param {string} root
 */
export const stagesOf = (root) => STAGES.filter((stage) => stage.name !== 'knip' || hasKnip(root));

/** @param {StageContext} context @param {string} name @param {string} projects @returns {Command} */
function vitest(context, name, projects) {
  const file = reportFile(context, name);
  // Relative to the clone, whose own path may hold what a shell would take for something else.
  const output = relative(context.paths.root, file);
  return {
    line: `vitest run ${projects} --reporter=default --reporter=json --outputFile.json="${output}"`,
    report: { file, read: vitestCounts },
  };
}

/** @param {StageContext} context @param {string} project @param {string} prefix @param {NodeJS.ProcessEnv} env @returns {Command | string} */
function playwright(context, project, prefix, env) {
  const { root } = context.paths;
  const config = ['playwright.config.ts', join('test', 'e2e', 'playwright.config.ts')].find((name) =>
    existsSync(join(root, name)),
  );
  if (!config) return 'there is no playwright.config.ts';
  const file = reportFile(context, project);
  return {
    line: `${prefix}playwright test --config="${config}" --project=${project} --reporter=list,json`,
    // Both names: the variable was renamed between Playwright's versions.
    env: { ...env, PLAYWRIGHT_JSON_OUTPUT_FILE: file, PLAYWRIGHT_JSON_OUTPUT_NAME: file },
    report: { file, read: playwrightCounts },
  };
}

/** @param {StageContext} context @returns {Command | string} */
function chromium(context) {
  const browser = findChromium(context);
  if (!browser) return 'no Chromium was found (Debian: `apt install chromium`, or set CHROME_PATH)';
  return playwright(context, 'chromium', '', { CHROME_PATH: browser });
}

/** @param {StageContext} context @returns {string | null} */
export function findChromium({ env, paths }) {
  if (env.CHROME_PATH && existsSync(env.CHROME_PATH)) return env.CHROME_PATH;
  for (const name of ['chromium', 'chromium-browser', 'google-chrome', 'google-chrome-stable']) {
    const path = which(name, env);
    if (path) return path;
  }
  try {
    // The one that `npx playwright install chromium` gets.
    const require = createRequire(join(paths.modules, '@playwright', 'test', 'package.json'));
    const path = require('playwright-core').chromium.executablePath();
    return existsSync(path) ? path : null;
  } catch {
    return null;
  }
}

/** @param {StageContext} context @returns {Promise<Command | string>} */
async function electron(context) {
  const { paths, node, console, env } = context;
  const found = installedElectron(paths, env)
    ? { path: installedElectron(paths, env), missing: null }
    : await ensureElectron({ paths, node, console });
  if (!found.path) return /** @type {string} */ (found.missing);
  // Loads every library that Electron is linked to, and opens nothing.
  const tried = await run(found.path, ['-e', '0'], { env: { ...env, ELECTRON_RUN_AS_NODE: '1' }, timeout: 60_000 });
  if (tried.code !== 0) return tried.failure ?? electronComplaint(tried.stderr, tried.code ?? 1);
  if (hasDisplay({ env })) return playwright(context, 'electron', '', { TRM_ELECTRON: found.path });
  if (!which('xvfb-run', env)) return 'there is no display and no xvfb-run (Debian: `apt install xvfb xauth`)';
  return playwright(context, 'electron', 'xvfb-run -a ', { TRM_ELECTRON: found.path });
}
