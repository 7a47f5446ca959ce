/** What one HTTP request gets: the page for who has the key, a plain sentence for everybody else. */
import type { IncomingMessage, ServerResponse } from 'node:http';
import type { Duplex } from 'node:stream';
import { fileFor } from '../studio/window-files';
import type { Access } from './access';
import { SECURITY_HEADERS, sendFile } from './static';

export const SOCKET_PATH = '/ws';

/** Answers a request. Rejects only where the connection or a file fails in the middle of an answer. */
export async function respond(
  request: IncomingMessage,
  response: ServerResponse,
  access: Access,
  renderer: string,
): Promise<void> {
  if (!access.knowsHost(request)) {
    return say(response, 421, 'This server is not known by that name: use the address that it printed.');
  }
  if (!access.ownOrigin(request)) return say(response, 403, 'Requests from other sites are not answered.');
  if (request.method !== 'GET' && request.method !== 'HEAD') return say(response, 405, 'Only GET is answered here.');
  if (hasBody(request)) return say(response, 413, 'No request here has a body: leave it out.');
  const url = addressOf(request);
  if (!url) return say(response, 400, 'The address is malformed: use the one that TRM Studio printed.');
  if (url.searchParams.has('token')) {
    if (!access.tokenInAddress(url))
      return say(
        response,
        401,
        'The key in the address is wrong, perhaps of an earlier start: use the address that was printed last.',
      );
    // The key moves into a cookie and out of the address, the history and the screenshot.
    url.searchParams.delete('token');
    response.writeHead(303, {
      ...SECURITY_HEADERS,
      'Set-Cookie': access.cookieFor(request),
      'Cache-Control': 'no-store',
      Location: localPath(url),
    });
    response.end();
    return;
  }
  if (!access.tokenInCookie(request)) {
    return say(response, 401, 'Open the address with its key, as TRM Studio printed it when it started.');
  }
  const file = fileFor(renderer, url.pathname);
  if (file === null || !(await sendFile(response, renderer, file, request.method === 'HEAD'))) {
    say(
      response,
      404,
      url.pathname === '/' ? 'The window is not built: run npm run build, then start again.' : 'There is nothing here.',
    );
  }
}

/** Path and query of this server only: `//other.host` would lead elsewhere. */
const localPath = (url: URL): string => `/${url.pathname.replace(/^\/+/, '')}${url.search}`;

const hasBody = ({ headers }: IncomingMessage): boolean =>
  headers['transfer-encoding'] !== undefined || Number(headers['content-length'] ?? 0) !== 0;

function say(response: ServerResponse, status: number, sentence: string): void {
  const body = `${sentence}\n`;
  response.writeHead(status, {
    ...SECURITY_HEADERS,
    'Content-Type': 'text/plain; charset=utf-8',
    'Content-Length': Buffer.byteLength(body),
    'Cache-Control': 'no-store',
    // What is not answered gets no second try on the same connection, and its body is not waited for.
    ...(status === 404 ? {} : { Connection: 'close' }),
  });
  response.end(body);
}

/**
 * The HTTP status with which a WebSocket is refused, or null. A WebSocket is not bound by the same-origin rule: one of
 * another site's page is refused here.
 */
export function socketFault(request: IncomingMessage, access: Access): number | null {
  if (!access.knowsHost(request)) return 421;
  if (!access.ownOrigin(request)) return 403;
  const url = addressOf(request);
  if (!url) return 400;
  return url.pathname === SOCKET_PATH ? null : 404;
}

export function hasToken(request: IncomingMessage, access: Access): boolean {
  const url = addressOf(request);
  return access.tokenInCookie(request) || (url !== null && access.tokenInAddress(url));
}

/** Path and query of the request, or null where there are none: `*`, a proxy's `http://host/`, what no URL can hold. */
function addressOf({ url = '/' }: IncomingMessage): URL | null {
  // Not as the URL's base: `//` and `//other.host` would be read as another host, the first as one without a name.
  return url.startsWith('/') ? URL.parse(`http://localhost${url}`) : null;
}

const STATUS_TEXT: Record<number, string> = {
  400: 'Bad Request',
  403: 'Forbidden',
  404: 'Not Found',
  421: 'Misdirected Request',
};

/** How long who was refused gets to take its answer. */
const REFUSAL_MS = 5_000;

/** Ends a connection that asked to be upgraded, both ways: half open it would stay for good. */
export function refuseUpgrade(socket: Duplex, status: number): void {
  const late = setTimeout(() => socket.destroy(), REFUSAL_MS).unref();
  socket.once('close', () => clearTimeout(late));
  socket.once('finish', () => socket.destroy());
  socket.end(`HTTP/1.1 ${status} ${STATUS_TEXT[status]}\r\nConnection: close\r\nContent-Length: 0\r\n\r\n`);
}
