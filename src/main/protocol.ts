import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { protocol, session } from 'electron';
import { contentSecurityPolicy } from '../shared/csp';
import { fileFor, liesIn, typeOf } from '../studio/window-files';
import { ORIGIN, SCHEME, isOwnPage } from './links';

/** Before `ready`: the scheme gets an origin of its own, so that storage and the same-origin policy work. */
export function declareScheme(): void {
  protocol.registerSchemesAsPrivileged([
    { scheme: SCHEME, privileges: { standard: true, secure: true, supportFetchAPI: true } },
  ]);
}

/** The file of the renderer's folder that `url` names, or null for anything outside it. */
export function fileOf(url: string, folder: string): string | null {
  return isOwnPage(url) ? fileFor(folder, new URL(url).pathname) : null;
}

/** Serves the built renderer. A scheme of its own instead of file://, whose pages could read the whole disk. */
export function serveRenderer(folder: string): void {
  protocol.handle(SCHEME, ({ url }) => answer(url, folder).catch(() => Response.error()));
  // Electron holds no scheme of an app to CORS, and its requests name no origin: without this, any page of the session
  // could read what lies here. A window itself may be led to a page of the app; what may be said there, IPC decides.
  session.defaultSession.webRequest.onBeforeRequest({ urls: [`${SCHEME}://*/*`] }, ({ resourceType, frame }, go) =>
    go({ cancel: resourceType !== 'mainFrame' && frame?.origin !== ORIGIN }),
  );
}

async function answer(url: string, folder: string): Promise<Response> {
  const file = fileOf(url, folder);
  if (file === null || !(await liesIn(folder, file))) return Response.error();
  return new Response(new Uint8Array(await readFile(file)), {
    headers: {
      'Content-Type': typeOf(file),
      'Content-Security-Policy': contentSecurityPolicy(),
      'X-Content-Type-Options': 'nosniff',
      'Cross-Origin-Opener-Policy': 'same-origin',
    },
  });
}

export const RENDERER_FOLDER = join(__dirname, '../renderer');
