/** An expected failure: one sentence that says what is wrong, and one that says what to do. Never shown with a stack. */
export class Problem extends Error {
  /**
   * @param {string} message what is wrong, with the value
   * @param {{ fix?: string, exitCode?: number }} [options]
   */
  constructor(message, { fix, exitCode = 1 } = {}) {
    super(message);
    this.name = 'Problem';
    /** What the reader can do about it. */
    this.fix = fix ?? null;
    this.exitCode = exitCode;
  }
}

/**
 * What a reader is shown of any error: the sentence, never the stack.
 * @param {unknown} error
 * @returns {string}
 */
export function sentence(error) {
  if (error instanceof Problem) return error.fix ? `${error.message} ${error.fix}` : error.message;
  const e = /** @type {NodeJS.ErrnoException} */ (error);
  if (e?.code === 'ENOSPC') return `The disk is full${e.path ? ` (${e.path})` : ''}. Free some space and start again.`;
  if (e?.code === 'EACCES' || e?.code === 'EPERM' || e?.code === 'EROFS' || e?.code === 'ENOTDIR')
    return `${e.path ?? 'A file'} cannot be written (${e.code}). Make it writable, or move the cache with TRM_CACHE=DIR.`;
  return e?.message ? e.message.split('\n')[0] : String(error);
}
