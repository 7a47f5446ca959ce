import { join } from 'node:path';
import { remove, sha256Tree, sizeOf } from '../lib/files.mjs';
import { acquire, isLeft } from '../lib/lock.mjs';
import { ROOT } from '../lib/paths.mjs';
import { Problem, sentence } from '../lib/problem.mjs';
import { sweep } from '../lib/sweep.mjs';
import { ensureAddon, installAddon } from './addon.mjs';
import { packageDownload } from './download.mjs';
import { libraryDir, libraryWrong, unpackLibrary } from './library.mjs';
import { cardProblem, failed, parseForced, plan, skipped, taken, targetFor, TENSORFLOW } from './plan.mjs';
import { gpuComplaint, prove } from './prove.mjs';
import { readReport, rungLine, writeReport } from './report.mjs';
import { findTools, surroundings } from './tools.mjs';

/** A rung that failed (no network, a full disk) is tried again after this long, so that every other start is quick. */
const RETRY_MS = 24 * 3600_000;

/**
 * The outside world, replaced in tests.
 * @typedef {object} Seams
 * @property {typeof findTools} findTools
 * @property {typeof libraryWrong} libraryWrong
 * @property {typeof unpackLibrary} unpackLibrary
 * @property {typeof ensureAddon} ensureAddon
 * @property {typeof installAddon} installAddon
 * @property {typeof prove} prove
 * @property {typeof packageDownload} packageDownload
 * @property {() => number} now
 *
 * @typedef {object} Context
 * @property {import('../lib/paths.mjs').Paths} paths
 * @property {import('../lib/node.mjs').NodeBinary} node
 * @property {import('../lib/console.mjs').Console} console
 * @property {NodeJS.ProcessEnv} [env]
 * @property {boolean} [force]   look again at everything, read every byte
 * @property {(lock: import('../lib/lock.mjs').Lock) => void} [onLock]
 * @property {Partial<Seams>} [seams]
 *
 * @typedef {{ variant: import('./plan.mjs').Rung, version: string | null, library: string | null, addon: { size: number, sha256: string } | null, reason: string }} Taken
 */

/** @type {Seams} */
const REAL = {
  findTools,
  libraryWrong,
  unpackLibrary,
  ensureAddon,
  installAddon,
  prove,
  packageDownload,
  now: Date.now,
};

/** @param {import('../lib/paths.mjs').Paths} paths */
function sourceKey(paths) {
  return `${sha256Tree(paths.tfjs, ['binding', 'package.json'])} ${sha256Tree(ROOT, ['scripts/runtime/requirements'])}`;
}

/**
 * Whether the runtime of the last set-up still stands, by sizes and stamps only, and no killed one has left its lock.
 * @param {import('../lib/paths.mjs').Paths} paths
 * @param {{ env?: NodeJS.ProcessEnv, now?: number }} [options]
 * @returns {Promise<boolean>}
 */
export async function runtimeCurrent(paths, { env = process.env, now = Date.now() } = {}) {
  const { report, stamp } = readReport(paths);
  if (report?.schema !== 1 || !stamp || isLeft(paths.cacheLock)) return false;
  if (stamp.surroundings !== surroundings(paths.cache, env) || stamp.source !== sourceKey(paths)) return false;
  if (stamp.retry_after !== null && now > stamp.retry_after) return false;
  if (report.variant === 'wasm') return true;
  if (sizeOf(paths.addon) !== stamp.addon_size) return false;
  if (report.variant === 'download') return true;
  const target = targetFor(`${process.platform}-${process.arch}`, report.variant);
  const dir = libraryDir(paths, report.variant);
  return target !== null && dir === report.library_dir && (await libraryWrong(dir, target)) === null;
}

/**
 * Takes the best rung that works on this machine.
 * @param {Context} context
 * @returns {Promise<import('./report.mjs').RuntimeReport>}
 */
export async function ensureRuntime(context) {
  const { paths, console, env = process.env } = context;
  const seams = { ...REAL, ...context.seams };
  if (!context.force && (await runtimeCurrent(paths, { env, now: seams.now() })))
    return /** @type {import('./report.mjs').RuntimeReport} */ (readReport(paths).report);
  // Some rungs do not touch the cache, and would leave it there.
  if (isLeft(paths.cacheLock)) (await acquire(paths.cacheLock)).release();
  /** @type {import('./plan.mjs').Rung | null} */
  let forced;
  try {
    forced = parseForced(env.TRM_TENSORFLOW);
  } catch (message) {
    throw new Problem(String(message), { exitCode: 2 });
  }
  const tools = await console.step('TensorFlow (looking at this machine)', () =>
    seams.findTools({ node: context.node, env }),
  );
  /** @type {import('./plan.mjs').RungReport[]} */
  const rungs = [];
  /** @type {Taken | null} */
  let won = null;
  for (const { rung, verdict } of plan(tools, forced)) {
    /** @type {import('./plan.mjs').RungReport} */
    let report;
    if (won) report = skipped(rung, 'not needed, a better one works', null);
    else if (verdict) report = verdict;
    else {
      try {
        won = await take(rung, tools, forced, { ...context, seams });
        report = taken(rung, won.reason);
      } catch (error) {
        const known = error instanceof Problem;
        console.record(`${rung}: ${error instanceof Error ? error.stack : error}`);
        report = failed(
          rung,
          (known ? error.message : sentence(error)).replace(/\.$/, ''),
          known ? error.fix : 'Run `npm run setup` to try again.',
        );
      }
    }
    rungs.push(report);
    if (!won || report.status === 'taken') console.say(rungLine(report));
    else console.record(rungLine(report));
  }
  if (!won)
    throw new Problem('No rung of the TensorFlow ladder could be taken, not even WebAssembly.', {
      fix: 'Delete node_modules and start again.',
    });
  /** @type {import('./report.mjs').RuntimeReport} */
  const report = {
    schema: 1,
    created: new Date(seams.now()).toISOString(),
    tensorflow_version: won.version,
    variant: won.variant,
    library_dir: won.library,
    addon: won.addon ? paths.addon : null,
    rungs,
  };
  const stamp = {
    surroundings: surroundings(paths.cache, env),
    source: sourceKey(paths),
    addon_size: won.addon?.size ?? null,
    addon_sha256: won.addon?.sha256 ?? null,
    retry_after: rungs.some((rung) => rung.status === 'failed') ? seams.now() + RETRY_MS : null,
  };
  writeReport(paths, report, stamp, (text) => console.record(text));
  return report;
}

/**
 * @param {import('./plan.mjs').Rung} rung
 * @param {import('./plan.mjs').Tools} tools
 * @param {import('./plan.mjs').Rung | null} forced
 * @param {Context & { seams: Seams }} context
 * @returns {Promise<Taken>} or throws why it cannot be taken
 */
async function take(rung, tools, forced, context) {
  const { paths, node, console, seams } = context;
  if (rung === 'wasm') {
    // An addon that did not prove itself must not be what the app loads next.
    remove(paths.addon);
    return {
      variant: rung,
      version: null,
      library: null,
      addon: null,
      reason:
        forced === 'wasm'
          ? 'TRM_TENSORFLOW=wasm asks for it'
          : 'nothing faster works here; training is 20 to 45 times slower',
    };
  }
  if (rung === 'download') {
    await seams.packageDownload({ paths, node, console });
    const proof = await proven(paths.addon, rung, forced, context);
    const addon = { size: sizeOf(paths.addon) ?? 0, sha256: '' };
    return {
      variant: rung,
      version: proof.tensorflow,
      library: join(paths.tfjs, 'deps', 'lib'),
      addon,
      reason: `TensorFlow ${proof.tensorflow} on the CPU`,
    };
  }
  const target = targetFor(tools.platform, rung);
  if (!target || !tools.pip) throw new Problem(`TensorFlow ${TENSORFLOW} has no library for ${tools.platform}`);
  const library = libraryDir(paths, rung);
  const lock = await acquire(paths.cacheLock, {
    onWait: (owner) =>
      console.say(
        `  Waiting for another set-up${owner ? ` (process ${owner.pid})` : ''} that is filling ${paths.cache}.`,
      ),
  });
  context.onLock?.(lock);
  try {
    // Only the report in the cache is also written by others, who hold no lock.
    sweep([paths.cache], { sparing: 'living' });
    sweep([paths.libraries, paths.addons, paths.downloads]);
    const wrong = await seams.libraryWrong(library, target, { full: context.force });
    if (wrong) {
      if (!wrong.endsWith('is not there')) console.say(`  ${wrong}; fetching it again.`);
      const title = `TensorFlow ${TENSORFLOW} (${rung === 'gpu' ? 'GPU' : 'CPU'} build)`;
      await seams.unpackLibrary({ dir: library, target, pip: tools.pip, downloads: paths.downloads, console, title });
    }
    const addon = await seams.ensureAddon({ paths, library, target, tools, variant: rung, console });
    const proof = await proven(addon.file, rung, forced, context);
    await seams.installAddon(paths, addon);
    const cpu = rung === 'gpu' ? 'the CPU, for it finds no GPU' : 'the CPU';
    const card = tools.gpus.find((gpu) => cardProblem(gpu) === null) ?? tools.gpus[0];
    const device = proof.gpu ? (card?.name ?? 'a GPU') : cpu;
    const first =
      proof.gpu && proof.first_use_s !== undefined ? `, ready after ${proof.first_use_s} s at its first use` : '';
    return {
      variant: rung,
      version: proof.tensorflow,
      library,
      addon,
      reason: `TensorFlow ${proof.tensorflow} on ${device}${first}`,
    };
  } finally {
    lock.release();
  }
}

/**
 * @param {string} addon
 * @param {import('./plan.mjs').Rung} rung
 * @param {import('./plan.mjs').Rung | null} forced
 * @param {Context & { seams: Seams }} context
 */
async function proven(addon, rung, forced, { node, console, seams }) {
  const proof = await console.step('TensorFlow (a trial of its kernels)', () =>
    seams.prove(addon, { node: node.path }),
  );
  console.record(`trial of ${addon}: ${JSON.stringify(proof)}`);
  if (!proof.ok)
    throw new Problem(`the TensorFlow binding does not work: ${proof.error}`, {
      fix: 'Run `npm run trm -- doctor --clean`, then `npm run setup`.',
    });
  // Asked for by name, the GPU build is kept without a GPU too: it computes on the CPU.
  if (rung === 'gpu' && !proof.gpu && forced !== 'gpu')
    throw new Problem(
      `TensorFlow's GPU build loads but finds no GPU: ${gpuComplaint(proof.log) ?? 'it does not say why'}`,
      {
        fix: "Update NVIDIA's driver, then run `npm run setup`.",
      },
    );
  return proof;
}
