#!/usr/bin/env node
// npm run -s trm -- COMMAND …: the command line, after whatever set-up is missing.
import { join } from 'node:path';
import { userFolder } from './lib/args.mjs';
import { Console } from './lib/console.mjs';
import { ensure, runMain } from './lib/ensure.mjs';
import { launch } from './lib/launch.mjs';
import { pathsFor } from './lib/paths.mjs';
import { sentence } from './lib/problem.mjs';
import { cleanCommand } from './runtime/clean.mjs';

await runMain(async () => {
  const paths = pathsFor();
  const args = process.argv.slice(2);
  // Before any set-up: it would fetch what is about to be removed.
  if (args[0] === 'doctor' && args.includes('--clean')) return cleanCommand(paths, args.slice(1));
  const { node } = await ensure({ paths, console: new Console({ log: paths.log }) });
  // `npm run parity` is this script with its first word given.
  const script = args[0] === process.env.npm_lifecycle_event ? args[0] : 'trm';
  const cwd = userFolder(script, { root: paths.root });
  const ended = await launch(node.path, [join(paths.root, 'out', 'main', 'cli.js'), ...args], { cwd });
  return ended.code;
}, sentence);
