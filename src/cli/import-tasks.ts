import { join, resolve } from 'node:path';
import { StudioError } from '../shared/errors';
import type { Studio } from '../studio/studio';
import { sayProblems, sayWarnings } from './import-report';
import { followBuild } from './follow-build';
import type { Globals } from './open';
import { count, printJson, say } from './output';
import { ProgressLine } from './progress';
import { EXIT } from './usage';

/** Files that are listed one by one. */
const MOST_ITEMS = 20;

const many = (n: number, what: string): string => `${count(n)} ${what}${n === 1 ? '' : 's'}`;

/** Shows what was found in the files, then stores all of it or, where something is wrong, nothing. @returns the exit code */
export async function importTasks(
  studio: Studio,
  files: readonly string[],
  options: Globals & { leaveOutBad?: boolean; arcGen?: boolean },
): Promise<number> {
  const line = new ProgressLine();
  const off = studio.events.on('import.progress', (p) =>
    line.update(p.files_done, p.files_total, `${count(p.files_done)} of ${count(p.files_total)} files`, null),
  );
  const { import: id } = await studio.dispatch('import.begin', { arc_gen: options.arcGen ?? false });
  const interrupt = () => {
    studio.dispatch('import.cancel', { import: id }).catch((error: unknown) => studio.log.error('stopping', error));
  };
  process.once('SIGINT', interrupt);
  const refuse = async (why: string): Promise<never> => {
    await studio.dispatch('import.cancel', { import: id });
    throw new StudioError('bad_input', `Nothing was imported: ${why}`);
  };
  try {
    await studio.dispatch('import.add_paths', { import: id, paths: files.map((file) => resolve(file)) });
    const preview = await studio.dispatch('import.preview', { import: id });
    line.clear();
    const bad = preview.problems.filter((problem) => !problem.harmless);
    const found = preview.subsets.reduce((sum, subset) => sum + subset.tasks, 0);
    const nothing = found === 0 && preview.datasets.length === 0;
    const refused = bad.length > 0 && (nothing || !options.leaveOutBad);
    // The one fault there is becomes the refusal itself, so that it is not said twice.
    if (refused && bad.length === 1 && nothing) return await refuse(bad[0].message);
    await sayProblems(preview.problems, join(studio.context.home.logs, 'import-problems.txt'));
    // A folder of thousands is told as one line.
    if (preview.items.length <= MOST_ITEMS) {
      for (const { file, recognised_as, tasks, puzzles } of preview.items) {
        const size = tasks ? `, ${many(tasks, 'task')}` : puzzles ? `, ${many(puzzles, 'puzzle')}` : '';
        say(`${file}: ${recognised_as}${size}`);
      }
    }
    for (const { name, how, source, train_examples, test_examples } of preview.datasets) {
      const will = { linked: 'is opened where it lies', copied: 'is copied', built: 'is built from the CSV' }[how];
      say(
        `Dataset ${name} ${will} (${source}): ${count(train_examples)} to train on, ${count(test_examples)} to test.`,
      );
    }
    sayWarnings(preview.warnings);
    if (refused) {
      const rest = found ? `, or import the other ${many(found, 'task')} with --leave-out-bad` : '';
      return await refuse(`mend the ${many(bad.length, 'problem')} named above${rest}.`);
    }
    const stored = await studio.dispatch('import.commit', { import: id, leave_out_bad: options.leaveOutBad ?? false });
    if (options.json) printJson({ event: 'imported', ...stored });
    if (stored.subsets.length) say(`Imported ${many(stored.tasks, 'task')} as ${stored.subsets.join(', ')}.`);
    process.off('SIGINT', interrupt);
    let code: number = EXIT.ok;
    for (const dataset of stored.datasets)
      code = Math.max(code, await followBuild(studio, dataset, options.json ?? false));
    return code;
  } finally {
    line.clear();
    off();
    process.off('SIGINT', interrupt);
  }
}
