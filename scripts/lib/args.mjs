import { isAbsolute, resolve } from 'node:path';
import { Problem } from './problem.mjs';

/**
 * @typedef {{ web: boolean, port: number | null, home: string | null, help: boolean }} StartOptions
 */

export const START_HELP = `npm start -- [--web] [--port N] [--home DIR]
  --web        serve the studio to a browser instead of opening a window
  --port N     the port to serve at (0: any free one; default 7650, or the next free one)
  --home DIR   where runs, datasets and checkpoints are kept (also TRM_HOME)`;

/**
 * @param {string[]} argv
 * @param {string} [cwd] what relative paths are relative to
 * @returns {StartOptions}
 */
export function parseStart(argv, cwd = process.cwd()) {
  /** @type {StartOptions} */
  const options = { web: false, port: null, home: null, help: false };
  const rest = [...argv];
  while (rest.length) {
    const given = /** @type {string} */ (rest.shift());
    const [flag, inline] = given.startsWith('--') && given.includes('=') ? split(given) : [given, null];
    const value = (/** @type {string} */ what) => {
      const text = inline ?? rest.shift();
      if (text === undefined || text === '' || (inline === null && text.startsWith('--')))
        throw usage(`${flag} needs ${what}.`);
      return text;
    };
    if (flag === '--web' && inline === null) options.web = true;
    else if (flag === '--help' || flag === '-h') options.help = true;
    else if (flag === '--port') options.port = port(value('a number'));
    else if (flag === '--home') {
      const dir = value('a folder');
      options.home = isAbsolute(dir) ? dir : resolve(cwd, dir);
    } else throw usage(`${given} is not an option of npm start.`);
  }
  return options;
}

/** @param {string} text @returns {[string, string]} */
function split(text) {
  const at = text.indexOf('=');
  return [text.slice(0, at), text.slice(at + 1)];
}

/** @param {string} text */
function port(text) {
  const number = /^\d{1,5}$/.test(text) ? Number(text) : NaN;
  if (!(number >= 0 && number <= 65535)) throw usage(`--port ${text} is not a port (0 to 65535).`);
  return number;
}

/** @param {string} message */
const usage = (message) =>
  new Problem(message, { fix: 'There are --web, --port N and --home DIR, after `npm start --`.', exitCode: 2 });

/**
 * npm runs scripts in the checkout, whatever folder the user is in; INIT_CWD is that folder. Trusted only where npm
 * runs this very script: a command started by a test under npm inherits the variable too.
 * @param {string} script name in package.json
 * @param {{ env?: NodeJS.ProcessEnv, cwd?: string, root: string }} options
 */
export function userFolder(script, { env = process.env, cwd = process.cwd(), root }) {
  return env.npm_lifecycle_event === script && env.INIT_CWD && cwd === root ? env.INIT_CWD : cwd;
}
