import { dirname } from 'node:path';
import { ensureRuntime, runtimeCurrent } from '../runtime/ladder.mjs';
import { buildState, ensureBuild } from './build.mjs';
import { dependenciesCurrent, ensureDependencies } from './dependencies.mjs';
import { acquire, isLeft } from './lock.mjs';
import { checkOutsideNode, findNode } from './node.mjs';
import { killCommands, watchCommands } from './process.mjs';
import { Problem } from './problem.mjs';
import { sweep } from './sweep.mjs';

/**
 * @typedef {object} Ready
 * @property {import('./node.mjs').NodeBinary} node
 * @property {boolean} worked whether there was anything to do
 */

/**
 * Brings the checkout to the state in which the app runs. Every step looks first and does nothing where nothing is to
 * do; every step can be killed at any point and is then simply done again.
 * @param {{ paths: import('./paths.mjs').Paths, console: import('./console.mjs').Console, force?: boolean, build?: boolean }} options
 * @returns {Promise<Ready>}
 */
export async function ensure({ paths, console, force = false, build = true }) {
  checkOutsideNode();
  // A lock that a killed set-up has left is taken over, and goes.
  if (!force && dependenciesCurrent(paths) && !isLeft(paths.lock)) {
    const node = findNode(paths.modules);
    if ((await runtimeCurrent(paths)) && (!build || buildState(paths.root).current)) return { node, worked: false };
  }
  /** @type {Set<import('./lock.mjs').Lock>} */
  const locks = new Set();
  const release = () => locks.forEach((lock) => lock.release());
  const unhook = onInterrupt(() => {
    killCommands();
    release();
    console.say('Set-up interrupted; start again to continue where it stopped.');
  });
  watchCommands((pids) => locks.forEach((lock) => lock.note(pids)));
  try {
    console.say('Setting up TRM Studio');
    locks.add(
      await acquire(paths.lock, {
        onWait: (owner) =>
          console.say(`  Waiting for another set-up${owner ? ` (process ${owner.pid})` : ''} of this folder.`),
      }),
    );
    sweep([dirname(paths.lock), paths.stamps, dirname(paths.addon)]);
    const started = Date.now();
    await ensureDependencies({ paths, console });
    const node = findNode(paths.modules);
    await ensureRuntime({ paths, node, console, force, onLock: (lock) => locks.add(lock) });
    if (build) await ensureBuild({ paths, console, node });
    console.say(`  ready (${((Date.now() - started) / 1000).toFixed(1)} s)`);
    return { node, worked: true };
  } finally {
    watchCommands(null);
    release();
    unhook();
  }
}

/**
 * @param {() => void} clean
 * @returns {() => void} puts things back
 */
function onInterrupt(clean) {
  /** @param {NodeJS.Signals} signal */
  const handler = (signal) => {
    clean();
    process.exit(signal === 'SIGINT' ? 130 : 143);
  };
  const signals = /** @type {const} */ (['SIGINT', 'SIGTERM', 'SIGHUP']);
  signals.forEach((signal) => process.on(signal, handler));
  return () => signals.forEach((signal) => process.off(signal, handler));
}

/**
 * Runs a script's main function; whatever goes wrong is one sentence on stderr.
 * @param {() => Promise<number>} main returns the exit code
 * @param {(error: unknown) => string} sentence
 */
export async function runMain(main, sentence) {
  try {
    process.exitCode = await main();
  } catch (error) {
    process.stderr.write(`${sentence(error)}\n`);
    // A programming error is no sentence; developers ask for the stack.
    if (process.env.TRM_DEBUG && error instanceof Error) process.stderr.write(`${error.stack}\n`);
    process.exitCode = error instanceof Problem ? error.exitCode : 1;
  }
}
