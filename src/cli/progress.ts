import { duration } from './output';

export interface ProgressOptions {
  stream?: NodeJS.WriteStream;
  now?: () => number;
}

/** Between two lines where the output is a file or a pipe. */
const PLAIN_EVERY_MS = 10_000;
const DRAW_EVERY_MS = 100;

/** One line on stderr that redraws itself in a terminal, and a line now and then elsewhere. */
export class ProgressLine {
  private readonly stream: NodeJS.WriteStream;
  private readonly now: () => number;
  private drawn = -Infinity;
  private shown = false;
  /** Where there is no terminal: what is newer than the last line written, or null. */
  private unsaid: string | null = null;
  /** There: the last line written. What has not changed since is not said again. */
  private said: string | null = null;

  constructor(options: ProgressOptions = {}) {
    this.stream = options.stream ?? process.stderr;
    this.now = options.now ?? Date.now;
  }

  /** @param total 0 where it is not known */
  update(done: number, total: number, text: string, secondsLeft: number | null): void {
    const now = this.now();
    const left = secondsLeft === null ? '' : `  ${duration(secondsLeft)} left`;
    if (!this.stream.isTTY) this.unsaid = `${text}${left}\n`;
    if (now - this.drawn < (this.stream.isTTY ? DRAW_EVERY_MS : PLAIN_EVERY_MS)) return;
    this.drawn = now;
    if (this.unsaid !== null) {
      this.say();
      return;
    }
    const share = total > 0 ? Math.min(1, done / total) : 0;
    const width = 24;
    const filled = Math.round(share * width);
    const bar = `${'━'.repeat(filled)}${'─'.repeat(width - filled)}`;
    const line = `${bar} ${text}${left}`.slice(0, Math.max(20, (this.stream.columns || 80) - 1));
    // Back to the start, and clear to the end: what was there may have been longer.
    this.stream.write(`\r${line}\u001b[K`);
    this.shown = true;
  }

  /** A line that stays, above the one that redraws. */
  line(text: string): void {
    this.wipe();
    this.said = null;
    this.stream.write(`${text}\n`);
  }

  /** The end: nothing stays of a line that redraws, and elsewhere the last word is the newest. */
  clear(): void {
    this.say();
    this.wipe();
  }

  private say(): void {
    if (this.unsaid !== null && this.unsaid !== this.said) this.stream.write(this.unsaid);
    this.said = this.unsaid ?? this.said;
    this.unsaid = null;
  }

  private wipe(): void {
    if (this.shown) this.stream.write('\r\u001b[K');
    this.shown = false;
    this.drawn = -Infinity;
  }
}
