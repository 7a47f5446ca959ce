/**
 * Errors that a person may see. They cross every boundary as `{ code, message, data }`, never as a stack trace.
 * `message` is one sentence: what is wrong, with the value, and what to do.
 */
export const ERROR_CODES = [
  'bad_input', // a value, file or argument that the user gave
  'not_found', // a run, dataset, task, checkpoint or file that is not there
  'conflict', // the request does not fit the present state (pausing a finished run)
  'too_large',
  'permission',
  'disk_full',
  'read_only',
  'newer_version', // a database or file written by a later TRM Studio
  'damaged', // a checksum or size that does not fit
  'cancelled',
  'unavailable', // the compute process or the backend is not there
  'unauthorised',
  'internal', // a fault of ours; the details are in the log
] as const;
export type ErrorCode = (typeof ERROR_CODES)[number];

export interface WireError {
  code: ErrorCode;
  message: string;
  data?: Record<string, unknown>;
}

/** Sentences hold names and values from files; what would break their line is shown as one visible character. */
export const oneLine = (text: string): string => text.replace(/[\p{Cc}\p{Zl}\p{Zp}]/gu, '\ufffd');

export class StudioError extends Error {
  readonly code: ErrorCode;
  readonly data: Record<string, unknown> | undefined;

  constructor(code: ErrorCode, message: string, data?: Record<string, unknown>, options?: { cause?: unknown }) {
    super(oneLine(message), options as ErrorOptions);
    this.name = 'StudioError';
    this.code = code;
    this.data = data;
  }
}

const ERRNO: Record<string, { code: ErrorCode; sentence: (path: string) => string }> = {
  ENOSPC: {
    code: 'disk_full',
    sentence: (p) => `The disk that holds ${p} is full: free some space and try again; what was saved stays saved.`,
  },
  EDQUOT: {
    code: 'disk_full',
    sentence: (p) => `The disk quota for ${p} is used up: free some space and try again; what was saved stays saved.`,
  },
  ...Object.fromEntries(
    ['EIO', 'ENODEV', 'ENXIO', 'ESTALE', 'ENOTCONN', 'ESHUTDOWN'].map((code) => [
      code,
      {
        code: 'unavailable' as const,
        sentence: (p: string) =>
          `The disk that holds ${p} does not answer (${code}): check that it is plugged in, mounted and sound, then try again; what was saved stays saved.`,
      },
    ]),
  ),
  EROFS: { code: 'read_only', sentence: (p) => `${p} is on a read-only file system: choose another folder.` },
  EACCES: { code: 'permission', sentence: (p) => `No permission for ${p}: change its permissions or choose another.` },
  EPERM: { code: 'permission', sentence: (p) => `No permission for ${p}: change its permissions or choose another.` },
  ENOENT: { code: 'not_found', sentence: (p) => `${p} does not exist: check the path.` },
  ENOTDIR: { code: 'not_found', sentence: (p) => `Part of the path ${p} is a file, not a folder: check the path.` },
  EMFILE: {
    code: 'unavailable',
    sentence: (p) => `Too many files are open to read ${p}: close some programs and try again.`,
  },
};

/** Any thrown value as what may be shown. Unknown faults become one sentence; `log` receives the whole of them. */
export function toWireError(error: unknown, log?: (error: unknown) => void): WireError {
  if (error instanceof StudioError) {
    return error.data === undefined
      ? { code: error.code, message: error.message }
      : { code: error.code, message: error.message, data: error.data };
  }
  const errno = error as { code?: unknown; path?: unknown } | null;
  if (errno && typeof errno.code === 'string' && ERRNO[errno.code]) {
    const known = ERRNO[errno.code];
    return { code: known.code, message: known.sentence(typeof errno.path === 'string' ? errno.path : 'the file') };
  }
  log?.(error);
  return {
    code: 'internal',
    message: 'Something went wrong inside TRM Studio; the log has the details, and nothing that was saved is lost.',
  };
}

export function fromWireError(error: WireError): StudioError {
  return new StudioError(error.code, error.message, error.data);
}
