/** A dataset built in this process: progress on stderr, Ctrl-C cancels and leaves nothing behind. */
import type { DatasetSidecar } from '../shared/dataset';
import { StudioError } from '../shared/errors';
import type { WorkOptions } from '../core/lib/work';
import { readFacts } from '../studio/datasets/facts';
import { ProgressMeter } from '../studio/datasets/progress';
import type { Globals } from './open';
import { bytes, count, plural, printJson, say, table } from './output';
import { ProgressLine } from './progress';
import { EXIT } from './usage';

/** @returns the exit code */
export async function runBuild(
  options: Globals,
  out: string,
  build: (work: WorkOptions) => Promise<DatasetSidecar>,
): Promise<number> {
  const abort = new AbortController();
  const line = new ProgressLine();
  const meter = new ProgressMeter((done, total, what, left) =>
    line.update(done, total, `${count(done)} of ${count(total)} ${what}`, left),
  );
  const interrupt = () => abort.abort();
  process.once('SIGINT', interrupt);
  process.once('SIGTERM', interrupt);
  try {
    const sidecar = await build({
      signal: abort.signal,
      progress: (done, total, what) => meter.update(done, total, what),
    });
    line.clear();
    tell(options, out, sidecar);
    return EXIT.ok;
  } catch (error) {
    line.clear();
    if (!(error instanceof StudioError) || error.code !== 'cancelled') throw error;
    say(error.message);
    return EXIT.interrupted;
  } finally {
    process.off('SIGINT', interrupt);
    process.off('SIGTERM', interrupt);
  }
}

const MOST_SHORTFALLS = 20;

/** Puzzles that have fewer distinct images than were asked for, the poorest first. */
function sayShortfalls(shortfalls: DatasetSidecar['shortfalls']): void {
  if (shortfalls.length === 0) return;
  const n = shortfalls.length;
  say(
    `${n === 1 ? 'One puzzle has' : `${count(n)} puzzles have`} fewer distinct augmentations than the ${count(shortfalls[0].wanted)} asked for:`,
  );
  const poorest = [...shortfalls].sort((a, b) => a.found - b.found || (a.name < b.name ? -1 : 1));
  say(
    table(
      ['puzzle', 'found', 'wanted'],
      poorest.slice(0, MOST_SHORTFALLS).map(({ name, found, wanted }) => [name, count(found), count(wanted)]),
      [1, 2],
    ),
  );
  if (n > MOST_SHORTFALLS) say(`… and ${count(n - MOST_SHORTFALLS)} more; studio.json lists them all.`);
}

function tell(options: Globals, out: string, sidecar: DatasetSidecar): void {
  const { facts } = readFacts(out);
  if (options.json) {
    const { shortfalls, left_out, ...sizes } = facts;
    printJson({ event: 'dataset', path: out, ...sizes, shortfalls, left_out });
  }
  for (const { name, reason } of sidecar.left_out.slice(0, 5)) say(`Left out ${name}: ${reason}`);
  if (sidecar.left_out.length > 5)
    say(`… and ${count(sidecar.left_out.length - 5)} more left out; studio.json lists them.`);
  sayShortfalls(sidecar.shortfalls);
  say(
    `${out}: ${plural(facts.train_examples, 'training example')} of ${plural(facts.train_groups, 'puzzle')}, ` +
      `${plural(facts.test_examples, 'test example')}, ${plural(facts.num_puzzle_identifiers, 'identifier')}, ${bytes(facts.bytes)}.`,
  );
}
