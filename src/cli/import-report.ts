/** What an import found, in a few lines: collections that overlap as a table, many problems as a summary. */
import { dirname } from 'node:path';
import { mkdirSync } from 'node:fs';
import { writeAtomically } from '../core/lib/atomic';
import type { ImportProblem } from '../shared/contract/imports';
import type { DataWarning } from '../shared/dataset';
import { count, plural, say, table } from './output';

/** So many are said one by one. */
const MOST_NOTES = 2;
const MOST_PROBLEMS = 10;
const FIRST = 3;
const MOST_KINDS = 5;

const RELATIONS = ['same', 'same_grids', 'same_name', 'leak'] as const;

/** What should be known before data is used: a table of collections once there is more than a sentence or two of it. */
export function sayWarnings(warnings: readonly DataWarning[]): void {
  const related = warnings.filter(({ relation }) => relation !== undefined);
  if (related.length <= MOST_NOTES) {
    for (const { message } of warnings) say(`Note: ${message}`);
    return;
  }
  for (const { relation, message } of warnings) if (relation === undefined) say(`Note: ${message}`);
  const rows = new Map<string, { subsets: string[]; counts: number[] }>();
  for (const { subsets, relation, tasks } of related) {
    const pair = [...subsets].sort().join('\n');
    const row = rows.get(pair) ?? { subsets, counts: RELATIONS.map(() => 0) };
    rows.set(pair, row);
    row.counts[RELATIONS.indexOf(relation as (typeof RELATIONS)[number])] += tasks.length;
  }
  say(
    table(
      [
        'collection',
        'and',
        'same tasks',
        'same grids, other name',
        'same name, other grids',
        'test answers in the other',
      ],
      [...rows.values()].map(({ subsets, counts }) => [...subsets, ...counts.map((n) => (n ? count(n) : '–'))]),
      [2, 3, 4, 5],
    ),
  );
  const matters = weightiest(related);
  if (matters) say(`Note: ${matters.message}`);
}

/** What is in the studio already comes first, then what gives most answers of a test set away. */
function weightiest(warnings: readonly DataWarning[]): DataWarning | undefined {
  const before = warnings.find(({ kind }) => kind === 'imported_before');
  const leaks = warnings.filter(({ kind }) => kind === 'leak').sort((a, b) => b.tasks.length - a.tasks.length);
  return before ?? leaks[0];
}

/**
 * Problems one by one, or, where there are many: how many, of which kinds, the first few, and a file with all of them.
 * @param file written over where it is needed
 * @throws errors of the file system
 */
export async function sayProblems(problems: readonly ImportProblem[], file: string): Promise<void> {
  if (problems.length <= MOST_PROBLEMS) {
    for (const { message } of problems) say(message);
    return;
  }
  const wrong = problems.filter(({ harmless }) => !harmless);
  const shown = wrong.length > 0 ? wrong : problems;
  const what = wrong.length > 0 ? plural(wrong.length, 'problem') : plural(problems.length, 'remark');
  say(`${what} in ${plural(new Set(shown.map((problem) => problem.file)).size, 'file')}. The first ${FIRST}:`);
  for (const { message } of shown.slice(0, FIRST)) say(`  ${message}`);
  const kinds = new Map<string, number>();
  for (const { message } of shown) kinds.set(kindOf(message), (kinds.get(kindOf(message)) ?? 0) + 1);
  const ordered = [...kinds].sort(([, a], [, b]) => b - a);
  if (ordered.length > 1) {
    say('By kind:');
    for (const [kind, n] of ordered.slice(0, MOST_KINDS)) say(`  ${count(n)} × ${kind}`);
    if (ordered.length > MOST_KINDS) say(`  and ${plural(ordered.length - MOST_KINDS, 'other kind')}`);
  }
  mkdirSync(dirname(file), { recursive: true });
  await writeAtomically(file, [Buffer.from(problems.map(({ message }) => `${message}\n`).join(''))]);
  say(`All of them are in ${file}.`);
}

/** A sentence without its file, its numbers and its advice: "train[…].input has … rows". */
function kindOf(message: string): string {
  const parts = message.replace(/\.$/, '').split(': ');
  const fault = parts.length > 2 ? parts.slice(1, -1).join(': ') : parts[0].replace(/^\S+ /, '');
  return fault.replace(/\d+/g, '…');
}
