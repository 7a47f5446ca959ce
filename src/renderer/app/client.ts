import type { StudioClient } from '@shared/contract';
import { StudioError, fromWireError, type WireError } from '@shared/errors';
import { createSocketClient } from './socket-client';

let current: StudioClient | undefined;

/** The studio's client; there is one for the life of the window. */
export function useClient(): StudioClient {
  if (!current) throw new Error('the studio client is not there yet');
  return current;
}

export function provideClient(client: StudioClient): void {
  current = client;
}

/** Electron's bridge where there is one, else a WebSocket to the origin that served this page. */
export function createClient(): StudioClient {
  return window.trm ? overBridge(window.trm) : createSocketClient(socketAddress(window.location));
}

/** `ws(s)://host/ws`, with the token of the page's own address. */
export function socketAddress(page: { protocol: string; host: string; search: string }): string {
  const token = new URLSearchParams(page.search).get('token');
  const query = token ? `?token=${encodeURIComponent(token)}` : '';
  return `${page.protocol === 'https:' ? 'wss:' : 'ws:'}//${page.host}/ws${query}`;
}

/** The context bridge hands errors over as plain objects; here they become StudioErrors again. */
function overBridge(bridge: StudioClient): StudioClient {
  return {
    transport: bridge.transport,
    call: (name, input) => bridge.call(name, input).catch((error: unknown) => Promise.reject(asStudioError(error))),
    on: (name, listener) => bridge.on(name, listener),
    pathOf: (file) => bridge.pathOf(file),
    onConnection: (listener) => bridge.onConnection(listener),
  };
}

function isWireError(value: unknown): value is WireError {
  const e = value as Partial<WireError> | null;
  return typeof e === 'object' && e !== null && typeof e.code === 'string' && typeof e.message === 'string';
}

/** Any rejection as a StudioError, whose message may be shown. */
export function asStudioError(error: unknown): StudioError {
  if (error instanceof StudioError) return error;
  if (isWireError(error)) return fromWireError(error);
  const message = error instanceof Error && error.message ? error.message : String(error);
  return new StudioError('internal', message);
}
