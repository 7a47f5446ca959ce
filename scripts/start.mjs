#!/usr/bin/env node
// npm start: set-up, then the app in a window, or in a browser where there can be no window.
import { join } from 'node:path';
import { parseStart, START_HELP, userFolder } from './lib/args.mjs';
import { Console } from './lib/console.mjs';
import { electronComplaint, electronFlags, ensureElectron, hasDisplay } from './lib/electron.mjs';
import { ensure, runMain } from './lib/ensure.mjs';
import { launch } from './lib/launch.mjs';
import { pathsFor } from './lib/paths.mjs';
import { sentence } from './lib/problem.mjs';

/** An Electron that ends with a failure before this has not opened a window. */
const AT_ONCE_MS = 10_000;

await runMain(async () => {
  const paths = pathsFor();
  const cwd = userFolder('start', { root: paths.root });
  const options = parseStart(process.argv.slice(2), cwd);
  if (options.help) {
    process.stderr.write(`${START_HELP}\n`);
    return 0;
  }
  const console = new Console({ log: paths.log });
  const { node } = await ensure({ paths, console });
  const env = { ...process.env, ...(options.home ? { TRM_HOME: options.home } : {}) };

  let noWindow = options.web ? '--web asks for it' : null;
  if (!noWindow && !hasDisplay()) noWindow = 'there is no display (neither DISPLAY nor WAYLAND_DISPLAY is set)';
  if (!noWindow) {
    const electron = await ensureElectron({ paths, node, console });
    if (electron.path) {
      const flags = electronFlags();
      if (flags.length) console.say("Running as root: Chromium's sandbox is off (--no-sandbox).");
      const ended = await launch(electron.path, [...flags, '.'], {
        cwd: paths.root,
        // Set in some shells by tools that use Electron as a Node; the app would then not open at all.
        env: { ...env, ELECTRON_RUN_AS_NODE: undefined },
        captureStderr: true,
      });
      if (ended.code === 0 || ended.asked || ended.ms > AT_ONCE_MS) return ended.code;
      noWindow = electronComplaint(ended.stderr, ended.code);
    } else noWindow = electron.missing;
  }

  console.say(`Serving the studio to a browser: ${noWindow}.`);
  // The server prints the address, alone on a line of stdout, and moves on to the next port if this one is taken.
  const args = [join(paths.root, 'out', 'main', 'server.js'), '--port', String(options.port ?? 7650)];
  if (options.home) args.push('--home', options.home);
  const ended = await launch(node.path, args, { cwd, env });
  return ended.asked && (ended.code === 130 || ended.code === 143) ? 0 : ended.code;
}, sentence);
