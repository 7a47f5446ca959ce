import { resolve } from 'node:path';
import type { Command } from 'commander';
import { scoreSubmission } from '../../core/arc/submission';
import { BUNDLED, findBundled } from '../../core/data/bundled';
import { StudioError } from '../../shared/errors';
import { nearest } from '../../shared/nearest';
import { withStudio, type Globals } from '../open';
import { printJson } from '../output';
import { bundledSet, readSubmissions, sayScore, type AnswerSet } from '../score-submission';

interface Flags extends Globals {
  set: string;
  edition?: string;
}

/** `trm score submission.json --set arc-agi-2-evaluation`: what a submission is worth against known answers. */
export function scoreCommand(program: Command): void {
  program
    .command('score')
    .description('score a submission (Kaggle’s two attempts, or arc-agi-benchmarking’s) against a set with answers')
    .argument('<submission>', 'submission.json, a task’s list of attempts, or a folder of such lists')
    .requiredOption('--set <name>', 'the set with the answers: arc-agi-2-evaluation, or a collection of the studio')
    .option('--edition <name>', 'of a bundled set that has several; the newest without it')
    .action(async (path: string, _o: unknown, command: Command) => {
      const flags = command.optsWithGlobals<Flags>();
      const set = await findSet(flags);
      const submission = await readSubmissions(resolve(path), path);
      const score = scoreSubmission(set.tasks, submission, set.title);
      const { name, edition } = set;
      if (flags.json) printJson({ event: 'scored', set: name, edition, ...score });
      sayScore(set, score);
    });
}

async function findSet(flags: Flags): Promise<AnswerSet> {
  const bundled = findBundled(flags.set);
  if (bundled) return bundledSet(bundled, flags.edition);
  if (flags.edition !== undefined) {
    throw new StudioError('bad_input', `${flags.set} is no bundled set, so it has no editions: leave --edition out.`);
  }
  return withStudio(flags, async ({ context: { store } }) => {
    const all = store.subsets.list();
    const found = all.find(({ name }) => name === flags.set);
    if (!found) {
      const known = [...Object.values(BUNDLED).map(({ title }) => title.toLowerCase().replaceAll(' ', '-')), ...all.map(({ name }) => name)]; // prettier-ignore
      const close = nearest(flags.set, known);
      throw new StudioError('not_found', `There is no set "${flags.set}": ${close ? `did you mean ${close}?` : `choose from ${known.join(', ')}.`}`); // prettier-ignore
    }
    return { name: found.name, title: found.title, edition: null, tasks: store.tasks.tasksOf(found.name) };
  });
}
