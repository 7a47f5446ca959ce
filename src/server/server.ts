/** The HTTP side: listens, and hands each request and each WebSocket to who answers it. */
import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { StudioError } from '../shared/errors';
import type { Studio } from '../studio/studio';
import { Access, isEverywhere } from './access';
import { hasToken, refuseUpgrade, respond, socketFault } from './respond';
import { Sockets } from './sockets';

/** How many ports are tried from the asked one on. */
const PORTS = 20;

/** So many connections at once; more are dropped. A browser holds about seven per open page. */
const MAX_CONNECTIONS = 512;

/** What a sender gets to finish its headers, its whole request, and to read what it asked for, in ms. */
const HEADERS_MS = 10_000;
const REQUEST_MS = 15_000;
const IDLE_MS = 30_000;
const CHECK_MS = 2_000;

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
  /** Origin of a proxy in front of it, as browsers see it. The port is then the asked one or none. */
  publicAddress?: URL | null;
  /** A port that was taken. */
  onTaken?: (port: number, next: number) => void;
  /** Shorter ones, for tests. */
  limits?: { headersMs?: number; requestMs?: number; idleMs?: number; checkMs?: number };
}

/** @throws StudioError if no port can be had */
export async function serve(options: ServeOptions): Promise<RunningServer> {
  const { studio, host, publicAddress = null } = options;
  const server = httpServer(options.limits);
  const access = new Access(host, () => (server.address() as AddressInfo | null)?.port ?? 0, publicAddress);
  const sockets = new Sockets(studio);

  server.on('request', (request, response) => {
    respond(request, response, access, options.renderer).catch((error: unknown) => {
      // The other end went away: no fault of anybody's.
      if (!request.socket.destroyed) studio.log.error('answering a request', error);
      response.destroy();
    });
  });
  server.on('upgrade', (request, socket, head) => {
    // Node has taken its own listeners off: an error that nobody hears would end the process.
    socket.on('error', () => socket.destroy());
    try {
      const fault = socketFault(request, access);
      if (fault) refuseUpgrade(socket, fault);
      // A page learns nothing of a refused upgrade; it is let in to be told that its key is of an earlier start.
      else if (hasToken(request, access)) sockets.accept(request, socket, head);
      else sockets.refuse(request, socket, head);
    } catch (error) {
      // Whatever is sent here, by whomever, ends this connection and not the server.
      studio.log.error('opening a WebSocket', error);
      socket.destroy();
    }
  });
  const port = await listen(server, options);
  server.on('error', (error) => studio.log.error('server', error));
  const shown = isEverywhere(host) ? '127.0.0.1' : host.includes(':') ? `[${host}]` : host;
  return {
    address: `${publicAddress?.origin ?? `http://${shown}:${port}`}/?token=${access.token}`,
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

function httpServer({ headersMs, requestMs, idleMs, checkMs }: ServeOptions['limits'] = {}): Server {
  const server = createServer({
    maxHeaderSize: 16 * 1024,
    headersTimeout: headersMs ?? HEADERS_MS,
    requestTimeout: requestMs ?? REQUEST_MS,
    connectionsCheckingInterval: checkMs ?? CHECK_MS,
  });
  server.maxConnections = MAX_CONNECTIONS;
  server.maxHeadersCount = 100;
  // Also who asks and does not read the answer.
  server.setTimeout(idleMs ?? IDLE_MS);
  return server;
}

/** The asked port, or the next free one of twenty. */
async function listen(server: Server, { host, port, publicAddress, onTaken }: ServeOptions): Promise<number> {
  const ports = publicAddress ? 1 : PORTS;
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
      if (code === 'EADDRINUSE' && port !== 0 && tried + 1 < port + ports && tried < 65_535) {
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
        port === tried
          ? `The port ${port} is in use: choose another with --port N.`
          : `The ports ${port} to ${tried} are all in use: choose another with --port N, or --port 0 for any.`,
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
