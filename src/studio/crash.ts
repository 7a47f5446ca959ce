/**
 * A fault that nobody caught: it is logged, what runs is saved, and the process ends with one sentence. Going on with a
 * state that nobody knows could spoil what was saved.
 */
import { openLog, type Log } from './log';
import { homePaths, resolveHome } from './home';

/** What a crash has to close. */
interface Open {
  readonly log: Log;
  close(): Promise<void>;
}

/** Longer than a run may take for a checkpoint; after that the next start finds what was saved last. */
const SAVE_MS = 60_000;

/** The studios of this process. */
const studios = new Set<Open>();

/** From now on a crash closes it. @returns what takes that back */
export function closeOnCrash(studio: Open): () => void {
  studios.add(studio);
  return () => studios.delete(studio);
}

export interface CrashOptions {
  /** The studio home as given on the command line: where the log is if no studio is open. */
  home?: string;
  /** Shows the sentence. */
  say: (sentence: string) => unknown;
  /** Ends the process with a code. */
  exit: (code: number) => void;
  saveMs?: number;
}

/**
 * Installs the handlers; once per process, before anything else is done.
 * @returns `crash` ends the process in the same way for a fault that was caught but leaves nothing to go on with;
 *   `crashed` says that the process is ending by itself: whoever was about to end it leaves that to it
 */
export function endOnCrash({ home, say, exit, saveMs = SAVE_MS }: CrashOptions): {
  crash: (fault: unknown) => void;
  crashed: () => boolean;
} {
  let crashed = false;
  const crash = (fault: unknown): void => {
    const open = [...studios];
    const log = open[0]?.log ?? openLog(homePaths(resolveHome(home)).logs);
    log.error('a fault that nobody caught', fault);
    // One more while the first is dealt with changes nothing.
    if (crashed) return;
    crashed = true;
    const end = () => exit(1);
    save(open, log, saveMs)
      .then((saved) => {
        const state =
          open.length === 0 ? 'nothing was lost' : saved ? 'what ran was saved' : 'what was saved stays saved';
        return say(
          `TRM Studio met an unexpected fault and has ended: ${state}, and the log${log.file ? ` ${log.file}` : ''} has the details.`,
        );
      })
      .then(end, end);
  };
  process.on('uncaughtException', crash);
  process.on('unhandledRejection', crash);
  return { crash, crashed: () => crashed };
}

/** Closes the studios, which saves what runs. @returns false if that failed or took too long */
async function save(open: readonly Open[], log: Log, ms: number): Promise<boolean> {
  let late: NodeJS.Timeout | undefined;
  const closed = Promise.all(open.map((studio) => studio.close())).then(() => true);
  try {
    return await Promise.race([
      closed,
      new Promise<boolean>((resolve) => (late = setTimeout(() => resolve(false), ms))),
    ]);
  } catch (error) {
    log.error('saving', error);
    return false;
  } finally {
    clearTimeout(late);
  }
}
