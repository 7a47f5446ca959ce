/** A checkpoint that comes in or goes out: a line of progress, and Ctrl-C leaves nothing behind. */
import { StudioError } from '../shared/errors';
import { newId } from '../studio/ids';
import type { Studio } from '../studio/studio';
import { count } from './output';
import { ProgressLine } from './progress';
import { say } from './output';
import { EXIT } from './usage';

/** @returns the exit code */
export async function withTask(studio: Studio, work: (task: string) => Promise<void>): Promise<number> {
  const task = newId();
  const line = new ProgressLine();
  const off = studio.events.on('checkpoint.progress', (p) => {
    if (p.task === task)
      line.update(p.done, p.total, `${count(p.done)} of ${count(p.total)} ${p.what}`, p.seconds_left);
  });
  const interrupt = () => {
    studio.dispatch('checkpoints.cancel', { task }).catch((error: unknown) => studio.log.error('stopping', error));
  };
  const signals = ['SIGINT', 'SIGTERM'] as const;
  for (const signal of signals) process.on(signal, interrupt);
  try {
    await work(task);
    return EXIT.ok;
  } catch (error) {
    line.clear();
    if (!(error instanceof StudioError) || error.code !== 'cancelled') throw error;
    say(error.message);
    return EXIT.interrupted;
  } finally {
    line.clear();
    off();
    for (const signal of signals) process.off(signal, interrupt);
  }
}
