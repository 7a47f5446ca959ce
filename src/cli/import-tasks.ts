import { resolve } from 'node:path';
import type { Studio } from '../studio/studio';
import type { Globals } from './open';
import { count, printJson, say } from './output';
import { ProgressLine } from './progress';
import { EXIT } from './usage';

/** Shows what was found in the files, then stores all of it or, where something is wrong, nothing. @returns the exit code */
export async function importTasks(
  studio: Studio,
  files: readonly string[],
  options: Globals & { leaveOutBad?: boolean },
): Promise<number> {
  const line = new ProgressLine();
  const off = studio.events.on('import.progress', (p) =>
    line.update(p.files_done, p.files_total, `${count(p.files_done)} of ${count(p.files_total)} files`, null),
  );
  const { import: id } = await studio.dispatch('import.begin', {});
  const interrupt = () => void studio.dispatch('import.cancel', { import: id });
  process.once('SIGINT', interrupt);
  try {
    await studio.dispatch('import.add_paths', { import: id, paths: files.map((file) => resolve(file)) });
    const preview = await studio.dispatch('import.preview', { import: id });
    line.clear();
    for (const problem of preview.problems) say(problem.message);
    for (const item of preview.items) say(`${item.file}: ${item.recognised_as}, ${count(item.tasks)} tasks`);
    const stored = await studio.dispatch('import.commit', { import: id, leave_out_bad: options.leaveOutBad ?? false });
    if (options.json) printJson({ event: 'imported', ...stored });
    say(`Imported ${count(stored.tasks)} tasks as ${stored.subsets.join(', ')}.`);
    return EXIT.ok;
  } finally {
    line.clear();
    off();
    process.off('SIGINT', interrupt);
  }
}
