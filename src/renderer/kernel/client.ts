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

/**
 * The context bridge copies whatever crosses it, and refuses what cannot be copied: Vue's proxies on the way out, and on
 * the way back what a listener happens to return. Errors cross as plain objects; here they become StudioErrors again.
 */
function overBridge(bridge: StudioClient): StudioClient {
  return {
    transport: bridge.transport,
    call: async (name, input) => {
      try {
        return await bridge.call(name, plain(input));
      } catch (error) {
        throw asStudioError(error);
      }
    },
    on: (name, listener) =>
      bridge.on(name, (payload) => {
        listener(payload);
      }),
    pathOf: (file) => bridge.pathOf(file),
    onConnection: (listener) =>
      bridge.onConnection((up) => {
        listener(up);
      }),
  };
}

/** A copy without proxies; typed arrays stay as they are. */
function plain<T>(value: T): T {
  if (typeof value !== 'object' || value === null || ArrayBuffer.isView(value)) return value;
  if (Array.isArray(value)) return value.map(plain) as T;
  return Object.fromEntries(Object.entries(value).map(([key, part]) => [key, plain(part)])) as T;
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
