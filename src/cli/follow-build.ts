/** A dataset that the studio builds: progress on stderr until it is there; Ctrl-C cancels it. */
import type { DatasetSummary } from '../shared/contract/datasets';
import { StudioError } from '../shared/errors';
import type { Studio } from '../studio/studio';
import { bytes, count, printJson, say } from './output';
import { ProgressLine } from './progress';
import { EXIT } from './usage';

/** @returns the exit code */
export async function followBuild(studio: Studio, id: string, json: boolean): Promise<number> {
  const line = new ProgressLine();
  let interrupted = false;
  const off = studio.events.on('dataset.progress', (p) => {
    if (p.dataset === id)
      line.update(p.done, p.total, `${count(p.done)} of ${count(p.total)} ${p.what}`, p.seconds_left);
  });
  const interrupt = () => {
    interrupted = true;
    try {
      studio.datasets.cancel(id);
    } catch (error) {
      studio.log.error('cancelling', error);
    }
  };
  process.once('SIGINT', interrupt);
  try {
    const end = await settled(studio, id);
    line.clear();
    if (!end) {
      say('Cancelled: nothing was left behind.');
      return interrupted ? EXIT.interrupted : EXIT.failed;
    }
    if (json) printJson({ event: 'dataset', ...end });
    if (end.status === 'failed') throw new StudioError('internal', end.error ?? `${end.name} could not be built.`);
    say(
      `${end.name} (${end.id}): ${count(end.train_examples)} training and ${count(end.test_examples)} test examples, ${bytes(end.bytes)}, in ${end.path}`,
    );
    return EXIT.ok;
  } finally {
    off();
    process.off('SIGINT', interrupt);
  }
}

/** The dataset when it is ready or failed; null if it was cancelled. */
function settled(studio: Studio, id: string): Promise<DatasetSummary | null> {
  return new Promise((resolve) => {
    const look = () => {
      const record = studio.context.store.datasets.get(id);
      if (record && record.status === 'building') return;
      off.forEach((end) => end());
      resolve(record ? studio.datasets.get(id) : null);
    };
    const off = [studio.events.on('dataset.changed', look), studio.events.on('dataset.deleted', look)];
    look();
  });
}
