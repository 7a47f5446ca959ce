#!/usr/bin/env node
// Reads every byte of the TensorFlow runtime and tries it: `node scripts/runtime/verify.mjs [--json]`. Changes nothing.
import { resolve } from 'node:path';
import { fileURLToPath } from 'node:url';
import { runMain } from '../lib/ensure.mjs';
import { sha256File, sizeOf } from '../lib/files.mjs';
import { findNode } from '../lib/node.mjs';
import { pathsFor } from '../lib/paths.mjs';
import { Problem, sentence } from '../lib/problem.mjs';
import { libraryWrong } from './library.mjs';
import { targetFor } from './plan.mjs';
import { prove } from './prove.mjs';
import { readReport } from './report.mjs';

/**
 * @typedef {object} Verdict
 * @property {boolean} ok
 * @property {string | null} variant
 * @property {string | null} tensorflow_version
 * @property {string | null} library_dir
 * @property {boolean | null} gpu      whether the trial ran on a GPU
 * @property {string | null} problem   one sentence
 * @property {string | null} fix
 */

/**
 * @param {import('../lib/paths.mjs').Paths} paths
 * @returns {Promise<Verdict>}
 */
export async function verify(paths) {
  const { report, stamp } = readReport(paths);
  /** @param {string} problem @returns {Verdict} */
  const bad = (problem) => ({
    ok: false,
    variant: report?.variant ?? null,
    tensorflow_version: report?.tensorflow_version ?? null,
    library_dir: report?.library_dir ?? null,
    gpu: null,
    problem: `${problem}.`,
    fix: 'Run `npm run setup`; it fetches what is missing or damaged.',
  });
  if (!report || !stamp) return bad('This folder has no TensorFlow runtime yet');
  const base = {
    ok: true,
    variant: report.variant,
    tensorflow_version: report.tensorflow_version,
    library_dir: report.library_dir,
    problem: null,
    fix: null,
  };
  if (report.variant === 'wasm') return { ...base, gpu: false };
  if (report.variant !== 'download') {
    const target = targetFor(`${process.platform}-${process.arch}`, report.variant);
    if (!target || !report.library_dir)
      return bad(`The runtime was set up on another kind of machine (${report.library_dir})`);
    const wrong = await libraryWrong(report.library_dir, target, { full: true });
    if (wrong) return bad(wrong);
  }
  if (sizeOf(paths.addon) === null) return bad(`${paths.addon} is missing`);
  if (stamp.addon_sha256 && (await sha256File(paths.addon)) !== stamp.addon_sha256)
    return bad(`${paths.addon} is damaged`);
  const proof = await prove(paths.addon, { node: findNode(paths.modules).path });
  return proof.ok ? { ...base, gpu: proof.gpu } : bad(`The TensorFlow binding does not work: ${proof.error}`);
}

async function main() {
  const args = process.argv.slice(2);
  const wrong = args.find((argument) => argument !== '--json');
  if (wrong) throw new Problem(`${wrong} is not an option of verify.`, { fix: 'There is --json.', exitCode: 2 });
  const verdict = await verify(pathsFor());
  if (args.includes('--json')) process.stdout.write(`${JSON.stringify(verdict)}\n`);
  else {
    const what = `${verdict.variant}${verdict.tensorflow_version ? `, TensorFlow ${verdict.tensorflow_version}` : ''}`;
    process.stderr.write(
      verdict.ok ? `The runtime (${what}) is whole and works.\n` : `${verdict.problem} ${verdict.fix}\n`,
    );
  }
  return verdict.ok ? 0 : 1;
}

if (process.argv[1] && resolve(process.argv[1]) === fileURLToPath(import.meta.url)) await runMain(main, sentence);
