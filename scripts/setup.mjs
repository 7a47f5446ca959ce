#!/usr/bin/env node
// npm run setup: everything that `npm start` needs, looking again at what a start takes on trust.
import { Console } from './lib/console.mjs';
import { ensureElectron, hasDisplay } from './lib/electron.mjs';
import { ensure, runMain } from './lib/ensure.mjs';
import { pathsFor } from './lib/paths.mjs';
import { Problem, sentence } from './lib/problem.mjs';

await runMain(async () => {
  const wrong = process.argv.slice(2).find((argument) => argument !== '--no-build');
  if (wrong) throw new Problem(`${wrong} is not an option of setup.`, { fix: 'There is --no-build.', exitCode: 2 });
  const paths = pathsFor();
  const console = new Console({ log: paths.log });
  const { node } = await ensure({ paths, console, force: true, build: !process.argv.includes('--no-build') });
  if (hasDisplay()) {
    const electron = await ensureElectron({ paths, node, console, retry: true });
    console.say(
      electron.path
        ? `  Electron: ${electron.path}`
        : `  No window: ${electron.missing}. The studio opens in a browser instead.`,
    );
  }
  return 0;
}, sentence);
