/** The HTTP side: the page for who has the key, the WebSocket for the page, a plain sentence for everybody else. */
import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import type { Duplex } from 'node:stream';
import { StudioError } from '../shared/errors';
import type { Studio } from '../studio/studio';
import { Access, isEverywhere } from './access';
import { Sockets } from './sockets';
import { fileFor, SECURITY_HEADERS, sendFile } from './static';

export const SOCKET_PATH = '/ws';
/** How many ports are tried from the asked one on. */
const PORTS = 20;

export interface RunningServer {
  /** With the key: what is printed. */
  address: string;
  port: number;
  token: string;
  close(): Promise<void>;
}

export interface ServeOptions {
  studio: Studio;
  /** The built window. */
  renderer: string;
  host: string;
  port: number;
  /** A port that was taken. */
  onTaken?: (port: number, next: number) => void;
}

/** @throws StudioError if no port can be had */
export async function serve(options: ServeOptions): Promise<RunningServer> {
  const { studio, host } = options;
  const server = createServer({ maxHeaderSize: 16 * 1024, requestTimeout: 30_000 });
  const access = new Access(host, () => (server.address() as AddressInfo | null)?.port ?? 0);
  const sockets = new Sockets(studio);

  server.on('request', (request, response) => {
    respond(request, response, access, options.renderer).catch((error: unknown) => {
      studio.log.error(`answering ${request.url}`, error);
      response.destroy();
    });
  });
  server.on('upgrade', (request, socket, head) => {
    const fault = socketFault(request, access);
    if (fault) refuseUpgrade(socket, fault);
    // A page learns nothing of a refused upgrade; it is let in to be told that its key is of an earlier start.
    else if (hasToken(request, access)) sockets.accept(request, socket, head);
    else sockets.refuse(request, socket, head);
  });
  const port = await listen(server, options);
  server.on('error', (error) => studio.log.error('server', error));
  const shown = isEverywhere(host) ? '127.0.0.1' : host.includes(':') ? `[${host}]` : host;
  return {
    address: `http://${shown}:${port}/?token=${access.token}`,
    port,
    token: access.token,
    close: () =>
      new Promise((resolve) => {
        sockets.close();
        server.close(() => resolve());
        // Browsers keep connections open for later; they would hold the server for minutes.
        server.closeIdleConnections();
        setTimeout(() => server.closeAllConnections(), 1000).unref();
      }),
  };
}

async function respond(
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
  const url = addressOf(request);
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
      'Set-Cookie': access.cookie,
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
  if (file === null || !(await sendFile(response, file, request.method === 'HEAD'))) {
    say(
      response,
      404,
      url.pathname === '/' ? 'The window is not built: run npm run build, then start again.' : 'There is nothing here.',
    );
  }
}

/** Path and query of this server only: `//other.host` would lead elsewhere. */
const localPath = (url: URL): string => `/${url.pathname.replace(/^\/+/, '')}${url.search}`;

function say(response: ServerResponse, status: number, sentence: string): void {
  const body = `${sentence}\n`;
  response.writeHead(status, {
    ...SECURITY_HEADERS,
    'Content-Type': 'text/plain; charset=utf-8',
    'Content-Length': Buffer.byteLength(body),
    'Cache-Control': 'no-store',
  });
  response.end(body);
}

/** A WebSocket is not bound by the same-origin rule: one of another site's page is refused here. */
function socketFault(request: IncomingMessage, access: Access): number | null {
  if (!access.knowsHost(request)) return 421;
  if (!access.ownOrigin(request)) return 403;
  return addressOf(request).pathname === SOCKET_PATH ? null : 404;
}

const hasToken = (request: IncomingMessage, access: Access): boolean =>
  access.tokenInCookie(request) || access.tokenInAddress(addressOf(request));

const addressOf = (request: IncomingMessage): URL => new URL(request.url ?? '/', 'http://localhost');

function refuseUpgrade(socket: Duplex, status: number): void {
  const text: Record<number, string> = { 403: 'Forbidden', 404: 'Not Found', 421: 'Misdirected Request' };
  socket.end(`HTTP/1.1 ${status} ${text[status]}\r\nConnection: close\r\nContent-Length: 0\r\n\r\n`);
}

/** The asked port, or the next free one of twenty. */
async function listen(server: Server, { host, port, onTaken }: ServeOptions): Promise<number> {
  for (let tried = port; ; tried++) {
    try {
      await new Promise<void>((resolve, reject) => {
        server.once('error', reject);
        server.listen(tried, host, () => {
          server.off('error', reject);
          resolve();
        });
      });
      return (server.address() as AddressInfo).port;
    } catch (error) {
      const { code } = error as NodeJS.ErrnoException;
      if (code === 'EADDRINUSE' && port !== 0 && tried + 1 < port + PORTS && tried < 65_535) {
        onTaken?.(tried, tried + 1);
        continue;
      }
      throw listenError(code, host, port, tried);
    }
  }
}

function listenError(code: string | undefined, host: string, port: number, tried: number): StudioError {
  switch (code) {
    case 'EADDRINUSE':
      return new StudioError(
        'conflict',
        `The ports ${port} to ${tried} are all in use: choose another with --port N, or --port 0 for any.`,
      );
    case 'EACCES':
      return new StudioError(
        'permission',
        `No permission to listen at port ${tried}: choose one above 1023 with --port N.`,
      );
    case 'EADDRNOTAVAIL':
    case 'ENOTFOUND':
    case 'EAI_AGAIN':
      return new StudioError(
        'bad_input',
        `${host} is not an address of this machine: use 127.0.0.1, or 0.0.0.0 for all.`,
      );
    default:
      return new StudioError(
        'unavailable',
        `Listening at ${host}:${tried} failed (${code ?? 'unknown'}): choose another address or port.`,
      );
  }
}
