/** Answers with the built window's files. */
import { open } from 'node:fs/promises';
import type { ServerResponse } from 'node:http';
import { pipeline } from 'node:stream/promises';
import { contentSecurityPolicy } from '../shared/csp';
import { liesIn, typeOf } from '../studio/window-files';

export const SECURITY_HEADERS: Record<string, string> = {
  'Content-Security-Policy': contentSecurityPolicy(),
  'X-Content-Type-Options': 'nosniff',
  'X-Frame-Options': 'DENY',
  'Referrer-Policy': 'no-referrer',
  'Cross-Origin-Opener-Policy': 'same-origin',
  'Cross-Origin-Resource-Policy': 'same-origin',
  'Permissions-Policy': 'camera=(), microphone=(), geolocation=(), usb=()',
};

/**
 * Sends a file of `folder`; false if it is not there. Built files carry a hash in their names and never change.
 * Rejects where the other end goes away before it has everything.
 */
export async function sendFile(
  response: ServerResponse,
  folder: string,
  file: string,
  head: boolean,
): Promise<boolean> {
  if (!(await liesIn(folder, file))) return false;
  const opened = await open(file, 'r').catch(() => null);
  if (!opened) return false;
  try {
    const found = await opened.stat();
    if (!found.isFile()) return false;
    const hashed = /[/\\]assets[/\\]/.test(file);
    response.writeHead(200, {
      ...SECURITY_HEADERS,
      'Content-Type': typeOf(file),
      'Content-Length': found.size,
      'Cache-Control': hashed ? 'private, max-age=31536000, immutable' : 'no-cache',
    });
    if (head || found.size === 0) response.end();
    // As much as was promised, should the file grow meanwhile.
    else await pipeline(opened.createReadStream({ end: found.size - 1, autoClose: false }), response);
    return true;
  } finally {
    // A browser that leaves in the middle must not leave the file open.
    await opened.close();
  }
}
