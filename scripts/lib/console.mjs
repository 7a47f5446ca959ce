import { appendFileSync, mkdirSync, renameSync, statSync } from 'node:fs';
import { dirname } from 'node:path';

/** How often a long step says that it is alive where lines cannot be rewritten (a log, CI). */
const HEARTBEAT_MS = 10_000;

/**
 * People's text. Everything goes to stderr: stdout belongs to the commands (`trm … --json`, the address of `--web`).
 */
export class Console {
  /**
   * @param {{ stream?: NodeJS.WritableStream & { isTTY?: boolean, columns?: number }, log?: string | null }} [options]
   */
  constructor({ stream = process.stderr, log = null } = {}) {
    this.stream = stream;
    this.log = log;
    this.live = false;
  }

  /** @param {string} text */
  say(text) {
    this.clear();
    this.stream.write(`${text}\n`);
    this.record(text);
  }

  /**
   * Into the log only: what the tools printed, for whoever has to find out why.
   * @param {string} text
   */
  record(text) {
    if (!this.log) return;
    try {
      mkdirSync(dirname(this.log), { recursive: true });
      const size = statSync(this.log, { throwIfNoEntry: false })?.size ?? 0;
      if (size > 4 << 20) renameSync(this.log, `${this.log}.old`);
      appendFileSync(this.log, `${new Date().toISOString()} ${text.trimEnd()}\n`);
    } catch {
      // No room or no permission for a log is no reason to stop; the step itself will say so if it matters.
      this.log = null;
    }
  }

  clear() {
    if (this.live) this.stream.write('\r\x1b[2K');
    this.live = false;
  }

  /**
   * One line per step with its elapsed time; in a terminal the line counts while the step runs.
   * @template T
   * @param {string} title
   * @param {(update: (detail: string) => void) => Promise<T>} work
   * @returns {Promise<T>}
   */
  async step(title, work) {
    const started = Date.now();
    const elapsed = () => `${((Date.now() - started) / 1000).toFixed(1)} s`;
    let detail = '';
    const paint = () => {
      const text = `  ${title}${detail ? `: ${detail}` : ''} … ${elapsed()}`;
      if (this.stream.isTTY) {
        this.stream.write(`\r\x1b[2K${text.slice(0, (this.stream.columns ?? 80) - 1)}`);
        this.live = true;
      } else this.stream.write(`${text}\n`);
    };
    const timer = setInterval(paint, this.stream.isTTY ? 200 : HEARTBEAT_MS);
    if (this.stream.isTTY) paint();
    try {
      const result = await work((text) => {
        detail = text;
      });
      clearInterval(timer);
      this.say(`  ${title}${detail ? `: ${detail}` : ''} (${elapsed()})`);
      return result;
    } catch (error) {
      clearInterval(timer);
      this.clear();
      this.record(`${title}: failed after ${elapsed()}`);
      throw error;
    }
  }
}

/** @param {number} bytes */
export function megabytes(bytes) {
  return bytes >= 1e9 ? `${(bytes / 1e9).toFixed(2)} GB` : `${Math.round(bytes / 1e6)} MB`;
}
