/** The log file: what people are not shown (stack traces, the compute process's own output) and what happened when. */
import { appendFileSync, renameSync, rmSync, statSync } from 'node:fs';
import { join } from 'node:path';

export interface Log {
  readonly file: string | null;
  info(message: string): void;
  warn(message: string): void;
  /** With the whole of the error: stack, cause. */
  error(message: string, error?: unknown): void;
}

const MAX_BYTES = 5 * 1024 * 1024;
const KEPT = 3;

/**
 * Appends to `<folder>/<name>.log`, turning it over at 5 MB and keeping three older files. Writing to the log never
 * throws: a full disk must not turn one problem into two.
 */
export function openLog(folder: string, name = 'studio'): Log {
  const file = join(folder, `${name}.log`);
  let size = sizeOf(file);
  const write = (level: string, message: string): void => {
    const line = `${new Date().toISOString()} ${level} [${process.pid}] ${message}\n`;
    try {
      if (size + line.length > MAX_BYTES) {
        turnOver(file);
        size = 0;
      }
      appendFileSync(file, line);
      size += line.length;
    } catch {
      // Nowhere left to say it.
    }
  };
  return {
    file,
    info: (message) => write('info ', message),
    warn: (message) => write('warn ', message),
    error: (message, error) => write('error', error === undefined ? message : `${message}: ${describe(error)}`),
  };
}

export const silentLog: Log = { file: null, info: () => undefined, warn: () => undefined, error: () => undefined };

function describe(error: unknown): string {
  if (!(error instanceof Error)) return String(error);
  const cause = (error as { cause?: unknown }).cause;
  return `${error.stack ?? error.message}${cause === undefined ? '' : `\n  caused by ${describe(cause)}`}`;
}

function sizeOf(file: string): number {
  try {
    return statSync(file).size;
  } catch {
    return 0;
  }
}

function turnOver(file: string): void {
  rmSync(`${file}.${KEPT}`, { force: true });
  for (let n = KEPT - 1; n >= 0; n--) {
    const from = n === 0 ? file : `${file}.${n}`;
    if (sizeOf(from) > 0) renameSync(from, `${file}.${n + 1}`);
  }
}
