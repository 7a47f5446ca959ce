import * as fs from 'node:fs';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { megabytes } from '../lib/console.mjs';
import { bytesBelow, remove, sha256File } from '../lib/files.mjs';
import { run, why } from '../lib/process.mjs';
import { Problem } from '../lib/problem.mjs';

const REQUIREMENTS = join(dirname(fileURLToPath(import.meta.url)), 'requirements');

/** @typedef {{ name: string, version: string, sha256: string, file: string }} Wheel */

/**
 * @param {string} text a requirements file: `name==version --hash=sha256:…  # file name`
 * @returns {Wheel[]}
 */
export function parseRequirements(text) {
  return text
    .split('\n')
    .filter((line) => line.trim() && !line.startsWith('#'))
    .map((line) => {
      const match = /^(\S+)==(\S+) --hash=sha256:([0-9a-f]{64})\s+# (\S+\.whl)$/.exec(line);
      if (!match)
        throw new Problem(`"${line}" is not a pinned wheel.`, {
          fix: 'Restore scripts/runtime/requirements from git.',
        });
      const [, name, version, sha256, file] = match;
      return { name, version, sha256, file };
    });
}

/** @param {import('./plan.mjs').Target} target */
export const wheelsOf = (target) => parseRequirements(fs.readFileSync(join(REQUIREMENTS, target.requirements), 'utf8'));

/**
 * The wheel on disk with its hash proven, by pip unless it is there already. pip is called as the user has set it up:
 * its configuration knows the mirror, the proxy and the certificates.
 * @param {object} options
 * @param {Wheel} options.wheel
 * @param {string[]} options.pip
 * @param {string[]} options.platforms
 * @param {string} options.folder
 * @param {(detail: string) => void} options.update
 * @param {(text: string) => void} [options.record]
 * @param {import('../lib/process.mjs').Run} [options.runCommand]
 * @returns {Promise<string>} its path
 */
export async function fetchWheel({ wheel, pip, platforms, folder, update, record, runCommand = run }) {
  fs.mkdirSync(folder, { recursive: true });
  const kept = join(folder, wheel.file);
  if (fs.existsSync(kept)) {
    update(`checking ${wheel.name} ${wheel.version}`);
    if ((await sha256File(kept)) === wheel.sha256) return kept;
    remove(kept);
  }
  // A folder of our own per attempt: a pip that outlives a killed set-up cannot write into what the next one reads.
  const attempt = join(folder, `.part-${process.pid}`);
  remove(attempt);
  fs.mkdirSync(attempt, { recursive: true });
  const requirements = join(attempt, 'requirements.txt');
  fs.writeFileSync(requirements, `${wheel.name}==${wheel.version} --hash=sha256:${wheel.sha256}\n`);
  let total = Infinity;
  const timer = setInterval(() => {
    // pip copies the file once more when it has it: for a moment twice its size lies there.
    const bytes = Math.min(bytesBelow(attempt), total);
    update(`${wheel.name} ${wheel.version}, ${megabytes(bytes)}${total < Infinity ? ` of ${megabytes(total)}` : ''}`);
  }, 300);
  const args = [
    'download',
    '--no-deps',
    '--only-binary=:all:',
    '--require-hashes',
    '--python-version',
    '3.12',
    '--implementation',
    'cp',
  ];
  args.push(...platforms.flatMap((name) => ['--platform', name]));
  // No cache: pip would keep a second copy of up to 3 GB that nobody reads again.
  args.push(
    '--no-cache-dir',
    '--progress-bar',
    'off',
    '--disable-pip-version-check',
    '--no-input',
    '-d',
    attempt,
    '-r',
    requirements,
  );
  const outcome = await runCommand(pip[0], [...pip.slice(1), ...args], {
    // pip downloads into its temporary folder first: there its bytes can be counted.
    env: { ...process.env, TMPDIR: attempt, PYTHONUNBUFFERED: '1' },
    onOutput: (text) => {
      const said = / \(([\d.]+) ([kMG])B\)/.exec(text);
      if (said) total = Number(said[1]) * { k: 1e3, M: 1e6, G: 1e9 }[/** @type {'k' | 'M' | 'G'} */ (said[2])];
    },
  }).finally(() => clearInterval(timer));
  record?.(`pip download ${wheel.name}: exit ${outcome.code}\n${outcome.stdout}${outcome.stderr}`);
  try {
    if (outcome.code !== 0) throw pipProblem(wheel, outcome);
    const got = fs.readdirSync(attempt).find((name) => name.endsWith('.whl'));
    if (!got)
      throw new Problem(`pip downloaded no wheel for ${wheel.name} ${wheel.version}.`, {
        fix: 'Run `npm run setup` again.',
      });
    const hash = await sha256File(join(attempt, got));
    if (hash !== wheel.sha256) throw mismatch(wheel, hash);
    fs.renameSync(join(attempt, got), kept);
    return kept;
  } finally {
    remove(attempt);
  }
}

/**
 * @param {Wheel} wheel
 * @param {import('../lib/process.mjs').Outcome} outcome
 */
export function pipProblem(wheel, outcome) {
  const text = `${outcome.stdout}\n${outcome.stderr}`;
  if (/DO NOT MATCH THE HASHES|HashMismatch/i.test(text))
    return mismatch(wheel, /Got\s+([0-9a-f]{64})/.exec(text)?.[1] ?? 'another one');
  if (/No space left|Errno 28/.test(text))
    return new Problem(`the disk became full while downloading ${wheel.name}`, {
      fix: 'Free some space, or move the cache with TRM_CACHE=DIR, then run `npm run setup`.',
    });
  const unreachable =
    /ConnectTimeout|NewConnectionError|Name or service|Temporary failure|ProxyError|SSLError|CERTIFICATE|Connection (refused|reset)|Read timed out/i.exec(
      text,
    );
  if (unreachable)
    return new Problem(`pip could not reach its package index for ${wheel.name} ${wheel.version} (${unreachable[0]})`, {
      fix: 'Check the network, or name your mirror with `pip config set global.index-url …`, then run `npm run setup`.',
    });
  if (/No matching distribution found/.test(text))
    return new Problem(`pip's package index offers no ${wheel.file}, or cannot be reached`, {
      fix: 'Check `pip config list` for the index that it asks, then run `npm run setup`.',
    });
  return new Problem(`pip could not download ${wheel.name} ${wheel.version}: ${why(outcome)}`, {
    fix: 'Run `npm run setup` to try again.',
  });
}

/** @param {Wheel} wheel @param {string} hash */
function mismatch(wheel, hash) {
  return new Problem(`${wheel.file} from the package index has sha256 ${hash} instead of ${wheel.sha256}`, {
    fix: 'It was refused. Ask who runs your package mirror why its file differs, then run `npm run setup`.',
  });
}
