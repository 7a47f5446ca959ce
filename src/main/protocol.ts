import { readFile } from 'node:fs/promises';
import { extname, join, relative, resolve, sep } from 'node:path';
import { protocol } from 'electron';
import { contentSecurityPolicy } from '../shared/csp';
import { SCHEME, isOwnPage } from './links';

const TYPES: Record<string, string> = {
  '.html': 'text/html; charset=utf-8',
  '.js': 'text/javascript; charset=utf-8',
  '.css': 'text/css; charset=utf-8',
  '.json': 'application/json; charset=utf-8',
  '.svg': 'image/svg+xml',
  '.png': 'image/png',
  '.ico': 'image/x-icon',
  '.woff2': 'font/woff2',
  '.wasm': 'application/wasm',
};

/** Before `ready`: the scheme gets an origin of its own, so that storage and the same-origin policy work. */
export function declareScheme(): void {
  protocol.registerSchemesAsPrivileged([
    { scheme: SCHEME, privileges: { standard: true, secure: true, supportFetchAPI: true } },
  ]);
}

/** The file of the renderer's folder that `url` names, or null for anything outside it. */
export function fileOf(url: string, folder: string): string | null {
  if (!isOwnPage(url)) return null;
  let path: string;
  try {
    path = decodeURIComponent(new URL(url).pathname);
  } catch {
    return null;
  }
  if (path.includes('\0')) return null;
  const file = resolve(folder, `.${path === '/' ? '/index.html' : path}`);
  const inside = relative(folder, file);
  return inside.startsWith('..') || resolve(folder, inside) !== file || inside.split(sep).includes('..') ? null : file;
}

/** Serves the built renderer. A scheme of its own instead of file://, whose pages could read the whole disk. */
export function serveRenderer(folder: string): void {
  protocol.handle(SCHEME, async ({ url }) => {
    const file = fileOf(url, folder);
    const data = file && (await readFile(file).catch(() => null));
    if (!file || !data) return Response.error();
    return new Response(new Uint8Array(data), {
      headers: {
        'Content-Type': TYPES[extname(file)] ?? 'application/octet-stream',
        'Content-Security-Policy': contentSecurityPolicy(),
        'X-Content-Type-Options': 'nosniff',
        'Cross-Origin-Opener-Policy': 'same-origin',
      },
    });
  });
}

export const RENDERER_FOLDER = join(__dirname, '../renderer');
