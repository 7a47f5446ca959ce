import { join } from 'node:path';
import { readJson, writeJson } from '../lib/files.mjs';

/**
 * The shape is that of RuntimeReport in src/shared/doctor.ts, which `trm doctor` reads.
 * @typedef {object} RuntimeReport
 * @property {1} schema
 * @property {string} created
 * @property {string | null} tensorflow_version
 * @property {import('./plan.mjs').Rung} variant
 * @property {string | null} library_dir
 * @property {string | null} addon
 * @property {import('./plan.mjs').RungReport[]} rungs
 *
 * What a start compares to know that nothing has changed. Not part of the report: nobody else should depend on it.
 * @typedef {object} Stamp
 * @property {string} surroundings
 * @property {string} source       the addon's sources and the pins
 * @property {number | null} addon_size
 * @property {string | null} addon_sha256
 * @property {number | null} retry_after  ms since 1970; when a rung that failed is worth another try
 */

const STAMP = 'runtime-stamp.json';

const TITLES = {
  gpu: 'TensorFlow on the GPU',
  cpu: 'TensorFlow on the CPU',
  download: "tfjs-node's own download",
  wasm: 'WebAssembly',
};

/** @param {import('../lib/paths.mjs').Paths} paths @returns {{ report: RuntimeReport | null, stamp: Stamp | null }} */
export function readReport(paths) {
  return { report: readJson(paths.report), stamp: readJson(join(paths.stamps, STAMP)) };
}

/**
 * @param {import('../lib/paths.mjs').Paths} paths
 * @param {RuntimeReport} report
 * @param {Stamp} stamp
 * @param {(text: string) => void} warn
 */
export function writeReport(paths, report, stamp, warn) {
  writeJson(paths.report, report);
  try {
    writeJson(paths.cacheReport, report);
  } catch (error) {
    // A read-only cache costs only the copy that other tools may look at.
    warn(`runtime.json could not be written to the cache: ${/** @type {Error} */ (error).message}`);
  }
  // Last: a start that finds it looks at nothing else.
  writeJson(join(paths.stamps, STAMP), stamp);
}

/**
 * One rung, one line.
 * @param {import('./plan.mjs').RungReport} rung
 * @returns {string}
 */
export function rungLine({ rung, status, reason, fix }) {
  const end = /[.!?]$/.test(reason) ? '' : '.';
  return `  ${TITLES[rung]}: ${status}: ${reason}${end}${status === 'taken' || !fix ? '' : ` ${fix}`}`;
}
