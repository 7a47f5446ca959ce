import { existsSync, mkdirSync } from 'node:fs';
import { join } from 'node:path';
import { megabytes } from './console.mjs';
import { bytesBelow, readJson, remove, writeJson } from './files.mjs';
import { run, why } from './process.mjs';

/** After a failed download the next start must not wait for another; a day later the network may be a different one. */
const REMEMBER_MS = 24 * 3600_000;
const STALL_MS = 60_000;

/** @typedef {{ path: string, missing: null } | { path: null, missing: string }} Found missing: one sentence */

/** @param {NodeJS.Platform} [platform] */
export function binaryName(platform = process.platform) {
  if (platform === 'darwin') return join('Electron.app', 'Contents', 'MacOS', 'Electron');
  return platform === 'win32' ? 'electron.exe' : 'electron';
}

/**
 * Whether there is a screen to open a window on.
 * @param {{ env?: NodeJS.ProcessEnv, platform?: NodeJS.Platform }} [options]
 */
export function hasDisplay({ env = process.env, platform = process.platform } = {}) {
  return platform === 'darwin' || platform === 'win32' || Boolean(env.DISPLAY || env.WAYLAND_DISPLAY);
}

/** @param {import('./paths.mjs').Paths} paths */
const memoryPath = (paths) => join(paths.stamps, 'electron-download.json');

/**
 * The Electron binary that is here already.
 * @param {import('./paths.mjs').Paths} paths
 * @param {NodeJS.ProcessEnv} [env]
 * @returns {string | null}
 */
export function installedElectron(paths, env = process.env) {
  const override = env.ELECTRON_OVERRIDE_DIST_PATH;
  if (override && existsSync(join(override, binaryName()))) return join(override, binaryName());
  const own = join(paths.modules, 'electron', 'dist');
  const version = readJson(join(paths.modules, 'electron', 'package.json'))?.version;
  // Electron unpacks its zip in place: path.txt is what it writes last.
  const complete = existsSync(join(own, '..', 'path.txt')) && version !== undefined;
  return complete && existsSync(join(own, binaryName())) ? join(own, binaryName()) : null;
}

/**
 * The Electron binary, downloaded by the electron package itself (which honours ELECTRON_MIRROR) if need be.
 * @param {object} context
 * @param {import('./paths.mjs').Paths} context.paths
 * @param {import('./node.mjs').NodeBinary} context.node
 * @param {import('./console.mjs').Console} context.console
 * @param {boolean} [context.retry]
 * @param {import('./process.mjs').Run} [context.runCommand]
 * @param {number} [context.now]
 * @returns {Promise<Found>}
 */
export async function ensureElectron({ paths, node, console, retry = false, runCommand = run, now = Date.now() }) {
  const here = installedElectron(paths);
  if (here) return { path: here, missing: null };
  const installer = join(paths.modules, 'electron', 'install.js');
  if (!existsSync(installer)) return { path: null, missing: 'the electron package is not installed' };
  const failedAt = readJson(memoryPath(paths))?.failed_at;
  if (!retry && failedAt && now - failedAt < REMEMBER_MS)
    return {
      path: null,
      missing: `Electron's download failed (${readJson(memoryPath(paths)).reason}); \`npm run setup\` tries it again`,
    };
  // @electron/get downloads into the temporary folder; in one of our own its bytes can be counted.
  const temporary = join(paths.stamps, 'electron-download');
  remove(temporary);
  mkdirSync(temporary, { recursive: true });
  const arrived = () => bytesBelow(temporary) + bytesBelow(join(paths.modules, 'electron', 'dist'));
  let reason = '';
  await console.step('Electron (download)', async (update) => {
    const timer = setInterval(() => update(megabytes(arrived())), 500);
    const outcome = await runCommand(node.path, [installer], {
      cwd: paths.root,
      env: { ...process.env, TMPDIR: temporary, TMP: temporary, TEMP: temporary, ELECTRON_OVERRIDE_DIST_PATH: '' },
      progress: arrived,
      stall: STALL_MS,
      timeout: 30 * 60_000,
    }).finally(() => clearInterval(timer));
    console.record(`electron install.js: exit ${outcome.code}\n${outcome.stdout}${outcome.stderr}`);
    if (outcome.code !== 0 || outcome.failure) reason = downloadComplaint(outcome);
    update(reason ? 'failed' : '');
  });
  remove(temporary);
  const got = installedElectron(paths);
  if (got) {
    remove(memoryPath(paths));
    return { path: got, missing: null };
  }
  reason ||= 'it left no binary';
  writeJson(memoryPath(paths), { failed_at: now, reason });
  return {
    path: null,
    missing: `Electron's download failed (${reason}); \`npm run setup\` tries it again, and ELECTRON_MIRROR names another source`,
  };
}

/** @param {import('./process.mjs').Outcome} outcome */
function downloadComplaint(outcome) {
  const text = why(outcome);
  // "fetch failed" is all that Node says of a host that cannot be reached.
  return /fetch failed|ENOTFOUND|ECONNREFUSED|ETIMEDOUT|EAI_AGAIN/.test(text) ? 'its server cannot be reached' : text;
}

/**
 * @param {{ platform?: NodeJS.Platform, uid?: number }} [options]
 * @returns {string[]}
 */
export function electronFlags({ platform = process.platform, uid = process.getuid?.() } = {}) {
  // Chromium refuses to start its sandbox for root.
  return platform === 'linux' && uid === 0 ? ['--no-sandbox'] : [];
}

/**
 * Why Electron ended at its start, from what it wrote.
 * @param {string} stderr
 * @param {number} code
 */
export function electronComplaint(stderr, code) {
  const library = /error while loading shared libraries: ([^:\s]+)/.exec(stderr)?.[1];
  if (library) return `this system lacks the library ${library} that Electron needs`;
  if (
    /Missing X server|cannot open display|Failed to connect to the bus.*display|platform failed to initialize/i.test(
      stderr,
    )
  )
    return `the display ${process.env.WAYLAND_DISPLAY ?? process.env.DISPLAY ?? ''} cannot be opened`;
  if (/SUID sandbox|No usable sandbox/i.test(stderr))
    return 'this system does not let Chromium start its sandbox (user namespaces are off and chrome-sandbox is not set up)';
  const line = stderr
    .split('\n')
    .map((text) => text.trim())
    .filter(Boolean)
    .at(-1);
  return line
    ? `Electron ended at its start: ${line.slice(0, 200)}`
    : `Electron ended at its start with exit code ${code}`;
}
