/** What `trm score` reads and says. */
import { readdir, stat } from 'node:fs/promises';
import { basename, join } from 'node:path';
import { parseJson, readLimited } from '../core/arc/json';
import { readSubmission, type Submission, type SubmissionScore } from '../core/arc/submission';
import { BUNDLED, findBundled, readBundled, type BundledName } from '../core/data/bundled';
import type { Task } from '../shared/arc';
import { StudioError } from '../shared/errors';
import { appFiles } from '../studio/app-files';
import { count, percent, plural, say } from './output';

export interface AnswerSet {
  name: string;
  title: string;
  /** Null for a collection that was imported. */
  edition: string | null;
  tasks: readonly Task[];
}

/** A bundled collection in one of its editions, the newest where none is named. @throws StudioError for an unknown one */
export async function bundledSet(name: BundledName, edition?: string): Promise<AnswerSet> {
  const { title, editions } = BUNDLED[name];
  const chosen = edition ?? editions[editions.length - 1].name;
  const tasks = await readBundled(appFiles().resources, name, chosen);
  return { name, title: editions.length > 1 ? `${title}, edition ${chosen},` : title, edition: chosen, tasks };
}

/**
 * A submission, or a folder of lists that are one for each task.
 * @param shown how the path was given
 * @throws StudioError with one sentence; errors of the file system
 */
export async function readSubmissions(path: string, shown: string): Promise<Submission> {
  if (!(await stat(path)).isDirectory()) return readOne(path, shown);
  const files = (await readdir(path)).filter((name) => /\.json$/i.test(name) && !name.startsWith('.')).sort();
  if (files.length === 0) throw new StudioError('bad_input', `${shown} holds no .json files: choose a folder of attempts.`); // prettier-ignore
  const all: Submission = new Map();
  for (const name of files) {
    for (const [task, attempts] of await readOne(join(path, name), name)) {
      if (all.has(task)) throw new StudioError('bad_input', `${name}: the task ${task} is in another file too: keep one of the two.`); // prettier-ignore
      all.set(task, attempts);
    }
  }
  return all;
}

async function readOne(path: string, shown: string): Promise<Submission> {
  return readSubmission(
    parseJson(await readLimited(path, shown), shown),
    shown,
    basename(path).replace(/\.json$/i, ''),
  );
}

/** The scores, and what keeps them from meaning more than they do. */
export function sayScore(
  { title, name, edition }: AnswerSet,
  { metrics, tasks, missing, unknown, uneven }: SubmissionScore,
): void {
  const solved = tasks.filter((task) => task.solved).length;
  const right = tasks.reduce((sum, task) => sum + task.right.filter((at) => at !== null).length, 0);
  say(
    `${title.replace(/,$/, '')}: ${percent(metrics['ARC Prize/score'])} of the test inputs (${count(right)} of ${count(metrics['ARC/test_inputs'])}), ${count(solved)} of ${plural(tasks.length, 'task')} whole.`,
  );
  say(`The mean over tasks: ${percent(metrics['ARC/pass@1'])} with one attempt, ${percent(metrics['ARC/pass@2'])} with two.`); // prettier-ignore
  if (missing.length) say(`${plural(missing.length, 'task')} of the set ${missing.length === 1 ? 'is' : 'are'} not in the submission and ${missing.length === 1 ? 'counts' : 'count'} as missed (${some(missing)}).`); // prettier-ignore
  if (unknown.length) say(`${plural(unknown.length, 'task')} of the submission ${unknown.length === 1 ? 'is' : 'are'} not in the set and ${unknown.length === 1 ? 'counts' : 'count'} for nothing (${some(unknown)}).`); // prettier-ignore
  if (uneven.length) {
    const others = findBundled(name) ? BUNDLED[name as BundledName].editions.filter((one) => one.name !== edition) : [];
    const hint = others.length ? `; was it made for the edition ${others.map((one) => one.name).join(' or ')} (--edition)?` : '.'; // prettier-ignore
    say(`${plural(uneven.length, 'task')} ${uneven.length === 1 ? 'has' : 'have'} another number of test inputs than the submission (${some(uneven.map((task) => task.name))})${hint}`); // prettier-ignore
  }
}

const some = (names: readonly string[]): string => names.slice(0, 3).join(', ') + (names.length > 3 ? ', …' : '');
