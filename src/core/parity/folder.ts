/** A folder of parity cases: every case in it, one after the other. */
import { readdir } from 'node:fs/promises';
import { basename, join, resolve } from 'node:path';
import { StudioError, toWireError } from '../../shared/errors';
import type { Execution } from '../train/executor';
import { CASE_FILES, loadCase } from './case';
import { runCase, type ParityResult } from './run';

export type CaseOutcome =
  | { name: string; result: ParityResult; error: null }
  /** A case that could not be run, in one sentence. */
  | { name: string; result: null; error: string };

/**
 * The cases under `folder`: its subfolders that hold at least one of a case's files, or the folder itself.
 * @throws StudioError `not_found` if there is none
 */
export async function findCases(folder: string): Promise<{ name: string; path: string }[]> {
  const entries = await readdir(folder, { withFileTypes: true }).catch((error: NodeJS.ErrnoException) => {
    const what = error.code === 'ENOTDIR' ? 'is not a folder' : 'does not exist or cannot be read';
    throw new StudioError('not_found', `${folder} ${what}: name a folder that holds cases.`, undefined, {
      cause: error,
    });
  });
  const isCase = (names: readonly string[]) => names.some((name) => CASE_FILES.includes(name));
  if (isCase(entries.map((entry) => entry.name))) return [{ name: basename(resolve(folder)), path: folder }];
  const cases: { name: string; path: string }[] = [];
  for (const { name } of entries.sort((a, b) => (a.name < b.name ? -1 : 1))) {
    const path = join(folder, name);
    const names = await readdir(path).catch(() => []);
    if (isCase(names)) cases.push({ name, path });
  }
  if (cases.length) return cases;
  throw new StudioError('not_found', `${folder} holds no case: each is a folder with ${CASE_FILES.join(', ')}.`);
}

/** @param report called as each case ends @returns true if every case ran and stayed within its tolerances */
export async function runCases(
  folder: string,
  report: (outcome: CaseOutcome) => void,
  execution?: Execution,
): Promise<boolean> {
  let good = true;
  for (const { name, path } of await findCases(folder)) {
    let outcome: CaseOutcome;
    try {
      outcome = { name, result: await runCase(await loadCase(path, name), path, execution), error: null };
    } catch (error) {
      outcome = { name, result: null, error: toWireError(error).message };
    }
    if (!passed(outcome)) good = false;
    report(outcome);
  }
  return good;
}

/** Whether a case ran, compared something, and stayed within its tolerances. */
export const passed = ({ result }: CaseOutcome): boolean =>
  result !== null && result.findings.entries().length > 0 && result.findings.failed().length === 0;
